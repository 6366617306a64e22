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

type certificate struct {
	TBS       asn1.RawValue
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
	subject, err := encodeName(r.subject)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	signer, issuerName, issuerKeyID := key, subject, keyID(spki)
	if r.issuer != nil {
		signer, issuerName = r.issuer.Key, r.issuer.Certificate.RawSubject
		issuerKeyID = r.issuer.Certificate.SubjectKeyId
	}
	extensions, err := r.extensions(keyID(spki), issuerKeyID)
	if err != nil {
		return nil, err
	}
	algorithm, hash, err := algorithmOf(signer, r.SHA1)
	if err != nil {
		return nil, err
	}
	serial := r.Serial
	if serial == nil {
		if serial, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
			return nil, err
		}
	}
	der, err := r.sign(signer, hash, tbsCertificate{
		Version: 2, Serial: serial, Algorithm: algorithm, Validity: r.validity(), Extensions: extensions,
		Issuer: asn1.RawValue{FullBytes: issuerName}, Subject: asn1.RawValue{FullBytes: subject},
		PublicKey: asn1.RawValue{FullBytes: spki},
	})
	if err != nil {
		return nil, err
	}
	leaf := &Leaf{Raw: der, Key: key}
	leaf.Certificate, leaf.ParseError = x509.ParseCertificate(der)
	if r.issuer != nil {
		leaf.Chain = r.issuer.Chain
	}
	return leaf, nil
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
	v.NotBefore, v.NotAfter = v.NotBefore.UTC().Truncate(time.Second), v.NotAfter.UTC().Truncate(time.Second)
	return v
}

func (r recipe) sign(signer crypto.Signer, hash crypto.Hash, tbs tbsCertificate) ([]byte, error) {
	body, err := asn1.Marshal(tbs)
	if err != nil {
		return nil, fmt.Errorf("encoding the certificate: %w", err)
	}
	digest := body
	if hash != 0 {
		h := hash.New()
		h.Write(body)
		digest = h.Sum(nil)
	}
	signature, err := signer.Sign(rand.Reader, digest, hash)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate: %w", err)
	}
	if r.Damaged {
		signature[len(signature)-1] ^= 1
	}
	return asn1.Marshal(certificate{
		TBS: asn1.RawValue{FullBytes: body}, Algorithm: tbs.Algorithm,
		Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
}

// algorithmOf returns the signature algorithm that goes with a key, and its hash.
func algorithmOf(signer crypto.Signer, sha1 bool) (pkix.AlgorithmIdentifier, crypto.Hash, error) {
	null := asn1.RawValue{Tag: asn1.TagNull}
	switch key := signer.Public().(type) {
	case *rsa.PublicKey:
		if sha1 {
			return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, Parameters: null}, crypto.SHA1, nil
		}
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Parameters: null}, crypto.SHA256, nil
	case *ecdsa.PublicKey:
		if sha1 {
			return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}}, crypto.SHA1, nil
		}
		if key.Curve.Params().BitSize > 256 {
			return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}}, crypto.SHA384, nil
		}
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}, crypto.SHA256, nil
	case ed25519.PublicKey:
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 101, 112}}, 0, nil
	}
	return pkix.AlgorithmIdentifier{}, 0, fmt.Errorf("signing: unsupported key %T", signer)
}

// keyID is the subject key identifier (RFC 7093 §2, method 1, over the whole key info).
func keyID(spki []byte) []byte {
	sum := sha256.Sum256(spki)
	return sum[:20]
}
