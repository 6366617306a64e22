// Package heartbeat says at an interval, to a place far away, that this gateway lives and how it is
// doing: for sites behind NAT, which nobody can ask.
//
//	first     at a random time within the interval, and within five minutes
//	then      every interval ± 20 %
//	failing   after a minute, then two, up to an hour, each ± 20 %
//
// The wall: it neither knows what it says nor where to. Nobody waits for it, it keeps nothing for
// later, and nothing in the program depends on how it goes. Run is the only goroutine.
package heartbeat

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	jitter     = 0.2 // of a delay, to either side
	maxFirst   = 5 * time.Minute
	firstRetry = time.Minute
	maxBackOff = time.Hour
)

// A Poster posts a JSON document. Its errors hold no secret.
type Poster interface {
	Post(ctx context.Context, body []byte) error
}

// Config is what a Sender works with. All fields are required but Random.
type Config struct {
	Poster   Poster
	Interval time.Duration          // mean time between two
	Body     func() ([]byte, error) // what to say now
	Where    string                 // to, for the log and the status: no secret
	Now      func() time.Time
	Logger   *slog.Logger
	Random   func() float64 // in [0, 1); nil: math/rand
}

// A Status says how it goes.
type Status struct {
	Address     string    // to
	LastSuccess time.Time // zero: none by this process
	Next        time.Time // zero: not running
	Problem     string    // why the last one failed; "": it did not
	Sent        uint64    // since the start
	Failures    uint64    // likewise
}

// A Sender sends heartbeats. Status is safe for concurrent use; Run is called once.
type Sender struct {
	config Config
	failed int // in a row; of Run's goroutine

	mu     sync.Mutex // guards what follows
	status Status
}

// New returns a Sender that sends nothing before Run.
func New(c Config) *Sender {
	if c.Random == nil {
		c.Random = rand.Float64
	}
	return &Sender{config: c, status: Status{Address: c.Where}}
}

// Status returns how it goes.
func (s *Sender) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Run sends heartbeats until ctx ends, and returns nil. A region whose power returns does not
// speak at once.
func (s *Sender) Run(ctx context.Context) error {
	delay := time.Duration(s.config.Random() * float64(min(s.config.Interval, maxFirst)))
	for s.sleep(ctx, delay) {
		delay = s.beat(ctx)
	}
	s.note(func(st *Status) { st.Next = time.Time{} })
	return nil
}

// sleep waits, and reports whether to go on.
func (s *Sender) sleep(ctx context.Context, delay time.Duration) bool {
	s.note(func(st *Status) { st.Next = s.config.Now().Add(delay) })
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// beat sends one, and returns how long to wait then. What failed is not sent later: the next one
// says more.
func (s *Sender) beat(ctx context.Context) time.Duration {
	body, err := s.config.Body()
	if err == nil {
		err = s.config.Poster.Post(ctx, body)
	}
	if ctx.Err() != nil {
		return 0
	}
	s.report(err)
	wait := s.config.Interval
	if err != nil {
		wait = min(min(s.config.Interval, firstRetry)<<s.failed, maxBackOff)
		s.failed = min(s.failed+1, 16)
	} else {
		s.failed = 0
	}
	return time.Duration((1 - jitter + 2*jitter*s.config.Random()) * float64(wait))
}

// report notes how one went, and logs what is new.
func (s *Sender) report(err error) {
	last := s.Status().Problem
	s.note(func(st *Status) {
		if err != nil {
			st.Problem = err.Error()
			st.Failures++
			return
		}
		st.Problem, st.LastSuccess = "", s.config.Now()
		st.Sent++
	})
	switch log := s.config.Logger; {
	case err != nil && err.Error() != last:
		log.Warn("the heartbeat cannot be sent; it is tried again", "url", s.config.Where, "err", err)
	case err == nil && last != "":
		log.Info("the heartbeat is sent again", "url", s.config.Where)
	}
}

func (s *Sender) note(edit func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(&s.status)
}
