package reconcile_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
	"gatehouse/sync/reconcile"
)

const golden = "../../testdata/configdirs/good/minimal"

// directory is a configuration directory that tests change.
type directory struct {
	mu    sync.Mutex
	files fstest.MapFS // replaced, never written
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	d := &directory{files: fstest.MapFS{}}
	err := fs.WalkDir(os.DirFS(golden), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(os.DirFS(golden), path)
		d.files[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *directory) fs() fs.FS {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files
}

// put writes a file, or removes it when content is empty.
func (d *directory) put(path, content string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	files := fstest.MapFS{}
	for p, f := range d.files {
		files[p] = f
	}
	if delete(files, path); content != "" {
		files[path] = &fstest.MapFile{Data: []byte(content)}
	}
	d.files = files
}

// setup runs a Reconciler over dir inside a synctest bubble until the test ends.
type setup struct {
	*reconcile.Reconciler
	holder  snapshot.Holder
	log     bytes.Buffer
	results []reconcile.Result
}

func start(t *testing.T, dir *directory, index reconcile.Indexer) *setup {
	t.Helper()
	return startOn(t, dir.fs, index)
}

func startOn(t *testing.T, dir func() fs.FS, index reconcile.Indexer) *setup {
	t.Helper()
	s := &setup{}
	s.run(t, reconcile.Config{
		FS: dir, Holder: &s.holder, Now: time.Now, Indexer: index,
		Logger:   slog.New(slog.NewTextHandler(&s.log, nil)),
		OnResult: func(r reconcile.Result) { s.results = append(s.results, r) },
	})
	return s
}

// run runs a Reconciler until the test ends.
func (s *setup) run(t *testing.T, cfg reconcile.Config) {
	t.Helper()
	s.Reconciler = reconcile.New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()
}

// look wakes the Reconciler and waits until it has looked.
func (s *setup) look() {
	s.Wake()
	synctest.Wait()
}

func TestFirstLoadAndChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		s := start(t, dir, nil)
		if got := s.holder.Load(); got == nil || got.Generation() != 1 || got.Users().Len() != 2 {
			t.Fatalf("after the first load: %+v", got)
		}
		if r := s.Last(); !r.Swapped || r.Generation != 1 || r.At.IsZero() || r.Err != nil {
			t.Errorf("result %+v", r)
		}
		dir.put("users/more.csv", "username\nzoe\n")
		s.look()
		if got := s.holder.Load(); got.Generation() != 2 || got.Users().Len() != 3 {
			t.Errorf("generation %d with %d users", got.Generation(), got.Users().Len())
		}
		if n := strings.Count(s.log.String(), "configuration in force"); n != 2 {
			t.Errorf("%d lines of changes in\n%s", n, s.log.String())
		}
	})
}

func TestUnchangedDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		s := start(t, dir, nil)
		before := s.holder.Load()
		s.look()
		dir.put("gatehouse.yaml", "schema: 1\n") // takes a restart, not a reload
		s.look()
		if s.holder.Load() != before || len(s.results) != 1 {
			t.Errorf("%d results", len(s.results))
		}
	})
}

func TestBrokenKeepsLastGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		s := start(t, dir, nil)
		dir.put("policy.yaml", "eap: [\n")
		s.look()
		r := s.Last()
		if r.Swapped || !r.Same || r.Generation != 1 || !r.Problems.HasErrors() {
			t.Errorf("a broken policy.yaml: %+v", r)
		}
		if got := s.holder.Load().Policy().Revocation.OCSP; got != "off" {
			t.Errorf("the last good policy is gone: ocsp %q", got)
		}
		if !strings.Contains(s.log.String(), "level=ERROR") || !strings.Contains(s.log.String(), "policy.yaml:1:6") {
			t.Errorf("the problem is not logged:\n%s", s.log.String())
		}
	})
}

func TestNothingUsableAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		key := string(dir.files["server/main/key.pem"].Data)
		dir.put("server/main/key.pem", "")
		s := start(t, dir, nil)
		if r := s.Last(); s.holder.Load() != nil || r.Swapped || r.Generation != 0 {
			t.Errorf("result %+v", r)
		}
		s.look()
		if len(s.results) != 1 {
			t.Errorf("the same tree was loaded %d times", len(s.results))
		}
		dir.put("server/main/key.pem", key)
		s.look()
		if got := s.holder.Load(); got == nil || got.Generation() != 1 {
			t.Error("not in force after the repair")
		}
	})
}

// indexer is an Indexer that remembers like one on disk, and what it was asked.
type indexer struct {
	before  func() error // called by Index
	users   identity.Users
	hash    [32]byte
	indexed int
	inForce []identity.Users
}

func (x *indexer) Unchanged(hash [32]byte) (identity.Users, bool) {
	return x.users, x.users != nil && x.hash == hash
}

func (x *indexer) Index(_ context.Context, sets []identity.Set, hash [32]byte) (identity.Users, error) {
	x.indexed++
	if x.before != nil {
		if err := x.before(); err != nil {
			return nil, err
		}
	}
	users, err := identity.NewMemory(sets)
	if err != nil {
		return nil, err
	}
	x.users, x.hash = users, hash
	return users, nil
}

func (x *indexer) InForce(users identity.Users) { x.inForce = append(x.inForce, users) }
func (x *indexer) Latest() identity.Users       { return x.users }

func TestIndexFailureIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("the disk is full")
		x := &indexer{before: func() error { return full }}
		s := start(t, newDirectory(t), x)
		if r := s.Last(); r.Swapped || !errors.Is(r.Err, full) || s.holder.Load() != nil || len(x.inForce) > 0 {
			t.Errorf("result %+v", r)
		}
		x.before = nil
		s.look()
		if r := s.Last(); !r.Swapped || s.holder.Load() == nil {
			t.Errorf("not tried again: %+v", r)
		}
	})
}

// However often somebody asks during a load, one more follows, with what there is then.
func TestWakeNeverBlocksAndCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		entered, release := make(chan struct{}, 10), make(chan struct{}, 10)
		s := start(t, dir, &indexer{before: func() error {
			entered <- struct{}{}
			<-release
			return nil
		}})
		<-entered
		for i := range 100 {
			dir.put("users/more.csv", "username\n"+strings.Repeat("z", i+1)+"\n")
			s.Wake()
		}
		release <- struct{}{}
		release <- struct{}{}
		synctest.Wait()
		if len(s.results) != 2 || s.holder.Load().Generation() != 2 {
			t.Errorf("%d results", len(s.results))
		}
		key := identity.FoldUsername(strings.Repeat("z", 100))
		if _, ok, _ := s.holder.Load().Users().Find(identity.Usernames, key); !ok {
			t.Error("the last change is missing")
		}
	})
}

// TestUnchangedUsers indexes again only when users have changed, or have been lost.
func TestUnchangedUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, x := newDirectory(t), &indexer{}
		s := start(t, dir, x)
		for _, step := range []struct {
			name    string
			do      func()
			indexed int
			inForce int
		}{
			{"first load", func() {}, 1, 1},
			{"nothing", s.Wake, 1, 1},
			{"something else", func() { dir.put("policy.yaml", string(dir.files["policy.yaml"].Data)+"# x\n"); s.Wake() }, 1, 2},
			{"users", func() { dir.put("users/more.csv", "username\nzoe\n"); s.Wake() }, 2, 3},
			{"said to be lost, and found", s.Reindex, 2, 4},
			{"lost", func() { x.users = nil; s.Reindex() }, 3, 5},
			{"nothing, after that", s.Wake, 3, 5},
		} {
			step.do()
			synctest.Wait()
			if x.indexed != step.indexed || len(x.inForce) != step.inForce {
				t.Errorf("%s: indexed %d times, in force %d, want %d and %d", step.name, x.indexed, len(x.inForce), step.indexed, step.inForce)
			}
			if s.holder.Load().Users() != x.inForce[len(x.inForce)-1] {
				t.Errorf("%s: the index was not told whose users are in force", step.name)
			}
		}
	})
}

// TestRestartOverBrokenUsers has an index that outlives the process: what it holds of a broken
// file goes live again, and the problem is found each time.
func TestRestartOverBrokenUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, x := newDirectory(t), &indexer{}
		start(t, dir, x)
		want := x.users.Len()
		dir.put("users/staff.yaml", "- {nobody: x}\n")
		for range 3 {
			s := start(t, dir, x)
			if got := s.holder.Load(); got == nil || got.Users().Len() != want || !s.Last().Problems.HasErrors() {
				t.Fatalf("after a restart: %+v with %v", got, s.Last().Problems)
			}
		}
	})
}

// TestChangedMeanwhile has a file of users change between judging and indexing.
func TestChangedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		x := &indexer{}
		x.before = func() error {
			if x.indexed < 3 { // in the same map, under whoever reads it
				dir.files["users/staff.yaml"].Data = append(dir.files["users/staff.yaml"].Data, "\n"...)
			}
			return nil
		}
		s := start(t, dir, x)
		if r := s.Last(); !r.Swapped || x.indexed != 3 {
			t.Errorf("indexed %d times, result %+v", x.indexed, r)
		}
		always := &indexer{}
		always.before = func() error {
			dir.files["users/staff.yaml"].Data = append(dir.files["users/staff.yaml"].Data, "\n"...)
			return nil
		}
		s = start(t, dir, always)
		if r := s.Last(); r.Swapped || !errors.Is(r.Err, load.ErrChanged) || always.indexed != 3 {
			t.Errorf("changed all the time: indexed %d times, result %+v", always.indexed, r)
		}
	})
}

func TestUnreadableDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		s := start(t, dir, nil)
		before := s.holder.Load()
		good := dir.files
		dir.mu.Lock()
		dir.files = nil
		dir.mu.Unlock()
		dir.put("policy.yaml", "")
		s.Reload()
		synctest.Wait()
		if r := s.Last(); !r.Problems.HasErrors() {
			t.Errorf("an empty directory is no problem: %+v", r)
		}
		if got := s.holder.Load(); got == nil || got.Users().Len() != before.Users().Len() {
			t.Error("an emptied directory took the configuration away")
		}
		dir.mu.Lock()
		dir.files = good
		dir.mu.Unlock()
		s.look()
		if r := s.Last(); !r.Swapped || r.Problems.HasErrors() {
			t.Errorf("after the repair: %+v", r)
		}
	})
}

func TestManyProblemsAreNotAllLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		for i := range 200 {
			dir.put("notes/"+strings.Repeat("n", i+1), "x")
		}
		s := start(t, dir, nil)
		if n := strings.Count(s.log.String(), "\n"); n > 60 {
			t.Errorf("%d lines", n)
		}
		// The clock of the bubble says 2000, before the certificates: these are warnings too.
		if n := len(s.Last().Problems); n < 200 {
			t.Errorf("%d problems", n)
		}
	})
}
