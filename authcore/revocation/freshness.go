package revocation

import (
	"fmt"
	"time"
)

// defaultMaxAge is how long an answer counts that names no nextUpdate where no age was
// configured. RFC 6960 §4.2.2.1 lets such a responder have newer information at any time.
const defaultMaxAge = 24 * time.Hour

// Freshness is where a moment stands to an answer. The zero value is the safe one.
type Freshness uint8

// An answer is in force only while it is Fresh.
const (
	Stale  Freshness = iota // too old
	Fresh                   // in force
	Future                  // dated later than now: one of the two clocks is wrong
)

// String returns the word that logs use.
func (f Freshness) String() string {
	switch f {
	case Stale:
		return "stale"
	case Fresh:
		return "fresh"
	case Future:
		return "future"
	}
	return fmt.Sprintf("freshness %d", uint8(f))
}

// Freshness reports whether a is in force at now (RFC 6960 §4.2.2.1). skew is how far the
// clocks of signer and gateway may be apart, in either direction; maxAge is as for Until.
func (a Answer) Freshness(now time.Time, skew, maxAge time.Duration) Freshness {
	switch {
	case a.ThisUpdate.After(now.Add(skew)), a.ProducedAt.After(now.Add(skew)):
		return Future
	case a.ThisUpdate.IsZero(), a.Until(maxAge).Before(now.Add(-skew)):
		return Stale
	}
	return Fresh
}

// Until returns the end of the time that a counts for: its NextUpdate or, if that comes first,
// maxAge after its ThisUpdate. maxAge 0 sets no limit of its own, but for 24 hours on an
// answer that names no NextUpdate.
func (a Answer) Until(maxAge time.Duration) time.Time {
	if maxAge <= 0 {
		if !a.NextUpdate.IsZero() {
			return a.NextUpdate
		}
		maxAge = defaultMaxAge
	}
	limit := a.ThisUpdate.Add(maxAge)
	if !a.NextUpdate.IsZero() && a.NextUpdate.Before(limit) {
		return a.NextUpdate
	}
	return limit
}
