package pair

import (
	"bytes"
	"crypto/x509"
	"time"
)

// A Slot is one place for a pair. Either half may be missing.
type Slot struct {
	Certificate *x509.Certificate
	Key         *Key
	Since       time.Time // previous: when it was replaced; zero: not known
}

// IsEmpty reports whether neither half is there.
func (s Slot) IsEmpty() bool { return s.Certificate == nil && s.Key == nil }

// Pair returns both halves, and false unless both are there and fit.
func (s Slot) Pair() (*Pair, bool) {
	if !fits(s.Certificate, s.Key) {
		return nil, false
	}
	return &Pair{Certificate: s.Certificate, Key: s.Key}, true
}

// Missing returns the half that is missing of a half pair, and "" if none or both are.
func (s Slot) Missing() Part {
	switch {
	case s.Certificate == nil && s.Key != nil:
		return PartCertificate
	case s.Certificate != nil && s.Key == nil:
		return PartKey
	}
	return ""
}

// hasKeyOf reports whether the slot has the public key of c, in either half.
func (s Slot) hasKeyOf(c *x509.Certificate) bool {
	if fits(c, s.Key) {
		return true
	}
	return s.Certificate != nil &&
		bytes.Equal(s.Certificate.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo)
}

// hasKey reports whether the slot has the key, in either half.
func (s Slot) hasKey(key *Key) bool {
	return fits(s.Certificate, key) || s.Key != nil && s.Key.rsa.PublicKey.Equal(key.Public())
}
