package radserver

import (
	"net"
	"net/netip"
	"sync"
)

// A Sent is one packet that a Pipe was given to send.
type Sent struct {
	Packet []byte
	To     netip.AddrPort
	From   netip.Addr
}

// A Pipe is a transport without a network, for virtual time and exact counts.
type Pipe struct {
	in      chan received
	stopped chan struct{}
	once    sync.Once

	mu    sync.Mutex // guards what follows
	sent  []Sent
	piled []received
}

type received struct {
	datagram []byte
	from     origin
}

// NewPipe returns a Pipe.
func NewPipe() *Pipe {
	return &Pipe{in: make(chan received), stopped: make(chan struct{})}
}

// Deliver hands the server a datagram; it returns once the read loop has it.
func (p *Pipe) Deliver(datagram []byte, source netip.AddrPort, local netip.Addr) {
	p.in <- received{datagram, origin{source, local}}
}

// Pile lets datagrams of source wait in the socket. They are noticed with what is delivered
// next.
func (p *Pipe) Pile(source netip.AddrPort, datagrams ...[]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range datagrams {
		p.piled = append(p.piled, received{d, origin{source: source}})
	}
}

func (p *Pipe) waiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.piled) > 0
}

// Left returns how many datagrams wait in the socket.
func (p *Pipe) Left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.piled)
}

// unpile returns the first that waits.
func (p *Pipe) unpile() (r received, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.piled) == 0 {
		return r, false
	}
	r, p.piled = p.piled[0], p.piled[1:]
	return r, true
}

// Sent returns what was sent so far.
func (p *Pipe) Sent() []Sent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Sent(nil), p.sent...)
}

func (p *Pipe) read(buf []byte) (int, netip.AddrPort, netip.Addr, error) {
	if r, ok := p.unpile(); ok {
		return copy(buf, r.datagram), r.from.source, r.from.local, nil
	}
	select {
	case r := <-p.in:
		return copy(buf, r.datagram), r.from.source, r.from.local, nil
	case <-p.stopped:
		return 0, netip.AddrPort{}, netip.Addr{}, net.ErrClosed
	}
}

func (p *Pipe) write(packet []byte, to netip.AddrPort, from netip.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, Sent{append([]byte(nil), packet...), to, from})
	return nil
}

func (p *Pipe) stopReading() error {
	p.once.Do(func() { close(p.stopped) })
	return nil
}

// Close does nothing.
func (p *Pipe) Close() error { return nil }

// NewOver returns a Server over pipe, one cache and no socket.
func NewOver(config Config, pipe *Pipe) *Server {
	return newServer(config.withDefaults(), []transport{pipe})
}

// Handle deals with one datagram, as the read loop does.
func (s *Server) Handle(datagram []byte, source netip.AddrPort) {
	if req := s.receive(s.ports[0], datagram, origin{source: source}); req != nil {
		s.serve(req)
	}
}

// KeepHouse does what is done every second.
func (s *Server) KeepHouse() { s.keepHouse() }

// Sockets returns how many sockets the server has.
func (s *Server) Sockets() int { return len(s.ports) }

// RequestsPerSocket returns how many requests each socket's cache remembers.
func (s *Server) RequestsPerSocket() []int {
	var out []int
	for _, p := range s.ports {
		working, answered, _ := p.cache.size()
		out = append(out, working+answered)
	}
	return out
}

// NewMemoryLearner returns the default MALearner.
func NewMemoryLearner() MALearner { return newMemoryLearner() }

// Bounds that tests need.
const (
	MaxLearnt             = maxLearnt
	MaxUnknown            = maxUnknown
	MaxSamples            = maxSamples
	MaxSamplesPerInterval = maxSamplesPerInterval
	SampleEvery           = sampleEvery
	WorkLife              = workLife
	MaxOngoing            = maxOngoing
	MaxBeginning          = maxBeginning
	MaxReadAhead          = maxReadAhead
	EntryOverhead         = entryOverhead
)
