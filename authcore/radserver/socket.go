package radserver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// receiveBuffer is what a socket asks the kernel to hold for it, in bytes: a burst of rejects
// arrives at once. The kernel may grant less.
const receiveBuffer = 1 << 20

// A socket is one UDP socket that knows which of our addresses each datagram came to.
type socket struct {
	conn *net.UDPConn
	raw  syscall.RawConn // conn's
	ipv6 bool            // its control messages are IPv6's, for IPv4-mapped addresses too

	in   *exchange        // one goroutine reads
	peek func(fd uintptr) // sets next; made once, for it is called for each datagram
	next int32            // octets of the datagram that read would return

	sending sync.Mutex // guards out
	out     *exchange
}

// listen binds up to n sockets that share address. The first is bound alone, so that a port
// in use is noticed; only then is it opened to others, by SO_REUSEPORT.
func listen(address string, n int) ([]*socket, error) {
	network, err := networkOf(address)
	if err != nil {
		return nil, err
	}
	first, err := bind(network, address, false)
	if err != nil {
		return nil, err
	}
	sockets := []*socket{first}
	if n < 2 || first.sharePort() != nil {
		return sockets, nil // one socket does as well, only slower
	}
	// The same address again, with the port that the kernel chose if it was 0.
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errors.Join(err, first.Close())
	}
	address = net.JoinHostPort(host, fmt.Sprint(first.addr().Port()))
	for len(sockets) < n {
		next, err := bind(network, address, true)
		if err != nil {
			for _, s := range sockets {
				err = errors.Join(err, s.Close())
			}
			return nil, err
		}
		sockets = append(sockets, next)
	}
	return sockets, nil
}

// networkOf tells which families an address means: all of them, unless it is an IPv4 address.
// Left to itself, Go would listen on IPv6 as well for 0.0.0.0.
func networkOf(address string) (string, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is4() {
		return "udp4", nil
	}
	return "udp", nil
}

func bind(network, address string, shared bool) (*socket, error) {
	s := &socket{in: newExchange(unix.SYS_RECVMSG), out: newExchange(unix.SYS_SENDMSG)}
	config := net.ListenConfig{
		Control: func(family, _ string, raw syscall.RawConn) error {
			s.ipv6 = family == "udp6"
			return control(raw, func(fd int) error { return s.prepare(fd, shared) })
		},
	}
	conn, err := config.ListenPacket(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(errors.New("not a UDP socket"), conn.Close())
	}
	s.conn = udp
	if s.raw, err = udp.SyscallConn(); err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	s.peek = func(fd uintptr) {
		// As with an exchange, the scheduler is not told. On error, next stays as it is.
		_, _, _ = unix.RawSyscall(unix.SYS_IOCTL, fd, unix.SIOCINQ,
			uintptr(unsafe.Pointer(&s.next)))
	}
	_ = udp.SetReadBuffer(receiveBuffer) // less than asked for will do
	return s, nil
}

// prepare sets the options of a socket that is not bound yet.
func (s *socket) prepare(fd int, shared bool) error {
	level, option := unix.IPPROTO_IP, unix.IP_PKTINFO
	if s.ipv6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	}
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return fmt.Errorf("asking for packet information: %w", err)
	}
	if shared {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	return nil
}

// sharePort lets further sockets of ours bind to the same port.
func (s *socket) sharePort() error {
	return control(s.raw, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
}

func control(raw syscall.RawConn, do func(fd int) error) error {
	var done error
	if err := raw.Control(func(fd uintptr) { done = do(int(fd)) }); err != nil {
		return err
	}
	return done
}

func (s *socket) addr() netip.AddrPort {
	if a, ok := s.conn.LocalAddr().(*net.UDPAddr); ok {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

// waiting reports whether read would return a datagram at once. One of no octets it does not
// see, which delays the others behind it until the next read.
func (s *socket) waiting() bool {
	s.next = 0
	if err := s.raw.Control(s.peek); err != nil {
		return false
	}
	return s.next > 0
}

// read receives one datagram; what exceeds buf is lost. One goroutine reads.
func (s *socket) read(buf []byte) (int, netip.AddrPort, netip.Addr, error) {
	n, err := s.in.receive(s.raw, buf)
	if err != nil {
		return 0, netip.AddrPort{}, netip.Addr{}, err
	}
	return n, s.in.source(), localAddr(s.in.received()), nil
}

// localAddr returns the address of ours in a datagram's control messages, or the zero Addr.
func localAddr(oob []byte) netip.Addr {
	for len(oob) >= unix.CmsgLen(0) {
		header, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			break
		}
		switch {
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO &&
			len(data) >= unix.SizeofInet4Pktinfo:
			// Interface, local address (also of a broadcast), destination.
			return netip.AddrFrom4([4]byte(data[4:8]))
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO &&
			len(data) >= unix.SizeofInet6Pktinfo:
			addr := netip.AddrFrom16([16]byte(data[:16]))
			if addr.IsLinkLocalUnicast() && !addr.Is4In6() {
				index := binary.NativeEndian.Uint32(data[16:20])
				return addr.WithZone(fmt.Sprint(index))
			}
			return addr.Unmap()
		}
		oob = rest
	}
	return netip.Addr{}
}

// write sends an answer from local, the address that the request came to (RFC 2865 §3).
func (s *socket) write(packet []byte, source netip.AddrPort, local netip.Addr) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.out.setDestination(source, s.ipv6)
	return s.out.send(s.raw, packet, s.packetInfo(local))
}

// packetInfo is the control message that makes an answer leave from local. The interface is
// left to the routes, but for link-local addresses, which mean nothing without.
func (s *socket) packetInfo(local netip.Addr) []byte {
	switch {
	case !local.IsValid():
		return nil
	case s.ipv6:
		info := unix.Inet6Pktinfo{Addr: local.As16()}
		for _, c := range local.Zone() {
			info.Ifindex = info.Ifindex*10 + uint32(c-'0')
		}
		return unix.PktInfo6(&info)
	case local.Is4():
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: local.As4()})
	}
	return nil
}

// stopReading makes the read under way, and all to come, fail.
func (s *socket) stopReading() error {
	err := s.conn.SetReadDeadline(time.Unix(1, 0))
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Close closes the socket.
func (s *socket) Close() error { return s.conn.Close() }
