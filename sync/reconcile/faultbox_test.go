package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/appliance/journal"
	"gatehouse/sync/bundle"
	"gatehouse/sync/reconcile"
	"gatehouse/sync/versions"
)

// box is a process that takes bundles, over a real state directory with a real journal. It lives
// in a bubble of synctest. start and stop are starts and ends of it.
type box struct {
	*setup
	t     *testing.T
	w     *world
	sc    *scenario
	state string
	step  func(string) error // called before every change of the disk; nil: nothing happens
	hang  bool               // no trial ends
	loose *directory

	journal *journal.Journal
	seen    []string // what was in force since the start
	err     error    // why it has not started
	stop    func()
}

// disk is the Ledger of a box: each change of it is a step.
type disk struct {
	journal *journal.Journal
	step    func(string) error
}

func (d disk) Recall(key string) ([]byte, bool) {
	r, ok := d.journal.Last(journal.Bundle, key)
	return r.Value, ok
}

func (d disk) Remember(ctx context.Context, key string, value []byte) error {
	word := "remember "
	if value == nil {
		word = "forget "
	}
	if err := d.step(word + key); err != nil {
		return err
	}
	if value == nil {
		return d.journal.Remove(ctx, journal.Bundle, key, time.Now())
	}
	return d.journal.Append(ctx, journal.Record{Kind: journal.Bundle, Key: key, Value: value, Time: time.Now()})
}

func (d disk) Err() error { return d.journal.Err() }

func (w *world) box(t *testing.T, sc *scenario, state string) *box {
	return &box{t: t, w: w, sc: sc, state: state, loose: newDirectory(t)}
}

// openJournal opens the journal of a state directory.
func openJournal(t *testing.T, state string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(filepath.Join(state, "journal"), journal.Config{Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = j.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (b *box) start() {
	b.t.Helper()
	step := b.step
	if step == nil {
		step = func(string) error { return nil }
	}
	b.journal = openJournal(b.t, b.state)
	dir, err := versions.Open(versions.Config{State: b.state, Step: step})
	if b.err = err; err != nil {
		if err := errors.Join(err, b.journal.Close()); b.step == nil {
			b.t.Fatal(err)
		}
		b.stop = func() {}
		return
	}
	b.setup, b.seen = &setup{}, nil
	b.Reconciler = reconcile.New(reconcile.Config{
		FS: b.loose.fs, Holder: &b.holder, Now: time.Now, OnResult: b.result,
		Logger: slog.New(slog.NewTextHandler(&b.log, nil)),
		Bundles: &reconcile.Bundles{Dir: dir, Ledger: disk{b.journal, step}, Try: b.try, Version: "1.0.0",
			Keys: []bundle.TrustedKey{b.w.key}, Node: bundle.Node{ID: "oslo-1"},
			Clock: func() (time.Time, bool) { return time.Now(), true }},
	})
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	var once sync.Once
	b.stop = func() {
		once.Do(func() {
			cancel()
			if err := errors.Join(<-done, b.journal.Close()); err != nil {
				b.t.Error(err)
			}
		})
	}
	b.t.Cleanup(b.stop)
	synctest.Wait()
}

func (b *box) restart() { b.t.Helper(); b.stop(); b.start() }

// result checks that nothing is ever in force that is mixed.
func (b *box) result(r reconcile.Result) {
	if !r.Swapped {
		return
	}
	name, err := b.w.identify(b.holder.Load())
	if err != nil {
		b.t.Errorf("in force: %v", err)
	}
	b.seen = append(b.seen, name)
}

// lines returns the log, without what is wrong with every configuration here.
func (b *box) lines() string {
	lines := strings.Split(b.log.String(), "\n")
	known := func(line string) bool { return strings.Contains(line, "not yet valid by") }
	return strings.Join(slices.DeleteFunc(lines, known), "\n")
}

// try is the trial.
func (b *box) try(ctx context.Context) error {
	if b.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if name, err := b.w.identify(b.holder.Load()); err != nil || name == b.sc.fails {
		return errors.New("no handshake")
	}
	return nil
}

// bring puts a bundle into incoming/ and has the box look.
func (b *box) bring(name string) {
	b.t.Helper()
	b.w.place(b.t, b.state, name)
	b.look()
}

// wants checks that a configuration is in force, in memory and on the disk, and that nothing is
// left to be done.
func (b *box) wants(name string) {
	b.t.Helper()
	got, err := b.w.identify(b.holder.Load())
	if got != name || err != nil {
		b.t.Fatalf("in force: %q (%v), want %q\n%s", got, err, name, b.lines())
	}
	state := b.Bundles()
	if err := b.w.agrees(&state, name); err != nil {
		b.t.Error(err)
	}
	if state.Err != "" || state.Trying != "" {
		b.t.Errorf("it goes on: %q, trying %q", state.Err, state.Trying)
	}
	if len(state.Waiting) > 0 {
		b.t.Errorf("left in incoming/ without their signature: %v", state.Waiting)
	}
	current, err := os.Readlink(filepath.Join(b.state, "current"))
	if name == loose && err == nil || name != loose && filepath.Base(current) != b.w.version(name) {
		b.t.Errorf("current leads to %q, and %s is in force", current, name)
	}
	if v, ok := state.Version(); ok && (!v.Confirmed || v.Failed != "") {
		b.t.Errorf("the version in force is remembered as %+v", v.VersionRecord)
	}
	entries, err := os.ReadDir(filepath.Join(b.state, "versions"))
	if err != nil {
		b.t.Error(err)
	}
	hidden := func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }
	if n := len(entries); n > 3 && len(slices.DeleteFunc(slices.Clone(entries), hidden)) > 3 {
		b.t.Errorf("left in versions/: %v", entries)
	}
}

// tidy checks that nothing is left that a start removes.
func (b *box) tidy() {
	b.t.Helper()
	for _, pattern := range []string{".current.new", "versions/.*", "incoming/.*"} {
		if left, _ := filepath.Glob(filepath.Join(b.state, pattern)); len(left) > 0 {
			b.t.Errorf("left: %v", left)
		}
	}
}

// serial returns the highest serial that is remembered of the key fleet.
func (b *box) serial() uint64 { return serialIn(b.journal, b.w.key) }

func serialIn(j *journal.Journal, key bundle.TrustedKey) uint64 {
	var v struct{ Serial uint64 }
	r, ok := j.Last(journal.Bundle, "serial/"+key.ID())
	if !ok || json.Unmarshal(r.Value, &v) != nil {
		return 0
	}
	return v.Serial
}
