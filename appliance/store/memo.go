package store

import (
	"sync"

	"gatehouse/authcore/identity"
)

// A memoKey is a look-up.
type memoKey struct {
	space identity.Space
	key   string
}

// memoBase is what a remembered answer costs besides its strings, about, in bytes.
const memoBase = 320

// A memo remembers answers, those that nobody has a name too, in two halves: when the young
// half is full it becomes the old one, and what the old one still held is forgotten unless it
// was asked for meanwhile. A hit in the young half takes a read lock and allocates nothing.
type memo struct {
	entries, bytes int // bounds of one half

	mu         sync.RWMutex // guards everything below
	young, old map[memoKey]*identity.User
	held       int // bytes of young
}

// newMemo returns a memo of at most so many entries and about so many bytes.
func newMemo(entries, bytes int) *memo {
	return &memo{entries: max(entries/2, 1), bytes: bytes / 2}
}

// get returns a remembered answer: nil and true when nobody has that name.
func (m *memo) get(k memoKey) (u *identity.User, ok bool) {
	m.mu.RLock()
	u, ok = m.young[k]
	stale := false
	if !ok {
		u, stale = m.old[k]
	}
	m.mu.RUnlock()
	if stale {
		m.put(k, u)
	}
	return u, ok || stale
}

// put remembers an answer.
func (m *memo) put(k memoKey, u *identity.User) {
	cost := memoCost(k, u)
	if cost > m.bytes {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.young[k]; ok {
		return // the same answer: one memo speaks of one generation
	}
	if len(m.young) >= m.entries || m.held+cost > m.bytes {
		m.young, m.old, m.held = nil, m.young, 0
	}
	if m.young == nil {
		m.young = make(map[memoKey]*identity.User)
	}
	m.young[k] = u
	m.held += cost
}

// memoCost estimates what remembering u under k keeps alive. A user found by two names is
// counted twice.
func memoCost(k memoKey, u *identity.User) int {
	n := memoBase + len(k.key)
	if u == nil {
		return n
	}
	n += len(u.Username) + len(u.Email) + len(u.Name) + len(u.VLAN) +
		2*(len(u.Password)+len(u.NTHash)+len(u.TOTP)) + 16*(len(u.Groups)+len(u.Aliases))
	for _, list := range [][]string{u.Groups, u.Aliases} {
		for _, s := range list {
			n += len(s)
		}
	}
	return n
}
