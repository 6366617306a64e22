package pki

import (
	"crypto/dsa" //lint:ignore SA1019 named only to say why such a key is refused
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
)

const (
	minRSABits = 2048
	maxRSABits = 8192 // crypto/tls refuses larger ones in a handshake
)

var (
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidKeyUsage        = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidAuthorityKeyID  = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// keyDetail says why the public key of c is not acceptable, or "".
func keyDetail(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		switch bits := key.N.BitLen(); {
		case bits < minRSABits:
			return fmt.Sprintf("its RSA key has %d bits; at least %d are required", bits, minRSABits)
		case bits > maxRSABits:
			return fmt.Sprintf("its RSA key has %d bits; more than %d are not supported", bits, maxRSABits)
		}
		return ""
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return ""
		}
		return fmt.Sprintf("its ECDSA key is on the curve %s; P-256, P-384 and P-521 are supported", key.Curve.Params().Name)
	case ed25519.PublicKey:
		return ""
	case *dsa.PublicKey:
		return "its key is a DSA key, which is not supported"
	}
	return "its key is of a kind that is not supported: RSA, ECDSA and Ed25519 are"
}

// signatureDetail says why the algorithm that c is signed with is not acceptable, or "".
func signatureDetail(c *x509.Certificate) string {
	switch c.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
		return ""
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		return fmt.Sprintf("it is signed with SHA-1 (%s), which can be forged; SHA-256 or better is required", c.SignatureAlgorithm)
	case x509.MD5WithRSA, x509.MD2WithRSA:
		return fmt.Sprintf("it is signed with %s, which can be forged; SHA-256 or better is required", c.SignatureAlgorithm)
	case x509.UnknownSignatureAlgorithm:
		return "it is signed with an algorithm that is not supported"
	}
	return fmt.Sprintf("it is signed with %s, which is not supported", c.SignatureAlgorithm)
}

// unknownCriticalExtension returns the first critical extension of c that we do not evaluate
// (RFC 5280 §4.2), and false if there is none. The list is ours, not crypto/x509's: that one
// gives up on name constraints and alternative names which are evaluated here.
func unknownCriticalExtension(c *x509.Certificate) (asn1.ObjectIdentifier, bool) {
	for _, e := range c.Extensions {
		if e.Critical && !understood(e.Id) {
			return e.Id, true
		}
	}
	return nil, false
}

func understood(id asn1.ObjectIdentifier) bool {
	if len(id) != 4 || id[0] != 2 || id[1] != 5 || id[2] != 29 {
		return id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}) // authorityInfoAccess
	}
	switch id[3] {
	case 14, 15, 17, 19, 30, 31, 32, 33, 35, 36, 37, 54:
		return true
	}
	return false
}

func hasExtension(c *x509.Certificate, id asn1.ObjectIdentifier) bool {
	for _, e := range c.Extensions {
		if e.Id.Equal(id) {
			return true
		}
	}
	return false
}
