package revocation

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
)

func mustDER(t *testing.T, v any) []byte {
	t.Helper()
	der, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestSignatureAlgorithmIsRefused(t *testing.T) {
	t.Parallel()
	plain := func(id ...int) []byte { return mustDER(t, pkix.AlgorithmIdentifier{Algorithm: id}) }
	for name, tc := range map[string]struct {
		der  []byte
		want string
	}{
		"empty":          {nil, "cannot be read"},
		"something more": {append(plain(1, 3, 101, 112), 0), "cannot be read"},
		"too long": {mustDER(t, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 101, 112},
			Parameters: asn1.RawValue{Tag: asn1.TagOctetString, Bytes: make([]byte, 300)}}), "cannot be read"},
		"MD5":                    {plain(1, 2, 840, 113549, 1, 1, 4), "MD5, which can be forged"},
		"DSA":                    {plain(2, 16, 840, 1, 101, 3, 4, 3, 2), "2.16.840.1.101.3.4.3.2, which is not supported"},
		"PSS without parameters": {plain(1, 2, 840, 113549, 1, 1, 10), "parameters that are not supported"},
	} {
		if _, err := signatureAlgorithm(tc.der); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("signatureAlgorithm, %s: got %v, want %q", name, err, tc.want)
		}
	}
}

func TestPSSParameters(t *testing.T) {
	t.Parallel()
	sha256 := asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	sha512 := asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	sha1 := asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	mgf1 := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	null := asn1.NullRawValue
	odd := asn1.RawValue{FullBytes: []byte{2, 1, 1}}
	parameters := func(hash, mgf, inner asn1.ObjectIdentifier, with asn1.RawValue, salt int) pssParameters {
		in := mustDER(t, pkix.AlgorithmIdentifier{Algorithm: inner, Parameters: with})
		return pssParameters{
			Hash:       pkix.AlgorithmIdentifier{Algorithm: hash, Parameters: with},
			MGF:        pkix.AlgorithmIdentifier{Algorithm: mgf, Parameters: asn1.RawValue{FullBytes: in}},
			SaltLength: salt, TrailerField: 1,
		}
	}
	trailer := parameters(sha256, mgf1, sha256, null, 32)
	trailer.TrailerField = 2
	noMGF := parameters(sha256, mgf1, sha256, null, 32)
	noMGF.MGF.Parameters = null
	for name, tc := range map[string]struct {
		p    pssParameters
		want x509.SignatureAlgorithm
	}{
		"SHA-256":               {parameters(sha256, mgf1, sha256, null, 32), x509.SHA256WithRSAPSS},
		"SHA-512, no NULL":      {parameters(sha512, mgf1, sha512, asn1.RawValue{}, 64), x509.SHA512WithRSAPSS},
		"SHA-1":                 {parameters(sha1, mgf1, sha1, null, 20), 0},
		"two hashes":            {parameters(sha256, mgf1, sha512, null, 32), 0},
		"another mask":          {parameters(sha256, sha256, sha256, null, 32), 0},
		"a short salt":          {parameters(sha256, mgf1, sha256, null, 20), 0},
		"another trailer":       {trailer, 0},
		"parameters of a hash":  {parameters(sha256, mgf1, sha256, odd, 32), 0},
		"a mask without a hash": {noMGF, 0},
	} {
		got, err := pssAlgorithm(mustDER(t, tc.p))
		if got != tc.want || (err == nil) != (tc.want != 0) {
			t.Errorf("pssAlgorithm, %s: got %v, %v, want %v", name, got, err, tc.want)
		}
	}
}

func TestStrengthOfSigners(t *testing.T) {
	t.Parallel()
	key := func(bits uint) *rsa.PublicKey {
		return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537}
	}
	for name, tc := range map[string]struct {
		key       any
		algorithm x509.SignatureAlgorithm
		want      string // empty: strong enough
	}{
		"RSA 2048":      {key(2048), x509.SHA256WithRSA, ""},
		"RSA 8192, PSS": {key(8192), x509.SHA384WithRSAPSS, ""},
		"RSA 2047":      {key(2047), x509.SHA256WithRSA, "has an RSA key of 2047 bits"},
		"RSA 8193":      {key(8193), x509.SHA256WithRSA, "has an RSA key of 8193 bits"},
		"MD5":           {key(2048), x509.MD5WithRSA, "is itself signed with MD5-RSA"},
		"unknown":       {key(2048), x509.UnknownSignatureAlgorithm, "is itself signed with"},
		"no curve":      {&ecdsa.PublicKey{}, x509.SHA256WithRSA, "of a kind that is not supported"},
		"no key":        {nil, x509.SHA256WithRSA, "of a kind that is not supported"},
	} {
		got := strengthDetail(&x509.Certificate{PublicKey: tc.key, SignatureAlgorithm: tc.algorithm})
		if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("strengthDetail, %s: got %q, want %q", name, got, tc.want)
		}
	}
}
