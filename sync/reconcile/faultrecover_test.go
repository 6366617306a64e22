package reconcile_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// quickDir returns a temporary directory, in memory if there is one: syncing takes no time there.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gatehouse-test")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// seeded makes the state that a scenario begins with.
func (w *world) seeded(t *testing.T, sc *scenario) string {
	t.Helper()
	state := quickDir(t)
	synctest.Test(t, func(t *testing.T) { sc.seed(w.box(t, sc, state)) })
	return state
}

// steps runs a scenario without faults on a copy of seed, and returns its steps.
func (w *world) steps(t *testing.T, sc *scenario, seed string) []string {
	t.Helper()
	steps := w.stepsOf(t, sc, seed)
	if len(steps) == 0 {
		t.Fatal("nothing is changed on the disk")
	}
	return steps
}

func (w *world) stepsOf(t *testing.T, sc *scenario, seed string) []string {
	t.Helper()
	state := quickDir(t)
	copyState(t, state, seed)
	var steps []string
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		b := w.box(t, sc, state)
		b.step = func(step string) error { steps = append(steps, step); return nil }
		sc.act(b)
		b.stop()
	})
	return steps
}

func copyState(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// A cutoff is where a scenario was cut short.
type cutoff struct {
	steps []string // all that it has
	taken int      // how many of them were taken
	seed  string   // the state that it began with
}

// floor returns the highest serial that must be remembered.
func (w *world) floor(t *testing.T, c cutoff) uint64 {
	t.Helper()
	j := openJournal(t, c.seed)
	floor := serialIn(j, w.key)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	raised := func(step string) bool { return strings.HasPrefix(step, "remember serial/") }
	if slices.ContainsFunc(c.steps[:c.taken], raised) {
		floor = max(floor, 43)
	}
	return floor
}

// isDone reports whether the link was turned for the last time, and that was synced.
func (c cutoff) isDone() bool {
	return c.taken == len(c.steps) || slices.Contains(c.steps[:c.taken], syncLink) && !slices.Contains(c.steps[c.taken:], syncLink)
}

const syncLink = "sync ."

// recovers starts without faults on what a scenario has left that was cut short, and sees to it
// that all comes right.
func (w *world) recovers(t *testing.T, sc *scenario, state string, c cutoff) {
	t.Helper()
	floor := w.floor(t, c)
	w.complete(t, sc, state)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * time.Hour)
		b := w.box(t, sc, state)
		b.start()
		if sc.spoilt == "" && strings.Contains(b.log.String(), "of before the start cannot be used") {
			t.Errorf("a version was damaged\n%s", b.lines())
		}
		if c.isDone() && len(b.seen) > 0 && b.seen[0] != sc.after {
			t.Errorf("%q is in force after the start, and %q was before\n%s", b.seen[0], sc.after, b.lines())
		}
		w.settles(b, floor)
	})
}

// complete checks that what has the name of a version is one, whole.
func (w *world) complete(t *testing.T, sc *scenario, state string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(state, "versions", "[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range names {
		name := filepath.Base(dir)
		if sc.spoilt != "" && name == w.version(sc.spoilt) {
			continue
		}
		archive, err := os.ReadFile(filepath.Join(dir, "bundle.tar.gz"))
		if err != nil || !strings.HasSuffix(name, fmt.Sprintf("-%x", sha256.Sum256(archive))[:9]) {
			t.Errorf("half of version %s: %v", name, err)
		}
		for _, file := range []string{"bundle.tar.gz.minisig", "signer.pub"} {
			if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
				t.Errorf("half of version %s: %s: %v", name, file, err)
			}
		}
	}
}

// settles is what recovers does, once the process runs.
func (w *world) settles(b *box, floor uint64) {
	b.t.Helper()
	rises := func(when string) {
		b.t.Helper()
		if got := b.serial(); got < floor {
			b.t.Errorf("%s: serial %d is remembered, and %d was", when, got, floor)
		} else {
			floor = got
		}
	}
	rises("after the start")
	if len(b.seen) == 0 {
		b.t.Fatalf("nothing is in force after the start\n%s", b.lines())
	}
	for _, name := range b.seen {
		if name != b.sc.before && name != b.sc.after {
			b.t.Errorf("%q was in force, want %q or %q\n%s", name, b.sc.before, b.sc.after, b.lines())
		}
	}
	if b.sc.again != nil {
		b.sc.again(b)
	} else {
		b.bring(b.sc.after)
	}
	b.wants(b.sc.after)
	rises("in the end")
	b.restart()
	b.wants(b.sc.after)
	b.tidy()
	rises("after another start")
	if b.sc.check != nil {
		b.sc.check(b)
		rises("after the check")
	}
	b.stop()
}
