package clock_test

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/appliance/clock"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// built is when the program of the tests was made.
var built = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// A world is a gateway, its clocks and the true time, moved by the test.
type world struct {
	t      *testing.T
	path   string
	floor  time.Time
	log    bytes.Buffer
	truth  time.Time     // what an honest clock would say
	wrong  time.Duration // by how much the wall clock is ahead of it
	epoch  bool          // the wall clock began at 1970 with the boot instead
	up     time.Duration // monotonic
	synced *bool         // what the kernel says; nil: nothing
	clock  *clock.Clock
}

// newWorld is a gateway without a file, on which the program has never run.
func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, path: filepath.Join(t.TempDir(), "clock"), floor: built, truth: built.Add(20 * day),
	}
}

func (w *world) wall() time.Time {
	if w.epoch {
		return time.Unix(0, 0).Add(w.up)
	}
	return w.truth.Add(w.wrong)
}

// boot starts the program, and returns what Open says of the file.
func (w *world) boot() error {
	w.t.Helper()
	w.up = 3 * time.Second
	c, err := clock.Open(clock.Config{
		Path: w.path, Floor: w.floor, Wall: w.wall,
		Elapsed: func() time.Duration { return w.up },
		Kernel: func() (bool, bool) {
			if w.synced == nil {
				return true, false // without ok the first says nothing
			}
			return *w.synced, true
		},
		Logger: slog.New(slog.NewJSONHandler(&w.log, nil)),
	})
	w.clock = c
	if c == nil {
		w.t.Fatal("Open: got no clock")
	}
	return err
}

// settled is a gateway that has run for a day with a right clock, and runs.
func settled(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.mustBoot()
	w.pass(25 * time.Hour)
	return w
}

func (w *world) mustBoot() {
	w.t.Helper()
	if err := w.boot(); err != nil {
		w.t.Fatalf("Open: %v", err)
	}
}

// pass lets time pass as Run would see it.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	for d > 0 {
		step := min(d, time.Minute)
		d -= step
		w.truth, w.up = w.truth.Add(step), w.up+step
		w.clock.Review()
	}
}

// off stops the program in good order, and starts it again when d has passed.
func (w *world) off(d time.Duration) {
	w.t.Helper()
	if err := w.clock.Save(); err != nil {
		w.t.Fatalf("Save: %v", err)
	}
	w.truth = w.truth.Add(d)
	w.mustBoot()
}

// want checks whether the wall clock is believed, and by how much guarded time is ahead of the
// truth.
func (w *world) want(what string, sure bool, ahead time.Duration) {
	w.t.Helper()
	now, got := w.clock.Now()
	if d := now.Sub(w.truth); got != sure || d != ahead {
		w.t.Errorf("%s: got sure %v, %v ahead of the truth, want %v, %v (%s)",
			what, got, d, sure, ahead, w.clock.Report().Why)
	}
	if now.Location() != time.UTC {
		w.t.Errorf("%s: got a time in %v, want UTC", what, now.Location())
	}
}

// wantKnown checks by how much the time that is known for certain is ahead of the truth.
func (w *world) wantKnown(what string, ahead time.Duration) {
	w.t.Helper()
	if d := w.clock.Report().Expected.Sub(w.truth); d != ahead {
		w.t.Errorf("%s: what is known is %v ahead of the truth, want %v", what, d, ahead)
	}
}

func (w *world) reset() {
	w.t.Helper()
	if err := w.clock.Reset(); err != nil {
		w.t.Fatalf("Reset: %v", err)
	}
}

func (w *world) wantResetRefused() {
	w.t.Helper()
	if err := w.clock.Reset(); !errors.Is(err, clock.ErrBelowFloor) {
		w.t.Errorf("Reset: got %v, want ErrBelowFloor", err)
	}
}
