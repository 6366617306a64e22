package bundle_test

import (
	"slices"
	"testing"

	"gatehouse/sync/bundle"
)

// A key without its certificate is sealed all the same: nobody else may have it. It goes when
// the certificate that it had is gone.
func TestSealLosesNoKey(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	seal := func(f tree) (tree, *bundle.Sealing) {
		t.Helper()
		s, err := bundle.Seal(f.fs(), bundle.SealOptions{Identity: id, Recipients: map[string][]string{"a": {id.Recipient()}}})
		if err != nil {
			t.Fatal(err)
		}
		return f.apply(s), s
	}
	certificate, key := minimal(t)["server/main/certificate.pem"], minimal(t)["server/main/key.pem"]
	first, s := seal(minimal(t).with("server/new/key.pem", key, "saml/key.pem", key, "saml/listener.pem", certificate))
	if len(s.Dropped) > 0 {
		t.Fatalf("dropped at once: %v", s.Dropped)
	}
	_, again := seal(first.with("server/new/certificate.pem", certificate))
	if len(again.Dropped) > 0 {
		t.Errorf("dropped though its certificate has come: %v", again.Dropped)
	}
	_, gone := seal(first.with("server/main/certificate.pem", "-", "server/new/certificate.pem", certificate))
	if !slices.Equal(gone.Dropped, []string{"server/main/key.pem"}) {
		t.Errorf("got %v dropped, want the key without a certificate", gone.Dropped)
	}
}
