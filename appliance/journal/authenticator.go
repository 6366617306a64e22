package journal

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of learning.
const (
	maxLearnt  = 16384       // addresses; forgetting one would open the door again
	retryLearn = time.Minute // after the journal could not be written
)

// A MessageAuthenticator remembers the addresses that are able to send Message-Authenticator in
// requests without EAP. Learn counts at once and never waits; Run writes what was learnt. Once
// it is full it learns no more. It is safe for concurrent use.
type MessageAuthenticator struct {
	journal *Journal
	now     func() time.Time
	wake    chan struct{}

	mu     sync.RWMutex // guards what follows
	learnt map[netip.Addr]struct{}
	queue  []netip.Addr // not on the disk yet
}

// NewMessageAuthenticator returns what j remembers. Run must be running for more to be written.
func NewMessageAuthenticator(j *Journal, now func() time.Time) *MessageAuthenticator {
	m := &MessageAuthenticator{journal: j, now: now, wake: make(chan struct{}, 1),
		learnt: map[netip.Addr]struct{}{}}
	for r := range j.Each(MessageAuthenticated) {
		if addr, err := netip.ParseAddr(r.Key); err == nil && len(m.learnt) < maxLearnt {
			m.learnt[addr] = struct{}{}
		}
	}
	return m
}

// Learnt reports whether addr was learnt.
func (m *MessageAuthenticator) Learnt(addr netip.Addr) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, ok := m.learnt[addr]
	return ok
}

// Learn remembers addr.
func (m *MessageAuthenticator) Learn(addr netip.Addr) {
	if m.Learnt(addr) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.learnt[addr]; ok || len(m.learnt) >= maxLearnt || !addr.IsValid() {
		return
	}
	m.learnt[addr] = struct{}{}
	m.queue = append(m.queue, addr) // bounded by learnt
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Run writes what is learnt until ctx ends, and what is left then. It returns nil: what cannot
// be written is tried again.
func (m *MessageAuthenticator) Run(ctx context.Context) error {
	for {
		var again <-chan time.Time
		if !m.flush(context.WithoutCancel(ctx)) {
			again = time.After(retryLearn)
		}
		select {
		case <-ctx.Done():
			m.flush(context.WithoutCancel(ctx))
			return nil
		case <-m.wake:
		case <-again:
		}
	}
}

// flush writes what is queued, and reports whether nothing is left.
func (m *MessageAuthenticator) flush(ctx context.Context) bool {
	for {
		m.mu.RLock()
		var addr netip.Addr
		if len(m.queue) > 0 {
			addr = m.queue[0]
		}
		m.mu.RUnlock()
		if !addr.IsValid() {
			return true
		}
		r := Record{Kind: MessageAuthenticated, Key: addr.String(), Time: m.now()}
		err := m.journal.Append(ctx, r)
		if err != nil {
			m.journal.cfg.Logger.Warn("learnt address not written", "client", addr, "err", err)
			return false
		}
		m.mu.Lock()
		m.queue = slices.Delete(m.queue, 0, 1)
		m.mu.Unlock()
	}
}
