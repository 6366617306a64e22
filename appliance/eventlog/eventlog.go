// Package eventlog keeps the last decisions in memory, for `gatehouse tail` and the web pages.
// It is a ring: nothing is written to disk, and who reads too slowly misses the oldest, which
// the gap in the numbers shows. It starts no goroutine.
package eventlog

import (
	"context"
	"sync"

	"gatehouse/authcore/audit"
)

// DefaultSize is how many decisions are kept. One takes about 2 KiB.
const DefaultSize = 1000

// A Log keeps the last decisions. It implements audit.Sink and is safe for concurrent use.
type Log struct {
	mu    sync.Mutex // guards what follows
	ring  []audit.Entry
	last  uint64        // number of the newest; 0: none yet
	grown chan struct{} // closed and replaced with every decision
}

// New returns a Log of the last size decisions; zero: DefaultSize.
func New(size int) *Log {
	if size <= 0 {
		size = DefaultSize
	}
	return &Log{ring: make([]audit.Entry, size), grown: make(chan struct{})}
}

// Record keeps e.
func (l *Log) Record(e audit.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	l.ring[l.last%uint64(len(l.ring))] = audit.Entry{ID: l.last, Event: e}
	close(l.grown)
	l.grown = make(chan struct{})
}

// After returns at most limit decisions with numbers above id that are still kept, oldest
// first. The caller owns the slice; the Events' ladders are shared and must not be written.
func (l *Log) After(id uint64, limit int) []audit.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id >= l.last {
		return nil
	}
	first := id + 1
	if size := uint64(len(l.ring)); l.last > size && first <= l.last-size {
		first = l.last - size + 1
	}
	var out []audit.Entry
	for n := first; n <= l.last && len(out) < limit; n++ {
		out = append(out, l.ring[n%uint64(len(l.ring))])
	}
	return out
}

// Last returns the number of the newest decision, 0 if there is none.
func (l *Log) Last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Wait returns when there is a decision with a number above id, or ctx's error.
func (l *Log) Wait(ctx context.Context, id uint64) error {
	for {
		l.mu.Lock()
		last, grown := l.last, l.grown
		l.mu.Unlock()
		if last > id {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
