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

func start(t *testing.T, dir *directory, indexer reconcile.Indexer) *setup {
	t.Helper()
	s := &setup{}
	s.Reconciler = reconcile.New(reconcile.Config{
		FS: dir.fs, Holder: &s.holder, Now: time.Now, Indexer: indexer,
		Logger:   slog.New(slog.NewTextHandler(&s.log, nil)),
		OnResult: func(r reconcile.Result) { s.results = append(s.results, r) },
	})
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
	return s
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
		if !r.Swapped || !r.Problems.HasErrors() {
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

// failing is an Indexer that fails while err is set.
type failing struct{ err error }

func (f *failing) Index(_ context.Context, sets []identity.Set) (identity.Users, error) {
	if f.err != nil {
		return nil, f.err
	}
	return identity.NewMemory(sets)
}

func TestIndexFailureIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		indexer := &failing{err: errors.New("the disk is full")}
		s := start(t, newDirectory(t), indexer)
		if r := s.Last(); r.Swapped || !errors.Is(r.Err, indexer.err) || s.holder.Load() != nil {
			t.Errorf("result %+v", r)
		}
		indexer.err = nil
		s.look()
		if r := s.Last(); !r.Swapped || s.holder.Load() == nil {
			t.Errorf("not tried again: %+v", r)
		}
	})
}

// waiting is an Indexer that waits until it is let go.
type waiting struct{ entered, release chan struct{} }

func (w *waiting) Index(_ context.Context, sets []identity.Set) (identity.Users, error) {
	w.entered <- struct{}{}
	<-w.release
	return identity.NewMemory(sets)
}

// However often somebody asks during a load, one more follows, with what there is then.
func TestWakeNeverBlocksAndCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		w := &waiting{entered: make(chan struct{}, 10), release: make(chan struct{}, 10)}
		s := start(t, dir, w)
		<-w.entered
		for i := range 100 {
			dir.put("users/more.csv", "username\n"+strings.Repeat("z", i+1)+"\n")
			s.Wake()
		}
		w.release <- struct{}{}
		w.release <- struct{}{}
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
		s.look()
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
