package pair_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/saml/pair"
)

// TestSA01GeneratedPair looks at what activation makes.
func TestSA01GeneratedPair(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 890, time.FixedZone("", 3600))
	p, err := pair.Generate("mail", at)
	if err != nil {
		t.Fatal(err)
	}
	c := p.Certificate
	pub, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || pub.N.BitLen() != 2048 || !pub.Equal(p.Key.Public()) {
		t.Errorf("the certificate is for %T, want the RSA key of 2048 bits", c.PublicKey)
	}
	if c.SignatureAlgorithm != x509.SHA256WithRSA {
		t.Errorf("got %s, want SHA256-RSA", c.SignatureAlgorithm)
	}
	if !c.NotBefore.Equal(at.Truncate(time.Second)) || c.NotAfter.Sub(c.NotBefore) != 1095*day {
		t.Errorf("valid from %s to %s, want 1095 days from %s on", c.NotBefore, c.NotAfter, at)
	}
	if c.Subject.String() != "CN=mail" || !bytes.Equal(c.RawSubject, c.RawIssuer) {
		t.Errorf("got subject %s, issuer %s", c.Subject, c.Issuer)
	}
	if n := c.SerialNumber; n.Sign() <= 0 || n.BitLen() > 128 || n.BitLen() < 64 {
		t.Errorf("got serial number %s, want one of 128 random bits", n)
	}
	if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		t.Errorf("it is not signed with its own key: %v", err)
	}
	if found := pair.Judge(c, at); len(found) > 0 {
		t.Errorf("Judge: %v", found)
	}
}

func TestSA01GenerateRefusesNames(t *testing.T) {
	t.Parallel()
	for _, app := range []string{"", "..", ".", ".x", "a/b", "a b", "ä", "a\x00", strings.Repeat("a", 65)} {
		if _, err := pair.Generate(app, now); !errors.Is(err, pair.ErrApp) {
			t.Errorf("Generate(%q): got %v, want ErrApp", app, err)
		}
	}
}

// TestSA09CertificatePEM wants one block, LF, a line break at the end, and nothing of the key.
func TestSA09CertificatePEM(t *testing.T) {
	t.Parallel()
	p := newPair(t, 0, certOptions{})
	text := p.CertificatePEM()
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 || !bytes.Equal(block.Bytes, p.Certificate.Raw) {
		t.Errorf("it is not one block with the certificate: %s", text)
	}
	if !bytes.HasSuffix(text, []byte("-----END CERTIFICATE-----\n")) || bytes.ContainsRune(text, '\r') {
		t.Errorf("got %q", text)
	}
	if !pair.Lint(text).Clean() || !nodeSAMLTakes(string(text)) {
		t.Errorf("it is not clean: %v", pair.Lint(text).Findings)
	}
	leaks(t, string(text), rsaKeys[0]())
}

func TestSA21KeyComesBack(t *testing.T) {
	t.Parallel()
	p := newPair(t, 0, certOptions{})
	again, found := pair.Parse(p.CertificatePEM(), keyPEM(t, p))
	if len(found) > 0 {
		t.Fatal(found)
	}
	if again.Key.Fingerprint() != p.Key.Fingerprint() || !again.Certificate.Equal(p.Certificate) {
		t.Error("the pair is another one")
	}
	if !bytes.Equal(keyPEM(t, again), keyPEM(t, p)) {
		t.Error("the key is written differently")
	}
}

// TestKeySignsWithSHA256 refuses the hashes that service providers would still take.
func TestKeySignsWithSHA256(t *testing.T) {
	t.Parallel()
	p := newPair(t, 0, certOptions{})
	digest := sha256.Sum256([]byte("assertion"))
	signature, err := p.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(&rsaKeys[0]().PublicKey, crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
	old := sha1.Sum([]byte("assertion"))
	for _, opts := range []crypto.SignerOpts{crypto.SHA1, crypto.MD5, crypto.Hash(0), nil} {
		if _, err := p.Key.Sign(rand.Reader, old[:], opts); err == nil {
			t.Errorf("it signs with %v", opts)
		}
	}
}
