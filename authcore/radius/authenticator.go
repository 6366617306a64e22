package radius

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"
)

// Errors of the checks of authenticators.
var (
	// ErrMessageAuthenticatorMissing: the packet carries no Message-Authenticator.
	ErrMessageAuthenticatorMissing = errors.New("message-authenticator is missing")
	// ErrMessageAuthenticatorWrong: it does not verify; most often the secrets differ.
	ErrMessageAuthenticatorWrong = errors.New("message-authenticator does not verify")
	// ErrResponseAuthenticatorWrong: the answer was not made with this secret for this request.
	ErrResponseAuthenticatorWrong = errors.New("response authenticator does not verify")
)

// CheckMessageAuthenticator verifies the Message-Authenticator of a request (RFC 3579 §3.2):
// over the Request Authenticator of an Access-Request or Status-Server, over zeros in its
// place for Accounting-, Disconnect- and CoA-Requests, whose authenticator is itself computed
// over the packet (RFC 5176 §2.3). It returns ErrMessageAuthenticatorMissing or
// ErrMessageAuthenticatorWrong.
func (p *Packet) CheckMessageAuthenticator(secret []byte) error {
	got, ok := p.Attributes.Get(TypeMessageAuthenticator)
	if !ok {
		return ErrMessageAuthenticatorMissing
	}
	authenticator := p.Authenticator
	switch p.Code {
	case CodeAccountingRequest, CodeDisconnectRequest, CodeCoARequest:
		authenticator = [16]byte{}
	}
	want := p.messageAuthenticator(authenticator, secret)
	if !hmac.Equal(got, want[:]) {
		return ErrMessageAuthenticatorWrong
	}
	return nil
}

// messageAuthenticator computes the Message-Authenticator of p as if its authenticator were
// the one given and its Message-Authenticators were zero.
func (p *Packet) messageAuthenticator(authenticator [16]byte, secret []byte) [16]byte {
	var m mac
	buf := m.start(secret)
	buf = append(buf, byte(p.Code), p.Identifier)
	buf = binary.BigEndian.AppendUint16(buf, uint16(headerLength+len(p.Attributes)))
	buf = append(buf, authenticator[:]...)
	for t, value := range p.Attributes.All() {
		buf = append(buf, byte(t), byte(len(value)+2))
		if t == TypeMessageAuthenticator {
			buf = append(buf, zeros[:len(value)]...)
			continue
		}
		buf = append(buf, value...)
	}
	return m.sum(buf)
}

var zeros [maxValueLength]byte

// A mac computes HMAC-MD5 (RFC 2104) over one packet in a buffer of its own, which can live
// on the stack; crypto/hmac allocates for each packet.
type mac struct {
	outer [md5.BlockSize + md5.Size]byte
	buf   [md5.BlockSize + MaxPacketLength]byte
}

// start sets the key and returns a buffer to which the message is to be appended.
func (m *mac) start(key []byte) []byte {
	if len(key) > md5.BlockSize {
		sum := md5.Sum(key)
		key = sum[:]
	}
	copy(m.outer[:], key)
	copy(m.buf[:], key)
	for i := range md5.BlockSize {
		m.outer[i] ^= 0x5c
		m.buf[i] ^= 0x36
	}
	return m.buf[:md5.BlockSize]
}

// sum returns the code of the message appended to what start returned.
func (m *mac) sum(buf []byte) [md5.Size]byte {
	inner := md5.Sum(buf)
	copy(m.outer[md5.BlockSize:], inner[:])
	return md5.Sum(m.outer[:])
}

// VerifyResponse parses an answer to the request that carried reqAuth, and verifies its
// Response Authenticator (RFC 2865 §3) and, where it carries one, its Message-Authenticator
// (RFC 3579 §3.2). Whether an answer without one is good enough is for the caller to say. It is
// for clients: ours in tests, probes, and answers to Disconnect-Requests.
//
// Errors: *DiscardError, ErrResponseAuthenticatorWrong, ErrMessageAuthenticatorWrong. The
// Packet points into datagram.
func VerifyResponse(datagram []byte, reqAuth [16]byte, secret []byte) (Packet, error) {
	p, err := Parse(datagram)
	if err != nil {
		return Packet{}, err
	}
	buf := make([]byte, 0, headerLength+len(p.Attributes)+len(secret))
	buf = append(buf, byte(p.Code), p.Identifier)
	buf = binary.BigEndian.AppendUint16(buf, uint16(headerLength+len(p.Attributes)))
	buf = append(buf, reqAuth[:]...)
	buf = append(buf, p.Attributes...)
	buf = append(buf, secret...)
	want := md5.Sum(buf)
	if !hmac.Equal(p.Authenticator[:], want[:]) {
		return Packet{}, ErrResponseAuthenticatorWrong
	}
	got, ok := p.Attributes.Get(TypeMessageAuthenticator)
	if !ok {
		return p, nil
	}
	mac := p.messageAuthenticator(reqAuth, secret)
	if !hmac.Equal(got, mac[:]) {
		return Packet{}, ErrMessageAuthenticatorWrong
	}
	return p, nil
}
