// Package pair holds an app's certificate and private key: it makes, reads and checks pairs,
// explains what is wrong with a pasted certificate, compares one with what is in force, and
// knows the states that a pair goes through from activation to retirement.
//
// It is values in, values out: it opens no files, talks to no network, asks no clock and does
// not log. A transition returns the file operations that make it last; whoever owns the disk
// carries them out. Text that strangers hand in is bounded, and nothing in it is trusted.
package pair

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log/slog"
)

// A Pair is a certificate and the private key that belongs to it. It is immutable and safe for
// concurrent use. Nothing prints its key.
type Pair struct {
	Certificate *x509.Certificate
	Key         *Key
}

// New joins a certificate and a key. Both must be there and fit, or a Findings with the code
// Mismatch names both public keys.
func New(cert *x509.Certificate, key *Key) (*Pair, error) {
	if f := match(cert, key); f != nil {
		return nil, Findings{*f}
	}
	return &Pair{Certificate: cert, Key: key}, nil
}

// CertificatePEM is certificate.pem as it is served and stored: one block, lines of 64
// characters, LF, a line break at the end, and nothing of the key.
func (p *Pair) CertificatePEM() []byte { return CertificatePEM(p.Certificate) }

// String, GoString and LogValue name the pair by its certificate and keep the key to
// themselves.
func (p *Pair) String() string {
	if p == nil || p.Certificate == nil {
		return "pair without a certificate"
	}
	return "pair " + Fingerprint(p.Certificate) + " [key redacted]"
}
func (p *Pair) GoString() string     { return p.String() }
func (p *Pair) LogValue() slog.Value { return slog.StringValue(p.String()) }

// CertificatePEM writes a certificate as one PEM block with LF (RFC 7468 §5).
func CertificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: labelCertificate, Bytes: c.Raw})
}

// Fingerprint is the SHA-256 of the certificate in DER, in lower-case hexadecimal: what a
// bundle pins a pair by.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// fits reports whether key is the private key of c.
func fits(c *x509.Certificate, key *Key) bool {
	if c == nil || key == nil {
		return false
	}
	pub, ok := c.PublicKey.(*rsa.PublicKey)
	return ok && pub.Equal(key.Public())
}

// match names both public keys if they are not one.
func match(c *x509.Certificate, key *Key) *Finding {
	switch {
	case c == nil || key == nil:
		f := newFinding(Mismatch, PartPair)
		f.Text = "one half of the pair is missing"
		return &f
	case fits(c, key):
		return nil
	}
	f := newFinding(Mismatch, PartPair)
	f.Text = fmt.Sprintf("%s: the certificate is for the public key with SHA-256 %s, the private key is that of %s",
		f.Text, publicKeyFingerprint(c), key.Fingerprint())
	return &f
}

// publicKeyFingerprint is the SHA-256 of the public key's encoding (SubjectPublicKeyInfo).
func publicKeyFingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}
