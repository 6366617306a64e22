package reconcile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/testdata/tinydisk"
)

// fault is something about a disk that begins in a step and passes.
type fault struct {
	begin func() error
	step  func(taken int) error // of the steps from then on; nil: whatever the disk says
	end   func()
}

// TestFailingInEveryStep has every step fail: once, or with all that come after it until the disk
// is well again.
func TestFailingInEveryStep(t *testing.T) {
	broken := errors.New("input/output error")
	once := func(taken int) error {
		if taken == 1 {
			return broken
		}
		return nil
	}
	on := func(int) error { return broken }
	failing := func(step func(int) error) func(*testing.T, string) fault {
		f := fault{func() error { return nil }, step, func() {}}
		return func(*testing.T, string) fault { return f }
	}
	t.Run("once", func(t *testing.T) { inEveryStep(t, failing(once), false, true) })
	t.Run("on", func(t *testing.T) { inEveryStep(t, failing(on), true) }) // or it is as a full disk
}

// TestDiskFullInEveryStep fills a small disk to the last byte and the last file before every step.
func TestDiskFullInEveryStep(t *testing.T) {
	inEveryStep(t, func(t *testing.T, state string) fault {
		tinydisk.Mount(t, state, "size=1m,nr_inodes=100")
		return fault{begin: func() error { return fill(state) }, end: func() {
			if err := os.RemoveAll(filepath.Join(state, "ballast")); err != nil {
				t.Error(err)
			}
		}}
	}, false, true)
}

// inEveryStep carries out all scenarios with a fault that begins before a step, for every step,
// and sees to it that all comes right when it is over: by itself, or after another start while it
// lasts.
func inEveryStep(t *testing.T, make func(t *testing.T, state string) fault, restarts ...bool) {
	w := newWorld(t)
	for _, sc := range scenarios() {
		t.Run(strings.ReplaceAll(sc.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			seed := w.seeded(t, sc)
			steps := w.steps(t, sc, seed)
			for i, step := range steps {
				for _, restarts := range restarts {
					t.Run(fmt.Sprintf("%d_%v", i+1, restarts), func(t *testing.T) {
						state := quickDir(t)
						f := make(t, state)
						copyState(t, state, seed)
						synctest.Test(t, func(t *testing.T) { w.suffers(w.box(t, sc, state), i, restarts, f) })
						if t.Failed() {
							t.Logf("the fault began before step %d: %s", i+1, step)
						}
					})
				}
			}
		})
	}
}

// suffers carries out a scenario with a fault after so many steps.
func (w *world) suffers(b *box, after int, restarts bool, f fault) {
	time.Sleep(time.Hour)
	var over atomic.Bool
	n := 0
	b.step = func(string) error {
		n++
		switch {
		case over.Load() || n <= after:
			return nil
		case n == after+1:
			if err := f.begin(); err != nil {
				b.t.Error(err)
			}
		}
		if f.step == nil {
			return nil
		}
		return f.step(n - after)
	}
	b.sc.act(b)
	if restarts {
		b.stop()
		b.start()
	}
	if b.err == nil {
		b.whole()
	}
	over.Store(true)
	f.end()
	if b.err != nil { // it would not start with the fault
		b.start()
	}
	time.Sleep(time.Minute) // it looks again by itself
	synctest.Wait()
	if !b.sc.byHand {
		b.wants(b.sc.after)
	}
	w.settles(b, 0)
}

// whole checks that what is in force is one of what may be.
func (b *box) whole() {
	b.t.Helper()
	name, err := b.w.identify(b.holder.Load())
	if err != nil || name != b.sc.before && name != b.sc.after {
		b.t.Errorf("in force: %q (%v), want %q or %q\n%s", name, err, b.sc.before, b.sc.after, b.lines())
	}
}

// fill leaves no room on a disk for another byte, nor for another file.
func fill(state string) error {
	dir := filepath.Join(state, "ballast")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "bytes"))
	if err != nil {
		return err
	}
	page := make([]byte, 4<<10)
	for err == nil {
		_, err = f.Write(page)
	}
	for i := 0; errors.Is(err, syscall.ENOSPC); i++ {
		var empty *os.File
		if empty, err = os.Create(filepath.Join(dir, fmt.Sprint(i))); err != nil {
			break
		}
		if err = empty.Close(); err == nil {
			err = syscall.ENOSPC // of bytes
		}
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
