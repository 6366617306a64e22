package eaptls

import (
	"errors"
	"sync/atomic"
)

// FreeFlight is how much of one flight, in octets, a conversation may collect without asking
// the Budget: enough for the usual chain of two or three certificates.
const FreeFlight = 8 << 10

// errOverBudget ends a conversation whose flight found the Budget used up.
var errOverBudget = errors.New("too many large handshakes under way")

// A Budget bounds what all conversations together hold of unfinished flights beyond FreeFlight
// each: without it, strangers who send long chains and never finish would use up the memory of
// a small device. A nil Budget has no bound. It is safe for concurrent use.
type Budget struct {
	left atomic.Int64
}

// NewBudget returns a Budget of so many octets.
func NewBudget(octets int64) *Budget {
	b := &Budget{}
	b.left.Store(octets)
	return b
}

// Left returns how many octets are not taken.
func (b *Budget) Left() int64 { return b.left.Load() }

// take reports whether n more octets may be held.
func (b *Budget) take(n int) bool {
	if b == nil {
		return true
	}
	if b.left.Add(int64(-n)) < 0 {
		b.left.Add(int64(n))
		return false
	}
	return true
}

// give returns n octets that were taken.
func (b *Budget) give(n int) {
	if b != nil && n > 0 {
		b.left.Add(int64(n))
	}
}
