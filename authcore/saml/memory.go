package saml

import (
	"crypto/sha256"
	"sync"
	"time"
)

// requestMemory is how long an answered request is remembered: as long as it could be presented
// again, see maxRequestAge.
const requestMemory = maxRequestAge + maxRequestAhead

// DefaultMemory is how many requests a RequestMemory holds unless told otherwise: 50 sign-ins a
// second for 10 minutes, in some 3 MB.
const DefaultMemory = 32768

// A RequestMemory remembers for 10 minutes which requests were answered with an assertion, so
// that none is answered twice. Only those whose sender signed in get into it, so strangers
// cannot fill it; when it is full the oldest makes room, which costs nothing but this second
// line: a service provider believes one answer to a request. It is safe for concurrent use.
// The zero value is ready and holds DefaultMemory requests.
type RequestMemory struct {
	Max int // requests; set before use; zero: DefaultMemory

	mu    sync.Mutex // guards what follows
	seen  map[requestKey]struct{}
	queue []remembered // by time of arrival, from head
	head  int
}

// A requestKey stands for entity ID and request ID: of a fixed size, whatever strangers send.
type requestKey [16]byte

type remembered struct {
	key requestKey
	at  time.Time
}

// Use remembers a request of the service provider, and reports false if it was used before.
func (m *RequestMemory) Use(entityID, id string, now time.Time) bool {
	sum := sha256.Sum256([]byte(entityID + "\x00" + id)) // XML has no NUL
	key := requestKey(sum[:16])
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expireLocked(now)
	if _, used := m.seen[key]; used {
		return false
	}
	if m.seen == nil {
		m.seen = map[requestKey]struct{}{}
	}
	m.seen[key] = struct{}{}
	m.queue = append(m.queue, remembered{key, now})
	return true
}

// Len returns how many requests are remembered.
func (m *RequestMemory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.seen)
}

// expireLocked drops what is too old, and one more if there is no room. A clock that was set
// back makes entries stay longer, never shorter than it is right by.
func (m *RequestMemory) expireLocked(now time.Time) {
	limit := m.Max
	if limit <= 0 {
		limit = DefaultMemory
	}
	for m.head < len(m.queue) {
		oldest := m.queue[m.head]
		if now.Sub(oldest.at) <= requestMemory && len(m.seen) < limit {
			break
		}
		delete(m.seen, oldest.key)
		m.head++
	}
	switch {
	case m.head == len(m.queue):
		m.seen, m.queue, m.head = nil, nil, 0 // give the memory of a busy morning back
	case m.head > len(m.queue)/2:
		m.queue = append(m.queue[:0], m.queue[m.head:]...)
		m.head = 0
	}
}
