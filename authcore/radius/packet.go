// Package radius reads and writes RADIUS packets: RFC 2865 and 2866, EAP-Message and
// Message-Authenticator (RFC 3579), tunnel attributes (RFC 2868), the MPPE keys (RFC 2548) and
// the attributes that a configuration may name.
//
// It is a codec and nothing else: values in, bytes out and back. It keeps no state, opens
// nothing, logs nothing and never looks at a clock; the only thing it takes from outside is
// random salts. Reading allocates nothing: a Packet points into the datagram it was parsed
// from.
package radius

import (
	"encoding/binary"
	"iter"
)

const (
	// MaxPacketLength is the largest RADIUS packet, in bytes (RFC 2865 §3).
	MaxPacketLength = 4096
	// headerLength is code, identifier, length and authenticator (RFC 2865 §3).
	headerLength = 20
	// maxValueLength is the longest attribute value, in bytes (RFC 2865 §5).
	maxValueLength = 253
	// messageAuthenticatorLength is that attribute with its header (RFC 3579 §3.2).
	messageAuthenticatorLength = 18
)

// A Packet is one RADIUS packet, parsed:
//
//	 0      1      2         4                 20
//	+------+------+---------+-----------------+------------
//	| Code | Id   | Length  | Authenticator   | Attributes
//	+------+------+---------+-----------------+------------
//
// Attributes points into the datagram that was parsed; whoever keeps the Packet keeps the
// datagram, and must not write to it.
type Packet struct {
	Code          Code
	Identifier    uint8
	Authenticator [16]byte
	Attributes    Attributes
}

// Attributes is a sequence of attributes as on the wire: type, length including this header,
// value. From Parse it is well formed; the methods stop at the first lie in any other.
type Attributes []byte

// All yields each attribute's type and value in order. The values point into a.
func (a Attributes) All() iter.Seq2[Type, []byte] {
	return func(yield func(Type, []byte) bool) {
		for rest := a; ; {
			t, value, next, ok := rest.next()
			if !ok || !yield(t, value) {
				return
			}
			rest = next
		}
	}
}

// Get returns the value of the first attribute of type t, and whether there is one. The value
// points into a.
func (a Attributes) Get(t Type) ([]byte, bool) {
	for rest := a; ; {
		got, value, next, ok := rest.next()
		if !ok {
			return nil, false
		}
		if got == t {
			return value, true
		}
		rest = next
	}
}

// Count returns how many attributes have type t.
func (a Attributes) Count(t Type) int {
	n := 0
	for rest := a; ; {
		got, _, next, ok := rest.next()
		if !ok {
			return n
		}
		if got == t {
			n++
		}
		rest = next
	}
}

// next splits the first attribute off; ok is false at the end and at a malformed attribute.
func (a Attributes) next() (t Type, value []byte, rest Attributes, ok bool) {
	if len(a) < 2 {
		return 0, nil, nil, false
	}
	n := int(a[1])
	if n < 2 || n > len(a) {
		return 0, nil, nil, false
	}
	return Type(a[0]), a[2:n:n], a[n:], true
}

// Parse reads one datagram. What follows the packet's Length is padding and ignored
// (RFC 2865 §3). A packet is refused, with a *DiscardError, for a length out of range, a
// malformed attribute, a second State, and a Message-Authenticator that is repeated or has
// the wrong length. Parse judges neither the code nor any authenticator.
//
// The Packet points into datagram. Parse allocates nothing.
func Parse(datagram []byte) (Packet, error) {
	if len(datagram) < headerLength {
		return Packet{}, errShort
	}
	length := int(binary.BigEndian.Uint16(datagram[2:4]))
	if length < headerLength || length > MaxPacketLength {
		return Packet{}, errLength
	}
	if length > len(datagram) {
		return Packet{}, errTruncated
	}
	p := Packet{
		Code:       Code(datagram[0]),
		Identifier: datagram[1],
		Attributes: Attributes(datagram[headerLength:length:length]),
	}
	copy(p.Authenticator[:], datagram[4:headerLength])
	if err := p.Attributes.check(); err != nil {
		return Packet{}, err
	}
	return p, nil
}

// check walks all attributes once and refuses what no packet may carry.
func (a Attributes) check() error {
	states, authenticators := 0, 0
	for rest := a; len(rest) > 0; {
		t, value, next, ok := rest.next()
		if !ok {
			return errAttribute
		}
		switch t {
		case TypeState:
			if states++; states > 1 {
				return errStateRepeated
			}
		case TypeMessageAuthenticator:
			if authenticators++; authenticators > 1 {
				return errAuthenticatorRepeated
			}
			if len(value)+2 != messageAuthenticatorLength {
				return errAuthenticatorLength
			}
		}
		rest = next
	}
	return nil
}
