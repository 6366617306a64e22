package reconcile_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A powerCut is what a disk may hold when the power is cut before a step.
type powerCut struct {
	cut
	taken int // steps
}

// TestPowerCutInEveryStep loses what was not synced in every step of what can happen to bundles, in
// every way, and starts on what is left.
func TestPowerCutInEveryStep(t *testing.T) {
	w := newWorld(t)
	for _, sc := range scenarios() {
		t.Run(strings.ReplaceAll(sc.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			seed := w.seeded(t, sc)
			steps, cuts := w.cuts(t, sc, seed)
			t.Logf("%d steps, %d states of the disk", len(steps), len(cuts))
			for i, c := range cuts {
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					state := quickDir(t)
					c.write(t, state)
					w.recovers(t, sc, state, cutoff{steps, c.taken, seed})
					if t.Failed() && c.taken < len(steps) {
						t.Logf("cut before step %d: %s", c.taken+1, steps[c.taken])
					}
				})
			}
		})
	}
}

// cuts runs a scenario and returns its steps, and what may be on the disk after a cut in any.
func (w *world) cuts(t *testing.T, sc *scenario, seed string) (steps []string, cuts []powerCut) {
	t.Helper()
	state := quickDir(t)
	copyState(t, state, seed)
	r := record(t, state)
	known := map[[32]byte]bool{}
	note := func(step string) {
		r.before(step)
		for _, c := range r.cuts() {
			if sum := c.digest(); !known[sum] {
				known[sum] = true
				cuts = append(cuts, powerCut{c, len(steps)})
			}
		}
		steps = append(steps, step)
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		b := w.box(t, sc, state)
		b.step = func(step string) error { note(step); return r.err }
		sc.act(b)
		b.stop()
		note("end")
		if r.err != nil {
			t.Fatal(r.err)
		}
	})
	return steps[:len(steps)-1], cuts
}
