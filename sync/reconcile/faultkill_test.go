package reconcile_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// killedChild says to a process what to do until it is killed: the step, the scenario, the world
// and the state, one a line.
const killedChild = "GATEHOUSE_TEST_KILLED"

// TestKilledChild is what such a process runs. In any other it has nothing to do.
func TestKilledChild(t *testing.T) {
	order := strings.Split(os.Getenv(killedChild), "\n")
	if len(order) != 4 {
		return
	}
	last, err := strconv.Atoi(order[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range scenarios() {
		if name, again := strings.CutSuffix(order[1], startedAgain); name == sc.name {
			if again {
				sc = sc.startAgain()
			}
			w := openWorld(t, order[2])
			synctest.Test(t, func(t *testing.T) { w.dies(t, sc, order[3], last) })
		}
	}
	t.Error("nobody was killed")
}

const startedAgain = ", started again"

// startAgain is the start on what is left of a scenario.
func (sc *scenario) startAgain() *scenario {
	again := *sc
	again.name, again.act = sc.name+startedAgain, (*box).start
	return &again
}

// dies carries out a scenario until its last step, which is not taken.
func (w *world) dies(t *testing.T, sc *scenario, state string, last int) {
	time.Sleep(time.Hour)
	b, n := w.box(t, sc, state), 0
	b.step = func(string) error {
		if n++; n == last {
			err := syscall.Kill(os.Getpid(), syscall.SIGKILL)
			panic(fmt.Sprint("alive after kill -9: ", err))
		}
		return nil
	}
	sc.act(b)
}

// kill runs a process that kills itself in a step of a scenario.
func (w *world) kill(t *testing.T, sc *scenario, state string, step int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0",
		fmt.Sprintf("%s=%d\n%s\n%s\n%s", killedChild, step, sc.name, w.dir, state))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %v\n%s", cmd.ProcessState, out.String())
	}
}

// listed returns steps one a line, numbered.
func listed(steps []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d steps:\n", len(steps))
	for i, step := range steps {
		fmt.Fprintf(&b, "%3d  %s\n", i+1, step)
	}
	return b.String()
}

// TestKilledInEveryStep kills a process in every step of what can happen to bundles, and starts
// another one on what is left. Nothing of it is parallel: a process that is being started holds the
// locks of all others for a moment.
func TestKilledInEveryStep(t *testing.T) {
	w := newWorld(t)
	for _, sc := range scenarios() {
		t.Run(strings.ReplaceAll(sc.name, " ", "_"), func(t *testing.T) {
			seed := w.seeded(t, sc)
			steps := w.steps(t, sc, seed)
			t.Log(listed(steps))
			for i, step := range steps {
				state := filepath.Join(t.TempDir(), "state")
				copyState(t, state, seed)
				w.kill(t, sc, state, i+1)
				w.recovers(t, sc, state, cutoff{steps, i, seed})
				if t.Failed() {
					t.Fatalf("killed before step %d: %s", i+1, step)
				}
			}
		})
	}
}
