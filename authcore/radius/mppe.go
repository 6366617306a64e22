package radius

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// Microsoft's vendor number and the types of the two keys (RFC 2548 §2.4.2, §2.4.3).
const (
	vendorMicrosoft  = 311
	typeMPPESendKey  = 16
	typeMPPERecvKey  = 17
	maxMPPEKeyLength = 239 // with length octet 240, the padded string of the longest attribute
	mppeSaltMark     = 0x8000
	mppeHeaders      = 10 // attribute, vendor, vendor's type and length, salt
)

// SetMPPEKeys sets the keys that the access point is to use with the peer: recv is what it
// receives with, send what it sends with. They are copied, and encrypted by Encode for each
// request (RFC 2548 §2.4). Both empty: none. A key above 239 bytes makes Encode fail.
func (r *Response) SetMPPEKeys(recv, send []byte) {
	if len(recv) > maxMPPEKeyLength || len(send) > maxMPPEKeyLength {
		r.err = fmt.Errorf("setting MPPE keys: %w", ErrTooLong)
		return
	}
	r.recv, r.send = append([]byte(nil), recv...), append([]byte(nil), send...)
}

// appendMPPEKeys appends both keys, each under a salt of its own whose top bit is set
// (RFC 2548 §2.4.2).
func (r *Response) appendMPPEKeys(dst []byte, authenticator [16]byte, secret []byte) []byte {
	if len(r.recv) == 0 && len(r.send) == 0 {
		return dst
	}
	var random [2]byte
	rand.Read(random[:])
	salt := binary.BigEndian.Uint16(random[:]) | mppeSaltMark
	dst = appendMPPEKey(dst, typeMPPERecvKey, r.recv, mppeCipher{salt, authenticator, secret})
	salt ^= 1 // differs, and keeps the top bit
	return appendMPPEKey(dst, typeMPPESendKey, r.send, mppeCipher{salt, authenticator, secret})
}

// A mppeCipher is what the key stream of one attribute depends on.
type mppeCipher struct {
	salt          uint16
	authenticator [16]byte
	secret        []byte
}

// appendMPPEKey appends one key attribute: salt, then length octet and key, padded with zeros
// to whole blocks of 16 and encrypted (RFC 2548 §2.4.2).
func appendMPPEKey(dst []byte, t byte, key []byte, c mppeCipher) []byte {
	padded := (1 + len(key) + md5.Size - 1) / md5.Size * md5.Size
	dst = append(dst, byte(TypeVendorSpecific), byte(mppeHeaders+padded))
	dst = binary.BigEndian.AppendUint32(dst, vendorMicrosoft)
	dst = append(dst, t, byte(2+2+padded))
	dst = binary.BigEndian.AppendUint16(dst, c.salt)
	start := len(dst)
	dst = append(append(dst, byte(len(key))), key...)
	dst = append(dst, zeros[:padded-1-len(key)]...)
	c.encrypt(dst[start:])
	return dst
}

// encrypt enciphers whole blocks in place: each is combined with the MD5 of the secret and
// the block before, the first with that of the authenticator and salt (RFC 2548 §2.4.2).
func (c mppeCipher) encrypt(blocks []byte) {
	var scratch [128]byte
	input := append(scratch[:0], c.secret...)
	n := len(input)
	input = append(input, c.authenticator[:]...)
	input = binary.BigEndian.AppendUint16(input, c.salt)
	for len(blocks) >= md5.Size {
		stream := md5.Sum(input)
		for i := range stream {
			blocks[i] ^= stream[i]
		}
		input = append(input[:n], blocks[:md5.Size]...)
		blocks = blocks[md5.Size:]
	}
}
