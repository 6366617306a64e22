package lab_test

import (
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"

	"github.com/google/go-cmp/cmp"
)

func newCA(t *testing.T, o lab.CAOptions) *lab.CA {
	t.Helper()
	ca, err := lab.NewCA(o)
	if err != nil {
		t.Fatalf("NewCA: %v", err)
	}
	return ca
}

func issue(t *testing.T, ca *lab.CA, o lab.UserOptions) *lab.Leaf {
	t.Helper()
	leaf, err := ca.IssueUser(o)
	if err != nil {
		t.Fatalf("IssueUser: %v", err)
	}
	return leaf
}

// opensslPath finds the real openssl; where CI is set its absence is a failure.
func opensslPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("openssl is not installed")
	} else if err != nil {
		t.Skip("openssl is not installed: apt-get install openssl")
	}
	return path
}

func TestOpenSSLVerifiesEveryKeyKind(t *testing.T) {
	t.Parallel()
	openssl := opensslPath(t)
	for name, kind := range map[string]lab.KeyKind{
		"p256": lab.P256, "p384": lab.P384, "p521": lab.P521, "ed25519": lab.Ed25519, "rsa2048": lab.RSA2048,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			root := newCA(t, lab.CAOptions{Options: lab.Options{KeyKind: kind}})
			inter, err := root.NewIntermediate(lab.CAOptions{Options: lab.Options{Key: root.Key}, LimitPath: true})
			if err != nil {
				t.Fatalf("NewIntermediate: %v", err)
			}
			leaf := issue(t, inter, lab.UserOptions{
				Options: lab.Options{Key: root.Key}, Identity: "alice@example.org",
			})
			write := func(name string, data []byte) string {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			out, err := exec.Command(openssl, "verify", "-x509_strict", "-purpose", "sslclient",
				"-CAfile", write("ca.pem", root.CertificatePEM()),
				"-untrusted", write("leaf.pem", leaf.CertificatePEM()), filepath.Join(dir, "leaf.pem")).CombinedOutput()
			if err != nil {
				t.Errorf("openssl verify: %v\n%s", err, out)
			}
			if out, err := exec.Command(openssl, "pkey", "-in", write("key.pem", leaf.KeyPEM()), "-noout").CombinedOutput(); err != nil {
				t.Errorf("openssl pkey: %v\n%s", err, out)
			}
		})
	}
}

func TestKindsOfPilots(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{})
	tests := []struct {
		name    string
		options lab.UserOptions
		subject string
		emails  []string
	}{
		{"EmailSAN", lab.UserOptions{Identity: "Alice@example.org", Organization: "5f3c0ffee"},
			"O=5f3c0ffee", []string{"Alice@example.org"}},
		{"EmailDN", lab.UserOptions{Kind: lab.EmailDN, Identity: "bob@example.org", Organization: "org"},
			"O=org,1.2.840.113549.1.9.1=#0c0f626f62406578616d706c652e6f7267", nil}, // its CN is empty
		{"UsernameCN", lab.UserOptions{Kind: lab.UsernameCN, Identity: "jürgen", Organization: "org"},
			"CN=jürgen,O=org", nil},
		{"no_subject", lab.UserOptions{Identity: "x@example.org", NoSubject: true}, "", []string{"x@example.org"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := issue(t, ca, tt.options).Certificate
			if got := c.Subject.String(); got != tt.subject {
				t.Errorf("got subject %q, want %q", got, tt.subject)
			}
			if diff := cmp.Diff(tt.emails, c.EmailAddresses); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
			if got := c.NotAfter.Sub(c.NotBefore); got != 365*24*time.Hour {
				t.Errorf("got a life of %v, want 365 days", got)
			}
			if !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) {
				t.Errorf("got extended key usages %v, want clientAuth", c.ExtKeyUsage)
			}
		})
	}
}

func TestQuirks(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{})
	leaf := issue(t, ca, lab.UserOptions{
		Options:  lab.Options{NoKeyIDs: true, OCSP: []string{lab.PilotOCSP}, Usages: []asn1.ObjectIdentifier{lab.EAPOverLAN}},
		Identity: "a@example.org", NoDigitalSignature: true,
		CriticalExtension: asn1.ObjectIdentifier{1, 2, 3, 4},
	}).Certificate
	if len(leaf.AuthorityKeyId)+len(leaf.SubjectKeyId) > 0 {
		t.Error("got key identifiers, want none")
	}
	if diff := cmp.Diff([]string{"http://localhost:9000"}, leaf.OCSPServer); diff != "" {
		t.Errorf("responders (-want +got):\n%s", diff)
	}
	if len(leaf.UnknownExtKeyUsage) != 1 || leaf.KeyUsage != x509.KeyUsageKeyEncipherment {
		t.Errorf("got usages %v and %v", leaf.UnknownExtKeyUsage, leaf.KeyUsage)
	}
	if len(leaf.UnhandledCriticalExtensions) != 1 {
		t.Errorf("got critical extensions %v, want one", leaf.UnhandledCriticalExtensions)
	}
	if got := issue(t, ca, lab.UserOptions{Identity: "a@b", Options: lab.Options{SHA1: true}}).Certificate.SignatureAlgorithm; got != x509.ECDSAWithSHA1 {
		t.Errorf("got signature algorithm %v, want ECDSA-SHA1", got)
	}
}

func TestCV16OddSerials(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{})
	huge := new(big.Int).Lsh(big.NewInt(1), 8*60)
	if leaf := issue(t, ca, lab.UserOptions{Identity: "a@b", Options: lab.Options{Serial: huge}}); leaf.Certificate.SerialNumber.Cmp(huge) != 0 {
		t.Errorf("got serial %v, want %v", leaf.Certificate.SerialNumber, huge)
	}
	leaf := issue(t, ca, lab.UserOptions{Identity: "a@b", Options: lab.Options{Serial: big.NewInt(-5)}})
	if leaf.ParseError == nil || !strings.Contains(leaf.ParseError.Error(), "negative") {
		t.Errorf("got %v, want crypto/x509 to refuse a negative serial number", leaf.ParseError)
	}
	if len(leaf.Raw) == 0 {
		t.Error("got no DER")
	}
}

func TestServerCredential(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	inter, err := root.NewIntermediate(lab.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := inter.IssueServer(lab.ServerOptions{DNSNames: []string{"radius.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	cred, err := pki.NewCredential("main", server.CertificatePEM(), server.KeyPEM())
	if err != nil {
		t.Fatalf("NewCredential: %v", err)
	}
	if got := len(cred.TLS.Certificate); got != 2 {
		t.Errorf("got %d certificates, want leaf and intermediate", got)
	}
	if w := cred.Warnings(time.Now()); len(w) > 0 {
		t.Errorf("got warnings %q, want none", w)
	}
}

func TestLoadCA(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{Name: "Root"})
	inter, err := root.NewIntermediate(lab.CAOptions{Name: "Inter"})
	if err != nil {
		t.Fatal(err)
	}
	back, err := lab.LoadCA(inter.CertificatePEM(), inter.KeyPEM())
	if err != nil {
		t.Fatalf("LoadCA: %v", err)
	}
	if !back.Certificate.Equal(inter.Certificate) || !back.Root.Equal(root.Certificate) || len(back.Chain) != 1 {
		t.Errorf("got %+v, want what was saved", back)
	}
	leaf := issue(t, back, lab.UserOptions{Identity: "a@example.org"})
	if err := leaf.Certificate.CheckSignatureFrom(inter.Certificate); err != nil {
		t.Errorf("a leaf of the loaded CA: %v", err)
	}
	user := issue(t, inter, lab.UserOptions{Identity: "a@example.org"})
	for name, pems := range map[string][2][]byte{
		"other_key": {inter.CertificatePEM(), root.KeyPEM()},
		"no_key":    {inter.CertificatePEM(), nil},
		"no_CA":     {user.CertificatePEM(), user.KeyPEM()},
		"garbage":   {[]byte("garbage"), inter.KeyPEM()},
	} {
		if _, err := lab.LoadCA(pems[0], pems[1]); err == nil {
			t.Errorf("LoadCA(%s): got no error", name)
		}
	}
}

func TestLoadRoot(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{Name: "Root"})
	inter, err := root.NewIntermediate(lab.CAOptions{Name: "Inter"})
	if err != nil {
		t.Fatal(err)
	}
	back, err := inter.LoadRoot(root.KeyPEM())
	if err != nil || !back.Certificate.Equal(root.Certificate) || len(back.Chain) != 0 {
		t.Errorf("got %+v, %v, want the root", back, err)
	}
	if _, err := inter.LoadRoot(inter.KeyPEM()); err == nil {
		t.Error("got no error for the key of another CA")
	}
	if _, err := (&lab.CA{Certificate: inter.Certificate}).LoadRoot(root.KeyPEM()); err == nil {
		t.Error("got no error without a root")
	}
}

func TestReadCertificate(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	inter, err := root.NewIntermediate(lab.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	leaf := issue(t, inter, lab.UserOptions{Identity: "a@example.org"})
	for name, data := range map[string][]byte{"PEM": leaf.CertificatePEM(), "DER": leaf.Raw} {
		if c, err := lab.ReadCertificate(data); err != nil || !c.Equal(leaf.Certificate) {
			t.Errorf("%s: got %v, want the leaf", name, err)
		}
	}
	for name, data := range map[string][]byte{"key": leaf.KeyPEM(), "garbage": []byte("garbage"), "empty": nil} {
		if _, err := lab.ReadCertificate(data); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
