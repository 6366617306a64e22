package pair

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Lifetime is how long a generated certificate is valid: 1095 days.
const Lifetime = 1095 * 24 * time.Hour

const (
	rsaBits     = 2048
	serialBytes = 16 // RFC 5280 §4.1.2.2 allows up to 20
	maxAppBytes = 64 // the upper bound of a common name (RFC 5280 appendix A.1)
)

// ErrApp says that a name cannot be that of an app: it goes into certificates, file names and
// addresses.
var ErrApp = errors.New("the name of an app has up to 64 letters, digits, dots, hyphens and underscores, and begins with none of the dots")

// A Generator makes a pair with a new key for app. Generate is the one to use.
type Generator func(app string, now time.Time) (*Pair, error)

// Generate makes a pair: an RSA key of 2048 bits and a self-signed certificate, RSA-SHA256,
// valid for Lifetime from now on, with app as its common name and a random serial number of
// 128 bits. It takes a second or so on a small device. The error is ErrApp, or wraps a cause.
func Generate(app string, now time.Time) (*Pair, error) {
	if !isApp(app) {
		return nil, ErrApp
	}
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	return issue(app, key, now)
}

// issue makes the certificate of key.
func issue(app string, key *rsa.PrivateKey, now time.Time) (*Pair, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	keyID := sha256.Sum256(spki)
	start := now.UTC().Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: app},
		NotBefore:             start,
		NotAfter:              start.Add(Lifetime),
		SignatureAlgorithm:    x509.SHA256WithRSA,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,          // CA:FALSE
		SubjectKeyId:          keyID[:160/8], // RFC 7093 §2
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate just made: %w", err)
	}
	return New(cert, NewKey(key))
}

// newSerial is random and, as RFC 5280 §4.1.2.2 wants it, positive.
func newSerial() (*big.Int, error) {
	var b [serialBytes]byte
	for {
		if _, err := rand.Read(b[:]); err != nil {
			return nil, fmt.Errorf("choosing a serial number: %w", err)
		}
		if n := new(big.Int).SetBytes(b[:]); n.Sign() > 0 {
			return n, nil
		}
	}
}

// isApp reports whether s can name an app. The names of files are made of it.
func isApp(s string) bool {
	if s == "" || len(s) > maxAppBytes || s[0] == '.' {
		return false
	}
	for _, r := range s {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !plain && r != '.' && r != '-' && r != '_' {
			return false
		}
	}
	return true
}
