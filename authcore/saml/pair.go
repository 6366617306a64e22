package saml

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
)

// minKeyBits is the shortest RSA key that signs, or that a signature is believed from.
const minKeyBits = 2048

// A Pair is the certificate and the private key that sign.
type Pair struct {
	Certificate *x509.Certificate
	Key         crypto.Signer // RSA; safe for concurrent use
}

// check refuses a pair that cannot sign what service providers verify: RSA alone, for the
// signatures of others are encoded differently in XML, and some refuse them.
func (p Pair) check() error {
	if p.Certificate == nil || p.Key == nil {
		return errors.New("the active pair is not whole")
	}
	key, ok := p.Key.Public().(*rsa.PublicKey)
	switch {
	case !ok:
		return errors.New("the active key is not RSA")
	case key.N.BitLen() < minKeyBits:
		return fmt.Errorf("the active key has fewer than %d bits", minKeyBits)
	case !key.Equal(p.Certificate.PublicKey):
		return errors.New("the active key is not that of its certificate")
	}
	return nil
}
