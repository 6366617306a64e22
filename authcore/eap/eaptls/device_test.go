package eaptls_test

import (
	"crypto/tls"
	"errors"
	"io"
	"iter"
	"net"
	"testing"
	"time"
)

// A device is the peer's TLS half: crypto/tls as a client over two buffers, run as a coroutine
// that goes on whenever it is handed a flight.
type device struct {
	conn    *tls.Conn
	in, out []byte
	yield   func(struct{}) bool
	next    func() (struct{}, bool)
	stop    func()
	done    bool   // the handshake is complete
	err     error  // of the handshake, or of reading after it
	data    []byte // application data received
}

var errGone = errors.New("device gone")

func newDevice(t testing.TB, config *tls.Config) *device {
	d := &device{}
	d.conn = tls.Client(d, config)
	d.next, d.stop = iter.Pull(d.run)
	t.Cleanup(d.stop)
	return d
}

func (d *device) run(yield func(struct{}) bool) {
	d.yield = yield
	if d.err = d.conn.Handshake(); d.err != nil {
		return
	}
	d.done = true
	buf := make([]byte, 512)
	for d.err == nil {
		var n int
		n, d.err = d.conn.Read(buf)
		d.data = append(d.data, buf[:n]...)
	}
}

// flight hands the device what the server sent and returns what it answers.
func (d *device) flight(in []byte) []byte {
	d.in = append(d.in, in...)
	d.next()
	out := d.out
	d.out = nil
	return out
}

func (d *device) Read(p []byte) (int, error) {
	for len(d.in) == 0 {
		if !d.yield(struct{}{}) {
			return 0, errGone
		}
	}
	n := copy(p, d.in)
	d.in = d.in[n:]
	return n, nil
}

func (d *device) Write(p []byte) (int, error) {
	d.out = append(d.out, p...)
	return len(p), nil
}

func (*device) Close() error                     { return io.ErrClosedPipe }
func (*device) LocalAddr() net.Addr              { return nil }
func (*device) RemoteAddr() net.Addr             { return nil }
func (*device) SetDeadline(time.Time) error      { return nil }
func (*device) SetReadDeadline(time.Time) error  { return nil }
func (*device) SetWriteDeadline(time.Time) error { return nil }
