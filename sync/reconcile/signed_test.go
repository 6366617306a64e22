package reconcile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/authcore/snapshot"
	"gatehouse/sync/bundle"
	"gatehouse/sync/reconcile"
	"gatehouse/sync/versions"
)

// ledger is a Ledger in memory.
type ledger struct {
	mu     sync.Mutex
	values map[string][]byte
	err    error
}

func newLedger() *ledger { return &ledger{values: map[string][]byte{}} }

func (l *ledger) Recall(key string) ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.values[key]
	return v, ok
}

func (l *ledger) Remember(_ context.Context, key string, value []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if len(value) > 4<<10 {
		return errors.New("too large")
	}
	l.values[key] = bytes.Clone(value)
	if value == nil {
		delete(l.values, key)
	}
	return nil
}

func (l *ledger) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// gateway is a Reconciler that takes bundles, over a state directory on disk. start and stop are
// starts and ends of its process.
type gateway struct {
	*setup
	t      *testing.T
	state  string
	loose  *directory
	ledger *ledger
	key    bundle.SigningKey
	cfg    reconcile.Bundles
	index  reconcile.Indexer
	step   func(string) error // before every change on the disk; nil: nothing
	stop   func()
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{t: t, state: t.TempDir(), loose: newDirectory(t), ledger: newLedger(), key: newKey(t)}
	g.cfg = reconcile.Bundles{Ledger: g.ledger, Keys: []bundle.TrustedKey{public(t, "fleet", g.key)},
		Node: bundle.Node{ID: "oslo-1"}, Version: "1.0.0",
		Clock: func() (time.Time, bool) { return time.Now(), true }}
	return g
}

func newKey(t testing.TB) bundle.SigningKey {
	t.Helper()
	k, err := bundle.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public(t testing.TB, name string, k bundle.SigningKey) bundle.TrustedKey {
	t.Helper()
	return k.Trusted(name)
}

func (g *gateway) start() {
	g.t.Helper()
	dir, err := versions.Open(versions.Config{State: g.state, Step: g.step})
	if err != nil {
		g.t.Fatal(err)
	}
	bundles := g.cfg
	bundles.Dir = dir
	s := &setup{}
	s.Reconciler = reconcile.New(reconcile.Config{
		FS: g.loose.fs, Holder: &s.holder, Now: time.Now, Bundles: &bundles, Indexer: g.index,
		Logger:   slog.New(slog.NewTextHandler(&s.log, nil)),
		OnResult: func(r reconcile.Result) { s.results = append(s.results, r) },
	})
	ctx, cancel := context.WithCancel(g.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	g.setup, g.stop = s, func() { once.Do(func() { cancel(); <-done }) }
	g.t.Cleanup(g.stop)
	synctest.Wait()
}

func (g *gateway) restart() { g.t.Helper(); g.stop(); g.start() }

// made is a bundle that was built and signed.
type made struct{ archive, signature []byte }

// build makes a bundle of the minimal configuration with changes, pairs of path and content.
func (g *gateway) build(serial uint64, key bundle.SigningKey, changes ...string) made {
	g.t.Helper()
	d := newDirectory(g.t)
	for pair := range slices.Chunk(changes, 2) {
		d.put(pair[0], pair[1])
	}
	b, err := bundle.Build(d.fs(), bundle.BuildOptions{ID: "branch", Serial: serial, AllowPlain: true})
	if err != nil {
		g.t.Fatal(err)
	}
	sig, err := key.Sign(bytes.NewReader(b.Archive), b.Manifest.Comment())
	if err != nil {
		g.t.Fatal(err)
	}
	return made{b.Archive, sig}
}

// bring puts a bundle into incoming/ and has the gateway look.
func (g *gateway) bring(name string, m made) {
	g.t.Helper()
	path := filepath.Join(g.state, "incoming", name+".tar.gz")
	for p, data := range map[string][]byte{path: m.archive, path + ".minisig": m.signature} {
		if err := os.WriteFile(p, data, 0o600); err != nil {
			g.t.Fatal(err)
		}
	}
	g.look()
}

// expect checks which version is in force, its users, and what became of the last refusal.
func (g *gateway) expect(serial uint64, users int, code bundle.Code) {
	g.t.Helper()
	b := g.Bundles()
	v, ok := b.Version()
	if v.Serial != serial || ok != (serial > 0) {
		g.t.Errorf("serial %d in force, want %d\n%s", v.Serial, serial, g.log.String())
	}
	sn := g.holder.Load()
	if sn == nil {
		g.t.Fatalf("nothing in force\n%s", g.log.String())
	}
	if sn.Users().Len() != users {
		g.t.Errorf("%d users in force, want %d", sn.Users().Len(), users)
	}
	got := bundle.Code("")
	if b.Refused != nil {
		got = b.Refused.Code
	}
	if got != code {
		g.t.Errorf("refused %q, want %q: %+v", got, code, b.Refused)
	}
	if current, err := os.Readlink(filepath.Join(g.state, "current")); serial > 0 && (err != nil || filepath.Base(current) != v.Name) {
		g.t.Errorf("current leads to %q (%v), not to %q", current, err, v.Name)
	}
}

const oneMore = "users/more.csv"

func moreUsers(n int) string {
	var b strings.Builder
	b.WriteString("username\n")
	for i := range n {
		fmt.Fprintf(&b, "more%d\n", i)
	}
	return b.String()
}

func TestBundleReplacesLooseFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		g.expect(0, 2, "")
		first := g.build(42, g.key, oneMore, moreUsers(1))
		g.bring("branch", first)
		g.expect(42, 3, "")
		if got := g.Bundles().Ignored; !slices.Contains(got, "policy.yaml") || slices.Contains(got, "gatehouse.yaml") {
			t.Errorf("ignored: %v", got)
		}
		if left, _ := os.ReadDir(filepath.Join(g.state, "incoming")); len(left) > 0 {
			t.Errorf("left in incoming/: %v", left)
		}
		g.loose.put(oneMore, moreUsers(5))
		g.look()
		g.expect(42, 3, "")
		g.restart()
		g.expect(42, 3, "")
		generation := g.holder.Load().Generation()
		g.bring("again", first)
		g.expect(42, 3, "")
		if g.holder.Load().Generation() != generation {
			t.Error("the same bundle was put in force again")
		}
	})
}

func TestSerialsNeverGoDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		g.bring("a", g.build(42, g.key, oneMore, moreUsers(1)))
		g.bring("b", g.build(41, g.key, oneMore, moreUsers(2)))
		g.expect(42, 3, bundle.SerialOld)
		g.bring("c", g.build(42, g.key, oneMore, moreUsers(3)))
		g.expect(42, 3, bundle.SerialReused)
		if !strings.Contains(g.log.String(), "ALARM") {
			t.Error("no alarm for a serial with two contents")
		}
		g.bring("d", g.build(43, newKey(t), oneMore, moreUsers(3)))
		g.expect(42, 3, bundle.UnknownKey)
		g.restart()
		g.expect(42, 3, bundle.UnknownKey) // they still lie there, and are looked at anew
		g.bring("e", g.build(44, g.key, oneMore, moreUsers(4)))
		g.expect(44, 6, g.Bundles().Refused.Code)
	})
}

func TestInvalidBundleIsRefusedWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		g.bring("a", g.build(1, g.key, "policy.yaml", "eap: {tls_min: \"9\"}\n", oneMore, "username\nbob\nbob\n"))
		g.expect(0, 2, reconcile.CodeInvalid)
		r := g.Bundles().Refused
		if len(r.Problems) < 2 || r.ExitCode != 1 || r.Serial != 1 {
			t.Errorf("not every problem is told: %+v", r)
		}
		before := len(g.log.String())
		g.look()
		if len(g.log.String()) != before {
			t.Error("a refused bundle is looked at again although nothing has changed")
		}
		g.bring("a", g.build(1, g.key, oneMore, moreUsers(1)))
		g.expect(1, 3, reconcile.CodeInvalid)
	})
}

func TestNotRemovingTheLastCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		var cas []string
		for name := range newDirectory(t).files {
			if strings.HasPrefix(name, "ca/") {
				cas = append(cas, name, "")
			}
		}
		g.bring("a", g.build(1, g.key, cas...))
		g.expect(0, 2, reconcile.CodeInvalid)
	})
}

func TestTrialDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		broken := errors.New("server main: no handshake")
		var fail bool
		g.cfg.Try = func(ctx context.Context) error {
			if fail {
				<-ctx.Done()
				return broken
			}
			return nil
		}
		g.cfg.Refusing = func(*snapshot.Snapshot, *snapshot.Snapshot) (int, int) { return 7, 3 }
		g.start()
		g.bring("a", g.build(1, g.key, oneMore, moreUsers(1)))
		g.expect(1, 3, "")
		if v, _ := ptr(g.Bundles()).Version(); !v.Confirmed || v.Refused != 3 || v.Looked != 7 {
			t.Errorf("version %+v", v)
		}
		fail = true
		bad := g.build(2, g.key, oneMore, moreUsers(2))
		g.bring("b", bad)
		if got := g.Bundles(); got.Trying == "" || g.holder.Load().Users().Len() != 4 {
			t.Errorf("not on trial: %+v", got)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		g.expect(1, 3, reconcile.CodeRolledBack)
		if !strings.Contains(g.Bundles().Refused.Text, broken.Error()) {
			t.Errorf("nobody is told why: %q", g.Bundles().Refused.Text)
		}
		fail = false
		g.bring("b", bad)
		g.expect(1, 3, reconcile.CodeRolledBack)
		g.restart()
		g.bring("b", bad)
		g.expect(1, 3, reconcile.CodeRolledBack)
		g.bring("c", g.build(3, g.key, oneMore, moreUsers(3)))
		g.expect(3, 5, g.Bundles().Refused.Code)
	})
}

func TestFirstBundleTakenBackToLooseFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.cfg.Try = func(context.Context) error { return errors.New("no handshake") }
		g.start()
		g.bring("a", g.build(1, g.key, oneMore, moreUsers(1)))
		g.expect(0, 2, reconcile.CodeRolledBack)
		g.loose.put(oneMore, moreUsers(5))
		g.look()
		g.expect(0, 7, reconcile.CodeRolledBack)
		g.restart()
		g.expect(0, 7, reconcile.CodeRolledBack)
	})
}

func TestVersionThatEndsTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		var hang bool
		g.cfg.TryFor = time.Hour
		g.cfg.Try = func(ctx context.Context) error {
			if hang {
				<-ctx.Done()
			}
			return nil
		}
		g.start()
		g.bring("a", g.build(1, g.key, oneMore, moreUsers(1)))
		hang = true
		g.bring("b", g.build(2, g.key, oneMore, moreUsers(2)))
		for range 2 {
			g.restart()
			if g.holder.Load().Users().Len() != 4 {
				t.Fatalf("the version on trial is not in force\n%s", g.log.String())
			}
		}
		hang = false
		g.restart()
		g.expect(1, 3, reconcile.CodeRolledBack)
		g.bring("b", g.build(2, g.key, oneMore, moreUsers(2)))
		g.expect(1, 3, reconcile.CodeRolledBack)
	})
}

func TestRollBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		two := g.build(2, g.key, oneMore, moreUsers(2))
		g.bring("a", g.build(1, g.key, oneMore, moreUsers(1)))
		g.bring("b", two)
		g.expect(2, 4, "")
		if err := g.RollBack(t.Context(), reconcile.Rollback{By: "alice", Reason: "VLANs are wrong"}); err != nil {
			t.Fatal(err)
		}
		g.expect(1, 3, "")
		g.bring("b", two) // as a server has it
		g.expect(1, 3, reconcile.CodeRolledBack)
		if err := g.RollBack(t.Context(), reconcile.Rollback{By: "alice", Reason: "?"}); !errors.Is(err, reconcile.ErrNoVersion) {
			t.Errorf("back to what was left for a reason: %v", err)
		}
		g.restart()
		g.expect(1, 3, reconcile.CodeRolledBack)
		name := nameOf(g, 2)
		if err := g.RollBack(t.Context(), reconcile.Rollback{To: name, By: "alice", Reason: "they are right"}); err != nil {
			t.Fatal(err)
		}
		g.expect(2, 4, reconcile.CodeRolledBack)
		if err := g.RollBack(t.Context(), reconcile.Rollback{To: "000009-00000000", By: "x", Reason: "y"}); !errors.Is(err, reconcile.ErrNoVersion) {
			t.Errorf("no such version: %v", err)
		}
		if err := g.RollBack(t.Context(), reconcile.Rollback{To: reconcile.Loose, By: "alice", Reason: "pilot over"}); err != nil {
			t.Fatal(err)
		}
		g.expect(0, 2, reconcile.CodeRolledBack)
		g.restart()
		g.expect(0, 2, reconcile.CodeRolledBack)
		g.bring("c", g.build(1, g.key, oneMore, moreUsers(1)))
		g.expect(0, 2, bundle.SerialOld)
	})
}

func nameOf(g *gateway, serial uint64) string {
	for _, v := range g.Bundles().Kept {
		if v.Serial == serial {
			return v.Name
		}
	}
	g.t.Fatalf("serial %d is not kept: %+v", serial, g.Bundles().Kept)
	return ""
}

func TestKeysRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		next := newKey(t)
		g.start()
		pub := func(k bundle.SigningKey) string { return string(public(t, "k", k).Text()) }
		g.bring("a", g.build(9_999_999, g.key, "fleet/trusted_keys/new.pub", pub(next), oneMore, moreUsers(1)))
		g.expect(9_999_999, 3, "")
		g.bring("b", g.build(10_000_000, g.key, oneMore, moreUsers(2)))
		g.expect(9_999_999, 3, bundle.UnknownKey)
		g.restart()
		g.bring("c", g.build(43, next, "fleet/trusted_keys/new.pub", pub(next),
			"fleet/trusted_keys/old.pub", pub(g.key), oneMore, moreUsers(3)))
		g.expect(43, 5, bundle.UnknownKey)
		g.bring("d", g.build(10_000_001, g.key, oneMore, moreUsers(4))) // removed for good
		g.expect(43, 5, bundle.UnknownKey)
		g.bring("e", g.build(44, next, "fleet/trusted_keys/old.pub", pub(g.key)))
		g.expect(43, 5, reconcile.CodeNoKeyLeft)
		if err := g.ResetTrust(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		g.bring("f", g.build(10_000_002, g.key, oneMore, moreUsers(4)))
		g.expect(10_000_002, 6, g.Bundles().Refused.Code)
	})
}

func TestTwoKeysNoWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		other := newKey(t)
		g.cfg.Keys = append(g.cfg.Keys, public(t, "other", other))
		g.start()
		old := g.build(42, g.key, oneMore, moreUsers(1))
		g.bring("a", old)
		g.bring("b", g.build(7, other, oneMore, moreUsers(2)))
		g.expect(7, 4, "")
		g.bring("a", old)
		g.expect(7, 4, bundle.SerialOld)
		g.restart()
		g.bring("a", old)
		g.expect(7, 4, bundle.SerialOld)
	})
}

func TestDamagedVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		g.bring("a", g.build(1, g.key, oneMore, moreUsers(1)))
		two := g.build(2, g.key, oneMore, moreUsers(2))
		g.bring("b", two)
		g.stop()
		archive := filepath.Join(g.state, "versions", nameOf(g, 2), "bundle.tar.gz")
		data := bytes.Clone(two.archive)
		data[len(data)/2] ^= 1
		if err := os.WriteFile(archive, data, 0o600); err != nil {
			t.Fatal(err)
		}
		g.start()
		if n := g.holder.Load().Users().Len(); n != 3 || g.Bundles().Damaged == "" {
			t.Fatalf("%d users, %+v\n%s", n, g.Bundles(), g.log.String())
		}
		g.bring("b", two)
		g.expect(2, 4, "")
		if g.Bundles().Damaged != "" {
			t.Error("still said to be damaged")
		}
		g.stop()
		for _, name := range []string{nameOf(g, 1), nameOf(g, 2)} {
			if err := os.Truncate(filepath.Join(g.state, "versions", name, "bundle.tar.gz"), 9); err != nil {
				t.Fatal(err)
			}
		}
		g.start()
		if g.holder.Load() != nil {
			t.Error("loose files took the place of a signed configuration")
		}
		g.bring("b", two)
		g.expect(2, 4, "")
	})
}

func TestRequireSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.cfg.RequireSigned = true
		g.start()
		if g.holder.Load() != nil || g.Last().Err == nil {
			t.Errorf("loose files are taken: %+v", g.Last())
		}
		g.bring("a", g.build(1, g.key, oneMore, moreUsers(1)))
		g.expect(1, 3, "")
		if err := g.RollBack(t.Context(), reconcile.Rollback{To: reconcile.Loose}); !errors.Is(err, reconcile.ErrUnusable) {
			t.Errorf("back to loose files: %v", err)
		}
	})
}

func TestThreeVersionsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		for i := range uint64(6) {
			time.Sleep(time.Minute)
			g.bring("a", g.build(i+1, g.key, oneMore, moreUsers(int(i)+1)))
		}
		g.expect(6, 8, "")
		var serials []uint64
		for _, v := range g.Bundles().Kept {
			serials = append(serials, v.Serial)
		}
		if !slices.Equal(serials, []uint64{6, 5, 4}) {
			t.Errorf("kept: %v", serials)
		}
		names := slices.Sorted(maps.Keys(g.ledger.values))
		if len(names) != 5 { // three versions, a serial, and whose users the index holds
			t.Errorf("remembered: %v", names)
		}
	})
}

func TestLedgerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		g.ledger.fail(errors.New("no space left on device"))
		g.bring("a", g.build(1, g.key, oneMore, moreUsers(1)))
		g.expect(0, 2, "")
		if g.Bundles().Err == "" {
			t.Error("nobody is told")
		}
		g.ledger.fail(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		g.expect(1, 3, "")
	})
}

func TestNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		b, err := bundle.Build(newDirectory(t).fs(), bundle.BuildOptions{ID: "branch", Serial: 5, AllowPlain: true,
			NotBefore: time.Now().Add(time.Hour).Truncate(time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		sig, err := g.key.Sign(bytes.NewReader(b.Archive), b.Manifest.Comment())
		if err != nil {
			t.Fatal(err)
		}
		g.bring("a", made{b.Archive, sig})
		g.expect(0, 2, "")
		time.Sleep(70 * time.Minute)
		synctest.Wait()
		g.expect(5, 2, "")
	})
}

func ptr[T any](v T) *T { return &v }
