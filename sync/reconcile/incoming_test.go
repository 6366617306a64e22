package reconcile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/sync/bundle"
	"gatehouse/sync/reconcile"
)

// TestNoFilesInIncoming are told once in the log, and in the state for as long as they lie there.
func TestNoFilesInIncoming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		in := filepath.Join(g.state, "incoming")
		link := filepath.Join(in, "branch.tar.gz")
		if err := errors.Join(os.Symlink("elsewhere", link), os.Mkdir(filepath.Join(in, ".copying"), 0o700)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			g.look()
		}
		if got := strings.Count(g.log.String(), "branch.tar.gz is a link"); got != 1 {
			t.Errorf("told %d times, want once:\n%s", got, g.log.String())
		}
		if got := g.Bundles().Strays; len(got) != 1 || got[0] != "branch.tar.gz is a link" {
			t.Errorf("strays: %q", got)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		g.look()
		if got := g.Bundles().Strays; len(got) > 0 {
			t.Errorf("strays that are gone: %q", got)
		}
	})
}

// TestHalfRemoved: the process was killed when the signature of what it had dealt with was gone, and
// the archive was not.
func TestHalfRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.cfg.Arrived = func(name string) string {
			if strings.HasPrefix(name, "push-") {
				return reconcile.Pushed
			}
			return reconcile.ByDirectory
		}
		g.start()
		applied, stranger := g.build(1, g.key, oneMore, moreUsers(1)), g.build(2, newKey(t))
		g.bring("branch", applied)
		g.bring("push-2", stranger)
		g.expect(1, 3, bundle.UnknownKey)
		g.stop()
		in := filepath.Join(g.state, "incoming")
		for name, m := range map[string]made{"branch": applied, "push-2": stranger,
			"copied": stranger, // its signature may be on its way
			"new":    g.build(3, g.key)} {
			if err := os.WriteFile(filepath.Join(in, name+".tar.gz"), m.archive, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		g.start()
		if got := strings.Join(g.Bundles().Waiting, " "); !sameWords(got, "copied.tar.gz new.tar.gz") {
			t.Errorf("waiting: %s", got)
		}
		left, err := filepath.Glob(filepath.Join(in, "*"))
		if err != nil || len(left) != 2 {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}

func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x) != len(y) {
		return false
	}
	for _, w := range x {
		if !strings.Contains(b, w) {
			return false
		}
	}
	return true
}

// TestAppliedIsConfirmedAtOnce: whoever waits until a bundle counts as applied finds its version
// confirmed, and whoever waits until it is rolled back finds what was there before in force.
func TestAppliedIsConfirmedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		var looks int
		g.step = func(step string) error {
			if !strings.HasPrefix(step, "remove incoming/") {
				return nil
			}
			looks++
			b := g.Bundles()
			if v, _ := b.Version(); b.Settled[reconcile.Applied] != 1 || !v.Confirmed || v.Serial != 1 || b.Trying != "" {
				t.Errorf("after the trial: %v applied, version %+v, trying %q", b.Settled, v, b.Trying)
			}
			return nil
		}
		g.start()
		g.bring("a", g.build(1, g.key, oneMore, moreUsers(1)))
		if looks == 0 {
			t.Fatal("nobody has looked")
		}
		g.expect(1, 3, "")
	})
}
