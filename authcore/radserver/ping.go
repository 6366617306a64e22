package radserver

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	// pingLength is the length of a ping, in octets: no RADIUS packet is that short, so what
	// is one costs the others a comparison of lengths.
	pingLength = 16
	// pingPause is how long a ping that nobody has taken in is waited for before the next.
	pingPause = 50 * time.Millisecond
	// pingsPerLoop is how many are sent at a time for each of several loops: the kernel chooses
	// which loop gets one.
	pingsPerLoop = 4
)

// ErrNoAnswer means that a read loop takes nothing in that is sent to its address.
var ErrNoAnswer = errors.New("datagrams do not arrive")

// pings tells a Server's own datagrams from those of strangers.
type pings struct {
	token [pingLength]byte
	taken chan struct{} // a port counted one
}

func newPings() *pings {
	p := &pings{taken: make(chan struct{}, 1)}
	rand.Read(p.token[:])
	return p
}

// take counts datagram, which came to port, if it is one of ours.
func (p *pings) take(to *port, datagram []byte) bool {
	if !hmac.Equal(datagram, p.token[:]) {
		return false
	}
	to.pings.Add(1)
	select {
	case p.taken <- struct{}{}:
	default: // it was said, and nobody listened yet
	}
	return true
}

// Ping returns nil as soon as every read loop has taken in a datagram that was sent to the
// server's own address by way of the kernel, and an error that wraps ErrNoAnswer if ctx ends
// before. It is for the program itself: the datagrams are neither counted nor answered. It is
// safe for concurrent use.
func (s *Server) Ping(ctx context.Context) error {
	addr := s.Addr()
	targets := pingTargets(addr)
	if len(targets) == 0 {
		return fmt.Errorf("pinging the RADIUS port: %w: it has no address", ErrNoAnswer)
	}
	before := make([]uint64, len(s.ports))
	for i, p := range s.ports {
		before[i] = p.pings.Load()
	}
	count := len(s.ports)
	if count > 1 {
		count *= pingsPerLoop
	}
	for try := 0; ; try++ {
		err := s.sendPings(ctx, targets[try%len(targets)], count)
		deaf := s.awaitPings(ctx, before)
		if deaf == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return pingError(addr, deaf, len(s.ports), errors.Join(err, ctx.Err()))
		}
	}
}

func pingError(addr netip.AddrPort, deaf, loops int, cause error) error {
	return fmt.Errorf("pinging the RADIUS port %v: %w at %d of %d read loops: %w",
		addr, ErrNoAnswer, deaf, loops, cause)
}

// pingTargets returns where a socket bound to addr is reached from this machine.
func pingTargets(addr netip.AddrPort) []netip.AddrPort {
	loopback4 := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	switch ip := addr.Addr().Unmap(); {
	case !ip.IsValid():
		return nil
	case !ip.IsUnspecified():
		return []netip.AddrPort{netip.AddrPortFrom(ip, addr.Port())}
	case ip.Is4():
		return []netip.AddrPort{netip.AddrPortFrom(loopback4, addr.Port())}
	}
	return []netip.AddrPort{ // it hears both families, of which one may be off
		netip.AddrPortFrom(netip.IPv6Loopback(), addr.Port()),
		netip.AddrPortFrom(loopback4, addr.Port()),
	}
}

// sendPings sends each ping from a socket of its own: the kernel chooses the loop by the source.
func (s *Server) sendPings(ctx context.Context, target netip.AddrPort, count int) error {
	var dialer net.Dialer
	for range count {
		conn, err := dialer.DialContext(ctx, "udp", target.String())
		if err != nil {
			return err
		}
		_, err = conn.Write(s.pings.token[:])
		if err := errors.Join(err, conn.Close()); err != nil {
			return err
		}
	}
	return nil
}

// awaitPings waits for as long as a ping may take, and returns how many loops have taken none
// in.
func (s *Server) awaitPings(ctx context.Context, before []uint64) (deaf int) {
	pause := time.NewTimer(pingPause)
	defer pause.Stop()
	for {
		deaf = len(s.ports)
		for i, p := range s.ports {
			if p.pings.Load() != before[i] {
				deaf--
			}
		}
		if deaf == 0 {
			return 0
		}
		select {
		case <-s.pings.taken:
		case <-pause.C:
			return deaf
		case <-ctx.Done():
			return deaf
		}
	}
}
