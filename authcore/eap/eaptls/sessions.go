package eaptls

import (
	"container/list"
	"crypto/rand"
	"crypto/tls"
	"sync"
	"time"
)

const (
	// DefaultSessions is how many resumable sessions are kept. One takes about 2 KiB, most of
	// it the peer's certificates.
	DefaultSessions = 4096
	// maxSessionState bounds one session, in octets; a peer with a longer chain makes full
	// handshakes.
	maxSessionState = 16 << 10
	handleLen       = 16
)

// A handle is all that the peer gets as ticket: it means nothing outside of the memory here.
type handle [handleLen]byte

// A Binding is what a session may be resumed under: whatever of the configuration decides
// about trust, as a hash. Another Binding makes a full handshake.
type Binding [32]byte

// Sessions is the memory of resumable TLS sessions of all conversations. A session counts from
// the moment its conversation has succeeded, once, until its time is up. The memory is bounded,
// the oldest goes first, and is lost with the process. It is safe for concurrent use.
type Sessions struct {
	limit int

	mu      sync.Mutex // guards what follows
	entries map[handle]*list.Element
	order   *list.List // of *session, oldest first
}

// A session is what one conversation leaves for the next. It is not changed once it is kept.
type session struct {
	handle  handle
	state   []byte // of crypto/tls, with the peer's certificates
	binding Binding
	expires time.Time
	master  [masterLen]byte // of TLS 1.2; crypto/tls does not hand it out again
}

// NewSessions returns a memory of limit sessions; zero: DefaultSessions.
func NewSessions(limit int) *Sessions {
	if limit <= 0 {
		limit = DefaultSessions
	}
	return &Sessions{limit: limit, entries: make(map[handle]*list.Element), order: list.New()}
}

// Len returns how many sessions are kept.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}

// Expire forgets the sessions whose time is up at now.
func (s *Sessions) Expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for element := s.order.Front(); element != nil; {
		next := element.Next()
		if !now.Before(element.Value.(*session).expires) {
			s.removeLocked(element)
		}
		element = next
	}
}

// keep makes ss resumable.
func (s *Sessions) keep(ss *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[ss.handle] = s.order.PushBack(ss)
	for len(s.entries) > s.limit {
		s.removeLocked(s.order.Front())
	}
}

// find returns the session of a ticket that may be resumed under binding at now, or nil. It
// stays in the memory: the peer has yet to prove that it is its own.
func (s *Sessions) find(ticket []byte, binding Binding, now time.Time) *session {
	if len(ticket) != handleLen {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	element := s.entries[handle(ticket)]
	if element == nil {
		return nil
	}
	ss := element.Value.(*session)
	if ss.binding != binding || !now.Before(ss.expires) {
		return nil
	}
	return ss
}

// forget removes a session.
func (s *Sessions) forget(ss *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if element := s.entries[ss.handle]; element != nil {
		s.removeLocked(element)
	}
}

func (s *Sessions) removeLocked(element *list.Element) {
	ss := s.order.Remove(element).(*session)
	delete(s.entries, ss.handle)
}

// resumption is the part of one conversation in the session memory.
type resumption struct {
	sessions *Sessions // nil: no resumption
	binding  Binding
	lifetime time.Duration
	now      func() time.Time
	secrets  *masterLog

	found   *session // by the ticket that the peer showed; used only if the TLS library says so
	offered *session // made for the ticket that the peer was given; kept once it succeeds
}

// configure switches tickets on or off.
func (r *resumption) configure(c *tls.Config) {
	if r.sessions == nil || r.lifetime <= 0 {
		c.SessionTicketsDisabled = true
		return
	}
	c.WrapSession, c.UnwrapSession = r.wrap, r.unwrap
}

// wrap makes a ticket. It runs before the conversation has succeeded, so nothing is kept yet.
func (r *resumption) wrap(cs tls.ConnectionState, state *tls.SessionState) ([]byte, error) {
	encoded, err := state.Bytes()
	if err != nil {
		return nil, err
	}
	ss := &session{state: encoded, binding: r.binding, expires: r.now().Add(r.lifetime)}
	rand.Read(ss.handle[:])
	switch {
	case cs.DidResume && r.found != nil:
		// What was proved by a signature is not made younger by resuming it.
		ss.expires, ss.master = r.found.expires, r.found.master
	case r.secrets.seen:
		ss.master = r.secrets.master
	}
	r.offered = ss
	return ss.handle[:], nil
}

// unwrap finds the session of a ticket. It runs before the peer has proved anything.
func (r *resumption) unwrap(ticket []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
	ss := r.sessions.find(ticket, r.binding, r.now())
	if ss == nil {
		return nil, nil
	}
	state, err := tls.ParseSessionState(ss.state)
	if err != nil {
		return nil, nil // a full handshake mends it
	}
	r.found = ss
	return state, nil
}

// commit keeps the session of a conversation that has succeeded, in place of the one that it
// resumed: a ticket is good for once.
func (r *resumption) commit(resumed bool) {
	if r.sessions == nil {
		return
	}
	if resumed && r.found != nil {
		r.sessions.forget(r.found)
	}
	if r.offered != nil && len(r.offered.state) <= maxSessionState {
		r.sessions.keep(r.offered)
	}
	r.found, r.offered = nil, nil
}

// refuse forgets the session that a refused conversation tried to resume.
func (r *resumption) refuse() {
	if r.found != nil {
		r.sessions.forget(r.found)
	}
}
