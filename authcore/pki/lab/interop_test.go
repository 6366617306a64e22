package lab_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// TestOpenSSLVerifiesResponsesAndCRLs has another implementation look at what is made, by every
// kind of key.
func TestOpenSSLVerifiesResponsesAndCRLs(t *testing.T) {
	t.Parallel()
	openssl := opensslPath(t)
	for name, kind := range map[string]lab.KeyKind{
		"p256": lab.P256, "p384": lab.P384, "ed25519": lab.Ed25519, "rsa2048": lab.RSA2048,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := newCA(t, lab.CAOptions{Options: lab.Options{KeyKind: kind}})
			leaf := issue(t, ca, lab.UserOptions{Options: lab.Options{Key: ca.Key}, Identity: "a@example.org"})
			revoked := &lab.Revocations{}
			revoked.Revoke(lab.Revocation{Serial: leaf.Serial, Reason: lab.Superseded})
			dir := t.TempDir()
			write := func(name string, data []byte) string {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			run := func(args ...string) string {
				out, err := exec.Command(openssl, args...).CombinedOutput()
				if err != nil {
					t.Errorf("openssl %s: %v", args[0], err)
				}
				return string(out)
			}
			caFile, leafFile := write("ca.pem", ca.CertificatePEM()), write("leaf.pem", leaf.CertificatePEM())
			signer := newSigner(t, ca, lab.SignerOptions{Options: lab.Options{Key: ca.Key}})
			for _, by := range []*lab.Leaf{nil, signer} {
				r := newResponder(t, ca, lab.ResponderOptions{Revocations: revoked, Signer: by})
				response, err := r.Respond(newRequest(t, leaf.Certificate, ca.Certificate, 0), time.Now())
				if err != nil {
					t.Fatal(err)
				}
				out := run("ocsp", "-respin", write("response", response), "-issuer", caFile, "-cert", leafFile,
					"-CAfile", caFile, "-no_nonce")
				if !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "leaf.pem: revoked") ||
					!strings.Contains(out, "Reason: superseded") {
					t.Errorf("openssl ocsp:\n%s", out)
				}
			}
			crl, err := ca.CRL(revoked, time.Now(), time.Now().Add(time.Hour), 1)
			if err != nil {
				t.Fatal(err)
			}
			out := run("crl", "-inform", "DER", "-in", write("crl", crl), "-CAfile", caFile, "-text", "-noout")
			if !strings.Contains(out, "verify OK") || !strings.Contains(out, "Superseded") {
				t.Errorf("openssl crl:\n%s", out)
			}
		})
	}
}
