package lab

import (
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"
)

// bareResponse is a response without answers.
func bareResponse(s ResponseStatus) []byte {
	return []byte{0x30, 0x03, 0x0a, 0x01, byte(s)}
}

// single is one answer about one certificate.
type single struct {
	id         []byte // CertID, its tag included
	status     CertStatus
	revokedAt  time.Time
	reason     Reason
	thisUpdate time.Time
	nextUpdate time.Time // zero: none
}

func (s single) add(b *cryptobyte.Builder) {
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(s.id)
		switch s.status {
		case Revoked:
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
				b.AddASN1GeneralizedTime(wireTime(s.revokedAt))
				if s.reason != Unspecified {
					b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(s.reason)) })
				}
			})
		default: // good and unknown hold nothing
			b.AddASN1(tag.Tag(s.status).ContextSpecific(), func(*cryptobyte.Builder) {})
		}
		b.AddASN1GeneralizedTime(wireTime(s.thisUpdate))
		if !s.nextUpdate.IsZero() {
			b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
				b.AddASN1GeneralizedTime(wireTime(s.nextUpdate))
			})
		}
	})
}

// basicResponse is everything that goes into one signed response.
type basicResponse struct {
	signer     *Leaf
	byKey      bool // the responder is named by its key, not by its name
	producedAt time.Time
	answers    []single
	nonce      []byte // the extension's value; nil: none
	critical   bool   // a critical extension that nobody knows
	embedded   []*x509.Certificate
	sha1       bool
	damaged    bool
}

// encode signs the response and returns the whole in DER (RFC 6960 §4.2.1).
func (r basicResponse) encode() ([]byte, error) {
	basic, err := r.sign()
	if err == nil {
		var der []byte
		if der, err = wrapBasic(basic); err == nil {
			return der, nil
		}
	}
	return nil, fmt.Errorf("making an OCSP response: %w", err)
}

// sign makes the BasicOCSPResponse.
func (r basicResponse) sign() ([]byte, error) {
	if r.signer.Certificate == nil {
		return nil, errors.New("the signer has no certificate")
	}
	algorithm, hash, err := algorithmOf(r.signer.Key, r.sha1)
	if err != nil {
		return nil, err
	}
	body, err := r.data()
	if err != nil {
		return nil, err
	}
	signature, err := sign(r.signer.Key, hash, body)
	if err != nil {
		return nil, err
	}
	if r.damaged {
		signature[len(signature)-1] ^= 1
	}
	by, err := asn1.Marshal(algorithm)
	if err != nil {
		return nil, err
	}
	var basic cryptobyte.Builder
	basic.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(body)
		b.AddBytes(by)
		b.AddASN1BitString(signature)
		if len(r.embedded) == 0 {
			return
		}
		addExplicitSequence(b, 0, func(b *cryptobyte.Builder) {
			for _, c := range r.embedded {
				b.AddBytes(c.Raw)
			}
		})
	})
	return basic.Bytes()
}

// wrapBasic makes a successful response around a BasicOCSPResponse.
func wrapBasic(basic []byte) ([]byte, error) {
	var whole cryptobyte.Builder
	whole.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(int64(Successful))
		addExplicitSequence(b, 0, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidBasicOCSP)
			b.AddASN1OctetString(basic)
		})
	})
	return whole.Bytes()
}

// data is the part that is signed, ResponseData.
func (r basicResponse) data() ([]byte, error) {
	bits, err := publicKeyBits(r.signer.Certificate)
	if err != nil {
		return nil, err
	}
	var out cryptobyte.Builder
	out.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		if r.byKey {
			sum := sha1.Sum(bits) // what RFC 6960 §4.2.1 has there, and no protection
			b.AddASN1(explicit(2), func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum[:]) })
		} else {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
				b.AddBytes(r.signer.Certificate.RawSubject)
			})
		}
		b.AddASN1GeneralizedTime(wireTime(r.producedAt))
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, s := range r.answers {
				s.add(b)
			}
		})
		r.addExtensions(b)
	})
	return out.Bytes()
}

func (r basicResponse) addExtensions(b *cryptobyte.Builder) {
	if r.nonce == nil && !r.critical {
		return
	}
	addExplicitSequence(b, 1, func(b *cryptobyte.Builder) {
		if r.nonce != nil {
			b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidNonce)
				b.AddASN1OctetString(r.nonce)
			})
		}
		if r.critical {
			b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidNobodys)
				b.AddASN1Boolean(true)
				b.AddASN1OctetString([]byte{0x05, 0x00})
			})
		}
	})
}

// oidNobodys names an extension that nobody knows.
var oidNobodys = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}

// addExplicitSequence adds a SEQUENCE inside the explicit tag n.
func addExplicitSequence(b *cryptobyte.Builder, n uint8, body cryptobyte.BuilderContinuation) {
	b.AddASN1(explicit(n), func(b *cryptobyte.Builder) { b.AddASN1(tag.SEQUENCE, body) })
}

// encodeCertID makes the CertID of a certificate of issuer, in DER.
func encodeCertID(issuer *x509.Certificate, serial *big.Int, hash crypto.Hash) ([]byte, error) {
	name, key, err := issuerHashes(issuer, hash)
	if err != nil {
		return nil, err
	}
	var out cryptobyte.Builder
	out.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, h := range certIDHashes {
				if h.hash == hash {
					b.AddASN1ObjectIdentifier(h.id)
				}
			}
			b.AddASN1NULL()
		})
		b.AddASN1OctetString(name)
		b.AddASN1OctetString(key)
		b.AddASN1BigInt(serial)
	})
	return out.Bytes()
}
