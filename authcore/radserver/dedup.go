package radserver

import (
	"net/netip"
	"sync"
	"time"
)

// A verdict is what the cache makes of a request.
type verdict int

const (
	fresh     verdict = iota // new, or in place of an abandoned one
	duplicate                // its first copy is in hand or its answer is being delayed: silent
	answered                 // send the same bytes again
	full                     // no room
)

// A dedupCache remembers requests and their answers, so that a retransmission neither takes a
// second step nor stays unanswered (RFC 5080 §2.2.2).
//
//	admit ─▶ in hand ──answer──▶ answered ──replyLife──▶ forgotten
//	            │ ▲
//	          delay│ due, then answer          forget, workLife ──▶ forgotten
//	            ▼ │                            same key, other authenticator ──▶ superseded
//	         delayed
type dedupCache struct {
	config cacheConfig

	mu       sync.Mutex // guards what follows
	entries  map[entryKey]*entry
	working  entryList // in hand or delayed; oldest first
	answered entryList // oldest first
	bytes    int
}

type cacheConfig struct {
	entries   int
	bytes     int
	replyLife time.Duration
	delays    *delayQueue // locked inside mu
	released  func()      // called whenever a request leaves the working list
}

// An entryKey is what a NAS repeats in a retransmission, but for the authenticator. It holds
// our own address because a NAS may use one port towards two of ours.
type entryKey struct {
	source     netip.AddrPort
	local      netip.Addr
	identifier uint8
}

// An entry is one request that was admitted. It is on exactly one list.
type entry struct {
	key           entryKey
	authenticator [16]byte
	request       *Request // nil once answered
	delayed       *delayed // its answer, while that waits
	reply         []byte   // once answered; immutable
	expires       time.Time
	size          int
	list          *entryList
	prev, next    *entry
}

// entryOverhead is roughly what an entry costs besides its packet, in bytes.
const entryOverhead = 512

func newDedupCache(config cacheConfig) *dedupCache {
	return &dedupCache{config: config, entries: make(map[entryKey]*entry)}
}

// admit takes a request in hand, or says what it duplicates. The reply of an answered one
// must not be changed.
func (c *dedupCache) admit(r *Request, now time.Time) (verdict, []byte) {
	key := entryKey{r.from.source, r.from.local, r.Packet.Identifier}
	size := entryOverhead + len(r.Packet.Attributes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expireLocked(now)
	if e := c.entries[key]; e != nil {
		if e.authenticator == r.Packet.Authenticator {
			if e.request != nil {
				return duplicate, nil
			}
			return answered, e.reply
		}
		c.removeLocked(e) // abandoned: the NAS has gone on (RFC 5080 §2.2.2)
	}
	for len(c.entries) >= c.config.entries || c.bytes+size > c.config.bytes {
		if c.answered.first == nil {
			return full, nil
		}
		c.removeLocked(c.answered.first)
	}
	e := &entry{
		key: key, authenticator: r.Packet.Authenticator, request: r,
		expires: now.Add(workLife), size: size,
	}
	r.entry = e
	c.entries[key] = e
	c.bytes += size
	c.working.push(e)
	return fresh, nil
}

// current reports whether r is still the request to answer.
func (c *dedupCache) current(r *Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.currentLocked(r)
}

func (c *dedupCache) currentLocked(r *Request) bool {
	return r.entry != nil && r.entry.request == r
}

// delay keeps the answer of a request until it is due; false if the request is not to be
// answered any more.
func (c *dedupCache) delay(d *delayed) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.currentLocked(d.request) {
		return false
	}
	d.request.entry.delayed = d
	c.config.delays.push(d)
	return true
}

// answer remembers the answer of r for retransmissions; false if r is not to be answered any
// more.
func (c *dedupCache) answer(r *Request, reply []byte, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.currentLocked(r) {
		return false
	}
	e := r.entry
	c.working.remove(e)
	e.request, e.delayed, e.reply = nil, nil, reply
	c.bytes -= e.size
	e.size = entryOverhead + len(reply)
	c.bytes += e.size
	e.expires = now.Add(c.config.replyLife)
	c.answered.push(e)
	for c.bytes > c.config.bytes && c.answered.first != e {
		c.removeLocked(c.answered.first)
	}
	c.config.released()
	return true
}

// forget makes a retransmission of r a new request.
func (c *dedupCache) forget(r *Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.currentLocked(r) {
		c.removeLocked(r.entry)
	}
}

// expire forgets what is too old at now.
func (c *dedupCache) expire(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expireLocked(now)
}

// expireLocked looks at the heads of both lists only: each list is in order of expiry.
func (c *dedupCache) expireLocked(now time.Time) {
	for _, list := range [...]*entryList{&c.working, &c.answered} {
		for list.first != nil && !now.Before(list.first.expires) {
			c.removeLocked(list.first)
		}
	}
}

func (c *dedupCache) removeLocked(e *entry) {
	if e.delayed != nil {
		c.config.delays.cancel(e.delayed)
	}
	inHand := e.request != nil
	e.request, e.delayed = nil, nil
	e.list.remove(e)
	delete(c.entries, e.key)
	c.bytes -= e.size
	if inHand {
		c.config.released()
	}
}

// size returns how many requests wait for their answer, how many answers are kept, and the
// bytes that all of it is counted as.
func (c *dedupCache) size() (working, answered, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.working.n, c.answered.n, c.bytes
}

// An entryList is a doubly linked list of entries.
type entryList struct {
	first, last *entry
	n           int
}

func (l *entryList) push(e *entry) {
	e.list, e.prev, e.next = l, l.last, nil
	if l.last == nil {
		l.first = e
	} else {
		l.last.next = e
	}
	l.last = e
	l.n++
}

func (l *entryList) remove(e *entry) {
	if e.prev == nil {
		l.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.list, e.prev, e.next = nil, nil, nil
	l.n--
}
