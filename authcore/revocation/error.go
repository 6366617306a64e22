package revocation

import (
	"fmt"

	"gatehouse/authcore/audit"
)

// An Error says why an OCSP answer or a CRL cannot be used. Reason is for the decision, Detail
// for people: one line without secrets, in which text from strangers is escaped.
//
// Of an OCSP answer, Reason is OCSPUnavailable if it is malformed, beyond a bound, demands
// something that is not supported, or is no answer at all (tryLater and its kind);
// OCSPUnauthorized if its signature, its signer, its nonce or the certificate it speaks of is
// not the right one; OCSPStale if it comes from the future. Of a CRL, it is OCSPUnavailable
// and OCSPUnauthorized likewise, and CRLStale if it does not say until when it counts.
type Error struct {
	Reason audit.Reason
	Detail string
}

// Error returns the detail.
func (e *Error) Error() string { return e.Detail }

// unusable is the error of what cannot be read or is not supported.
func unusable(format string, args ...any) error {
	return &Error{Reason: audit.OCSPUnavailable, Detail: fmt.Sprintf(format, args...)}
}

// unauthorized is the error of what may be well-formed, but does not speak for the CA.
func unauthorized(format string, args ...any) error {
	return &Error{Reason: audit.OCSPUnauthorized, Detail: fmt.Sprintf(format, args...)}
}

// contain turns a panic over bytes from a stranger into an error: they were read by a goroutine
// of its own, and would end the process.
func contain(err *error) {
	if r := recover(); r != nil {
		*err = unusable("reading it failed in a way that nobody foresaw: %v", r)
	}
}
