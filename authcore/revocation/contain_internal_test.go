package revocation

import (
	"errors"
	"testing"

	"gatehouse/authcore/audit"
)

func TestPanicIsContained(t *testing.T) {
	t.Parallel()
	read := func() (err error) {
		defer contain(&err)
		var none []byte
		_ = none[len(none)] // what a reader of strange bytes must never do
		return nil
	}
	var fault *Error
	if err := read(); !errors.As(err, &fault) || fault.Reason != audit.OCSPUnavailable {
		t.Errorf("got %v, want ocsp_unavailable", err)
	}
}
