package appliance

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/clock"
)

// TestClockReadsTheSameWithAndWithoutAProcess compares what the API says of a clock with what
// `gatehouse clock --json` says of it where nobody runs.
func TestClockReadsTheSameWithAndWithoutAProcess(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)
	for _, r := range []clock.Report{
		{},
		{
			Now: at, Wall: at.Add(1), Sure: true, Why: "why", Expected: at.Add(2), Floor: at.Add(3),
			Mark: at.Add(4), MarkedAt: at.Add(5), Kernel: new(true), Problem: "problem",
			Hints: []clock.Hint{{Source: "source", Time: at.Add(6), Heard: at.Add(7), AheadS: 8}},
		},
	} {
		if r.Hints == nil {
			r.Hints = []clock.Hint{}
		}
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(webClock(r))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("(- without, + with):\n%s", diff)
		}
	}
}
