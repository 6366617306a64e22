package revocation

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"slices"
)

// A Key names a certificate by its issuer and serial number (RFC 5280 §4.1.2.2): serials are
// unique per issuer only. It is comparable.
type Key struct {
	Issuer [sha256.Size]byte // see IssuerOf
	// Serial is a sign octet (0, or 1 for a negative number) and the magnitude, most
	// significant octet first, without leading zeros. Zero is the sign octet alone.
	Serial string
}

// IssuerOf names an issuer by public key and name: SHA-256 over both, each behind its length
// as four octets. A CA that changes one of them is another issuer.
func IssuerOf(issuer *x509.Certificate) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range [][]byte{issuer.RawSubjectPublicKeyInfo, issuer.RawSubject} {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// KeyOf returns the key of cert, which issuer issued.
func KeyOf(cert, issuer *x509.Certificate) Key { return KeyFor(IssuerOf(issuer), cert) }

// KeyFor is KeyOf for callers who kept what IssuerOf returned.
func KeyFor(issuer [sha256.Size]byte, cert *x509.Certificate) Key {
	var b [32]byte // longer ones are legal nowhere, and cost an allocation
	return Key{Issuer: issuer, Serial: string(appendSerial(b[:0], cert.SerialNumber))}
}

// appendSerial appends the form of Key.Serial to dst. A nil number counts as zero.
func appendSerial(dst []byte, n *big.Int) []byte {
	if n == nil {
		return append(dst, 0)
	}
	var sign byte
	if n.Sign() < 0 {
		sign = 1
	}
	dst = append(dst, sign)
	end, size := len(dst), (n.BitLen()+7)/8
	dst = slices.Grow(dst, size)[:end+size]
	n.FillBytes(dst[end:])
	return dst
}

// appendWireSerial appends the form of Key.Serial for the content octets of a DER INTEGER. It
// spares the integer for all but negative numbers: a CRL has many of them.
func appendWireSerial(dst, content []byte) []byte {
	if len(content) > 0 && content[0]&0x80 != 0 {
		n := new(big.Int).SetBytes(content)
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(content))))
		return appendSerial(dst, n)
	}
	for len(content) > 0 && content[0] == 0 {
		content = content[1:]
	}
	return append(append(dst, 0), content...)
}
