package radserver

import (
	"cmp"
	"net/netip"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/authcore/radius"
)

const (
	// maxUnknown bounds the unknown sources that are told apart.
	maxUnknown = 256
	// maxWrong bounds the clients whose wrong secrets are told apart.
	maxWrong = 1024
	// maxHeard bounds the clients whose packets are told apart.
	maxHeard = 4096
	// unknownQuiet is how long an unknown source is remembered after its last datagram.
	unknownQuiet = time.Hour
	// unknownStray is how long one is that sent a single datagram, when room is short.
	unknownStray = time.Minute
)

// Stats is what the server has counted since it was made, at one moment. The caller owns it.
type Stats struct {
	Requests     uint64 // Access-Requests handed to the Handler
	StatusServer uint64 // answered; not among Requests and Responses
	Responses    map[radius.Code]uint64
	Discards     map[radius.Why]uint64 // every reason is there, also those of 0
	Duplicates   uint64                // silent: the first copy had no answer yet
	Resent       uint64                // answers sent again
	Superseded   uint64                // answers that nobody waited for any more
	Dropped      uint64                // requests that the Handler left unanswered
	Panics       uint64
	ReadErrors   uint64
	SendErrors   uint64
	EncodeErrors uint64 // answers too long to be sent

	InHand     int // requests without an answer, those delayed among them
	Delayed    int
	Cached     int // answers kept for retransmissions
	CacheBytes int

	UnknownSources []SourceCount // most frequent first
	UnknownOthers  uint64        // datagrams of unknown sources beyond that list
	WrongSecrets   []ClientCount // most frequent first
	Heard          []ClientCount // packets that are believed, by client; in no order
}

// A SourceCount is how many datagrams came from an unknown address.
type SourceCount struct {
	Source netip.Addr
	Count  uint64
	Last   time.Time
}

// A ClientCount is how many packets of a client were believed, or carried a wrong
// Message-Authenticator, which nearly always means that the shared secrets differ.
type ClientCount struct {
	Server, Client string
	Source         netip.Addr // of the last one
	Count          uint64
	Last           time.Time
}

// counters are the server's counts. They are safe for concurrent use.
type counters struct {
	requests, status, duplicates, resent, superseded, dropped atomic.Uint64
	panics, readErrors, sendErrors, encodeErrors              atomic.Uint64

	discards  map[radius.Why]*atomic.Uint64 // the map itself never changes
	responses [256]atomic.Uint64            // by code

	mu       sync.Mutex // guards what follows
	unknowns map[netip.Addr]*SourceCount
	others   uint64
	wrong    map[clientKey]*ClientCount
	heard    map[clientKey]*ClientCount
}

type clientKey struct{ server, client string }

func newCounters() *counters {
	c := &counters{
		discards: make(map[radius.Why]*atomic.Uint64, len(whys)),
		unknowns: make(map[netip.Addr]*SourceCount),
		wrong:    make(map[clientKey]*ClientCount),
		heard:    make(map[clientKey]*ClientCount),
	}
	for why := range whys {
		c.discards[why] = new(atomic.Uint64)
	}
	return c
}

func (c *counters) discard(why radius.Why) {
	if n := c.discards[why]; n != nil {
		n.Add(1)
	}
}

func (c *counters) response(code radius.Code) { c.responses[code].Add(1) }

// unknown counts a datagram of an address that no server lists.
func (c *counters) unknown(source netip.Addr) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.unknowns[source]
	if known == nil {
		if len(c.unknowns) >= maxUnknown {
			c.others++
			return
		}
		known = &SourceCount{Source: source}
		c.unknowns[source] = known
	}
	known.Count++
	known.Last = now
}

// wrongSecret counts a packet of a known client that does not verify.
func (c *counters) wrongSecret(d *dropped) { c.count(c.wrong, maxWrong, d) }

// believed counts a packet of a known client that is taken to be from it.
func (c *counters) believed(d *dropped) { c.count(c.heard, maxHeard, d) }

func (c *counters) count(by map[clientKey]*ClientCount, limit int, d *dropped) {
	key := clientKey{d.server.Name, d.client.Name}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	known := by[key]
	if known == nil {
		if len(by) >= limit {
			return
		}
		known = &ClientCount{Server: key.server, Client: key.client}
		by[key] = known
	}
	known.Count++
	known.Source, known.Last = d.source, now
}

// expire forgets unknown sources that have been quiet for long, and, when room is short,
// those that sent but one datagram: forged addresses seldom come twice.
func (c *counters) expire(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	short := len(c.unknowns) >= maxUnknown
	for source, known := range c.unknowns {
		quiet := now.Sub(known.Last)
		if quiet >= unknownQuiet || short && known.Count == 1 && quiet >= unknownStray {
			c.others += known.Count
			delete(c.unknowns, source)
		}
	}
}

// Stats returns the counts of this moment. It is safe for concurrent use.
func (s *Server) Stats() Stats {
	c := s.counters
	st := Stats{
		Requests: c.requests.Load(), StatusServer: c.status.Load(),
		Duplicates: c.duplicates.Load(), Resent: c.resent.Load(),
		Superseded: c.superseded.Load(), Dropped: c.dropped.Load(),
		Panics: c.panics.Load(), ReadErrors: c.readErrors.Load(),
		SendErrors: c.sendErrors.Load(), EncodeErrors: c.encodeErrors.Load(),
		Responses: make(map[radius.Code]uint64), Delayed: s.delays.len(),
		Discards: make(map[radius.Why]uint64, len(c.discards)),
	}
	for code := range c.responses {
		if n := c.responses[code].Load(); n > 0 {
			st.Responses[radius.Code(code)] = n
		}
	}
	for why, n := range c.discards {
		st.Discards[why] = n.Load()
	}
	for _, p := range s.ports {
		working, answered, bytes := p.cache.size()
		st.InHand += working
		st.Cached += answered
		st.CacheBytes += bytes
	}
	c.lists(&st)
	return st
}

// lists fills in the counts by source and by client.
func (c *counters) lists(st *Stats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st.UnknownOthers = c.others
	for _, known := range c.unknowns {
		st.UnknownSources = append(st.UnknownSources, *known)
	}
	for _, known := range c.wrong {
		st.WrongSecrets = append(st.WrongSecrets, *known)
	}
	for _, known := range c.heard {
		st.Heard = append(st.Heard, *known)
	}
	sort.Slice(st.UnknownSources, func(i, j int) bool {
		a, b := &st.UnknownSources[i], &st.UnknownSources[j]
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.Source.Compare(b.Source)) < 0
	})
	sort.Slice(st.WrongSecrets, func(i, j int) bool {
		a, b := &st.WrongSecrets[i], &st.WrongSecrets[j]
		return cmp.Or(cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.Server, b.Server), cmp.Compare(a.Client, b.Client)) < 0
	})
}
