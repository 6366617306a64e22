package revocation

import (
	"context"
	"time"
)

// A StepState is the outcome of a Step.
type StepState uint8

// The outcomes. The zero value is a step that was not taken.
const (
	StepNotRun StepState = iota
	StepOK
	StepFailed
)

// String returns the outcome's word: "not_run", "ok", "failed".
func (s StepState) String() string {
	switch s {
	case StepOK:
		return "ok"
	case StepFailed:
		return "failed"
	default:
		return "not_run"
	}
}

// A Step is one part of asking a responder.
type Step struct {
	State  StepState
	Took   time.Duration
	Detail string // what was found (addresses, an HTTP status), or why the step failed
}

// Steps is a request taken apart. A step is not run when it is not needed, such as DNS for an
// address in digits, or not reached.
type Steps struct {
	URL    string // whom was asked, without user and query
	Method string // of the request that was answered last, GET or POST

	DNS, TCP, TLS, HTTP Step // behind a proxy, DNS and TCP are about the proxy

	Took   time.Duration // all of it
	Answer []byte        // what was fetched, not verified; the caller's
	Err    error         // a *FetchError, or nil
}

// Probe asks like OCSP does, over a connection of its own, and tells each step. It does not care
// for the breaker, but the breaker hears of it.
func (f *Fetcher) Probe(ctx context.Context, t Target, request []byte) Steps {
	pool := &transportPool{own: f.pool.own, roots: f.pool.roots}
	defer pool.closeIdle()
	ctx, cancel := context.WithTimeout(ctx, ocspTimeout)
	defer cancel()
	e, err := f.newErrand(ctx, t, pool)
	if err != nil {
		return Steps{Err: err}
	}
	answer, err := e.ocsp(ctx, request)
	s := e.end(err)
	s.Answer = answer
	return s
}
