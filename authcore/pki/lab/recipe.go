package lab

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"
)

// recipe is everything that goes into one certificate.
type recipe struct {
	Options
	issuer  *CA // nil: self-signed
	life    time.Duration
	subject []attribute
	usage   x509.KeyUsage // 0: no key usage extension
	ca      bool
	pathLen int // below 0: none
	leaf    bool
}

// tbsCertificate is RFC 5280 §4.1, for encoding/asn1.
type tbsCertificate struct {
	Version    int `asn1:"explicit,tag:0"`
	Serial     *big.Int
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     asn1.RawValue
	Validity   validity
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Extensions []pkix.Extension `asn1:"optional,omitempty,explicit,tag:3"`
}

type validity struct{ NotBefore, NotAfter time.Time }

// signed is a certificate or a CRL: what is signed, how, and the signature.
type signed struct {
	Body      asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

// make builds and signs the certificate.
func (r recipe) make() (*Leaf, error) {
	key := r.Key
	if key == nil {
		var err error
		if key, err = NewKey(r.KeyKind); err != nil {
			return nil, err
		}
	}
	signer := key
	if r.issuer != nil {
		signer = r.issuer.Key
	}
	algorithm, hash, err := algorithmOf(signer, r.SHA1)
	if err != nil {
		return nil, err
	}
	tbs, err := r.fill(key.Public())
	if err != nil {
		return nil, err
	}
	tbs.Algorithm = algorithm
	leaf := &Leaf{Key: key, Serial: tbs.Serial}
	if leaf.Raw, err = r.sign(signer, hash, tbs); err != nil {
		return nil, err
	}
	leaf.Certificate, leaf.ParseError = x509.ParseCertificate(leaf.Raw)
	if r.issuer != nil {
		leaf.Chain = r.issuer.Chain
	}
	return leaf, nil
}

// fill makes everything that is signed, but for the algorithm.
func (r recipe) fill(public crypto.PublicKey) (tbsCertificate, error) {
	subject, err := encodeName(r.subject)
	if err != nil {
		return tbsCertificate{}, err
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return tbsCertificate{}, err
	}
	issuer, issuerKeyID := subject, keyID(spki)
	if r.issuer != nil {
		issuer, issuerKeyID = r.issuer.Certificate.RawSubject, r.issuer.Certificate.SubjectKeyId
	}
	extensions, err := r.extensions(keyID(spki), issuerKeyID)
	if err != nil {
		return tbsCertificate{}, err
	}
	serial := r.Serial
	if serial == nil {
		if serial, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
			return tbsCertificate{}, err
		}
	}
	return tbsCertificate{
		Version: 2, Serial: serial, Validity: r.validity(), Extensions: extensions,
		Issuer: asn1.RawValue{FullBytes: issuer}, Subject: asn1.RawValue{FullBytes: subject},
		PublicKey: asn1.RawValue{FullBytes: spki},
	}, nil
}

func (r recipe) validity() validity {
	now := r.Now
	if now.IsZero() {
		now = time.Now()
	}
	v := validity{NotBefore: r.NotBefore, NotAfter: r.NotAfter}
	if v.NotBefore.IsZero() {
		v.NotBefore = now.Add(-5 * time.Minute)
	}
	if v.NotAfter.IsZero() {
		v.NotAfter = v.NotBefore.Add(r.life)
	}
	v.NotBefore = v.NotBefore.UTC().Truncate(time.Second)
	v.NotAfter = v.NotAfter.UTC().Truncate(time.Second)
	return v
}

// sign encodes and signs the certificate.
func (r recipe) sign(signer crypto.Signer, hash crypto.Hash, tbs tbsCertificate) ([]byte, error) {
	body, err := asn1.Marshal(tbs)
	if err != nil {
		return nil, fmt.Errorf("encoding the certificate: %w", err)
	}
	signature, err := sign(signer, hash, body)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate: %w", err)
	}
	if r.Damaged {
		signature[len(signature)-1] ^= 1
	}
	return wrapSigned(body, tbs.Algorithm, signature)
}

// sign signs body, hashed unless hash is zero.
func sign(signer crypto.Signer, hash crypto.Hash, body []byte) ([]byte, error) {
	digest := body
	if hash != 0 {
		h := hash.New()
		h.Write(body)
		digest = h.Sum(nil)
	}
	return signer.Sign(rand.Reader, digest, hash)
}

// wrapSigned makes the whole of what is signed: certificates and CRLs look alike here.
func wrapSigned(body []byte, by pkix.AlgorithmIdentifier, signature []byte) ([]byte, error) {
	return asn1.Marshal(signed{
		Body: asn1.RawValue{FullBytes: body}, Algorithm: by,
		Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
}

// The signature algorithms (RFC 4055 §5, RFC 5758 §3.2, RFC 8410 §3).
var (
	rsaSHA1     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}
	rsaSHA256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	ecdsaSHA1   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}
	ecdsaSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	ecdsaSHA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	pureEd25519 = asn1.ObjectIdentifier{1, 3, 101, 112}
)

// algorithmOf returns the signature algorithm that goes with a key, and its hash.
func algorithmOf(signer crypto.Signer, sha1 bool) (pkix.AlgorithmIdentifier, crypto.Hash, error) {
	var id pkix.AlgorithmIdentifier
	var hash crypto.Hash
	switch key := signer.Public().(type) {
	case *rsa.PublicKey:
		id.Parameters = asn1.RawValue{Tag: asn1.TagNull}
		if id.Algorithm, hash = rsaSHA256, crypto.SHA256; sha1 {
			id.Algorithm, hash = rsaSHA1, crypto.SHA1
		}
	case *ecdsa.PublicKey:
		id.Algorithm, hash = ecdsaSHA256, crypto.SHA256
		if sha1 {
			id.Algorithm, hash = ecdsaSHA1, crypto.SHA1
		} else if key.Curve.Params().BitSize > 256 {
			id.Algorithm, hash = ecdsaSHA384, crypto.SHA384
		}
	case ed25519.PublicKey:
		id.Algorithm = pureEd25519
	default:
		return id, 0, fmt.Errorf("signing: unsupported key %T", key)
	}
	return id, hash, nil
}

// keyID is the subject key identifier (RFC 7093 §2, method 1, over the whole key info).
func keyID(spki []byte) []byte {
	sum := sha256.Sum256(spki)
	return sum[:20]
}
