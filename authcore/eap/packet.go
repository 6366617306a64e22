// Package eap is the authenticator's half of the Extensible Authentication Protocol: the packet
// codec of RFC 3748 and the session of RFC 4137 that asks for the identity, proposes methods,
// takes Naks and ends in Success or Failure. It knows no RADIUS, no TLS and no network, and
// starts no goroutine: whoever owns a Session steps it.
package eap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// Code is the first octet of an EAP packet (RFC 3748 §4).
type Code uint8

// The codes of RFC 3748 §4.
const (
	CodeRequest  Code = 1
	CodeResponse Code = 2
	CodeSuccess  Code = 3
	CodeFailure  Code = 4
)

// String returns the RFC's name of c.
func (c Code) String() string {
	switch c {
	case CodeRequest:
		return "Request"
	case CodeResponse:
		return "Response"
	case CodeSuccess:
		return "Success"
	case CodeFailure:
		return "Failure"
	}
	return "Code(" + strconv.Itoa(int(c)) + ")"
}

// Type is the type of a Request or Response (RFC 3748 §5 and the IANA registry).
type Type uint8

// The types that Gatehouse has to know by name.
const (
	TypeIdentity     Type = 1
	TypeNotification Type = 2
	TypeNak          Type = 3 // Response only
	TypeMD5Challenge Type = 4
	TypeGTC          Type = 6
	TypeTLS          Type = 13 // RFC 5216
	TypeTTLS         Type = 21 // RFC 5281
	TypePEAP         Type = 25
	TypeMSCHAPv2     Type = 26
	TypeFAST         Type = 43
	TypePWD          Type = 52
	TypeTEAP         Type = 55
	TypeExpanded     Type = 254
)

var typeNames = map[Type]string{
	TypeIdentity: "Identity", TypeNotification: "Notification", TypeNak: "Legacy Nak",
	TypeMD5Challenge: "MD5-Challenge", TypeGTC: "GTC", TypeTLS: "EAP-TLS", TypeTTLS: "EAP-TTLS",
	TypePEAP: "PEAP", TypeMSCHAPv2: "EAP-MSCHAPv2", TypeFAST: "EAP-FAST", TypePWD: "EAP-pwd",
	TypeTEAP: "TEAP", TypeExpanded: "Expanded",
}

// String returns the common name of t, or its number.
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return "type " + strconv.Itoa(int(t))
}

// headerLen is the length of code, identifier and length; a Request or Response has a type too.
const headerLen = 4

// A Packet is one EAP packet. Type and Data are of Requests and Responses only; Data aliases
// what was parsed.
//
//	 0                   1                   2                   3
//	|     Code      |  Identifier   |            Length             |
//	|     Type      |  Type-Data ...
type Packet struct {
	Code       Code
	Identifier uint8
	Type       Type
	Data       []byte
}

// ErrMalformed is wrapped by every error of Parse.
var ErrMalformed = errors.New("malformed EAP packet")

// Parse reads one packet from b. Octets beyond its Length are padding and ignored
// (RFC 3748 §4.1).
func Parse(b []byte) (Packet, error) {
	if len(b) < headerLen {
		return Packet{}, fmt.Errorf("%w: %d octets", ErrMalformed, len(b))
	}
	length := int(binary.BigEndian.Uint16(b[2:4]))
	if length < headerLen || length > len(b) {
		return Packet{}, fmt.Errorf("%w: length %d in %d octets", ErrMalformed, length, len(b))
	}
	p := Packet{Code: Code(b[0]), Identifier: b[1]}
	switch p.Code {
	case CodeRequest, CodeResponse:
		if length < headerLen+1 {
			return Packet{}, fmt.Errorf("%w: %v without type", ErrMalformed, p.Code)
		}
		p.Type, p.Data = Type(b[4]), b[5:length]
	case CodeSuccess, CodeFailure:
		if length != headerLen {
			return Packet{}, fmt.Errorf("%w: %v with data", ErrMalformed, p.Code)
		}
	default:
		return Packet{}, fmt.Errorf("%w: unknown code %d", ErrMalformed, b[0])
	}
	return p, nil
}

// Append appends the encoding of p to dst. Data must be shorter than 64 KiB.
func (p Packet) Append(dst []byte) []byte {
	if p.Code != CodeRequest && p.Code != CodeResponse {
		return append(dst, byte(p.Code), p.Identifier, 0, headerLen)
	}
	length := uint16(headerLen + 1 + len(p.Data))
	dst = append(dst, byte(p.Code), p.Identifier, byte(length>>8), byte(length), byte(p.Type))
	return append(dst, p.Data...)
}

// nakTypes returns the types a peer asks for in a Nak, Legacy (RFC 3748 §5.3.1) or Expanded
// (§5.3.2, of which only the IETF's own types are kept), in its order. ok is false if p is no
// Nak or is cut short.
func nakTypes(p Packet) (types []Type, ok bool) {
	switch p.Type {
	case TypeNak:
		for _, b := range p.Data {
			if b != 0 {
				types = append(types, Type(b))
			}
		}
		return types, true
	case TypeExpanded:
		// vendor (3), vendor type (4) = 0, 3; then entries of 1 + 3 + 4 octets.
		const head, entry, expandedNak = 7, 8, 3
		d := p.Data
		if len(d) < head || d[0]|d[1]|d[2] != 0 || binary.BigEndian.Uint32(d[3:7]) != expandedNak {
			return nil, false
		}
		for d = d[head:]; len(d) >= entry; d = d[entry:] {
			vendorIETF := d[1]|d[2]|d[3] == 0
			t := binary.BigEndian.Uint32(d[4:8])
			if Type(d[0]) == TypeExpanded && vendorIETF && t > 0 && t < 254 {
				types = append(types, Type(t))
			}
		}
		return types, len(d) == 0
	}
	return nil, false
}
