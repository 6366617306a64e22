package policy_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/policy"
)

func client(name, prefix string) policy.Client {
	return policy.Client{Name: name, Prefix: netip.MustParsePrefix(prefix)}
}

func server(name string, m policy.Match, clients ...policy.Client) *policy.Server {
	return &policy.Server{Name: name, Match: m, Clients: clients}
}

func mustClients(t testing.TB, servers ...*policy.Server) *policy.Clients {
	t.Helper()
	c, err := policy.NewClients(servers)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lookup returns "server/client" or "".
func lookup(c *policy.Clients, addr, ssid, nas string) string {
	cl, sv, ok := c.Lookup(netip.MustParseAddr(addr), ssid, nas)
	if !ok {
		return ""
	}
	return sv.Name + "/" + cl.Name
}

func TestRP15MostSpecificPrefixWins(t *testing.T) {
	t.Parallel()
	clients := []policy.Client{
		client("site", "192.0.2.0/24"), client("ap", "192.0.2.7/32"), client("all", "0.0.0.0/0"),
		client("row", "192.0.2.0/28"), client("net6", "2001:db8::/32"),
		client("host6", "2001:db8::1/128"),
	}
	// Whatever the order in the file.
	for shift := range clients {
		var rotated []policy.Client
		rotated = append(append(rotated, clients[shift:]...), clients[:shift]...)
		c := mustClients(t, server("s", policy.Match{}, rotated...))
		for addr, want := range map[string]string{
			"192.0.2.7": "s/ap", "192.0.2.8": "s/row", "192.0.2.99": "s/site",
			"198.51.100.1": "s/all", "2001:db8::1": "s/host6", "2001:db8::2": "s/net6",
			"2001:db9::1": "",
		} {
			if got := lookup(c, addr, "", ""); got != want {
				t.Errorf("shift %d: Lookup(%s) = %q, want %q", shift, addr, got, want)
			}
		}
	}
}

func TestLookupUnmapsAddresses(t *testing.T) {
	t.Parallel()
	c := mustClients(t, server("s", policy.Match{},
		client("v4", "192.0.2.0/24"), client("link", "fe80::/10"),
		client("mapped", "::ffff:198.51.100.0/120")))
	for addr, want := range map[string]string{
		"::ffff:192.0.2.7": "s/v4", "fe80::1%eth0": "s/link", "fe80::1": "s/link",
		"198.51.100.9": "s/mapped", "::ffff:198.51.100.9": "s/mapped", "::192.0.2.7": "",
	} {
		if got := lookup(c, addr, "", ""); got != want {
			t.Errorf("Lookup(%s) = %q, want %q", addr, got, want)
		}
	}
}

func TestLookupTellsServersApartByMatch(t *testing.T) {
	t.Parallel()
	c := mustClients(t,
		server("any", policy.Match{}, client("a", "192.0.2.0/24")),
		server("guests", policy.Match{SSID: []string{"guests", "lobby"}},
			client("g", "192.0.2.0/24")),
		server("guests-ap9", policy.Match{
			SSID: []string{"guests"}, NASIdentifier: []string{"ap9"}},
			client("g9", "192.0.2.0/24")),
		server("wide", policy.Match{SSID: []string{"far"}}, client("w", "192.0.0.0/16")),
		server("strict", policy.Match{SSID: []string{"only"}}, client("s", "198.51.100.0/24")),
		server("fallback", policy.Match{}, client("f", "198.0.0.0/8")),
	)
	for _, tc := range []struct{ addr, ssid, nas, want string }{
		{"192.0.2.1", "", "", "any/a"},
		{"192.0.2.1", "guests", "", "guests/g"},
		{"192.0.2.1", "lobby", "ap9", "guests/g"},
		{"192.0.2.1", "guests", "ap9", "guests-ap9/g9"},
		{"192.0.2.1", "Guests", "", "any/a"}, // bytes, not letters
		{"192.0.2.1", "far", "", "any/a"},    // the longer prefix fits any SSID
		{"192.0.3.1", "far", "", "wide/w"},   //
		{"192.0.3.1", "near", "", ""},        // known, but nobody wants it
		{"198.51.100.1", "only", "", "strict/s"},
		{"198.51.100.1", "other", "", "fallback/f"}, // falls through to the shorter prefix
	} {
		if got := lookup(c, tc.addr, tc.ssid, tc.nas); got != tc.want {
			t.Errorf("Lookup(%s, %q, %q) = %q, want %q", tc.addr, tc.ssid, tc.nas, got, tc.want)
		}
	}
}

func TestNewClientsRefusesOverlap(t *testing.T) {
	t.Parallel()
	m := func(ssid, nas string) policy.Match {
		var out policy.Match
		if ssid != "" {
			out.SSID = strings.Split(ssid, ",")
		}
		if nas != "" {
			out.NASIdentifier = strings.Split(nas, ",")
		}
		return out
	}
	for _, tc := range []struct {
		name          string
		first, second policy.Match
		overlap       bool
	}{
		{"both-any", m("", ""), m("", ""), true},
		{"same-ssid", m("a", ""), m("a", ""), true},
		{"shared-ssid", m("a,b", ""), m("b,c", ""), true},
		{"other-ssid", m("a", ""), m("b", ""), false},
		{"ssid-against-any", m("a", ""), m("", ""), false},
		{"ssid-against-nas", m("a", ""), m("", "x"), true},
		{"both-against-ssid", m("a", "x"), m("a", ""), false},
		{"both-against-any", m("a", "x"), m("", ""), false},
		{"other-nas", m("a", "x"), m("a", "y"), false},
		{"same-both", m("a", "x"), m("a", "x"), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			first := server("one", tc.first, client("a", "192.0.2.0/24"))
			second := server("two", tc.second, client("b", "192.0.2.0/24"))
			for _, servers := range [][]*policy.Server{{first, second}, {second, first}} {
				_, err := policy.NewClients(servers)
				var overlap *policy.OverlapError
				if errors.As(err, &overlap) != tc.overlap {
					t.Errorf("NewClients = %v, want overlap %v", err, tc.overlap)
				}
			}
		})
	}
}

func TestOverlapErrorNamesBoth(t *testing.T) {
	t.Parallel()
	_, err := policy.NewClients([]*policy.Server{
		server("one", policy.Match{}, client("a", "192.0.2.0/24")),
		server("two", policy.Match{}, client("b", "192.0.2.0/24")),
	})
	var got *policy.OverlapError
	if !errors.As(err, &got) {
		t.Fatalf("NewClients = %v, want an *OverlapError", err)
	}
	want := &policy.OverlapError{
		Prefix: netip.MustParsePrefix("192.0.2.0/24"), FirstServer: "one", FirstClient: "a",
		SecondServer: "two", SecondClient: "b",
	}
	samePrefix := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(want, got, samePrefix); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	// Within one server nothing tells two entries apart, also when one is written as mapped.
	_, err = policy.NewClients([]*policy.Server{server("one", policy.Match{SSID: []string{"x"}},
		client("a", "192.0.2.7/32"), client("b", "::ffff:192.0.2.7/128"))})
	if !errors.As(err, &got) || !strings.Contains(err.Error(), `"a" and "b"`) {
		t.Errorf("NewClients of a repeated entry = %v", err)
	}
}

func TestClientsByTLSAreLeftOut(t *testing.T) {
	t.Parallel()
	c := mustClients(t, server("s", policy.Match{},
		policy.Client{Name: "proxy", TLSSAN: "proxy.example"},
		policy.Client{Name: "other", TLSSAN: "other.example"}))
	if c.Known(netip.MustParseAddr("0.0.0.0")) || c.Known(netip.Addr{}) {
		t.Error("a client without a prefix is known by address")
	}
}

func TestKnownAndCandidates(t *testing.T) {
	t.Parallel()
	c := mustClients(t,
		server("a", policy.Match{SSID: []string{"x"}}, client("ap", "192.0.2.7/32")),
		server("b", policy.Match{SSID: []string{"y"}}, client("ap", "192.0.2.7/32")),
		server("c", policy.Match{}, client("site", "192.0.2.0/24")))
	for addr, want := range map[string]bool{
		"192.0.2.7": true, "::ffff:192.0.2.9": true, "192.0.3.1": false, "::1": false,
	} {
		if got := c.Known(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Known(%s) = %v, want %v", addr, got, want)
		}
	}
	var got []string
	for cl, sv := range c.Candidates(netip.MustParseAddr("192.0.2.7")) {
		got = append(got, sv.Name+"/"+cl.Name)
	}
	if diff := cmp.Diff([]string{"a/ap", "b/ap", "c/site"}, got); diff != "" {
		t.Errorf("Candidates (-want +got):\n%s", diff)
	}
	for range c.Candidates(netip.MustParseAddr("192.0.2.7")) {
		break // an early end is fine
	}
}

func TestDO2UnknownSourceAllocatesNothing(t *testing.T) {
	c := mustClients(t, server("s", policy.Match{},
		client("a", "192.0.2.0/24"), client("b", "192.0.2.7/32"), client("c", "2001:db8::/32")))
	unknown := netip.MustParseAddr("::ffff:203.0.113.9")
	if n := testing.AllocsPerRun(100, func() {
		if c.Known(unknown) {
			t.Error("known")
		}
		if _, _, ok := c.Lookup(unknown, "x", "y"); ok {
			t.Error("found")
		}
	}); n != 0 {
		t.Errorf("an unknown source costs %v allocations, want 0", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	c := mustClients(b, server("s", policy.Match{},
		client("a", "192.0.2.0/24"), client("b", "192.0.2.7/32"), client("c", "10.0.0.0/8")))
	addr := netip.MustParseAddr("::ffff:10.1.2.3")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := c.Lookup(addr, "guests", "ap1"); !ok {
			b.Fatal("not found")
		}
	}
}
