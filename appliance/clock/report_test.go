package clock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/clock"
)

// TestHintsAreShownAndNotBelieved tells a gateway in 1970 what time it is.
func TestHintsAreShownAndNotBelieved(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.epoch = true
	w.off(10 * day)
	for i := range 10 {
		w.clock.Hint(fmt.Sprintf("responder %d", i), w.truth)
	}
	w.clock.Hint("responder 5", w.truth.Add(time.Second))
	w.clock.Hint("evil\x1b[2J", w.truth)
	w.want("told ten times", false, -10*day)
	if err := w.clock.Save(); err != nil {
		t.Fatal(err)
	}
	r := w.clock.Report()
	var sources []string
	for _, h := range r.Hints {
		sources = append(sources, h.Source)
	}
	want := []string{"responder 3", "responder 4", "responder 6", "responder 7", "responder 8",
		"responder 9", "responder 5", `evil\x1b[2J`}
	if diff := cmp.Diff(want, sources); diff != "" {
		t.Errorf("sources (- want, + got):\n%s", diff)
	}
	five := clock.Hint{
		Source: "responder 5", Time: w.truth.Add(time.Second), Heard: w.truth.Add(-10 * day),
		AheadS: int64((w.truth.Sub(w.wall()) + time.Second) / time.Second),
	}
	if diff := cmp.Diff(five, r.Hints[6]); diff != "" {
		t.Errorf("hint (- want, + got):\n%s", diff)
	}
	w.mustBoot()
	w.want("after a restart", false, -10*day)
	if hints := w.clock.Report().Hints; len(hints) != 0 {
		t.Errorf("got %v after a restart, want no hints", hints)
	}
}

func TestReportSaysWhy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		wrong time.Duration
		want  string
	}{
		{"right", 0, "the wall clock is believed: it agrees with what is known"},
		{"behind", -year, "the wall clock is 365 days behind: it says 2025-11-22 01:00:00 UTC, " +
			"and it cannot be before 2026-11-22 01:00:00 UTC"},
		{"ahead", 26 * year, "the wall clock is 26 years ahead: it says 2052-11-15 01:00:00 UTC, and by " +
			"what is known it is 2026-11-22 01:00:00 UTC; more than 3 years are not believed"},
		{"step", 5 * time.Hour, "the wall clock is believed, 5 hours ahead of what is known; it becomes " +
			"known when it has stood for 24 hours (or 60 minutes, when a time server has synchronised it), " +
			"so far 0 seconds"},
	} {
		w := settled(t)
		w.wrong = tt.wrong
		if r := w.clock.Report(); r.Why != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, r.Why, tt.want)
		}
	}
}

func TestReportHasTheTimes(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.synced = new(false)
	w.wrong = -day
	want := clock.Report{
		Now: w.truth, Wall: w.truth.Add(-day), Why: w.clock.Report().Why, Expected: w.truth,
		Floor: built, Kernel: new(false), Hints: []clock.Hint{},
	}
	if diff := cmp.Diff(want, w.clock.Report()); diff != "" {
		t.Errorf("report (- want, + got):\n%s", diff)
	}
}
