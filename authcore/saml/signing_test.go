package saml_test

import (
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/authcore/saml"
)

// answers makes a Response of every kind that is sent.
func answers(t *testing.T, edit func(*saml.Config)) map[string]*saml.Response {
	t.Helper()
	c := config(provider())
	c.Attributes = attributes(t)
	edit(&c)
	p := newIDP(t, c)
	asked, err := p.Respond(received(), saml.Subject{User: anna}, now)
	if err != nil {
		t.Fatal(err)
	}
	unasked, err := p.Start(saml.Subject{User: anna}, "", now)
	if err != nil {
		t.Fatal(err)
	}
	refused, err := p.Refuse(received(), saml.StatusAuthnFailed, now)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*saml.Response{"sp": asked, "idp": unasked, "error": refused}
}

// signings says for each value of `sign` what is signed of a successful Response.
var signings = map[string]struct {
	response, assertion bool
	demand              bool // the service provider's metadata wants assertions signed
}{
	"both": {response: true, assertion: true}, "": {response: true, assertion: true},
	"assertion": {assertion: true}, "response": {response: true},
	"response,demand": {response: true, assertion: true, demand: true},
}

func signed(name string, demand bool, t *testing.T) func(*saml.Config) {
	return func(c *saml.Config) {
		word, _, _ := strings.Cut(name, ",")
		sign, err := saml.ParseSigning(word)
		if err != nil {
			t.Fatal(err)
		}
		c.Sign, c.Provider.WantAssertionsSigned = sign, demand
	}
}

// TestOnlyRSASHA256 counts algorithms: service providers accept SHA-1 too, so they are no judges
// of it.
func TestOnlyRSASHA256(t *testing.T) {
	t.Parallel()
	for name, want := range signings {
		for kind, r := range answers(t, signed(name, want.demand, t)) {
			n := 1
			if kind != "error" && want.response && want.assertion {
				n = 2
			}
			for text, count := range map[string]int{
				"<ds:SignatureMethod ": n, `<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>`: n,
				"<ds:DigestMethod ": n, `<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>`: n,
				"<ds:CanonicalizationMethod ": n, `"http://www.w3.org/2001/10/xml-exc-c14n#"`: 2 * n,
				"<ds:Transform ": 2 * n, `"http://www.w3.org/2000/09/xmldsig#enveloped-signature"`: n,
				"#WithComments": 0, "sha1": 0, "Address=": 0, "<!--": 0, "PRIVATE KEY": 0,
				"<ds:X509Certificate>" + b64(activePair().Certificate.Raw) + "<": n,
			} {
				if got := strings.Count(string(r.XML), text); got != count {
					t.Errorf("sign %q, %s: got %d times %s, want %d", name, kind, got, text, count)
				}
			}
		}
	}
}

// TestSignatureStandsBehindIssuer, for the schema wants it there.
func TestSignatureStandsBehindIssuer(t *testing.T) {
	t.Parallel()
	for kind, r := range answers(t, func(*saml.Config) {}) {
		root := document(t, r)
		for _, el := range append(root.FindElements("./Assertion"), root) {
			children := el.ChildElements()
			if len(children) < 3 || children[0].Tag != "Issuer" || children[1].Tag != "Signature" {
				t.Errorf("%s: %s does not begin with Issuer and Signature", kind, el.Tag)
			}
		}
	}
}

// TestXMLSecVerifies has a judge that nobody here wrote verify every signature that we make.
func TestXMLSecVerifies(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("xmlsec1")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("xmlsec1 is missing (Debian: xmlsec1)")
		}
		t.Skip("xmlsec1 is not installed (Debian: xmlsec1)")
	}
	for name, want := range signings {
		for kind, r := range answers(t, signed(name, want.demand, t)) {
			if kind == "error" || want.response {
				xmlsec(t, tool, r.XML, "/*[local-name()='Response']/*[local-name()='Signature']", true)
			}
			if kind != "error" && want.assertion {
				xmlsec(t, tool, r.XML, "//*[local-name()='Assertion']/*[local-name()='Signature']", true)
			}
			altered := strings.Replace(string(r.XML), ourEntity, ourEntity+"x", 1)
			if kind == "error" || want.response {
				xmlsec(t, tool, []byte(altered), "/*[local-name()='Response']/*[local-name()='Signature']", false)
			}
		}
	}
}

func xmlsec(t *testing.T, tool string, document []byte, node string, good bool) {
	t.Helper()
	dir := t.TempDir()
	certificate, file := filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "response.xml")
	pemBytes := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: activePair().Certificate.Raw})
	for name, data := range map[string][]byte{certificate: pemBytes, file: document} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(tool, "--verify", "--pubkey-cert-pem", certificate, "--enabled-key-data", "rsa",
		"--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
		"--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response",
		"--node-xpath", node, file).CombinedOutput()
	if (err == nil) != good {
		t.Errorf("xmlsec1 at %s: got %v, want success %v\n%s\n%s", node, err, good, out, document)
	}
}
