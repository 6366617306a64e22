package saml_test

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/saml"
)

func TestMetadata(t *testing.T) {
	t.Parallel()
	c := config(signing())
	c.Others = []*x509.Certificate{nextPair().Certificate, activePair().Certificate}
	data, _ := newIDP(t, c).Metadata()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(data); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"./@entityID=" + ourEntity,
		"./IDPSSODescriptor/@WantAuthnRequestsSigned=true",
		"./IDPSSODescriptor/@protocolSupportEnumeration=urn:oasis:names:tc:SAML:2.0:protocol",
		"./IDPSSODescriptor/KeyDescriptor/@use=signing", "./IDPSSODescriptor/KeyDescriptor/@use=signing",
		"./IDPSSODescriptor/KeyDescriptor/KeyInfo/X509Data/X509Certificate=" + b64(activePair().Certificate.Raw),
		"./IDPSSODescriptor/KeyDescriptor/KeyInfo/X509Data/X509Certificate=" + b64(nextPair().Certificate.Raw),
		"./IDPSSODescriptor/NameIDFormat=" + saml.FormatEmailAddress, "./IDPSSODescriptor/NameIDFormat=" + saml.FormatPersistent,
		"./IDPSSODescriptor/NameIDFormat=" + saml.FormatTransient, "./IDPSSODescriptor/NameIDFormat=" + saml.FormatUnspecified,
		"./IDPSSODescriptor/SingleSignOnService/@Binding=" + saml.BindingRedirect, "./IDPSSODescriptor/SingleSignOnService/@Binding=" + saml.BindingPOST,
		"./IDPSSODescriptor/SingleSignOnService/@Location=" + ourSSO, "./IDPSSODescriptor/SingleSignOnService/@Location=" + ourSSO,
	}
	var paths []string
	for _, line := range want {
		path, _, _ := strings.Cut(line, "=")
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	paths = append(paths, "./@validUntil", "./@cacheDuration", "./IDPSSODescriptor/SingleLogoutService/@Location")
	if diff := cmp.Diff(want, values(t, doc.Root(), paths...)); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(string(data), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<md:EntityDescriptor ") {
		t.Errorf("it begins with %.80q", data)
	}
}

// TestMetadataIsStable checks that ID and ETag change when they must, and at no other time.
func TestMetadataIsStable(t *testing.T) {
	t.Parallel()
	facts := func(edit func(*saml.Config)) (id, etag string, data []byte) {
		c := config(provider())
		edit(&c)
		data, etag = newIDP(t, c).Metadata()
		_, rest, _ := strings.Cut(string(data), ` ID="`)
		id, _, _ = strings.Cut(rest, `"`)
		return id, etag, data
	}
	id, etag, data := facts(func(*saml.Config) {})
	if len(id) != 41 || len(etag) != 34 || etag[0] != '"' {
		t.Fatalf("got ID %s, ETag %s", id, etag)
	}
	sameID, sameTag, sameData := facts(func(c *saml.Config) { c.Attributes = attributes(t) })
	if sameID != id || sameTag != etag || string(sameData) != string(data) {
		t.Error("metadata changed though what it says did not")
	}
	rotatedID, rotatedTag, _ := facts(func(c *saml.Config) { c.Others = []*x509.Certificate{nextPair().Certificate} })
	if rotatedID != id || rotatedTag == etag {
		t.Errorf("during a rotation: ID %s became %s, ETag %s became %s", id, rotatedID, etag, rotatedTag)
	}
	if otherID, _, _ := facts(func(c *saml.Config) { c.SSO = "https://oslo-1.example/saml/printer/sso" }); otherID == id {
		t.Error("two apps have metadata with the same ID")
	}
}
