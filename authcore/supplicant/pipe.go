package supplicant

import (
	"io"
	"net"
	"time"
)

// maxBuffered bounds what one step of the TLS engine may hand out.
const maxBuffered = 1 << 20

// pipe is the in-memory conn under the TLS client. A Read that finds nothing yields to
// whoever steps the engine; it must run on the engine's coroutine.
type pipe struct {
	in, out []byte
	yield   func(struct{}) bool
	stopped bool
}

func (p *pipe) Read(b []byte) (int, error) {
	for len(p.in) == 0 {
		if p.stopped || !p.yield(struct{}{}) {
			p.stopped = true // yield must not be called again
			return 0, io.ErrClosedPipe
		}
	}
	n := copy(b, p.in)
	p.in = p.in[n:]
	return n, nil
}

func (p *pipe) Write(b []byte) (int, error) {
	if len(p.out)+len(b) > maxBuffered {
		return 0, io.ErrShortBuffer
	}
	p.out = append(p.out, b...)
	return len(b), nil
}

// take returns what the engine wrote since the last call.
func (p *pipe) take() []byte {
	out := p.out
	p.out = nil
	return out
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "eap" }
func (pipeAddr) String() string  { return "eap" }

func (p *pipe) Close() error                     { return nil }
func (p *pipe) LocalAddr() net.Addr              { return pipeAddr{} }
func (p *pipe) RemoteAddr() net.Addr             { return pipeAddr{} }
func (p *pipe) SetDeadline(time.Time) error      { return nil }
func (p *pipe) SetReadDeadline(time.Time) error  { return nil }
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
