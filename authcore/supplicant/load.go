package supplicant

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// MaxParallel is how many authentications a Load may have under way at a time.
const MaxParallel = 10000

// MaxRate is how many authentications a Load may begin a second.
const MaxRate = 1000000

// unreachablePause is how long a worker waits after it found nobody listening, so that a
// server that starts again is not run into ten thousand times a second.
const unreachablePause = 100 * time.Millisecond

// LoadConfig is a Config used many times over. Each worker has a socket, a Calling-Station-Id
// and, with Resume, a session of its own; Config's SessionCache is not used.
//
// Without Rate a server that becomes slow is asked less often: the load is closed. With Rate it
// is open, as people who come in the morning are: authentications begin at their time, however
// many are under way. One that is due while no worker is free is missed, which the report says.
type LoadConfig struct {
	Config
	Count    int           // authentications in all; 0: as many as there is time for
	Duration time.Duration // begin none after this long; 0: no bound but Count
	Parallel int           // workers, at most MaxParallel; 0: one
	Rate     float64       // begin so many a second, see above; 0: whenever a worker is free
	Resume   bool          // take the worker's last session up again
}

// Load authenticates many times, several at a time. Make one with NewLoad, Run it once.
type Load struct {
	cfg   LoadConfig
	conns []*Conn
	tally loadTally
	begun atomic.Int64
	due   chan struct{}             // with Rate: authentications that are due, each with a free worker
	free  atomic.Int64              // workers, with Rate
	start atomic.Pointer[time.Time] // nil: not running yet
}

// LoadProgress is how far a Load has come.
type LoadProgress struct {
	LoadCounts
	Elapsed time.Duration
	P50     time.Duration // median latency of those accepted
}

// NewLoad opens the sockets of all workers; nothing is sent yet. Errors are those of Dial.
func NewLoad(cfg LoadConfig) (*Load, error) {
	if cfg.Count < 0 || cfg.Duration < 0 || cfg.Count == 0 && cfg.Duration == 0 {
		return nil, errors.New("load needs a count or a duration above zero")
	}
	if !(cfg.Rate >= 0 && cfg.Rate <= MaxRate) { // nor is it NaN
		return nil, fmt.Errorf("a rate of %v/s is not between 0 and %d/s", cfg.Rate, MaxRate)
	}
	cfg.Parallel = max(cfg.Parallel, 1)
	if cfg.Parallel > MaxParallel {
		return nil, fmt.Errorf("%d at a time are more than %d", cfg.Parallel, MaxParallel)
	}
	if cfg.Count > 0 {
		cfg.Parallel = min(cfg.Parallel, cfg.Count)
	}
	setDefault(&cfg.CallingStationID, "02-00-00-00-00-01")
	l := &Load{cfg: cfg, due: make(chan struct{}, cfg.Parallel)}
	l.free.Store(int64(cfg.Parallel))
	for i := range cfg.Parallel {
		conn, err := l.dial(i)
		if err != nil {
			l.close()
			return nil, err
		}
		l.conns = append(l.conns, conn)
	}
	return l, nil
}

// dial opens the socket of worker i.
func (l *Load) dial(i int) (*Conn, error) {
	cfg, err := l.cfg.Config, error(nil)
	if cfg.CallingStationID, err = station(cfg.CallingStationID, i); err != nil {
		return nil, err
	}
	cfg.SessionCache = nil
	if l.cfg.Resume {
		cfg.SessionCache = &lastSession{}
	}
	return Dial(cfg)
}

// station returns the address of worker i, counted up from the first one's.
func station(first string, i int) (string, error) {
	if i == 0 {
		return first, nil
	}
	mac, err := net.ParseMAC(first)
	if err != nil || len(mac) != 6 {
		return "", fmt.Errorf("station %q is no MAC address: it cannot be counted up", first)
	}
	for at := len(mac) - 1; at >= 0 && i > 0; at-- {
		i += int(mac[at])
		mac[at] = byte(i)
		i >>= 8
	}
	return strings.ToUpper(strings.ReplaceAll(mac.String(), ":", "-")), nil
}

// Run authenticates until Count or Duration is reached or ctx ends, and tells what came of it.
// What was under way when ctx ended is not counted. The sockets are closed.
func (l *Load) Run(ctx context.Context) *LoadReport {
	start := time.Now()
	l.start.Store(&start)
	var workers sync.WaitGroup
	for _, conn := range l.conns {
		workers.Go(func() { l.runWorker(ctx, conn) })
	}
	if l.cfg.Rate > 0 {
		l.pace(ctx)
	}
	workers.Wait()
	elapsed := time.Since(start)
	l.close()
	r := l.tally.report(elapsed)
	r.Server, r.Parallel, r.Resume = l.cfg.Server, l.cfg.Parallel, l.cfg.Resume
	r.Count, r.Interrupted = l.cfg.Count, ctx.Err() != nil
	r.Asked = l.cfg.Rate
	return r
}

// Progress tells how far the load has come. It may be called while Run runs.
func (l *Load) Progress() LoadProgress {
	var elapsed time.Duration
	if start := l.start.Load(); start != nil {
		elapsed = time.Since(*start)
	}
	return l.tally.progress(elapsed)
}

func (l *Load) close() {
	for _, conn := range l.conns {
		_ = conn.Close() // a socket that is closed twice loses nothing
	}
}

func (l *Load) runWorker(ctx context.Context, conn *Conn) {
	defer conn.watch(ctx)()
	for ctx.Err() == nil && l.another() {
		report, err := conn.authenticate(ctx)
		if ctx.Err() != nil && err != nil {
			return
		}
		l.tally.add(report, err)
		if s, ok := conn.cfg.SessionCache.(*lastSession); ok && report.Result != ResultAccept {
			s.forget()
		}
		if err != nil && !errors.Is(err, ErrTimeout) {
			pause(ctx, unreachablePause)
		}
		l.free.Add(1)
	}
}

// another reports whether one more authentication is to begin; with Rate, once it is due.
func (l *Load) another() bool {
	if l.cfg.Rate > 0 {
		_, due := <-l.due // pace closes it when ctx ends
		return due
	}
	if l.timeIsUp() {
		return false
	}
	return l.cfg.Count == 0 || l.begun.Add(1) <= int64(l.cfg.Count)
}

func (l *Load) timeIsUp() bool {
	return l.cfg.Duration > 0 && time.Since(*l.start.Load()) >= l.cfg.Duration
}

// pace hands out authentications at their time until Count or Duration is reached or ctx ends.
// Those that come due while it is late follow at once.
func (l *Load) pace(ctx context.Context) {
	defer close(l.due)
	end := 1000 * time.Hour // as good as never, and no Duration overflows
	if l.cfg.Duration > 0 {
		end = min(end, l.cfg.Duration)
	}
	for n := 0; l.cfg.Count == 0 || n < l.cfg.Count; n++ {
		at := time.Duration(min(float64(n)/l.cfg.Rate*float64(time.Second), float64(end)))
		if wait := at - time.Since(*l.start.Load()); wait > 0 {
			pause(ctx, wait)
		}
		if ctx.Err() != nil || l.timeIsUp() {
			return
		}
		if l.free.Add(-1) < 0 {
			l.free.Add(1)
			l.tally.miss()
			continue
		}
		l.due <- struct{}{} // has room for all workers
	}
}

// authenticate carries out one conversation over c.
func (c *Conn) authenticate(ctx context.Context) (*Report, error) {
	conversation := c.Begin()
	defer conversation.Peer.Close()
	return conversation.Finish(ctx)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
