package eaptls

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"iter"
	"net"
	"runtime"
	"time"
)

// An engine is a tls.Server run as a coroutine: it goes on only inside step or resume, on the
// caller's goroutine, and hands back control when it wants more input or must wait. So a
// conversation costs no goroutine that is scheduled, and an engine that is stopped leaves
// nothing behind. A panic inside it surfaces in the caller. Not safe for concurrent use.
type engine struct {
	conn  *tls.Conn
	wire  wire
	next  func() (event, bool)
	stop  func()
	yield func(event) bool
	err   error // why the coroutine ended
}

type event uint8

const (
	needInput   event = iota // all input is used up
	waiting                  // a decision is pending
	established              // the handshake is complete
	ended                    // the coroutine is over; err says why
)

// errStopped is what the TLS library sees as read error when an engine is stopped.
var errStopped = errors.New("conversation closed")

// newEngine returns an engine that has not run yet. close must be called in the end.
func newEngine(config func(*engine) *tls.Config) *engine {
	e := &engine{}
	e.wire.engine = e
	e.conn = tls.Server(&e.wire, config(e))
	e.next, e.stop = iter.Pull(e.run)
	return e
}

// run is the coroutine: the handshake, then whatever the peer sends through the tunnel.
func (e *engine) run(yield func(event) bool) {
	growStack()
	e.yield = yield
	if e.err = e.conn.Handshake(); e.err != nil {
		return
	}
	if !yield(established) {
		e.err = errStopped
		return
	}
	// All that an EAP-TLS peer may still say is an alert; application data is discarded.
	var buf [512]byte
	for e.err == nil {
		_, e.err = e.conn.Read(buf[:])
	}
}

// handshakeStack is what a handshake needs of a stack, in bytes, the decision included: with the
// rest of the 16 KiB that it makes the runtime allocate.
const handshakeStack = 12 << 10

// growStack makes the stack of a new goroutine as large as it will have to be, while there is
// next to nothing on it. Left to itself it doubles four times, and is copied each time with
// every frame of the TLS library on it.
//
//go:noinline
func growStack() {
	var frame [handshakeStack]byte
	runtime.KeepAlive(&frame)
}

// step hands the engine a flight from the peer and runs it until it stops for one of the
// events. What it wants sent collects in wire.out.
func (e *engine) step(flight []byte) event {
	e.wire.in = append(e.wire.in, flight...)
	return e.resume()
}

// resume runs the engine on.
func (e *engine) resume() event {
	ev, ok := e.next()
	if !ok {
		return ended
	}
	return ev
}

// wait suspends the coroutine until the next resume; false means that the engine was stopped.
// Only code inside the coroutine may call it.
func (e *engine) wait() bool { return e.yield(waiting) }

// output returns what is to be sent, and forgets it.
func (e *engine) output() []byte {
	out := e.wire.out
	e.wire.out = nil
	return out
}

// close ends the coroutine. tls.Conn.Close is never called: its close_notify would land
// behind the commitment message or the Finished.
func (e *engine) close() { e.stop() }

// wire is the net.Conn below the TLS connection: two buffers.
type wire struct {
	engine *engine
	in     []byte
	out    []byte
	first  []byte // the beginning of our first output: ServerHello's random stands there
}

// helloRetry reports whether our first output was a HelloRetryRequest, which is a ServerHello
// with this random (RFC 8446 §4.1.3).
func (w *wire) helloRetry() bool {
	retry := sha256.Sum256([]byte("HelloRetryRequest"))
	return bytes.HasSuffix(w.first, retry[:])
}

// serverHelloPrefix is how much of our first output is kept: record header 5, handshake
// header 4, version 2, random 32.
const serverHelloPrefix = 5 + 4 + 2 + 32

func (w *wire) Read(p []byte) (int, error) {
	for len(w.in) == 0 {
		if !w.engine.yield(needInput) {
			return 0, errStopped
		}
	}
	n := copy(p, w.in)
	if w.in = w.in[n:]; len(w.in) == 0 {
		w.in = nil // a flight may be large, and the next is long in coming
	}
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	if n := serverHelloPrefix - len(w.first); n > 0 {
		w.first = append(w.first, p[:min(n, len(p))]...)
	}
	w.out = append(w.out, p...)
	return len(p), nil
}

// The rest of net.Conn has no meaning in memory.

func (*wire) Close() error                     { return io.ErrClosedPipe }
func (*wire) LocalAddr() net.Addr              { return nil }
func (*wire) RemoteAddr() net.Addr             { return nil }
func (*wire) SetDeadline(time.Time) error      { return nil }
func (*wire) SetReadDeadline(time.Time) error  { return nil }
func (*wire) SetWriteDeadline(time.Time) error { return nil }
