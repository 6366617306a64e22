package revocation

import (
	"fmt"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/policy"
)

// A Standing is what is known of the good standing of a path. The zero Standing is not
// acceptable.
type Standing struct {
	Acceptable bool
	Reason     audit.Reason // why not, if not Acceptable
	Status     string       // good, revoked, unknown, none or off: the log's field ocsp
	Source     string       // one of the Source constants; empty: there was no answer
	Age        time.Duration
	Detail     string
}

// Where an answer came from, as in the log's field ocsp_source.
const (
	FromResponder = "responder" // asked for this very authentication
	FromCache     = "cache"
	FromGrace     = "grace" // expired, and bridged by revocation.grace
	FromCRL       = "crl"
)

// Tell puts into words what an authentication went by: the fields Status, Source and Age of its
// Standing, as they stand in the log. It is empty if the decision did not come so far.
func Tell(status, source string, age time.Duration) string {
	switch source {
	case FromResponder:
		return status + ": the OCSP responder was asked"
	case FromCache:
		return fmt.Sprintf("%s, from the cache: what the OCSP responder said %s ago", status, lasted(age))
	case FromGrace:
		return fmt.Sprintf("%s, from the cache and expired: what the OCSP responder said %s ago counts on, by grace",
			status, lasted(age))
	case FromCRL:
		return fmt.Sprintf("%s, by a CRL that is %s old", status, lasted(age))
	}
	switch status {
	case "off":
		return "not looked at: OCSP is off"
	case "none":
		return "unknown: there was no answer by OCSP or CRL"
	}
	return status
}

// lasted is d in the largest unit of which there are two or more.
func lasted(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d seconds", max(0, d)/time.Second)
}

// A Moment is a time, and whether the clock that told it can be believed. With a clock that
// cannot, Now is the earliest time that it may be.
type Moment struct {
	Now  time.Time
	Sure bool
}

// A Query asks for the standing of a path that has been verified.
type Query struct {
	Path  pki.Path
	Rules policy.Revocation // of the CA that vouches
	At    Moment
	// Wake is called exactly once for each answer "not ready", from any goroutine, perhaps
	// before that answer is read; it must not block. Nil: whoever asks cannot wait, and gets
	// what is known.
	Wake func()
}
