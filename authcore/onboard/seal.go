package onboard

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base32"
	"fmt"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// A Compat says for which software a PKCS #12 is made.
type Compat string

// The ways to seal a key: AES and SHA-256, or Triple DES and SHA-1 for software
// that knows no other, as old releases of macOS, Windows and Android do.
const (
	Modern Compat = ""
	Legacy Compat = "legacy"
)

// ParseCompat reads "", "modern" or "legacy".
func ParseCompat(s string) (Compat, bool) {
	return Compat(strings.TrimPrefix(s, "modern")), s == "" || s == "modern" || s == string(Legacy)
}

// NewPassword returns a random password of 20 letters and digits, 100 bits, in groups of five.
func NewPassword() string {
	var b [13]byte
	rand.Read(b[:]) // it never fails
	s := strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
	return s[:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:20]
}

// Seal puts a key and its chain, leaf first, into a PKCS #12 that opens with password. The key
// stays the caller's. Errors wrap ErrInvalid and hold nothing of the key.
func Seal(key crypto.Signer, chain []*x509.Certificate, password string, compat Compat) (Identity, error) {
	if len(chain) == 0 {
		return Identity{}, fmt.Errorf("%w: there is no certificate", ErrInvalid)
	}
	encoder := pkcs12.Modern2023
	if compat == Legacy {
		encoder = pkcs12.LegacyDES
	}
	data, err := encoder.Encode(key, chain[0], chain[1:], password)
	if err != nil { // what the library says of it may quote the key
		return Identity{}, fmt.Errorf("%w: the key and certificate cannot be put into a PKCS #12", ErrInvalid)
	}
	return Identity{PKCS12: data, Certificate: chain[0]}, nil
}

// Open checks that a PKCS #12 opens with password, and returns what it holds as an Identity.
// It works as long as the file asks for: open only files of the one who waits. Errors wrap
// ErrInvalid.
func Open(data []byte, password string) (Identity, error) {
	_, certificate, _, err := pkcs12.DecodeChain(data, password)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: opening the .p12: %w", ErrInvalid, err)
	}
	return Identity{PKCS12: data, Certificate: certificate}, nil
}
