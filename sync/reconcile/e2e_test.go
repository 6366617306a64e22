//go:build e2e

package reconcile_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestE2EKilledTwice kills a process in every step, and the one that is started on what is left in
// every step, too. It is not parallel, as TestKilledInEveryStep.
func TestE2EKilledTwice(t *testing.T) {
	w := newWorld(t)
	for _, sc := range scenarios() {
		t.Run(strings.ReplaceAll(sc.name, " ", "_"), func(t *testing.T) {
			seed := w.seeded(t, sc)
			steps := w.steps(t, sc, seed)
			for i := range steps {
				t.Run(fmt.Sprint(i+1), func(t *testing.T) {
					left := quickDir(t)
					copyState(t, left, seed)
					w.kill(t, sc, left, i+1)
					w.killAgain(t, sc, left, cutoff{steps, i, seed})
				})
			}
		})
	}
}

// killAgain kills the process that is started on what is left, in every step.
func (w *world) killAgain(t *testing.T, sc *scenario, left string, first cutoff) {
	again := sc.startAgain()
	for i, step := range w.stepsOf(t, again, left) {
		state := quickDir(t)
		copyState(t, state, left)
		w.kill(t, again, state, i+1)
		w.recovers(t, sc, state, first)
		if t.Failed() {
			t.Fatalf("killed before step %d, %s, and after the start before %d, %s",
				first.taken+1, first.steps[first.taken], i+1, step)
		}
	}
}
