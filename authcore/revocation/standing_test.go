package revocation_test

import (
	"testing"
	"time"

	"gatehouse/authcore/revocation"
)

func TestTell(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status, source string
		age            time.Duration
		want           string
	}{
		{"good", "responder", time.Second, "good: the OCSP responder was asked"},
		{"revoked", "cache", 119 * time.Second, "revoked, from the cache: what the OCSP responder said 119 seconds ago"},
		{"good", "cache", 119 * time.Minute, "good, from the cache: what the OCSP responder said 119 minutes ago"},
		{"good", "grace", 47 * time.Hour, "good, from the cache and expired: what the OCSP responder said 47 hours ago counts on, by grace"},
		{"good", "crl", 48 * time.Hour, "good, by a CRL that is 2 days old"},
		{"good", "crl", -time.Hour, "good, by a CRL that is 0 seconds old"},
		{"off", "", 0, "not looked at: OCSP is off"},
		{"none", "", 0, "unknown: there was no answer by OCSP or CRL"},
		{"", "", 0, ""},
	} {
		if got := revocation.Tell(tt.status, tt.source, tt.age); got != tt.want {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}
