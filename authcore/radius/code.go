package radius

import "strconv"

// Code is the first octet of a packet: what kind of packet it is.
type Code uint8

// The codes that Gatehouse sends or answers.
const (
	CodeAccessRequest      Code = 1  // RFC 2865 §4.1
	CodeAccessAccept       Code = 2  // RFC 2865 §4.2
	CodeAccessReject       Code = 3  // RFC 2865 §4.3
	CodeAccountingRequest  Code = 4  // RFC 2866 §4.1
	CodeAccountingResponse Code = 5  // RFC 2866 §4.2
	CodeAccessChallenge    Code = 11 // RFC 2865 §4.4
	CodeStatusServer       Code = 12 // RFC 5997 §2
	CodeDisconnectRequest  Code = 40 // RFC 5176 §2.1
	CodeDisconnectACK      Code = 41 // RFC 5176 §2.1
	CodeDisconnectNAK      Code = 42 // RFC 5176 §2.1
	CodeCoARequest         Code = 43 // RFC 5176 §2.2
	CodeCoAACK             Code = 44 // RFC 5176 §2.2
	CodeCoANAK             Code = 45 // RFC 5176 §2.2
	CodeProtocolError      Code = 52 // RFC 7930 §4
)

var codeNames = map[Code]string{
	CodeAccessRequest: "Access-Request", CodeAccessAccept: "Access-Accept",
	CodeAccessReject: "Access-Reject", CodeAccountingRequest: "Accounting-Request",
	CodeAccountingResponse: "Accounting-Response", CodeAccessChallenge: "Access-Challenge",
	CodeStatusServer: "Status-Server", CodeDisconnectRequest: "Disconnect-Request",
	CodeDisconnectACK: "Disconnect-ACK", CodeDisconnectNAK: "Disconnect-NAK",
	CodeCoARequest: "CoA-Request", CodeCoAACK: "CoA-ACK", CodeCoANAK: "CoA-NAK",
	CodeProtocolError: "Protocol-Error",
}

// String returns the name that the RFC gives the code, or "Code(n)".
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return "Code(" + strconv.Itoa(int(c)) + ")"
}
