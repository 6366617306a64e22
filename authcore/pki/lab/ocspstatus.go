package lab

import "fmt"

// A ResponseStatus is what an OCSP response as a whole says (RFC 6960 §4.2.1). Its value is the
// wire's. Only Successful holds answers and is signed.
type ResponseStatus uint8

// The response statuses; 4 is not in use.
const (
	Successful       ResponseStatus = 0
	MalformedRequest ResponseStatus = 1
	InternalError    ResponseStatus = 2
	TryLater         ResponseStatus = 3
	SigRequired      ResponseStatus = 5
	Unauthorized     ResponseStatus = 6
)

// String is the status's word in RFC 6960.
func (s ResponseStatus) String() string {
	switch s {
	case Successful:
		return "successful"
	case MalformedRequest:
		return "malformedRequest"
	case InternalError:
		return "internalError"
	case TryLater:
		return "tryLater"
	case SigRequired:
		return "sigRequired"
	case Unauthorized:
		return "unauthorized"
	}
	return fmt.Sprintf("response status %d", uint8(s))
}

// A CertStatus is what an answer says of one certificate. Its value is the wire's tag
// (RFC 6960 §4.2.1).
type CertStatus uint8

// The statuses of certificates.
const (
	Good    CertStatus = 0
	Revoked CertStatus = 1
	Unknown CertStatus = 2
)

// String is the status's word in RFC 6960.
func (s CertStatus) String() string {
	switch s {
	case Good:
		return "good"
	case Revoked:
		return "revoked"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("status %d", uint8(s))
}
