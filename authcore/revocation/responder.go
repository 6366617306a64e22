package revocation

import (
	"log/slog"
	"sort"
	"sync"
	"time"
)

// maxResponders bounds the responders that are remembered; the one longest unused goes first.
const maxResponders = 64

// A Responder is the health of one OCSP responder or CRL distribution point at one moment.
type Responder struct {
	URL     string    // scheme, host, port and path: neither user nor query
	Breaker string    // closed | open | half_open
	Until   time.Time // when an open breaker lets the next request through; else zero

	DNS, TCP, TLS, HTTP Step // the last try's; with a connection used again, that one's
	Signature           Step // as the last content was judged

	ThisUpdate, NextUpdate time.Time     // of the last good content; zero: none, or not stated
	Latency                time.Duration // of the last request that was answered
	LastSuccess            time.Time     // of the last good content; zero: never
	LastFailure            time.Time     // zero: never
	LastError              string        // of LastFailure

	Asked  uint64 // requests
	Good   uint64 // good contents
	Failed uint64 // requests without an answer, and bad contents
}

// responderHealth is what is kept of one responder.
type responderHealth struct {
	Responder
	breaker  breaker
	postOnly bool   // it refused GET, and then answered POST
	used     uint64 // for the eviction
}

// responderTable holds the responders. Safe for concurrent use.
type responderTable struct {
	logger *slog.Logger

	mu   sync.Mutex // guards what follows
	byID map[string]*responderHealth
	turn uint64
}

// lockedEntry returns the entry of a responder, made when it is not there.
func (t *responderTable) lockedEntry(id string) *responderHealth {
	t.turn++
	if r, ok := t.byID[id]; ok {
		r.used = t.turn
		return r
	}
	if len(t.byID) >= maxResponders {
		oldest := ""
		for id, r := range t.byID {
			if oldest == "" || r.used < t.byID[oldest].used {
				oldest = id
			}
		}
		delete(t.byID, oldest)
	}
	r := &responderHealth{Responder: Responder{URL: id}, used: t.turn}
	t.byID[id] = r
	return r
}

func (t *responderTable) admit(id string, now time.Time) (bool, time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, known := t.byID[id]
	if !known {
		return true, time.Time{}
	}
	return r.breaker.admit(now)
}

func (t *responderTable) refusesGET(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lockedEntry(id).postOnly
}

func (t *responderTable) setRefusesGET(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lockedEntry(id).postOnly = true
}

// fetched books how a request went. Its success says nothing of its content, so that the
// breaker hears of failures alone. With blameless set, the responder is not to blame for err.
func (t *responderTable) fetched(id string, s Steps, blameless bool, now time.Time) {
	opened := false
	t.mu.Lock()
	r := t.lockedEntry(id)
	r.Asked++
	if s.TCP.State != StepNotRun || s.HTTP.State == StepNotRun {
		r.DNS, r.TCP, r.TLS = s.DNS, s.TCP, s.TLS
	} // else the connection was there already, and its steps still stand
	r.HTTP = s.HTTP
	switch {
	case s.Err == nil:
		r.Latency = s.Took
	case blameless:
		r.breaker.release()
	default:
		opened = r.lockedFail(s.Err, now)
	}
	shown := r.Responder
	until := r.breaker.until
	t.mu.Unlock()
	if opened {
		t.logOpened(shown, until)
	}
}

// judged books what verification made of fetched content.
func (t *responderTable) judged(id string, err error, now time.Time) {
	opened, closed := false, false
	t.mu.Lock()
	r := t.lockedEntry(id)
	if err != nil {
		r.Signature = Step{State: StepFailed, Detail: clip(err.Error())}
		opened = r.lockedFail(err, now)
	} else {
		r.Signature = Step{State: StepOK}
		r.LastSuccess = now
		r.Good++
		closed = r.breaker.succeed()
	}
	shown := r.Responder
	until := r.breaker.until
	t.mu.Unlock()
	switch {
	case opened:
		t.logOpened(shown, until)
	case closed:
		t.logger.Info("responder answers again", "url", shown.URL)
	}
}

// dated notes the dates of good content.
func (t *responderTable) dated(id string, thisUpdate, nextUpdate time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.lockedEntry(id)
	r.ThisUpdate, r.NextUpdate = thisUpdate, nextUpdate
}

func (r *responderHealth) lockedFail(err error, now time.Time) (opened bool) {
	r.Failed++
	r.LastFailure, r.LastError = now, clip(err.Error())
	return r.breaker.fail(now)
}

func (t *responderTable) logOpened(r Responder, until time.Time) {
	t.logger.Warn("responder not asked for a while", "url", r.URL, "until", until,
		"err", r.LastError)
}

// list returns the responders in order of their URLs.
func (t *responderTable) list(now time.Time) []Responder {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]Responder, 0, len(t.byID))
	for _, r := range t.byID {
		shown := r.Responder
		state := r.breaker.state(now)
		shown.Breaker = state.String()
		if state == breakerOpen {
			shown.Until = r.breaker.until
		}
		out = append(out, shown)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].URL < out[j].URL })
	return out
}
