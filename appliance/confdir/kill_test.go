package confdir_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"gatehouse/appliance/confdir"
)

// TestApplyKilled kills a process at every step of a change: each file is the old or the new one,
// and the next change goes through.
func TestApplyKilled(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		w := newWorld(t)
		before := w.files()
		child := exec.Command(os.Args[0], "-test.run=^TestChildOfApplyKilled$")
		child.Env = append(os.Environ(), "CONFDIR_CHILD="+w.path, "CONFDIR_STEP="+strconv.Itoa(n))
		out, err := child.CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
			checkWhole(t, strconv.Itoa(n), before, w.files())
			if err := w.dir.Apply(t.Context(), bigChange); err != nil {
				t.Errorf("step %d: again: %v", n, err)
			}
			for name := range w.files() {
				if _, was := before[name]; !was && name != "ca/acme.yaml" && name != "radius/lan.yaml" {
					t.Errorf("step %d: %s is left over", n, name)
				}
			}
			continue
		}
		if err != nil || n < 8 {
			t.Errorf("with %d steps: %v\n%s", n, err, out)
		}
		return
	}
}

// TestChildOfApplyKilled is no test of its own.
func TestChildOfApplyKilled(t *testing.T) {
	path := os.Getenv("CONFDIR_CHILD")
	if path == "" {
		return
	}
	last, err := strconv.Atoi(os.Getenv("CONFDIR_STEP"))
	if err != nil {
		t.Fatal(err)
	}
	dir, steps := confdir.Open(path, nil), 0
	dir.OnStep(func(string) error {
		if steps++; steps > last {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return nil
	})
	if err := dir.Apply(t.Context(), bigChange); err != nil {
		t.Fatal(err)
	}
}
