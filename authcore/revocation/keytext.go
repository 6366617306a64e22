package revocation

import (
	"encoding/hex"
	"math/big"
	"strings"
)

// Bytes is k as the key of a Cache.
func (k Key) Bytes() []byte { return append(k.Issuer[:len(k.Issuer):len(k.Issuer)], k.Serial...) }

// ParseKey is the inverse of Bytes. It takes what a Cache gave back, which may be damaged.
func ParseKey(b []byte) (k Key, ok bool) {
	if len(b) <= len(k.Issuer) {
		return k, false
	}
	copy(k.Issuer[:], b)
	k.Serial = string(b[len(k.Issuer):])
	return k, true
}

// SerialHex is the serial number as people and openssl write it: hexadecimal, upper case, with a
// minus sign if it is negative.
func (k Key) SerialHex() string {
	if len(k.Serial) < 2 {
		return "00"
	}
	s := strings.ToUpper(hex.EncodeToString([]byte(k.Serial[1:])))
	if k.Serial[0] != 0 {
		return "-" + s
	}
	return s
}

// serial is the serial number.
func (k Key) serial() *big.Int {
	n := new(big.Int)
	if len(k.Serial) < 2 {
		return n
	}
	n.SetBytes([]byte(k.Serial[1:]))
	if k.Serial[0] != 0 {
		n.Neg(n)
	}
	return n
}
