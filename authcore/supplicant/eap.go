package supplicant

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// EAPCode is the first octet of an EAP packet.
type EAPCode byte

// The codes of RFC 3748 §4.
const (
	EAPRequest  EAPCode = 1
	EAPResponse EAPCode = 2
	EAPSuccess  EAPCode = 3
	EAPFailure  EAPCode = 4
)

// String returns the name RFC 3748 gives to c.
func (c EAPCode) String() string {
	switch c {
	case EAPRequest:
		return "EAP-Request"
	case EAPResponse:
		return "EAP-Response"
	case EAPSuccess:
		return "EAP-Success"
	case EAPFailure:
		return "EAP-Failure"
	}
	return "EAP code " + strconv.Itoa(int(c))
}

// EAPType is the type octet of a Request or Response.
type EAPType byte

// The types that the peer speaks (RFC 3748 §5, RFC 5216 §3).
const (
	EAPTypeIdentity     EAPType = 1
	EAPTypeNotification EAPType = 2
	EAPTypeNak          EAPType = 3
	EAPTypeTLS          EAPType = 13
)

// EAPPacket is one EAP packet. Type and Data belong to Requests and Responses only.
type EAPPacket struct {
	Code       EAPCode
	Identifier byte
	Type       EAPType
	Data       []byte // what follows the type
}

const eapHeaderBytes = 4

var errEAP = errors.New("malformed EAP packet")

// ParseEAP reads one EAP packet, which must fill b exactly: RADIUS carries no padding behind
// it (RFC 3579 §3.1). Data shares b's memory.
func ParseEAP(b []byte) (EAPPacket, error) {
	if len(b) < eapHeaderBytes {
		return EAPPacket{}, fmt.Errorf("%w: %d bytes", errEAP, len(b))
	}
	if n := int(binary.BigEndian.Uint16(b[2:])); n != len(b) {
		return EAPPacket{}, fmt.Errorf("%w: length says %d, have %d", errEAP, n, len(b))
	}
	p := EAPPacket{Code: EAPCode(b[0]), Identifier: b[1]}
	switch p.Code {
	case EAPRequest, EAPResponse:
		if len(b) == eapHeaderBytes {
			return EAPPacket{}, fmt.Errorf("%w: %s without type", errEAP, p.Code)
		}
		p.Type, p.Data = EAPType(b[4]), b[5:]
	case EAPSuccess, EAPFailure:
		if len(b) != eapHeaderBytes {
			return EAPPacket{}, fmt.Errorf("%w: %s of %d bytes", errEAP, p.Code, len(b))
		}
	default:
		return EAPPacket{}, fmt.Errorf("%w: code %d", errEAP, b[0])
	}
	return p, nil
}

// Marshal returns p on the wire. It does not check p: tests send what no peer would. The
// length field wraps above 65535 bytes.
func (p EAPPacket) Marshal() []byte {
	b := make([]byte, eapHeaderBytes, eapHeaderBytes+1+len(p.Data))
	b[0], b[1] = byte(p.Code), p.Identifier
	if p.Code == EAPRequest || p.Code == EAPResponse {
		b = append(append(b, byte(p.Type)), p.Data...)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}
