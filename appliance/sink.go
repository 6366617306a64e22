package appliance

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gatehouse/authcore/audit"
)

// sinks hands every Event to each of its members.
type sinks []audit.Sink

// Record hands on e.
func (s sinks) Record(e audit.Event) {
	for _, sink := range s {
		sink.Record(e)
	}
}

const (
	// rejectLinesPerSecond and rejectLineBurst bound the lines that rejects may add to the
	// log: strangers can make as many as they like, and the log may be on flash.
	rejectLinesPerSecond = 50
	rejectLineBurst      = 1000
)

// decisionLog writes one line a decision. Of rejects beyond its bound it says how many it kept
// to itself; metrics count them all. It is safe for concurrent use.
type decisionLog struct {
	logger *slog.Logger

	mu     sync.Mutex // guards what follows
	tokens float64
	filled time.Time // when tokens were counted last
	unsaid int       // rejects not logged since the last that was
}

func newDecisionLog(logger *slog.Logger) *decisionLog {
	return &decisionLog{logger: logger, tokens: rejectLineBurst}
}

// Record writes e.
func (d *decisionLog) Record(e audit.Event) {
	attrs := e.Attrs()
	if e.Result == audit.Reject {
		unsaid, ok := d.take(e.Time)
		if !ok {
			return
		}
		if unsaid > 0 {
			d.logger.Warn("too many rejects to log each", "count", unsaid)
		}
	}
	d.logger.LogAttrs(context.Background(), slog.LevelInfo, "decision", attrs...)
}

// take reports whether one more reject may be logged at now, and how many were not before it.
func (d *decisionLog) take(now time.Time) (unsaid int, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if since := now.Sub(d.filled).Seconds(); since > 0 { // the clock may have been set back
		d.tokens = min(d.tokens+since*rejectLinesPerSecond, rejectLineBurst)
	}
	d.filled = now
	if d.tokens < 1 {
		d.unsaid++
		return 0, false
	}
	d.tokens--
	unsaid, d.unsaid = d.unsaid, 0
	return unsaid, true
}
