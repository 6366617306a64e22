package supplicant

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"layeh.com/radius"
)

// Why a round could not be carried out; errors.Is tells them apart.
var (
	ErrUnreachable = errors.New("server cannot be reached")
	ErrTimeout     = errors.New("no answer from the server")
	// ErrAuthenticator means that the only answers were signed with another secret, or not
	// at all.
	ErrAuthenticator = errors.New("answers are not signed with our secret")
)

// Conn speaks RADIUS with one server from one UDP socket, or another transport: one conversation
// at a time, whose State it keeps. It belongs to one goroutine.
type Conn struct {
	cfg        Config
	udp        net.Conn // or what does as well
	identifier byte
	state      []byte
	last       sentRequest
	traffic    Traffic
	trust      trustMemory
	buf        []byte // datagrams are received here
	watching   bool   // a context interrupts reads already
}

// Traffic counts what a Conn did.
type Traffic struct {
	Rounds          int `json:"rounds"` // requests answered
	Retransmissions int `json:"retransmissions"`
	BytesSent       int `json:"bytes_sent"`
	BytesReceived   int `json:"bytes_received"`
}

// Dial opens the socket for conversations with cfg.Server. Nothing is sent yet.
func Dial(cfg Config) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	if cfg.LocalAddr != "" {
		if dialer.LocalAddr, err = net.ResolveUDPAddr("udp", cfg.LocalAddr); err != nil {
			return nil, fmt.Errorf("reading local address: %w", err)
		}
	}
	udp, err := dialer.Dial("udp", cfg.Server)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return newConn(cfg, udp), nil
}

// Over returns a Conn that speaks over transport, which it closes: each Write of that is one
// datagram to the server and each Read one from it, with deadlines as a socket has them.
// Config's Server only gives it a name; LocalAddr is not used.
func Over(cfg Config, transport net.Conn) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return newConn(cfg, transport), nil
}

func newConn(cfg Config, transport net.Conn) *Conn {
	c := &Conn{cfg: cfg, udp: transport}
	var b [1]byte
	_, _ = rand.Read(b[:]) // never fails
	c.identifier = b[0]
	return c
}

// Close closes the socket.
func (c *Conn) Close() error { return c.udp.Close() }

// LocalAddr returns the source address of our datagrams.
func (c *Conn) LocalAddr() net.Addr { return c.udp.LocalAddr() }

// Traffic returns the counts of the conversation so far.
func (c *Conn) Traffic() Traffic { return c.traffic }

// State returns the State that the next request carries; nil: none.
func (c *Conn) State() []byte { return bytes.Clone(c.state) }

// SetState replaces the State that the next request carries; nil starts a new conversation.
func (c *Conn) SetState(state []byte) { c.state = bytes.Clone(state) }

// Exchange carries one EAP packet to the server and returns the answer: a new Identifier, the
// current State, retransmissions as configured. An empty eap is sent as EAP-Start (RFC 3579
// §2.1). Errors: ErrUnreachable, ErrTimeout, ErrAuthenticator, and ctx's.
func (c *Conn) Exchange(ctx context.Context, eap []byte) (*Reply, error) {
	if err := c.build(bytes.Clone(eap)); err != nil {
		return nil, err
	}
	return c.roundTrip(ctx)
}

// Retransmit sends the bytes of the last request again and returns the answer, as a NAS does
// that heard none: same Identifier, same Request Authenticator (RFC 5080 §2.2.2).
func (c *Conn) Retransmit(ctx context.Context) (*Reply, error) {
	if c.last.packet == nil {
		return nil, errors.New("retransmitting: nothing was sent yet")
	}
	return c.roundTrip(ctx)
}

// Reissue sends the last EAP packet with the State it had, under a new Identifier and Request
// Authenticator, as some NASes retransmit.
func (c *Conn) Reissue(ctx context.Context) (*Reply, error) {
	if c.last.packet == nil {
		return nil, errors.New("reissuing: nothing was sent yet")
	}
	c.state = c.last.state
	return c.Exchange(ctx, c.last.eap)
}

// Send sends one datagram as it is.
func (c *Conn) Send(raw []byte) error {
	n, err := c.udp.Write(raw)
	c.traffic.BytesSent += n
	if err != nil {
		return unreachable(err)
	}
	return nil
}

// Receive returns the next datagram, unchecked, or ErrTimeout after wait, or ctx's error.
func (c *Conn) Receive(ctx context.Context, wait time.Duration) ([]byte, error) {
	defer c.watch(ctx)()
	raw, err := c.receive(ctx, time.Now().Add(wait))
	return bytes.Clone(raw), err
}

// watch has ctx interrupt reads until stop is called. Only the outermost watch counts: it
// spares each read the bookkeeping.
func (c *Conn) watch(ctx context.Context) (stop func()) {
	if c.watching {
		return func() {}
	}
	c.watching = true
	// The deadline is set behind the end of ctx, and receive looks at ctx behind its own.
	release := context.AfterFunc(ctx, func() { _ = c.udp.SetReadDeadline(time.Unix(1, 0)) })
	return func() {
		c.watching = false
		release()
	}
}

// receive reads into c.buf, which the next call overwrites.
func (c *Conn) receive(ctx context.Context, deadline time.Time) ([]byte, error) {
	if err := c.udp.SetReadDeadline(deadline); err != nil {
		return nil, fmt.Errorf("setting deadline: %w", err)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if c.buf == nil {
		c.buf = make([]byte, radius.MaxPacketLength+1)
	}
	n, err := c.udp.Read(c.buf)
	c.traffic.BytesReceived += n
	switch {
	case err == nil:
		return c.buf[:n], nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, ErrTimeout
	}
	return nil, unreachable(err)
}

func unreachable(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: nothing listens on that port", ErrUnreachable)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// roundTrip sends the last request until an authentic answer comes.
func (c *Conn) roundTrip(ctx context.Context) (*Reply, error) {
	defer c.watch(ctx)()
	for try := 0; try <= max(c.cfg.Retries, 0); try++ {
		if try > 0 {
			c.traffic.Retransmissions++
		}
		if err := c.Send(c.last.raw); err != nil {
			return nil, err
		}
		reply, err := c.await(ctx)
		if err == nil {
			c.settle(reply)
			return reply, nil
		}
		if !errors.Is(err, ErrTimeout) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %s, %d requests of %v each", ErrTimeout, c.cfg.Server,
		max(c.cfg.Retries, 0)+1, c.cfg.Timeout)
}

// await reads until an authentic answer to the last request or the timeout. Answers that are
// not authentic are passed over, as a NAS does, and told in the end.
func (c *Conn) await(ctx context.Context) (*Reply, error) {
	deadline := time.Now().Add(c.cfg.Timeout)
	var bad error
	for {
		raw, err := c.receive(ctx, deadline)
		if errors.Is(err, ErrTimeout) && bad != nil {
			return nil, fmt.Errorf("%w: %w", ErrAuthenticator, bad)
		}
		if err != nil {
			return nil, err
		}
		reply, err := parseReply(raw, c.last.packet)
		if err == nil {
			return reply, nil
		}
		if !errors.Is(err, errIgnored) {
			bad = err
		}
	}
}

// settle takes over the State of an answer: a Challenge carries the next one, all else ends
// the conversation.
func (c *Conn) settle(r *Reply) {
	c.traffic.Rounds++
	c.state = nil
	if r.Code == radius.CodeAccessChallenge {
		c.state = r.State
	}
}
