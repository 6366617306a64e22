package onboard_test

import (
	"crypto/x509"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"os"

	"software.sslmate.com/src/go-pkcs12"

	"gatehouse/authcore/onboard"
	"gatehouse/authcore/pki/lab"
)

// sealedFiles are PKCS #12 files with the same leaf, as several programs write them.
func sealedFiles(t testing.TB) (leaf *lab.Leaf, files map[string][]byte) {
	t.Helper()
	ca, err := lab.NewCA(lab.CAOptions{Name: "Test CA"})
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err = ca.IssueUser(lab.UserOptions{Identity: "alice@acme.example"}); err != nil {
		t.Fatal(err)
	}
	chain := leaf.TLS()
	one, err := x509.ParseCertificate(chain.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for name, encoder := range map[string]*pkcs12.Encoder{
		"modern": pkcs12.Modern2023, "des": pkcs12.LegacyDES, "rc2": pkcs12.LegacyRC2,
	} {
		if files[name], err = encoder.Encode(chain.PrivateKey, one, []*x509.Certificate{ca.Certificate}, "pässword"); err != nil {
			t.Fatal(err)
		}
	}
	return leaf, files
}

func TestCertificatesOfSealedFiles(t *testing.T) {
	t.Parallel()
	_, files := sealedFiles(t)
	for name, file := range files {
		got, err := onboard.Certificates(file, "pässword")
		if err != nil || len(got) != 2 || got[0].IsCA || !got[1].IsCA {
			t.Errorf("%s: got %d certificates, %v; want the leaf and its CA", name, len(got), err)
		}
		if _, err := onboard.Certificates(file, "wrong"); !errors.Is(err, onboard.ErrInvalid) || !strings.Contains(err.Error(), "password") {
			t.Errorf("%s with a wrong password: %v", name, err)
		}
	}
}

// TestCertificatesOfOpenSSLsFiles reads what OpenSSL writes, encrypted and not.
func TestCertificatesOfOpenSSLsFiles(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not there")
		}
		t.Skip("openssl is not there")
	}
	leaf, _ := sealedFiles(t)
	dir := t.TempDir()
	pair, out := filepath.Join(dir, "pair.pem"), filepath.Join(dir, "x.p12")
	if err := os.WriteFile(pair, append(leaf.CertificatePEM(), leaf.KeyPEM()...), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"default": nil, "plain certificates": {"-certpbe", "NONE"}, "no MAC": {"-nomac"}, "no encryption": {"-certpbe", "NONE", "-keypbe", "NONE", "-nomac"},
		"no key": {"-nokeys"}, "many rounds": {"-iter", "600000"},
	} {
		args = append([]string{"pkcs12", "-export", "-in", pair, "-out", out, "-passout", "pass:secret"}, args...)
		if said, err := exec.Command(openssl, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, said)
		}
		file, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := onboard.Certificates(file, "secret"); err != nil || len(got) != 1 {
			t.Errorf("%s: got %d certificates, %v", name, len(got), err)
		}
	}
}

// TestCertificatesDoesNotWorkForStrangers: a file that asks for years of work is refused at once, wherever
// it does.
func TestCertificatesDoesNotWorkForStrangers(t *testing.T) {
	t.Parallel()
	_, files := sealedFiles(t)
	leaf, err := x509.ParseCertificate(fileLeaf(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, encoder := range map[string]*pkcs12.Encoder{"modern": pkcs12.Modern2023, "des": pkcs12.LegacyDES} {
		file, err := encoder.WithIterations(65537).EncodeTrustStore([]*x509.Certificate{leaf}, "secret")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := onboard.Certificates(file, "secret"); err != nil || len(got) != 1 {
			t.Errorf("%s: got %d certificates, %v", name, len(got), err)
		}
		many := strings.ReplaceAll(string(file), "\x02\x03\x01\x00\x01", "\x02\x03\x7f\x00\x01")
		if _, err := onboard.Certificates([]byte(many), "secret"); err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, file := range map[string]string{"empty": "", "text": "-----BEGIN", "cut": string(files["modern"][:200]),
		"more": string(files["modern"]) + "x", "long": strings.Repeat("x", onboard.MaxSealed+1)} {
		if _, err := onboard.Certificates([]byte(file), ""); !errors.Is(err, onboard.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func fileLeaf(t *testing.T) []byte {
	leaf, _ := sealedFiles(t)
	return leaf.TLS().Certificate[0]
}

func FuzzCertificates(f *testing.F) {
	_, files := sealedFiles(f)
	for _, file := range files {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := onboard.Certificates(file, "pässword")
		if (err == nil) == (len(got) == 0) || err != nil && !errors.Is(err, onboard.ErrInvalid) {
			t.Errorf("got %d certificates, %v", len(got), err)
		}
	})
}
