package radserver

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An exchange is what a socket and the kernel hand each other for one datagram: a recvmsg or
// sendmsg and all that it points to.
//
// Package net tells the Go scheduler about each system call, in case it should last. On a
// server that is mostly idle that wakes the scheduler's monitor thread for every datagram, and
// the thread costs more than the datagram. These calls never last: the socket does not block.
type exchange struct {
	trap    uintptr // SYS_RECVMSG or SYS_SENDMSG
	packet  []byte  // lent
	header  unix.Msghdr
	vector  unix.Iovec
	name    unix.RawSockaddrInet6 // the other end; of IPv4 it holds a RawSockaddrInet4
	control [controlLen]byte

	try   func(fd uintptr) (done bool) // makes the call, for syscall.RawConn
	n     int
	errno syscall.Errno
}

// controlLen is room for the packet information of either family, in octets.
const controlLen = 64

// newExchange returns an exchange to use again and again. It points into itself, so it must
// not be copied.
func newExchange(trap uintptr) *exchange {
	x := &exchange{trap: trap}
	x.header.Name = (*byte)(unsafe.Pointer(&x.name))
	x.header.Iov = &x.vector
	x.header.SetIovlen(1)
	x.try = x.once
	return x
}

// receive fills packet with one datagram from raw.
func (x *exchange) receive(raw syscall.RawConn, packet []byte) (int, error) {
	x.header.Namelen = unix.SizeofSockaddrInet6
	x.header.Control = &x.control[0]
	x.header.SetControllen(len(x.control))
	return x.run(raw.Read, packet)
}

// send sends packet to an address that setDestination has set.
func (x *exchange) send(raw syscall.RawConn, packet, control []byte) error {
	x.header.Control = nil
	n := copy(x.control[:], control)
	if n > 0 {
		x.header.Control = &x.control[0]
	}
	x.header.SetControllen(n)
	_, err := x.run(raw.Write, packet)
	return err
}

// run makes the call by way of when, which waits as long as the socket is not ready.
func (x *exchange) run(when func(func(uintptr) bool) error, packet []byte) (int, error) {
	x.packet, x.vector.Base = packet, unsafe.SliceData(packet)
	x.vector.SetLen(len(packet))
	err := when(x.try)
	x.packet, x.vector.Base = nil, nil
	switch {
	case err != nil: // closed, or its deadline is over
		return 0, err
	case x.errno != 0:
		return 0, x.errno
	}
	return x.n, nil
}

func (x *exchange) once(fd uintptr) (done bool) {
	for {
		n, _, errno := unix.RawSyscall(x.trap, fd,
			uintptr(unsafe.Pointer(&x.header)), unix.MSG_DONTWAIT)
		if errno != unix.EINTR {
			x.n, x.errno = int(n), errno
			return errno != unix.EAGAIN
		}
	}
}

// received returns the control messages that came with the datagram.
func (x *exchange) received() []byte { return x.control[:min(int(x.header.Controllen), controlLen)] }

// source returns where the datagram came from, never IPv4-mapped. The zone of a link-local
// address is the number of the interface.
func (x *exchange) source() netip.AddrPort {
	port := networkOrder(x.name.Port) // at the same place in both families
	if x.name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&x.name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	}
	addr := netip.AddrFrom16(x.name.Addr).Unmap()
	if x.name.Scope_id != 0 && addr.Is6() {
		addr = addr.WithZone(strconv.FormatUint(uint64(x.name.Scope_id), 10))
	}
	return netip.AddrPortFrom(addr, port)
}

// setDestination says where to send to; ipv6 is the family of the socket.
func (x *exchange) setDestination(to netip.AddrPort, ipv6 bool) {
	port := networkOrder(to.Port())
	if !ipv6 {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&x.name))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: to.Addr().As4()}
		x.header.Namelen = unix.SizeofSockaddrInet4
		return
	}
	zone, _ := strconv.ParseUint(to.Addr().Zone(), 10, 32) // none: 0
	x.name = unix.RawSockaddrInet6{
		Family: unix.AF_INET6, Port: port, Addr: to.Addr().As16(), Scope_id: uint32(zone),
	}
	x.header.Namelen = unix.SizeofSockaddrInet6
}

// networkOrder turns a port between the machine's order of octets and the network's.
func networkOrder(port uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], port)
	return binary.NativeEndian.Uint16(b[:])
}
