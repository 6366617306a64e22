package reconcile_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/sync/bundle"
	"gatehouse/sync/reconcile"
)

// forgetful is a Ledger that remembers nothing under keys that begin with a prefix, for a time.
type forgetful struct {
	*ledger
	prefix string
	until  time.Time
}

func (f *forgetful) Remember(ctx context.Context, key string, value []byte) error {
	if strings.HasPrefix(key, f.prefix) && time.Now().Before(f.until) {
		return errors.New("no space left on device")
	}
	return f.ledger.Remember(ctx, key, value)
}

// TestKeysRotateBeforeTheNextBundle has new keys not remembered at once: the next bundle waits, for
// the old keys must not judge it.
func TestKeysRotateBeforeTheNextBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.cfg.Ledger = &forgetful{g.ledger, "trust", time.Now().Add(10 * time.Second)}
		next := newKey(t)
		g.start()
		g.bring("a", g.build(42, g.key, "fleet/trusted_keys/new.pub", string(next.Trusted("n").Text()), oneMore, moreUsers(1)))
		g.bring("b", g.build(43, g.key, oneMore, moreUsers(2)))
		g.expect(42, 3, "")
		if g.Bundles().Err == "" {
			t.Error("nobody is told")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		g.expect(42, 3, bundle.UnknownKey)
	})
}

// TestBundleUsersNeverInLooseFiles breaks a file of users after a bundle that did not work has left
// its own in the index: the loose file must not fall back on them.
func TestBundleUsersNeverInLooseFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.index = &indexer{}
		g.cfg.Try = func(context.Context) error { return errors.New("no handshake") }
		g.loose.put(oneMore, moreUsers(5))
		g.start()
		g.expect(0, 7, "")
		g.bring("a", g.build(1, g.key, oneMore, moreUsers(1)))
		g.expect(0, 7, reconcile.CodeRolledBack)
		g.stop()
		g.loose.put(oneMore, "username\nbob\nbob\n")
		g.start()
		g.expect(0, 2, reconcile.CodeRolledBack)
		g.loose.put(oneMore, moreUsers(6))
		g.look()
		g.expect(0, 8, reconcile.CodeRolledBack)
		g.stop()
		g.loose.put(oneMore, "username\nbob\nbob\n")
		g.start() // and now the index holds what it may fall back on
		g.expect(0, 8, reconcile.CodeRolledBack)
	})
}

// TestNeverTriedIsNoneToFallBackOn damages what counts beside a version that a process which was
// killed had put on the disk, and not in force.
func TestNeverTriedIsNoneToFallBackOn(t *testing.T) {
	w := newWorld(t)
	sc := &scenario{seed: arrived("43", damaged("42", history("41", "42")))}
	state := w.seeded(t, sc)
	synctest.Test(t, func(t *testing.T) {
		b := w.box(t, sc, state)
		b.step = func(step string) error {
			if strings.HasPrefix(step, "remember version/000043") {
				return errors.New("no space left on device")
			}
			if strings.HasPrefix(step, "delete 000043") {
				return errors.New("input/output error")
			}
			return nil
		}
		b.start()
		b.restart()
		if len(b.seen) == 0 || b.seen[0] != "41" {
			t.Errorf("in force: %v, want 41\n%s", b.seen, b.lines())
		}
	})
}
