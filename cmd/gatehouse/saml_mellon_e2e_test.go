//go:build e2e

package main

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mellonConfig = `LoadModule auth_mellon_module /usr/lib/apache2/modules/mod_auth_mellon.so
<Location />
	MellonEnable info
	MellonEndpointPath /mellon
	MellonSPPrivateKeyFile DIR/sp.key
	MellonSPCertFile DIR/sp.pem
	MellonIdPMetadataFile DIR/idp.xml
</Location>
<Location /private>
	AuthType Mellon
	MellonEnable auth
	Require valid-user
	Header always set X-Signed-In "%{MELLON_uid}e"
	Header always set X-Mail "%{MELLON_mail}e"
</Location>
`

// newMellon is an Apache with mod_auth_mellon, and its metadata.
func newMellon(t testing.TB) (*apache, []byte) {
	t.Helper()
	a := newApache(t, mellonConfig)
	execute(t.(*testing.T), nil, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=wiki",
		"-keyout", filepath.Join(a.dir, "sp.key"), "-out", filepath.Join(a.dir, "sp.pem"))
	if err := os.Chmod(filepath.Join(a.dir, "sp.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	certificate, err := os.ReadFile(filepath.Join(a.dir, "sp.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return a, a.metadata(certificate)
}

// metadata is what mod_auth_mellon says of itself: it needs ours first, so it is written down here.
func (a *apache) metadata(certificate []byte) []byte {
	body := strings.Join(strings.Split(strings.TrimSpace(string(certificate)), "\n")[1:], "")
	body = strings.Split(body, "-----END")[0]
	return []byte(a.fill(`<?xml version="1.0"?>
<EntityDescriptor entityID="http://ADDRESS/mellon/metadata" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">
 <SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
  <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + body + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
  <AssertionConsumerService index="0" isDefault="true" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="http://ADDRESS/mellon/postResponse"/>
 </SPSSODescriptor>
</EntityDescriptor>
`))
}

// TestE2ESAMLMellon signs a person in at mod_auth_mellon, started there and here, before, during and
// after a rotation; reproduces what goes wrong when only one side has the new certificate; and
// looks at who is refused.
func TestE2ESAMLMellon(t *testing.T) {
	i := newIDP(t)
	sp, metadata := newMellon(t)
	i.app(metadata, "")
	private := "http://" + sp.address + "/private/"
	start := "https://" + i.host + "/saml/wiki/start?RelayState=" + url.QueryEscape(private)
	sp.write("idp.xml", i.metadata(signingKeys(1)))
	sp.start()
	b := i.newBrowser(true)
	sp.signedIn(b, "started at the application", private)
	verifyAnswer(t, i, b.answer)
	if !bytes.Contains(b.answer, []byte(" InResponseTo=")) {
		t.Errorf("the answer names no request:\n%s", b.answer)
	}
	b = i.newBrowser(true)
	sp.signedIn(b, "started here", start)
	verifyAnswer(t, i, b.answer)
	if bytes.Contains(b.answer, []byte("InResponseTo")) {
		t.Errorf("an answer that nobody asked for names a request:\n%s", b.answer)
	}

	i.saml("regenerate", "wiki")
	both := i.metadata(signingKeys(2))
	sp.signedIn(i.newBrowser(true), "with next waiting, and the old metadata", private)
	i.saml("promote", "wiki")
	i.shows("previous")
	if p := i.newBrowser(true).open(private); p.header.Get("X-Signed-In") != "" || !strings.Contains(sp.log(), "Lasso error") {
		t.Errorf("signed in with a certificate that the application does not have: %d\n%s", p.status, sp.log())
	}
	sp.write("idp.xml", both)
	sp.restart()
	b = i.newBrowser(true)
	sp.signedIn(b, "with both certificates", private)
	verifyAnswer(t, i, b.answer) // by the certificate of the new pair
	i.saml("retire", "wiki")
	sp.write("idp.xml", i.metadata(signingKeys(1)))
	sp.restart()
	sp.signedIn(i.newBrowser(true), "after the rotation", private)
	sp.signedIn(i.newBrowser(true), "started here after the rotation", start)

	i.refusals(private)
}
