package supplicant

import (
	"crypto/md5" // RFC 2548 §2.4.2
	"crypto/subtle"
	"errors"
	"fmt"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

const (
	vendorMicrosoft = 311
	typeMPPESendKey = 16
	typeMPPERecvKey = 17
	mppeKeyBytes    = 32
)

// mppeKey is one decrypted key attribute.
type mppeKey struct {
	salt [2]byte
	key  []byte
}

var errNoKey = errors.New("not in the Access-Accept")

// microsoftValue returns the one Microsoft attribute of the given vendor type.
func microsoftValue(attrs radius.Attributes, vendorType byte) ([]byte, error) {
	var value []byte
	found := 0
	for _, a := range attrs {
		if a.Type != rfc2865.VendorSpecific_Type {
			continue
		}
		vendor, rest, err := radius.VendorSpecific(a.Attribute)
		if err != nil || vendor != vendorMicrosoft {
			continue
		}
		for len(rest) >= 2 && int(rest[1]) >= 2 && int(rest[1]) <= len(rest) {
			if rest[0] == vendorType {
				value, found = rest[2:rest[1]], found+1
			}
			rest = rest[rest[1]:]
		}
	}
	switch found {
	case 0:
		return nil, errNoKey
	case 1:
		return value, nil
	}
	return nil, fmt.Errorf("%d of them in the Access-Accept", found)
}

// decryptMPPE takes an MS-MPPE key apart (RFC 2548 §2.4.2): salt with its highest bit set,
// length octet, key, zero padding to 16.
func decryptMPPE(value, secret []byte, authenticator [16]byte) (mppeKey, error) {
	if len(value) < 2+16 || (len(value)-2)%16 != 0 {
		return mppeKey{}, fmt.Errorf("attribute of %d bytes is no salted key", len(value))
	}
	k := mppeKey{salt: [2]byte(value[:2])}
	if k.salt[0]&0x80 == 0 {
		return mppeKey{}, errors.New("highest bit of the salt is not set")
	}
	h := md5.New()
	h.Write(secret)
	h.Write(authenticator[:])
	h.Write(value[:2])
	plain := make([]byte, 0, len(value)-2)
	for block := value[2:]; len(block) >= 16; block = block[16:] {
		pad := h.Sum(nil)
		for i := range pad {
			plain = append(plain, block[i]^pad[i])
		}
		h.Reset()
		h.Write(secret)
		h.Write(block[:16])
	}
	n := int(plain[0])
	if n > len(plain)-1 {
		return mppeKey{}, errors.New("length octet is beyond the attribute: other secret?")
	}
	for _, b := range plain[1+n:] {
		if b != 0 {
			return mppeKey{}, errors.New("padding is not zero")
		}
	}
	if len(plain)-1-n >= 16 {
		return mppeKey{}, errors.New("padding is longer than one block")
	}
	k.key = plain[1 : 1+n]
	return k, nil
}

// checkMPPE compares one key of the Accept with ours.
func checkMPPE(r *Reply, secret []byte, vendorType byte, want []byte) (mppeKey, error) {
	value, err := microsoftValue(r.Attributes, vendorType)
	if err != nil {
		return mppeKey{}, err
	}
	k, err := decryptMPPE(value, secret, r.RequestAuthenticator)
	if err != nil {
		return mppeKey{}, err
	}
	if len(k.key) != mppeKeyBytes {
		return k, fmt.Errorf("key of %d bytes, not %d", len(k.key), mppeKeyBytes)
	}
	if subtle.ConstantTimeCompare(k.key, want) != 1 {
		return k, errors.New("is not the key that we derived")
	}
	return k, nil
}
