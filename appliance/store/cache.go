package store

import (
	"sync"

	"gatehouse/authcore/identity"
)

// A cacheKey is a look-up.
type cacheKey struct {
	space identity.Space
	key   string
}

// cacheBase is what a cached answer costs besides its strings, about, in bytes.
const cacheBase = 320

// A cache remembers answers, those that nobody has a name too, in two halves: when the young
// half is full it becomes the old one, and what the old one still held is forgotten unless it
// was asked for meanwhile. A hit in the young half takes a read lock and allocates nothing.
type cache struct {
	entries, bytes int // bounds of one half

	mu         sync.RWMutex // guards everything below
	young, old map[cacheKey]*identity.User
	held       int // bytes of young
}

// newCache returns a cache of at most so many entries and about so many bytes.
func newCache(entries, bytes int) *cache {
	return &cache{entries: max(entries/2, 1), bytes: bytes / 2}
}

// get returns a remembered answer: nil and true when nobody has that name.
func (c *cache) get(k cacheKey) (u *identity.User, ok bool) {
	c.mu.RLock()
	u, ok = c.young[k]
	stale := false
	if !ok {
		u, stale = c.old[k]
	}
	c.mu.RUnlock()
	if stale {
		c.put(k, u)
	}
	return u, ok || stale
}

// put remembers an answer.
func (c *cache) put(k cacheKey, u *identity.User) {
	cost := cacheCost(k, u)
	if cost > c.bytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.young[k]; ok {
		return // the same answer: one cache speaks of one generation
	}
	if len(c.young) >= c.entries || c.held+cost > c.bytes {
		c.young, c.old, c.held = nil, c.young, 0
	}
	if c.young == nil {
		c.young = make(map[cacheKey]*identity.User)
	}
	c.young[k] = u
	c.held += cost
}

// cacheCost estimates what remembering u under k keeps alive. A user found by two names is
// counted twice.
func cacheCost(k cacheKey, u *identity.User) int {
	n := cacheBase + len(k.key)
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
