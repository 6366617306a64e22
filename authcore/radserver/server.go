// Package radserver carries RADIUS over UDP: it finds the client and RADIUS server of each
// datagram, drops what is malformed, unknown or unauthenticated, answers Status-Server
// (RFC 5997), re-answers duplicates (RFC 5080 §2.2.2), holds delayed rejects back, and hands
// every other Access-Request to a Handler exactly once.
//
// One loop a socket handles each packet itself and never waits; a Handler that must wait
// answers later, from any goroutine. A loop that cannot keep up serves what is under way before
// what begins. Run owns all goroutines: the loops and one that keeps
// the delayed answers. What a stranger can make it remember is bounded.
//
// It knows neither EAP methods nor the configuration beyond the table of clients, and opens
// nothing but its sockets.
package radserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

// Defaults of Config.
const (
	// DefaultCacheEntries bounds the requests remembered: in hand, delayed and answered.
	DefaultCacheEntries = 16384
	// DefaultCacheBytes bounds the bytes of those requests and answers.
	DefaultCacheBytes = 16 << 20
	// DefaultReplyLife is how long an answer is kept for retransmissions; RFC 5080 §2.2.2
	// recommends 5 to 30 s.
	DefaultReplyLife = 10 * time.Second
	// DefaultDrain is how long Run lets answers in hand go after its context ended.
	DefaultDrain = 5 * time.Second
)

const (
	// maxSockets bounds the sockets that share the port.
	maxSockets = 4
	// workLife is how long a request without an answer is remembered.
	workLife = 30 * time.Second
	// maxDelay bounds the delay of an answer: no NAS waits longer.
	maxDelay = 10 * time.Second
	// housekeeping is how often expired answers are forgotten and sampled discards told.
	housekeeping = time.Second
	// readErrorPause keeps a broken socket from spinning.
	readErrorPause = 20 * time.Millisecond
)

// A Handler answers Access-Requests. ServeRADIUS runs in the read loop and must not wait; it
// calls Respond, Drop or Postpone once, then or later, from any goroutine.
type Handler interface {
	ServeRADIUS(*Request)
}

// Config is what a Server needs. Address, Clients, Handler, Sink and Logger are required.
type Config struct {
	// Address is where to listen: ":1812" for IPv4 and IPv6, or an address and port.
	Address string
	// Clients returns the table in force; nil: nothing is configured yet, stay silent. It is
	// called for each datagram.
	Clients func() *policy.Clients
	Handler Handler
	Sink    audit.Sink // gets sampled discards
	Logger  *slog.Logger
	// Now stamps Events and Requests; nil: time.Now. Nothing is timed by it.
	Now func() time.Time
	// Learner remembers who sends Message-Authenticator; nil: in memory.
	Learner MALearner

	Sockets      int           // that share the port; zero: a core each, at most 4
	CacheEntries int           // zero: DefaultCacheEntries
	CacheBytes   int           // zero: DefaultCacheBytes
	ReplyLife    time.Duration // zero: DefaultReplyLife
	Drain        time.Duration // zero: DefaultDrain
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Learner == nil {
		c.Learner = newMemoryLearner()
	}
	if c.Sockets <= 0 {
		c.Sockets = min(runtime.GOMAXPROCS(0), maxSockets)
	}
	if c.CacheEntries <= 0 {
		c.CacheEntries = DefaultCacheEntries
	}
	if c.CacheBytes <= 0 {
		c.CacheBytes = DefaultCacheBytes
	}
	if c.ReplyLife <= 0 {
		c.ReplyLife = DefaultReplyLife
	}
	if c.Drain <= 0 {
		c.Drain = DefaultDrain
	}
	return c
}

// A Server is one RADIUS authentication port. Make one with New.
type Server struct {
	config   Config
	ports    []*port
	delays   *delayQueue
	counters *counters
	sampler  *sampler
	draining atomic.Bool
	released chan struct{} // a request left the hand while draining
	pings    *pings
}

// A transport receives and sends datagrams. local is the address of ours that a datagram
// came to and its answer leaves from; the zero Addr where that is unknown.
type transport interface {
	// waiting reports whether read would return a datagram at once. It may fail to.
	waiting() bool
	read(buf []byte) (n int, source netip.AddrPort, local netip.Addr, err error)
	write(packet []byte, source netip.AddrPort, local netip.Addr) error
	stopReading() error
	Close() error
}

// A port is one socket with what it remembers. The kernel always hands a source address and
// port to the same socket, so duplicates meet in one cache.
type port struct {
	transport
	cache   *dedupCache
	backlog *backlog // the read loop's
	pings   atomic.Uint64
}

// New binds the sockets. It starts nothing: call Run, or Close to give them back. A port in
// use is found by errors.Is(err, syscall.EADDRINUSE).
func New(config Config) (*Server, error) {
	config = config.withDefaults()
	sockets, err := listen(config.Address, config.Sockets)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", config.Address, err)
	}
	transports := make([]transport, len(sockets))
	for i, s := range sockets {
		transports[i] = s
	}
	return newServer(config, transports), nil
}

// newServer is New over transports at hand; config has its defaults.
func newServer(config Config, transports []transport) *Server {
	s := &Server{
		config: config, delays: newDelayQueue(), counters: newCounters(),
		sampler: newSampler(), released: make(chan struct{}, 1), pings: newPings(),
	}
	for _, t := range transports {
		s.ports = append(s.ports, &port{transport: t, cache: newDedupCache(cacheConfig{
			entries:   max(config.CacheEntries/len(transports), 1),
			bytes:     config.CacheBytes / len(transports),
			replyLife: config.ReplyLife,
			delays:    s.delays,
			released:  s.release,
		}), backlog: newBacklog()})
	}
	return s
}

// Addr returns the address and port that the server listens on.
func (s *Server) Addr() netip.AddrPort {
	if u, ok := s.ports[0].transport.(*socket); ok {
		return u.addr()
	}
	return netip.AddrPort{}
}

// Close gives the sockets back. Run does so itself.
func (s *Server) Close() error {
	var errs []error
	for _, p := range s.ports {
		if err := p.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Run reads and answers until ctx ends, then lets the answers in hand go for at most
// Config.Drain, closes the sockets and returns nil. It may be called once. An error means that
// a socket broke.
func (s *Server) Run(ctx context.Context) error {
	loops, stop := context.WithCancel(ctx)
	defer stop()
	keeper, stopKeeper := context.WithCancel(context.WithoutCancel(ctx))
	defer stopKeeper()

	var readers, keepers sync.WaitGroup
	broken := make(chan error, len(s.ports))
	for _, p := range s.ports {
		readers.Go(func() {
			if err := s.readLoop(loops, p); err != nil {
				broken <- err
			}
		})
	}
	keepers.Go(func() { s.keepLoop(keeper) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-broken:
	}
	stop()
	for _, p := range s.ports {
		err = errors.Join(err, p.stopReading())
	}
	readers.Wait()
	s.drain()
	stopKeeper()
	keepers.Wait()
	return errors.Join(err, s.Close())
}

// keepLoop sends delayed answers when they are due and forgets what has expired.
func (s *Server) keepLoop(ctx context.Context) {
	ticker := time.NewTicker(housekeeping)
	defer ticker.Stop()
	s.delays.run(ctx, ticker.C, func(d *delayed) { s.send(d.request, d.response) }, s.keepHouse)
}

// keepHouse forgets what has expired and tells how much was discarded meanwhile.
func (s *Server) keepHouse() {
	now := time.Now()
	for _, p := range s.ports {
		p.cache.expire(now)
	}
	s.counters.expire(now)
	for _, d := range s.sampler.flush(now) {
		s.config.Sink.Record(d.event(s.config.Now()))
	}
}

// drain waits until no request is in hand any more, at most Config.Drain.
func (s *Server) drain() {
	timeout := time.NewTimer(s.config.Drain)
	defer timeout.Stop()
	s.draining.Store(true)
	for s.inHand() > 0 {
		select {
		case <-s.released:
		case <-timeout.C:
			return
		}
	}
}

// release tells drain that a request left the hand.
func (s *Server) release() {
	if !s.draining.Load() {
		return
	}
	select {
	case s.released <- struct{}{}:
	default:
	}
}

func (s *Server) inHand() int {
	n := 0
	for _, p := range s.ports {
		working, _, _ := p.cache.size()
		n += working
	}
	return n
}
