package bundle_test

import (
	"strings"
	"testing"

	"gatehouse/sync/bundle"
)

// The key of the sign-in listener has the name that saml/idp.yaml gives it: whatever that is, it
// is sealed, never packed in plain, and comes back into its place.
func TestSealKeysOfSAML(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	key := minimal(t)["server/main/key.pem"]
	plain := minimal(t).with("saml/idp.pem", key, "saml/sso/listener.pem", key, "saml/wiki/next/key.pem", key,
		"saml/wiki/next/certificate.pem", "c", "saml/wiki/certificate.pem", minimal(t)["server/main/certificate.pem"])
	_, err := bundle.Build(plain.fs(), bundle.BuildOptions{ID: "a", Serial: 1})
	for _, file := range []string{"saml/idp.pem", "saml/sso/listener.pem", "saml/wiki/next/key.pem"} {
		if err == nil || !strings.Contains(err.Error(), file+": a secret in plain") {
			t.Errorf("%s may be packed in plain: %v", file, err)
		}
	}
	sealed := plain.seal(t, id)
	for file, content := range sealed {
		if strings.Contains(content, "PRIVATE KEY") {
			t.Errorf("%s stays in plain", file)
		}
	}
	signing := newKey(t)
	built := sealed.build(t, bundle.BuildOptions{})
	b, err := verify(built.Archive, sign(t, signing, built.Archive), trusting(signing, id))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"saml/idp.pem", "saml/sso/listener.pem", "saml/wiki/next/key.pem", "saml/wiki/certificate.pem"} {
		if got := content(t, b.FS())[file]; got != plain[file] {
			t.Errorf("%s came back as %d bytes, want %d", file, len(got), len(plain[file]))
		}
	}
}
