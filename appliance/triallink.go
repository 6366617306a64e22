package appliance

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
)

// A link carries RADIUS packets between a device and the Authenticator inside the process: what
// is written is served before Write returns, and Read has the answer or a timeout at once. It
// implements net.Conn for supplicant.Over.
type link struct {
	handler radserver.Handler
	client  *policy.Client
	server  *policy.Server
	now     time.Time

	answer []byte // to be read; nil: none
	err    error  // why there is none
}

// link returns a way to the named RADIUS server.
func (r *rehearsal) link(server string) *link {
	return &link{
		handler: r.auth, client: &r.client, server: r.holder.Load().Server(server).Server, now: r.at,
	}
}

// Write serves one Access-Request, as radserver does.
func (l *link) Write(datagram []byte) (int, error) {
	l.answer, l.err = nil, nil
	packet, err := radius.Parse(bytes.Clone(datagram))
	if err != nil {
		return 0, fmt.Errorf("reading the request: %w", err)
	}
	if err := packet.CheckMessageAuthenticator(l.client.Secret); err != nil {
		return 0, fmt.Errorf("reading the request: %w", err)
	}
	request := &radserver.Request{
		Packet: packet, Client: l.client, Server: l.server,
		Source: netip.AddrPortFrom(netip.IPv6Loopback(), 1), Received: l.now,
	}
	request.Divert(func(resp *radius.Response) {
		answer, err := resp.Encode(nil, &packet, l.client.Secret)
		if err != nil {
			l.err = fmt.Errorf("making the answer: %w", err)
			return
		}
		l.answer = answer
	})
	l.handler.ServeRADIUS(request)
	return len(datagram), nil
}

// Read returns the answer to what was written last.
func (l *link) Read(p []byte) (int, error) {
	switch {
	case l.err != nil:
		return 0, l.err
	case l.answer == nil:
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(p, l.answer)
	l.answer = nil
	return n, nil
}

// The rest of net.Conn has nothing to do here.

func (l *link) Close() error                     { return nil }
func (l *link) LocalAddr() net.Addr              { return linkAddr{} }
func (l *link) RemoteAddr() net.Addr             { return linkAddr{} }
func (l *link) SetDeadline(time.Time) error      { return nil }
func (l *link) SetReadDeadline(time.Time) error  { return nil }
func (l *link) SetWriteDeadline(time.Time) error { return nil }

type linkAddr struct{}

func (linkAddr) Network() string { return "trial" }
func (linkAddr) String() string  { return "trial" }
