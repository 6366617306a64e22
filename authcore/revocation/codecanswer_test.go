package revocation_test

import (
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"

	"gatehouse/authcore/revocation"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// A testSingle is one SingleResponse. The zero one says that nobody's certificate is good.
type testSingle struct {
	cert, issuer *x509.Certificate
	hash         crypto.Hash       // 0: SHA-1
	nameIssuer   *x509.Certificate // nil: issuer; the name hash is of this one
	status       revocation.Status // None: good
	reason       int               // below 0: none
	this, next   time.Duration     // from codecNow; next 0: none
	extensions   []pkix.Extension
}

// A testAnswer is a whole OCSP response.
type testAnswer struct {
	signer     testSigner
	byKey      bool
	produced   time.Duration // from codecNow
	singles    []testSingle
	extensions []pkix.Extension
	embedded   []*x509.Certificate
}

// goodAnswer says that the fixture's leaf is good, signed by its issuer.
func goodAnswer() testAnswer {
	f := codecPKI()
	return testAnswer{signer: signerOf(f.ca), produced: -time.Minute, singles: []testSingle{goodSingle()}}
}

func goodSingle() testSingle {
	f := codecPKI()
	return testSingle{
		cert: f.leaf, issuer: f.ca.Certificate, status: revocation.Good, reason: -1,
		this: -time.Minute, next: time.Hour,
	}
}

func (a testAnswer) der() []byte { return wrapAnswer(a.signer.seal(a.data(), a.addEmbedded)) }

func (a testAnswer) addEmbedded(b *cryptobyte.Builder) {
	if len(a.embedded) == 0 {
		return
	}
	b.AddASN1(tagged(0), func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, c := range a.embedded {
				b.AddBytes(c.Raw)
			}
		})
	})
}

// wrapAnswer makes a successful OCSPResponse of a BasicOCSPResponse.
func wrapAnswer(basic []byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Enum(0)
			b.AddASN1(tagged(0), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1})
					b.AddASN1OctetString(basic)
				})
			})
		})
	})
}

// data is the ResponseData.
func (a testAnswer) data() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if a.byKey {
				sum := sha1.Sum(keyBits(a.signer.cert))
				b.AddASN1(tagged(2), func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum[:]) })
			} else {
				b.AddASN1(tagged(1), func(b *cryptobyte.Builder) { b.AddBytes(a.signer.cert.RawSubject) })
			}
			b.AddASN1GeneralizedTime(codecNow.Add(a.produced))
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, s := range a.singles {
					b.AddASN1(cbasn1.SEQUENCE, s.add)
				}
			})
			addTestExtensions(b, 1, a.extensions)
		})
	})
}

// add writes the content of a SingleResponse.
func (s testSingle) add(b *cryptobyte.Builder) {
	hash, nameIssuer := s.hash, s.nameIssuer
	if hash == 0 {
		hash = crypto.SHA1
	}
	if nameIssuer == nil {
		nameIssuer = s.issuer
	}
	sum := func(data []byte) []byte {
		h := hash.New()
		h.Write(data)
		return h.Sum(nil)
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // CertID
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(map[crypto.Hash]asn1.ObjectIdentifier{
				crypto.MD5:    {1, 2, 840, 113549, 2, 5},
				crypto.SHA1:   {1, 3, 14, 3, 2, 26},
				crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
				crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2},
				crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
			}[hash])
			b.AddASN1NULL()
		})
		b.AddASN1OctetString(sum(nameIssuer.RawSubject))
		b.AddASN1OctetString(sum(keyBits(s.issuer)))
		b.AddASN1BigInt(s.cert.SerialNumber)
	})
	s.addStatus(b)
	b.AddASN1GeneralizedTime(codecNow.Add(s.this))
	if s.next != 0 {
		b.AddASN1(tagged(0), func(b *cryptobyte.Builder) {
			b.AddASN1GeneralizedTime(codecNow.Add(s.next))
		})
	}
	addTestExtensions(b, 1, s.extensions)
}

func (s testSingle) addStatus(b *cryptobyte.Builder) {
	switch s.status {
	case revocation.Unknown:
		b.AddASN1(cbasn1.Tag(2).ContextSpecific(), func(*cryptobyte.Builder) {})
	case revocation.Revoked:
		b.AddASN1(tagged(1), func(b *cryptobyte.Builder) {
			b.AddASN1GeneralizedTime(codecNow.Add(-24 * time.Hour))
			if s.reason >= 0 {
				b.AddASN1(tagged(0), func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(s.reason)) })
			}
		})
	default:
		b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(*cryptobyte.Builder) {})
	}
}

// verifyLeaf verifies an answer from the network about the fixture's leaf.
func verifyLeaf(der []byte, opt revocation.VerifyOptions) (revocation.Answer, error) {
	f := codecPKI()
	if opt.Now.IsZero() {
		opt.Now = codecNow
	}
	opt.Skew = codecSkew
	return revocation.VerifyResponse(der, f.leaf, f.ca.Certificate, opt)
}
