package appliance

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/audit"
)

// TestRejectLinesAreBounded floods the log with rejects: the burst is logged line by line, the
// rest is told as a number once there is room again, and accepts are never left out.
func TestRejectLinesAreBounded(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := newDecisionLog(slog.New(slog.NewJSONHandler(&out, nil)))
	now := time.Now()
	reject := audit.Event{Time: now, Result: audit.Reject, Reason: audit.SessionUnknown}
	for range rejectLineBurst + 200 {
		d.Record(reject)
	}
	d.Record(audit.Event{Time: now, Result: audit.Accept, Reason: audit.Accepted})
	count := func(text string) int { return strings.Count(out.String(), text) }
	if got := count(`"result":"reject"`); got != rejectLineBurst {
		t.Errorf("got %d lines of rejects, want %d", got, rejectLineBurst)
	}
	if got := count(`"result":"accept"`); got != 1 {
		t.Errorf("got %d lines of the accept, want 1", got)
	}
	reject.Time = now.Add(-time.Hour) // the clock was set back: no room by that
	d.Record(reject)
	if got := count(`"result":"reject"`); got != rejectLineBurst {
		t.Errorf("a clock that was set back makes room")
	}
	reject.Time = reject.Time.Add(time.Second)
	for range 100 {
		d.Record(reject)
	}
	if got := count(`"result":"reject"`) - rejectLineBurst; got != rejectLinesPerSecond {
		t.Errorf("got %d lines after a second, want %d", got, rejectLinesPerSecond)
	}
	if got := count(`"msg":"too many rejects to log each","count":201`); got != 1 {
		t.Errorf("the unsaid are not told once as 201:\n%s", out.String()[out.Len()-200:])
	}
}
