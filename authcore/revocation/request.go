package revocation

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

const (
	nonceBytes    = 32  // RFC 9654 §2.1
	maxNonceBytes = 128 // likewise
)

// RequestOptions say how an OCSP request is made. The zero value is what every responder
// understands and every cache on the way can answer.
type RequestOptions struct {
	Hash  crypto.Hash // of the CertID: SHA-1, -256, -384 or -512; 0: SHA-1 (RFC 5019 §2.1.1)
	Nonce []byte      // 1 to 128 octets, see NewNonce; none: the answer may come from a cache
}

// NewNonce returns 32 octets of rand for a request (RFC 9654 §2.1).
func NewNonce(rand io.Reader) ([]byte, error) {
	nonce := make([]byte, nonceBytes)
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("making an OCSP nonce: %w", err)
	}
	return nonce, nil
}

// NewRequest returns the DER of an unsigned OCSP request about cert, which issuer issued
// (RFC 6960 §4.1). It fails on options that no request can carry and on an issuer whose key
// cannot be read.
func NewRequest(cert, issuer *x509.Certificate, opt RequestOptions) ([]byte, error) {
	hash := opt.Hash
	if hash == 0 {
		hash = crypto.SHA1
	}
	index := -1
	for i := range certIDHashes {
		if certIDHashes[i].hash == hash {
			index = i
		}
	}
	if index < 0 {
		return nil, fmt.Errorf("making an OCSP request: a CertID with %v is not supported", hash)
	}
	if len(opt.Nonce) > maxNonceBytes {
		return nil, fmt.Errorf("making an OCSP request: the nonce has %d octets; at most %d are allowed",
			len(opt.Nonce), maxNonceBytes)
	}
	id, err := newCertID(cert, issuer)
	if err != nil {
		return nil, fmt.Errorf("making an OCSP request: %w", err)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // OCSPRequest
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // tbsRequest
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // requestList
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // Request
					id.marshal(b, index, cert)
				})
			})
			if len(opt.Nonce) > 0 {
				b.AddASN1(explicit(2), func(b *cryptobyte.Builder) { addNonce(b, opt.Nonce) })
			}
		})
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("making an OCSP request: %w", err)
	}
	return der, nil
}

// marshal writes the CertID with the i-th of certIDHashes. The parameters of the hash are a
// NULL, as OpenSSL writes them: some responders compare the whole.
func (id *certID) marshal(b *cryptobyte.Builder, i int, cert *x509.Certificate) {
	hashed := id.hashed(i)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) {
				b.AddBytes([]byte(certIDHashes[i].oid))
			})
			b.AddASN1NULL()
		})
		b.AddASN1OctetString(hashed.names[0])
		b.AddASN1OctetString(hashed.key[0])
		b.AddASN1BigInt(cert.SerialNumber)
	})
}

// addNonce writes Extensions with the nonce: an OCTET STRING inside the OCTET STRING that
// every extension's value is (RFC 9654 §2.1).
func addNonce(b *cryptobyte.Builder, nonce []byte) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) {
				b.AddBytes([]byte(oidNonce))
			})
			b.AddASN1(cbasn1.OCTET_STRING, func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(nonce)
			})
		})
	})
}
