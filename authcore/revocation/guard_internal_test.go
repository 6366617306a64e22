package revocation

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestOC9Guard(t *testing.T) {
	t.Parallel()
	allow := func(prefixes ...string) (out []netip.Prefix) {
		for _, p := range prefixes {
			out = append(out, netip.MustParsePrefix(p))
		}
		return canonicalPrefixes(out)
	}
	tests := []struct {
		name, addr string
		allow      []netip.Prefix
		ok         bool
	}{
		{name: "public", addr: "192.0.2.1", ok: true},
		{name: "public_six", addr: "2001:db8::1", ok: true},
		{name: "private_where_cas_live", addr: "10.1.2.3", ok: true},
		{name: "private_six", addr: "fd00::1", ok: true},
		{name: "own", addr: "198.51.100.7"},
		{name: "own_mapped", addr: "::ffff:198.51.100.7"},
		{name: "own_six", addr: "2001:db8::7"},
		{name: "own_allowed", addr: "198.51.100.7", allow: allow("198.51.100.0/24"), ok: true},
		{name: "loopback", addr: "127.0.0.1"},
		{name: "loopback_elsewhere", addr: "127.99.0.1"},
		{name: "loopback_six", addr: "::1"},
		{name: "loopback_mapped", addr: "::ffff:127.0.0.1"},
		{name: "loopback_compatible", addr: "::127.0.0.1"},
		{name: "loopback_translated", addr: "64:ff9b::127.0.0.1"},
		{name: "loopback_by_6to4", addr: "2002:7f00:1::1"},
		{name: "public_translated", addr: "64:ff9b::192.0.2.1", ok: true},
		{name: "loopback_allowed", addr: "127.0.0.1", allow: allow("127.0.0.1/32"), ok: true},
		{name: "other_loopback_than_allowed", addr: "127.0.0.2", allow: allow("127.0.0.1/32")},
		{name: "mapped_allowed", addr: "::ffff:127.0.0.1", allow: allow("127.0.0.0/8"), ok: true},
		{name: "allowed_in_mapped_form", addr: "127.0.0.1", allow: allow("::ffff:127.0.0.0/104"), ok: true},
		{name: "allowed_prefix_with_host_bits", addr: "127.0.0.9", allow: allow("127.0.0.1/24"), ok: true},
		{name: "this_network", addr: "0.1.2.3"},
		{name: "unspecified", addr: "0.0.0.0"},
		{name: "unspecified_six", addr: "::"},
		{name: "link_local", addr: "169.254.169.254"},
		{name: "link_local_six", addr: "fe80::1"},
		{name: "link_local_with_zone", addr: "fe80::1%eth0"},
		{name: "link_local_with_zone_allowed", addr: "fe80::1%eth0", allow: allow("fe80::/10"), ok: true},
		{name: "multicast", addr: "239.1.1.1"},
		{name: "multicast_six", addr: "ff02::1"},
		{name: "broadcast", addr: "255.255.255.255"},
	}
	own := &ownAddresses{list: func() []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("2001:db8::7")}
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := guard{allow: tt.allow, own: own}
			err := g.check(netip.MustParseAddr(tt.addr))
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrAddressRefused) {
				t.Errorf("check(%s) = %v, want ok %v", tt.addr, err, tt.ok)
			}
		})
	}
}

func TestOC9GuardWithoutAnAddress(t *testing.T) {
	t.Parallel()
	g := guard{own: &ownAddresses{list: func() []netip.Addr { return nil }}}
	if err := g.check(netip.Addr{}); !errors.Is(err, ErrAddressRefused) {
		t.Errorf("the zero address: got %v, want it refused", err)
	}
	if err := g.control("tcp", "/run/socket", nil); !errors.Is(err, ErrAddressRefused) {
		t.Errorf("a path: got %v, want it refused", err)
	}
}

// selfConn is a connection of which only the ends matter.
type selfConn struct {
	net.Conn
	local, remote net.Addr
}

func (c selfConn) LocalAddr() net.Addr  { return c.local }
func (c selfConn) RemoteAddr() net.Addr { return c.remote }

// TestOC9OwnAddressThatIsNotListed: it shows once connected, before anything is sent.
func TestOC9OwnAddressThatIsNotListed(t *testing.T) {
	t.Parallel()
	at := func(s string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(s), Port: port} }
	unknown := &ownAddresses{list: func() []netip.Addr { return nil }}
	self := selfConn{local: at("192.0.2.7", 40000), remote: at("::ffff:192.0.2.7", 80)}
	other := selfConn{local: at("192.0.2.7", 40000), remote: at("192.0.2.8", 80)}
	if err := (guard{own: unknown}).checkConn(self); !errors.Is(err, ErrAddressRefused) {
		t.Errorf("to ourselves: got %v, want it refused", err)
	}
	if err := (guard{own: unknown}).checkConn(other); err != nil {
		t.Errorf("to another: got %v", err)
	}
	allowed := guard{own: unknown, allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")}}
	if err := allowed.checkConn(self); err != nil {
		t.Errorf("to ourselves, allowed: got %v", err)
	}
}

// TestOC9OwnAddressesOfInterfaces: those the system tells are found and refused.
func TestOC9OwnAddressesOfInterfaces(t *testing.T) {
	t.Parallel()
	found, err := net.InterfaceAddrs()
	if err != nil || len(found) == 0 {
		t.Fatalf("net.InterfaceAddrs() = %v, %v", found, err)
	}
	g := guard{own: new(ownAddresses)}
	for _, a := range found {
		addr, err := netip.ParsePrefix(a.String())
		if err != nil {
			t.Fatal(err)
		}
		if err := g.check(addr.Addr()); !errors.Is(err, ErrAddressRefused) {
			t.Errorf("%v: got %v, want it refused", addr, err)
		}
	}
	if first, again := g.own.now(), g.own.now(); len(first) == 0 || &first[0] != &again[0] {
		t.Error("the list is made anew at each use")
	}
}
