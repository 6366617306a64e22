package revocation

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// maxAlgorithmBytes bounds an AlgorithmIdentifier: RSASSA-PSS, the longest, needs some 70.
const maxAlgorithmBytes = 256

// RSA keys of signers are bounded as those of the certificates they speak for.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// algorithms are the signatures that are accepted, by object identifier. RSASSA-PSS has one
// identifier for all hashes and is told apart by its parameters.
var algorithms = map[string]x509.SignatureAlgorithm{
	"1.2.840.113549.1.1.11": x509.SHA256WithRSA,
	"1.2.840.113549.1.1.12": x509.SHA384WithRSA,
	"1.2.840.113549.1.1.13": x509.SHA512WithRSA,
	"1.2.840.10045.4.3.2":   x509.ECDSAWithSHA256,
	"1.2.840.10045.4.3.3":   x509.ECDSAWithSHA384,
	"1.2.840.10045.4.3.4":   x509.ECDSAWithSHA512,
	"1.3.101.112":           x509.PureEd25519,
}

// pssHashes are the hashes accepted with RSASSA-PSS, with the length of their salt.
var pssHashes = map[string]struct {
	algorithm  x509.SignatureAlgorithm
	saltLength int
}{
	"2.16.840.1.101.3.4.2.1": {x509.SHA256WithRSAPSS, 32},
	"2.16.840.1.101.3.4.2.2": {x509.SHA384WithRSAPSS, 48},
	"2.16.840.1.101.3.4.2.3": {x509.SHA512WithRSAPSS, 64},
}

// forgeable names the algorithms that are refused because they can be forged.
var forgeable = map[string]string{
	"1.2.840.113549.1.1.2": "MD2", "1.2.840.113549.1.1.4": "MD5",
	"1.2.840.113549.1.1.5": "SHA-1", "1.3.14.3.2.29": "SHA-1",
	"1.2.840.10045.4.1": "SHA-1", "1.2.840.10040.4.3": "SHA-1",
}

const oidPSS = "1.2.840.113549.1.1.10"

// pssParameters is RFC 4055 §3.1; the hash defaults to SHA-1, which is not accepted.
type pssParameters struct {
	Hash         pkix.AlgorithmIdentifier `asn1:"explicit,tag:0"`
	MGF          pkix.AlgorithmIdentifier `asn1:"explicit,tag:1"`
	SaltLength   int                      `asn1:"explicit,tag:2"`
	TrailerField int                      `asn1:"optional,explicit,tag:3,default:1"`
}

// signatureAlgorithm reads the DER of an AlgorithmIdentifier. The error names what is refused,
// to be put behind "is".
func signatureAlgorithm(der []byte) (x509.SignatureAlgorithm, error) {
	var ai pkix.AlgorithmIdentifier
	if len(der) > maxAlgorithmBytes {
		return 0, fmt.Errorf("signed with an algorithm that cannot be read")
	}
	if rest, err := asn1.Unmarshal(der, &ai); err != nil || len(rest) > 0 {
		return 0, fmt.Errorf("signed with an algorithm that cannot be read")
	}
	id := ai.Algorithm.String()
	if name, ok := forgeable[id]; ok {
		return 0, fmt.Errorf("signed with %s, which can be forged; SHA-256 or better is required", name)
	}
	if id == oidPSS {
		return pssAlgorithm(ai.Parameters.FullBytes)
	}
	if algorithm, ok := algorithms[id]; ok {
		return algorithm, nil
	}
	return 0, fmt.Errorf("signed with the algorithm %s, which is not supported", id)
}

// pssAlgorithm accepts what crypto/x509 can verify: one hash throughout, and a salt as long.
func pssAlgorithm(der []byte) (x509.SignatureAlgorithm, error) {
	var p pssParameters
	var inner pkix.AlgorithmIdentifier
	refused := fmt.Errorf("signed with RSASSA-PSS with parameters that are not supported")
	if rest, err := asn1.Unmarshal(der, &p); err != nil || len(rest) > 0 {
		return 0, refused
	}
	if rest, err := asn1.Unmarshal(p.MGF.Parameters.FullBytes, &inner); err != nil || len(rest) > 0 {
		return 0, refused
	}
	mgf1 := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	hash, ok := pssHashes[p.Hash.Algorithm.String()]
	if !ok || !emptyParameters(p.Hash) || !emptyParameters(inner) ||
		!p.MGF.Algorithm.Equal(mgf1) || !inner.Algorithm.Equal(p.Hash.Algorithm) ||
		p.SaltLength != hash.saltLength || p.TrailerField != 1 {
		return 0, refused
	}
	return hash.algorithm, nil
}

// emptyParameters reports whether the parameters are absent or NULL.
func emptyParameters(ai pkix.AlgorithmIdentifier) bool {
	return len(ai.Parameters.FullBytes) == 0 ||
		bytes.Equal(ai.Parameters.FullBytes, asn1.NullBytes)
}

// strengthDetail says why the key or the signature of a signer's certificate is too weak, or
// "". The limits are those for the certificates that it speaks for.
func strengthDetail(c *x509.Certificate) string {
	known := c.SignatureAlgorithm == x509.SHA256WithRSAPSS ||
		c.SignatureAlgorithm == x509.SHA384WithRSAPSS || c.SignatureAlgorithm == x509.SHA512WithRSAPSS
	for _, a := range algorithms {
		known = known || c.SignatureAlgorithm == a
	}
	if !known {
		return fmt.Sprintf("is itself signed with %s; SHA-256 or better is required", c.SignatureAlgorithm)
	}
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Sprintf("has an RSA key of %d bits; %d to %d are accepted", bits, minRSABits, maxRSABits)
		}
		return ""
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return ""
		}
	case ed25519.PublicKey:
		return ""
	}
	return "has a key of a kind that is not supported"
}
