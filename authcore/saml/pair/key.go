package pair

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// A Key is an RSA private key: service providers refuse the others. It is a crypto.Signer,
// immutable and safe for concurrent use. It never prints itself; PEM is the one way out.
type Key struct{ rsa *rsa.PrivateKey }

// NewKey wraps an RSA key, which the caller no longer changes.
func NewKey(k *rsa.PrivateKey) *Key { return &Key{rsa: k} }

// Public returns the *rsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return &k.rsa.PublicKey }

// Sign signs a digest as rsa.PrivateKey does, but none of SHA-1 or MD5: nothing that this
// gateway says may rest on them.
func (k *Key) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts == nil {
		return nil, errors.New("signing without naming a hash")
	}
	switch opts.HashFunc() {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
		return k.rsa.Sign(rand, digest, opts)
	}
	return nil, fmt.Errorf("signing with %v: SHA-256 or better is required", opts.HashFunc())
}

// Fingerprint is the SHA-256 of the public key's encoding (SubjectPublicKeyInfo), in
// lower-case hexadecimal.
func (k *Key) Fingerprint() string {
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		return "" // an RSA key always has an encoding
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// PEM is key.pem: PKCS #8, not encrypted, one block (RFC 7468 §10). It is for the disk, with
// mode 0600, and for nothing else.
func (k *Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.rsa)
	if err != nil {
		return nil, errors.New("encoding a private key") // the cause might quote it
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

const redactedKey = "[private key redacted]"

// Format, String, GoString and LogValue say that there is a key and nothing about it.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redactedKey) } // fmt reports it
func (Key) String() string             { return redactedKey }
func (Key) GoString() string           { return redactedKey }
func (Key) LogValue() slog.Value       { return slog.StringValue(redactedKey) }

// MarshalText keeps encoders of every kind from looking inside.
func (Key) MarshalText() ([]byte, error) { return []byte(redactedKey), nil }
