package radserver_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/radserver"
)

func TestRP8AnswerLeavesFromTheAddressAsked(t *testing.T) {
	t.Parallel()
	for _, sockets := range []int{1, 3} {
		w := start(t, radserver.Config{Address: ":0", Sockets: sockets})
		port := w.Addr().Port()
		asked := []string{"127.0.0.1", "127.0.0.2", "127.42.0.7"}
		if hasIPv6(t) {
			asked = append(asked, "::1")
		}
		for i, addr := range asked {
			// A connected socket hears nothing from any other address.
			n := dial(t, netip.AddrPortFrom(netip.MustParseAddr(addr), port))
			b := request{id: byte(i), attrs: []attr{eap}}.bytes()
			n.answer(b)
			n.answer(b) // resent from the cache
			n.answer(request{id: byte(i) + 100, attrs: []attr{eap}}.bytes())
		}
	}
}

// hasIPv6 reports whether this machine can use ::1 at all.
func hasIPv6(t *testing.T) bool {
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Log("no IPv6 here:", err)
		return false
	}
	c.Close()
	return true
}

func TestRP8DelayedAnswerToo(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{Address: ":0", Handler: rejecting(20e6)})
	n := dial(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), w.Addr().Port()))
	n.answer(request{attrs: []attr{eap}}.bytes())
}

func TestTwoOfOurAddressesAreTwoConversations(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{Address: ":0"})
	port := w.Addr().Port()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b := request{attrs: []attr{eap}}.bytes()
	for _, addr := range []string{"127.0.0.1", "127.0.0.2"} {
		to := netip.AddrPortFrom(netip.MustParseAddr(addr), port)
		if _, err := conn.WriteToUDPAddrPort(b, to); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil || from != to {
			t.Fatalf("answer from %v, %v, want from %v", from, err, to)
		}
		verify(t, buf[:n], b)
	}
	if st := w.Stats(); st.Requests != 2 || st.Resent != 0 {
		t.Errorf("stats %+v, want two requests", st)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		address  string
		asked    string
		answered bool
	}{
		{"127.0.0.1:0", "127.0.0.1", true},
		{"0.0.0.0:0", "127.0.0.3", true},
		{"0.0.0.0:0", "::1", false},
		{"[::1]:0", "::1", true},
		{"[::]:0", "::1", true},
		{"[::]:0", "127.0.0.1", true},
		{":0", "::1", true},
	} {
		asked := netip.MustParseAddr(tc.asked)
		if (asked.Is6() || tc.address[0] == '[') && !hasIPv6(t) {
			continue
		}
		w := start(t, radserver.Config{Address: tc.address})
		n := dial(t, netip.AddrPortFrom(asked, w.Addr().Port()))
		b := request{attrs: []attr{eap}}.bytes()
		if tc.answered {
			n.answer(b)
			continue
		}
		if _, err := n.conn.Write(b); err == nil {
			if err := n.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 1)
			if _, err := n.conn.Read(buf); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s asked at %s: %v, want refused", tc.address, tc.asked, err)
			}
		}
	}
}

func config(t testing.TB, address string) radserver.Config {
	return radserver.Config{
		Address: address, Clients: loopback(t), Handler: rejecting(0), Sink: &events{},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	for _, sockets := range []int{1, 4} {
		for _, host := range []string{"127.0.0.1", ""} {
			c := config(t, net.JoinHostPort(host, "0"))
			c.Sockets = sockets
			first, err := radserver.New(c)
			if err != nil {
				t.Fatal(err)
			}
			if got := first.Sockets(); got != sockets {
				t.Errorf("%d sockets, want %d", got, sockets)
			}
			c.Address = net.JoinHostPort(host, portOf(first))
			if second, err := radserver.New(c); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("New on a port in use = %v, want EADDRINUSE", err)
				if err == nil {
					second.Close()
				}
			}
			if err := first.Close(); err != nil {
				t.Error(err)
			}
			again, err := radserver.New(c)
			if err != nil {
				t.Fatalf("New after Close: %v", err)
			}
			if err := errors.Join(again.Close(), again.Close()); err != nil {
				t.Errorf("Close twice: %v", err)
			}
		}
	}
}

func TestBadAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "1812", "127.0.0.1", ":port", "203.0.113.9:0"} {
		if s, err := radserver.New(config(t, address)); err == nil {
			t.Errorf("New(%q) listens on %v", address, s.Addr())
			s.Close()
		}
	}
}

func TestSocketsShareTheLoad(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{Sockets: 4})
	for i := range 64 {
		dial(t, w.Addr()).answer(request{id: byte(i), attrs: []attr{eap}}.bytes())
	}
	used := 0
	for _, n := range w.RequestsPerSocket() {
		if n > 0 {
			used++
		}
	}
	if used < 2 {
		t.Errorf("64 access points met %v requests a socket, want them spread",
			w.RequestsPerSocket())
	}
	// A retransmission meets the socket that has the answer.
	n := dial(t, w.Addr())
	b := request{id: 200, attrs: []attr{eap}}.bytes()
	for range 8 {
		n.answer(b)
	}
	if st := w.Stats(); st.Requests != 65 || st.Resent != 7 {
		t.Errorf("stats %+v, want 65 requests and 7 resent", st)
	}
}

func TestRunEndsWithItsContextAndFreesThePort(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{})
	dial(t, w.Addr()).answer(request{attrs: []attr{eap}}.bytes())
	w.stop()
	c := config(t, w.Addr().String())
	s, err := radserver.New(c)
	if err != nil {
		t.Fatalf("the port is still taken: %v", err)
	}
	s.Close()
}

func TestRunReportsABrokenSocket(t *testing.T) {
	t.Parallel()
	s, err := radserver.New(config(t, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run over closed sockets = %v, want net.ErrClosed", err)
	}
}

func portOf(s *radserver.Server) string {
	_, port, _ := net.SplitHostPort(s.Addr().String())
	return port
}

// everybody is a RADIUS server for the whole of 10.0.0.0/8.
func everybody() *policy.Server {
	return &policy.Server{Name: "wifi", Clients: []policy.Client{client("all", "10.0.0.0/8")}}
}
