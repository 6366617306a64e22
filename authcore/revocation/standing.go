package revocation

import (
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
