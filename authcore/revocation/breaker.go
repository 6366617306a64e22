package revocation

import (
	"math/rand/v2"
	"time"
)

const (
	// breakerFailures in a row open a breaker.
	breakerFailures = 3
	// minBackoff and maxBackoff bound how long an open breaker stays open.
	minBackoff = 5 * time.Second
	maxBackoff = 5 * time.Minute
	// trialLife is how long a half-open breaker waits for the outcome of its one trial, longer
	// than for an OCSP answer, so that it matters little but for trials nobody reports about.
	trialLife = 30 * time.Second
)

// breakerState is what a breaker does with the next request.
type breakerState uint8

const (
	breakerClosed   breakerState = iota // lets everything through
	breakerOpen                         // lets nothing through
	breakerHalfOpen                     // lets one through
)

// String returns the word that status shows.
func (s breakerState) String() string {
	switch s {
	case breakerOpen:
		return "open"
	case breakerHalfOpen:
		return "half_open"
	default:
		return "closed"
	}
}

// A breaker keeps us from asking who does not answer. Its zero value is closed.
//
//	          3rd failure in a row              until has passed
//	closed ────────────────────────▶ open ────────────────────────▶ half-open
//	  ▲                               ▲                                │ │
//	  │                               └──── failure: twice as long ────┘ │
//	  └──────────────────────────── success ─────────────────────────────┘
//
// It holds wall clock times, of a clock that may step: a time further ahead than the breaker
// itself would have set counts as passed. It is guarded by its owner's lock.
type breaker struct {
	failures int           // in a row, up to breakerFailures
	backoff  time.Duration // of the last opening; zero: never opened since it was closed
	until    time.Time     // open until then
	trial    time.Time     // when the trial began; zero: there is none
}

func (b *breaker) state(now time.Time) breakerState {
	switch {
	case b.backoff == 0:
		return breakerClosed
	case ahead(now, b.until, maxBackoff):
		return breakerOpen
	default:
		return breakerHalfOpen
	}
}

// admit reports whether a request may go out now, and if not, when to ask again. In the
// half-open state the caller it lets through holds the one trial.
func (b *breaker) admit(now time.Time) (ok bool, until time.Time) {
	switch b.state(now) {
	case breakerOpen:
		return false, b.until
	case breakerHalfOpen:
		end := b.trial.Add(trialLife)
		if !b.trial.IsZero() && ahead(now, end, trialLife) {
			return false, end
		}
		b.trial = now
	}
	return true, time.Time{}
}

// fail books a failure and reports whether it opened the breaker. Failures of requests that
// were on their way when it opened change nothing: one outage, one step of the back-off.
func (b *breaker) fail(now time.Time) (opened bool) {
	if b.state(now) == breakerOpen {
		return false
	}
	b.failures = min(b.failures+1, breakerFailures)
	if b.failures < breakerFailures {
		return false
	}
	b.backoff = min(max(2*b.backoff, minBackoff), maxBackoff)
	// Up to a quarter earlier: gateways that lost a responder together come back one by one.
	b.until = now.Add(b.backoff - rand.N(b.backoff/4))
	b.trial = time.Time{}
	return true
}

// succeed closes the breaker and reports whether it was not closed.
func (b *breaker) succeed() (closed bool) {
	closed = b.backoff != 0
	*b = breaker{}
	return closed
}

// release gives the trial back, of which nothing was learnt.
func (b *breaker) release() { b.trial = time.Time{} }

// ahead reports whether t lies after now, by at most limit.
func ahead(now, t time.Time, limit time.Duration) bool {
	left := t.Sub(now)
	return left > 0 && left <= limit
}
