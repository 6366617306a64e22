package revocation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// ErrAddressRefused is in the chain of a FetchError when an address was not asked because it
// is loopback, link-local, multicast, unspecified or our own.
var ErrAddressRefused = errors.New("address refused")

const (
	// dialTimeout bounds one connection, also when its asker has long given up.
	dialTimeout = 5 * time.Second
	// ownFresh is how long a list of our own addresses is believed.
	ownFresh = time.Minute
)

var (
	thisNetwork    = netip.MustParsePrefix("0.0.0.0/8")         // RFC 1122 §3.2.1.3
	broadcast      = netip.MustParseAddr("255.255.255.255")     // RFC 919 §7
	ipv4Compatible = netip.MustParsePrefix("::/96")             // RFC 4291 §2.5.5.1
	ipv4Translated = netip.MustParsePrefix("64:ff9b::/96")      // RFC 6052 §2.1
	sixToFour      = netip.MustParsePrefix("2002::/16")         // RFC 3056 §2
	ipv4Mapped     = netip.MustParsePrefix("::ffff:0.0.0.0/96") // RFC 4291 §2.5.5.2
)

// A guard refuses connections to addresses that only somebody who means harm, or an
// administrator who names them, would have us ask. Addresses of responders come from
// certificates, and a name may resolve to anything: so it looks at the address that is being
// connected to, after resolution, once for every connection.
//
// Private addresses (RFC 1918, RFC 4193) are not refused: that is where companies' CAs live.
type guard struct {
	allow []netip.Prefix // canonical, see canonicalPrefixes
	own   *ownAddresses
}

// dial connects like net.Dialer, but never to a refused address.
func (g guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, Control: g.control}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := g.checkConn(conn); err != nil {
		_ = conn.Close() // nothing was sent; what stopped us says more
		return nil, err
	}
	return conn, nil
}

// control is called with each resolved address before it is connected to.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: not an IP address", ErrAddressRefused)
	}
	return g.check(ap.Addr())
}

// checkConn refuses a connection from an address to itself. It makes up for a list of our own
// addresses that is a minute old or could not be read: the kernel gives a connection to one of
// our addresses that same address as its source.
func (g guard) checkConn(conn net.Conn) error {
	local, remote := connAddr(conn.LocalAddr()), connAddr(conn.RemoteAddr())
	if remote.IsValid() && local == remote && !g.allowed(remote) {
		return refusal(remote, "our own")
	}
	return nil
}

func connAddr(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return plainAddr(tcp.AddrPort().Addr())
}

// check returns an error with ErrAddressRefused in its chain if addr may not be asked.
func (g guard) check(addr netip.Addr) error {
	addr = plainAddr(addr)
	if g.allowed(addr) {
		return nil
	}
	if why := specialUse(addr); why != "" {
		return refusal(addr, why)
	}
	for _, own := range g.own.now() {
		if plainAddr(own) == addr {
			return refusal(addr, "our own")
		}
	}
	return nil
}

func (g guard) allowed(addr netip.Addr) bool {
	for _, p := range g.allow {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func refusal(addr netip.Addr, why string) error {
	return fmt.Errorf("%w: %v is %s, and allow_addresses does not name it",
		ErrAddressRefused, addr, why)
}

// specialUse says what is special about addr, which is plain; "" if nothing is.
func specialUse(addr netip.Addr) string {
	switch {
	case !addr.IsValid():
		return "no address"
	case addr.IsUnspecified(), thisNetwork.Contains(addr):
		return "unspecified"
	case addr.IsLoopback():
		return "loopback"
	case addr.IsLinkLocalUnicast():
		return "link-local"
	case addr.IsMulticast(), addr == broadcast:
		return "multicast"
	case ipv4Compatible.Contains(addr):
		return "IPv4-compatible"
	}
	b := addr.As16()
	switch {
	case ipv4Translated.Contains(addr):
		return specialUse(netip.AddrFrom4([4]byte(b[12:16])))
	case sixToFour.Contains(addr):
		return specialUse(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return ""
}

// plainAddr is addr without IPv4-mapping and zone, which hide an address from prefixes.
func plainAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// canonicalPrefixes returns prefixes that match plain addresses. The result is the caller's.
func canonicalPrefixes(prefixes []netip.Prefix) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(prefixes))
	for _, p := range prefixes {
		if p.Addr().Is4In6() && p.Bits() >= ipv4Mapped.Bits() {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-ipv4Mapped.Bits())
		}
		if p.IsValid() {
			out = append(out, p.Masked())
		}
	}
	return out
}

// ownAddresses lists this machine's addresses. Safe for concurrent use.
type ownAddresses struct {
	list func() []netip.Addr // nil: the interfaces', read at most once a minute

	mu    sync.Mutex // guards what follows
	at    time.Time
	addrs []netip.Addr
}

// now returns the addresses, which are not to be written to. When the system does not tell
// them the last known remain, and guard.checkConn stands in for new ones.
func (o *ownAddresses) now() []netip.Addr {
	if o.list != nil {
		return o.list()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	// The monotonic clock: how believable the wall clock is matters nothing here.
	if !o.at.IsZero() && time.Since(o.at) < ownFresh {
		return o.addrs
	}
	o.at = time.Now()
	found, err := net.InterfaceAddrs()
	if err != nil {
		return o.addrs
	}
	o.addrs = make([]netip.Addr, 0, len(found))
	for _, a := range found {
		if ipnet, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(ipnet.IP); ok {
				o.addrs = append(o.addrs, plainAddr(addr))
			}
		}
	}
	return o.addrs
}
