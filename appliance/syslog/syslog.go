// Package syslog forwards the log to a collector: RFC 5424 messages, whose structured data are the
// fields of the line, over UDP (RFC 5426), TCP (RFC 6587, octet counting) or TLS (RFC 5425).
//
// Nobody waits for it: what cannot be sent waits in a bounded queue, what does not fit there is
// counted and said later. The connection is made anew with pauses that double. It starts no
// goroutine but in Run.
package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxQueue     = 1000 // messages
	dialTimeout  = 10 * time.Second
	writeTimeout = 10 * time.Second
	flushTimeout = 2 * time.Second // at the end
	firstPause   = time.Second
	longestPause = time.Minute
)

// Config is what a Forwarder works with.
type Config struct {
	Address string // see ParseAddress
	Node    string // the HOSTNAME of messages
	PID     int
	TLS     *tls.Config  // of tls://; nil: the system's CAs
	Logger  *slog.Logger // of its own troubles, which are not forwarded
}

// An Address is where messages go.
type Address struct {
	Network string // udp, tcp or tls
	Host    string // HOST:PORT
}

// ParseAddress reads HOST:PORT (which is TCP), or one of udp://, tcp:// and tls:// with HOST:PORT.
func ParseAddress(text string) (Address, error) {
	network, host, found := strings.Cut(text, "://")
	if !found {
		network, host = "tcp", text
	}
	if network != "udp" && network != "tcp" && network != "tls" {
		return Address{}, fmt.Errorf("unknown way %q: it is udp, tcp or tls", network)
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil || name == "" || port == "" {
		return Address{}, errors.New("write HOST:PORT")
	}
	if u, err := url.Parse("//" + host); err != nil || u.Host != host || u.User != nil {
		return Address{}, errors.New("write HOST:PORT")
	}
	return Address{network, host}, nil
}

// A Forwarder sends what its Handlers are given.
type Forwarder struct {
	cfg   Config
	to    Address
	queue chan []byte

	dropped, sent, failures atomic.Uint64
	connected               atomic.Bool
}

// New returns a Forwarder that sends nothing before Run.
func New(cfg Config) (*Forwarder, error) {
	to, err := ParseAddress(cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("reading log.syslog: %w", err)
	}
	return &Forwarder{cfg: cfg, to: to, queue: make(chan []byte, maxQueue)}, nil
}

// A Status says how forwarding goes.
type Status struct {
	Connected               bool
	Sent, Dropped, Failures uint64 // since the start
}

// Status may be called from any goroutine.
func (f *Forwarder) Status() Status {
	return Status{f.connected.Load(), f.sent.Load(), f.dropped.Load(), f.failures.Load()}
}

// put queues a message, or counts it.
func (f *Forwarder) put(message []byte) {
	select {
	case f.queue <- message:
	default:
		f.dropped.Add(1)
	}
}

// Run sends until ctx ends, and then what still waits, for two seconds at most. It returns nil.
func (f *Forwarder) Run(ctx context.Context) error {
	pause := firstPause
	var waiting []byte // was taken from the queue and not sent
	for {
		conn, err := f.dial(ctx)
		if err == nil {
			f.connected.Store(true)
			pause = firstPause
			waiting, err = f.serve(ctx, conn, waiting)
			f.connected.Store(false)
			_ = conn.Close() // what was not sent is known
		}
		if ctx.Err() != nil {
			return nil
		}
		f.failures.Add(1)
		f.cfg.Logger.Warn("log not forwarded", "part", "syslog", "address", f.cfg.Address, "retry_s", int(pause.Seconds()), "err", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

func (f *Forwarder) dial(ctx context.Context) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTimeout}
	if f.to.Network == "tls" {
		config := f.cfg.TLS
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		return (&tls.Dialer{NetDialer: d, Config: config}).DialContext(ctx, "tcp", f.to.Host)
	}
	return d.DialContext(ctx, f.to.Network, f.to.Host)
}

// serve sends until something goes wrong, and returns what was not sent.
func (f *Forwarder) serve(ctx context.Context, conn net.Conn, waiting []byte) ([]byte, error) {
	closed := f.watch(conn)
	said := f.dropped.Load()
	for {
		if waiting == nil {
			select {
			case waiting = <-f.queue:
			case err := <-closed:
				return nil, err
			case <-ctx.Done():
				f.flush(conn)
				return nil, nil
			}
		}
		if err := f.send(conn, waiting); err != nil {
			return waiting, err
		}
		waiting = nil
		if now := f.dropped.Load(); now > said {
			f.cfg.Logger.Warn("log lines were not forwarded", "part", "syslog", "count", now-said)
			said = now
		}
	}
}

// watch notices that the other side has gone, which writing notices one message too late. It ends
// with the connection.
func (f *Forwarder) watch(conn net.Conn) <-chan error {
	closed := make(chan error, 1)
	if f.to.Network == "udp" {
		return closed
	}
	go func() {
		var b [1]byte
		for {
			if _, err := conn.Read(b[:]); err != nil {
				closed <- fmt.Errorf("the collector has gone: %w", err)
				return
			}
		}
	}()
	return closed
}

func (f *Forwarder) send(conn net.Conn, message []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if f.to.Network != "udp" {
		message = append(fmt.Appendf(nil, "%d ", len(message)), message...)
	}
	if _, err := conn.Write(message); err != nil {
		return err
	}
	f.sent.Add(1)
	return nil
}

// flush sends what waits at the end.
func (f *Forwarder) flush(conn net.Conn) {
	end := time.Now().Add(flushTimeout)
	for time.Now().Before(end) {
		select {
		case message := <-f.queue:
			if f.send(conn, message) != nil {
				return
			}
		default:
			return
		}
	}
}
