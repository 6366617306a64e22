// Package websession knows who is signed in to the pages: sessions on the server's side, the
// pauses after wrong passwords, and the set-up code of the first boot. It is memory only: a
// restart signs everybody out.
//
// The wall: it checks no passwords and writes no cookies; whoever has done the one asks it for
// what goes into the other. It starts no goroutine. Everything in it is safe for concurrent use.
package websession

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"sort"
	"sync"
	"time"
)

// How long a session lasts.
const (
	Lifetime = 12 * time.Hour   // from sign-in, whatever happens
	Idle     = 30 * time.Minute // without a request
)

// maxSessions bounds how many there are. Who has been idle for longest gives way.
const maxSessions = 64

// tokenBytes are 256 bits.
const tokenBytes = 32

// A Session is somebody who is signed in.
type Session struct {
	ID      string // names it in the list; opens nothing
	Account string // of admins.yaml, or of the first boot
	Source  string // the address it was begun from, as text
	Agent   string // what the browser calls itself, cut short
	Started time.Time
	Seen    time.Time // its last request
}

// Sessions are those of one process. The zero value is not useful; call New.
type Sessions struct {
	now func() time.Time

	mu   sync.Mutex
	live map[[sha256.Size]byte]*Session // by the hash of the token: memory that leaks opens nothing
}

// New returns no sessions. A nil now is time.Now.
func New(now func() time.Time) *Sessions {
	if now == nil {
		now = time.Now
	}
	return &Sessions{now: now, live: map[[sha256.Size]byte]*Session{}}
}

const maxAgent = 200 // bytes

// Start begins a session and returns the token that stands for it: for the cookie, and nowhere
// else.
func (s *Sessions) Start(account, source, agent string) (token string) {
	var secret [tokenBytes]byte
	rand.Read(secret[:]) // never fails
	token = base64.RawURLEncoding.EncodeToString(secret[:])
	key := sha256.Sum256([]byte(token))
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	if len(s.live) >= maxSessions {
		s.dropIdlest()
	}
	s.live[key] = &Session{ID: hex.EncodeToString(key[:8]), Account: account, Source: source,
		Agent: agent[:min(len(agent), maxAgent)], Started: now, Seen: now}
	return token
}

// Find returns the session that token stands for, and counts as a request in it.
func (s *Sessions) Find(token string) (Session, bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return Session{}, false
	}
	key, now := sha256.Sum256([]byte(token)), s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.live[key]
	if !ok {
		return Session{}, false
	}
	if session.over(now) {
		delete(s.live, key)
		return Session{}, false
	}
	session.Seen = now
	return *session, true
}

// Live reports whether the session is still there, without counting as a request: for streams,
// which would keep it alive for ever.
func (s *Sessions) Live(id string) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.live {
		if session.ID == id {
			return !session.over(now)
		}
	}
	return false
}

func (s *Session) over(now time.Time) bool {
	return now.Sub(s.Started) >= Lifetime || now.Sub(s.Seen) >= Idle || now.Before(s.Started)
}

// End ends the session that token stands for, if there is one.
func (s *Sessions) End(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, sha256.Sum256([]byte(token)))
}

// Revoke ends the session with that ID, and reports whether there was one.
func (s *Sessions) Revoke(id string) bool {
	return s.drop(func(session *Session) bool { return session.ID == id }) > 0
}

// EndAll ends every session of an account: its password or its role has changed.
func (s *Sessions) EndAll(account string) {
	s.drop(func(session *Session) bool { return session.Account == account })
}

func (s *Sessions) drop(which func(*Session) bool) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, session := range s.live {
		if which(session) {
			delete(s.live, key)
			n++
		}
	}
	return n
}

// List returns who is signed in, who was there last first.
func (s *Sessions) List() []Session {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	list := make([]Session, 0, len(s.live))
	for _, session := range s.live {
		list = append(list, *session)
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.ID, b.ID)) < 0
	})
	return list
}

func (s *Sessions) sweep(now time.Time) {
	for key, session := range s.live {
		if session.over(now) {
			delete(s.live, key)
		}
	}
}

func (s *Sessions) dropIdlest() {
	var idlest *Session
	var at [sha256.Size]byte
	for key, session := range s.live {
		if idlest == nil || session.Seen.Before(idlest.Seen) {
			idlest, at = session, key
		}
	}
	delete(s.live, at)
}
