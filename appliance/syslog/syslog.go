// Package syslog sends the log to a collector as RFC 5424 messages: decisions, warnings and what
// else the log has from Info up. What the log knows in attributes is in the structured data, in an
// element radius@32473 (the number of RFC 5612, for we have none of our own).
//
//	transports   TCP with octet counting (RFC 6587 §3.4.1), TLS (RFC 5425), UDP (RFC 5426)
//	bounds       4,096 messages or 2 MiB wait; 8 KiB a message, 2 KiB by UDP
//	overflow     new messages are dropped and counted, and the next one that is sent tells how many
//	failures     the collector is tried again after a second, then two, up to a minute
//
// Nobody who logs waits: a message is put together and queued. Syslog has no acknowledgements, so
// what was on its way when a connection broke may be lost, or come twice.
//
// The wall: it knows no configuration and no part of the program. It has no goroutine before Run,
// which waits for those that it starts. What it has to say about itself goes to Config.Logger, which
// must not lead back here.
package syslog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	// steady is how long a connection has to last for its end to be no failure of the kind before.
	steady      = time.Minute
	gather      = 50 * time.Millisecond // for what is sent together
	dialTimeout = 10 * time.Second
	sendTimeout = 10 * time.Second
	endTimeout  = 2 * time.Second // for what waits at the end
)

// The transports.
const (
	TCP = "tcp"
	TLS = "tls"
	UDP = "udp"
)

// Config is what a Sender works with. All fields are required but Roots and Dial.
type Config struct {
	Transport string         // TCP, TLS or UDP
	Address   string         // HOST:PORT of the collector; with TLS it must prove to be HOST
	Roots     *x509.CertPool // who may vouch for it; nil: the system's
	Node      string         // by what name it knows this gateway
	Logger    *slog.Logger   // for what goes wrong here
	Now       func() time.Time
	// Dial connects instead of Transport and Address; nil: they do.
	Dial func(ctx context.Context) (net.Conn, error)
}

// A Sender sends messages to a collector while Run runs. It is safe for concurrent use.
type Sender struct {
	cfg   Config
	form  form
	queue *queue

	mu     sync.Mutex // guards status
	status Status
}

// A Status is how a Sender is doing.
type Status struct {
	Collector string    `json:"collector"` // TRANSPORT://HOST:PORT
	Connected bool      `json:"connected"`
	Since     time.Time `json:"since,omitzero"` // when that changed
	Problem   string    `json:"problem,omitempty"`
	Sent      uint64    `json:"sent"`    // messages
	Waiting   int       `json:"waiting"` // messages
	Dropped   uint64    `json:"dropped"` // messages that found no room
}

// New returns a Sender that keeps what is logged until Run sends it.
func New(cfg Config) (*Sender, error) {
	switch cfg.Transport {
	case TCP, TLS, UDP:
	default:
		return nil, fmt.Errorf("opening syslog: unknown transport %q", cfg.Transport)
	}
	if _, _, err := net.SplitHostPort(cfg.Address); err != nil {
		return nil, fmt.Errorf("opening syslog: %w", err)
	}
	s := &Sender{cfg: cfg, form: newForm(cfg.Node, cfg.Transport), queue: newQueue()}
	if s.cfg.Dial == nil {
		s.cfg.Dial = s.connect
	}
	s.status.Collector = cfg.Transport + "://" + cfg.Address
	return s, nil
}

// Handler returns what puts into the queue all that is logged at level and above, and nothing
// below Info: Debug has a line for each packet.
func (s *Sender) Handler(level slog.Level) slog.Handler {
	return &handler{form: &s.form, queue: s.queue, level: max(level, slog.LevelInfo)}
}

// Status returns how s is doing.
func (s *Sender) Status() Status {
	s.mu.Lock()
	status := s.status
	s.mu.Unlock()
	status.Waiting, status.Dropped = s.queue.counts()
	return status
}

// Run sends what is queued until ctx ends, and then, for a few seconds at most, what still is. It
// returns nil.
func (s *Sender) Run(ctx context.Context) error {
	wait := time.Duration(0)
	for ctx.Err() == nil {
		begun := time.Now()
		err := s.serve(ctx)
		if err == nil || ctx.Err() != nil {
			break
		}
		if time.Since(begun) > steady {
			wait = 0
		}
		wait = min(max(2*wait, firstRetry), lastRetry)
		s.failed(err, wait)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
	s.finish(context.WithoutCancel(ctx))
	return nil
}

// serve connects and sends until the connection fails, or ctx ends: then it returns nil.
func (s *Sender) serve(ctx context.Context) error {
	l, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	defer context.AfterFunc(ctx, l.hurry)()
	s.connected()
	// What is logged within a moment is sent together.
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for wake := s.queue.wake; ; {
		select {
		case <-ctx.Done():
			return s.flush(l)
		case err := <-l.gone:
			return err
		case <-wake:
			wake = nil
			timer.Reset(gather)
		case <-timer.C:
			wake = s.queue.wake
			if err := s.flush(l); err != nil {
				return err
			}
		}
	}
}

// flush sends all that waits.
func (s *Sender) flush(l *link) error {
	for {
		batch := s.queue.peek(l.batch())
		if len(batch) == 0 {
			return nil
		}
		if err := l.send(s.texts(batch)); err != nil {
			return err
		}
		s.queue.remove(batch)
		s.mu.Lock()
		s.status.Sent += uint64(len(batch))
		s.mu.Unlock()
	}
}

// texts returns the messages of batch, and where some were dropped before one, one that says so.
func (s *Sender) texts(batch []entry) [][]byte {
	var texts [][]byte
	for _, e := range batch {
		if e.dropped > 0 {
			texts = append(texts, s.form.gap(s.cfg.Now(), e.dropped))
		}
		texts = append(texts, e.text)
	}
	return texts
}

// finish connects once more if something still waits, and sends it if that is quickly done.
func (s *Sender) finish(ctx context.Context) {
	if waiting, _ := s.queue.counts(); waiting == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	l, err := s.dial(ctx)
	if err == nil {
		l.hurry()
		err = s.flush(l)
		l.close()
	}
	if waiting, _ := s.queue.counts(); err != nil {
		s.cfg.Logger.Warn("messages to the syslog collector are lost", "count", waiting, "err", err)
	}
}

func (s *Sender) connected() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.Problem != "" {
		s.cfg.Logger.Info("the syslog collector is there again", "collector", s.status.Collector)
	}
	s.status.Connected, s.status.Since, s.status.Problem = true, s.cfg.Now().UTC(), ""
}

// failed notes that err ended a connection, or kept it from being made. The first of several is
// logged.
func (s *Sender) failed(err error, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.Problem == "" {
		s.cfg.Logger.Warn("the syslog collector cannot be written to", "collector", s.status.Collector,
			"retry_s", int(wait/time.Second), "err", err)
	}
	if s.status.Connected || s.status.Since.IsZero() {
		s.status.Since = s.cfg.Now().UTC()
	}
	s.status.Connected, s.status.Problem = false, plain(err.Error(), maxProblem)
}

// connect makes a connection as it is configured.
func (s *Sender) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	if s.cfg.Transport != TLS {
		return d.DialContext(ctx, s.cfg.Transport, s.cfg.Address)
	}
	secure := tls.Dialer{NetDialer: &d, Config: &tls.Config{
		RootCAs: s.cfg.Roots, MinVersion: tls.VersionTLS12,
	}}
	return secure.DialContext(ctx, TCP, s.cfg.Address)
}

var (
	errEnded = errors.New("the collector ends the connection")
	errTalks = errors.New("the collector sends something, which is not its part")
)
