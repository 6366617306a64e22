package supplicant_test

import (
	"crypto/tls"
	"io"
	"iter"
	"net"
	"time"
)

// tlsServer is the server half of crypto/tls, stepped message by message.
type tlsServer struct {
	in, out []byte
	conn    *tls.Conn
	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	stopped bool

	farewell []byte // written behind the handshake under TLS 1.3
	goodbye  bool   // close_notify behind the handshake
	done     bool
	state    tls.ConnectionState
	err      error
}

func newTLSServer(cfg *tls.Config, farewell []byte, goodbye bool) *tlsServer {
	s := &tlsServer{farewell: farewell, goodbye: goodbye}
	s.conn = tls.Server(s, cfg)
	s.next, s.stop = iter.Pull(s.run)
	return s
}

func (s *tlsServer) run(yield func(struct{}) bool) {
	s.yield = yield
	if s.err = s.conn.Handshake(); s.err != nil {
		return
	}
	s.state, s.done = s.conn.ConnectionState(), true
	if s.state.Version >= tls.VersionTLS13 {
		_, s.err = s.conn.Write(s.farewell)
	}
	if s.goodbye {
		s.err = s.conn.CloseWrite()
	}
}

func (s *tlsServer) step(in []byte) []byte {
	s.in = append(s.in, in...)
	s.next()
	out := s.out
	s.out = nil
	return out
}

func (s *tlsServer) Read(b []byte) (int, error) {
	for len(s.in) == 0 {
		if s.stopped || !s.yield(struct{}{}) {
			s.stopped = true
			return 0, io.ErrClosedPipe
		}
	}
	n := copy(b, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *tlsServer) Write(b []byte) (int, error) {
	s.out = append(s.out, b...)
	return len(b), nil
}

func (s *tlsServer) Close() error                     { return nil }
func (s *tlsServer) LocalAddr() net.Addr              { return &net.UDPAddr{} }
func (s *tlsServer) RemoteAddr() net.Addr             { return &net.UDPAddr{} }
func (s *tlsServer) SetDeadline(time.Time) error      { return nil }
func (s *tlsServer) SetReadDeadline(time.Time) error  { return nil }
func (s *tlsServer) SetWriteDeadline(time.Time) error { return nil }
