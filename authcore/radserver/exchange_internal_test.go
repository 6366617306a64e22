package radserver

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestExchangeAddresses has each destination read back as a source: both are the kernel's form.
func TestExchangeAddresses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, to string
		ipv6     bool
		family   uint16
		length   uint32
	}{
		{"IPv4", "192.0.2.7:1812", false, unix.AF_INET, 16},
		{"IPv4 by an IPv6 socket", "192.0.2.7:258", true, unix.AF_INET6, 28},
		{"IPv6", "[2001:db8::7]:65535", true, unix.AF_INET6, 28},
		{"link-local", "[fe80::7%3]:1", true, unix.AF_INET6, 28},
	}
	x := newExchange(unix.SYS_SENDMSG) // used again and again: nothing of the one before stays
	for _, tt := range tests {
		to := netip.MustParseAddrPort(tt.to)
		x.setDestination(to, tt.ipv6)
		if got := x.source(); got != to {
			t.Errorf("%s: source() = %v, want %v", tt.name, got, to)
		}
		if x.name.Family != tt.family || x.header.Namelen != tt.length {
			t.Errorf("%s: family %d in %d octets, want %d in %d", tt.name,
				x.name.Family, x.header.Namelen, tt.family, tt.length)
		}
	}
}

// TestExchangeAgainstNet sends and receives what package net says was sent and received.
func TestExchangeAgainstNet(t *testing.T) {
	t.Parallel()
	s, err := bind("udp4", "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	peer, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(s.addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	from := peer.LocalAddr().(*net.UDPAddr).AddrPort()
	buf, answer := make([]byte, 8), make([]byte, 8)
	for _, said := range []string{"eight888", "more than eight", "", "short"} {
		if _, err := peer.Write([]byte(said)); err != nil {
			t.Fatal(err)
		}
		n, source, local, err := s.read(buf)
		want := said[:min(len(said), len(buf))]
		if err != nil || string(buf[:n]) != want || source != from || local != from.Addr() {
			t.Fatalf("read() = %q, %v, %v, %v, want %q from %v to %v", buf[:n], source, local, err,
				want, from, from.Addr())
		}
		if err := s.write(buf[:n], source, local); err != nil {
			t.Fatal(err)
		}
		if n, err := peer.Read(answer); err != nil || string(answer[:n]) != want {
			t.Fatalf("answer %q, %v, want %q", answer[:n], err, want)
		}
	}
}

func TestExchangeErrors(t *testing.T) {
	t.Parallel()
	s, err := bind("udp4", "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	here := s.addr()
	if err := s.write(make([]byte, 70000), here, here.Addr()); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("write of 70,000 octets = %v, want EMSGSIZE", err)
	}
	if err := s.stopReading(); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.read(make([]byte, 8)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read after stopReading = %v, want the deadline", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.read(make([]byte, 8)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after Close = %v, want net.ErrClosed", err)
	}
	if err := s.write([]byte("late"), here, here.Addr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after Close = %v, want net.ErrClosed", err)
	}
}
