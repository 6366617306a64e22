package watch_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/sync/watch"
)

const (
	quiet = 30 * time.Millisecond // of these tests
	late  = 10 * time.Second      // when a test gives up
)

// A watched is a directory and the Watcher of it.
type watched struct {
	t     *testing.T
	base  string // in which a test may do what it likes
	looks chan struct{}
	log   lockedBuffer
}

// start watches base/dir until the test ends and waits for the first look. A change may say that
// there are no events.
func start(t *testing.T, base, dir string, change func(*watch.Config, *watch.Watcher)) *watched {
	t.Helper()
	w := &watched{t: t, base: base, looks: make(chan struct{}, 1000)}
	cfg := watch.Config{Quiet: quiet, Poll: time.Hour, LookAgain: func() { w.looks <- struct{}{} },
		Logger: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&cfg, nil)
	}
	watcher := watch.New(filepath.Join(base, dir), cfg)
	if change != nil {
		change(&cfg, watcher)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- watcher.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	w.look("at the start")
	return w
}

// look waits for a look.
func (w *watched) look(what string) {
	w.t.Helper()
	select {
	case <-w.looks:
	case <-time.After(late):
		w.t.Fatalf("%s: not noticed; log:\n%s", what, w.log.String())
	}
}

// noLook demands that what has happened is not noticed.
func (w *watched) noLook(what string) {
	w.t.Helper()
	select {
	case <-w.looks:
		w.t.Errorf("%s: noticed", what)
	case <-time.After(4 * quiet):
	}
}

// A lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// run does steps of the form "verb path [path or text]" in dir; mkdir, write, mv, ln, rm, chmod.
func run(t *testing.T, dir string, steps ...string) {
	t.Helper()
	for _, step := range steps {
		verb, rest, _ := strings.Cut(step, " ")
		name, second, _ := strings.Cut(rest, " ")
		path := filepath.Join(dir, name)
		var err error
		switch verb {
		case "mkdir":
			err = os.MkdirAll(path, 0o700)
		case "write":
			err = os.WriteFile(path, []byte(second), 0o600)
		case "mv":
			err = os.Rename(path, filepath.Join(dir, second))
		case "ln":
			err = os.Symlink(strings.ReplaceAll(second, "DIR", dir), path)
		case "rm":
			err = os.RemoveAll(path)
		case "chmod":
			err = os.Chmod(path, 0o640)
		default:
			t.Fatalf("no step %q", verb)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoticed does one thing after the other in the same directory: what blinds a watch is
// mostly noticed itself, and what follows is not.
func TestNoticed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		setup []string
		dir   string // that is watched; "": conf
		steps []string
	}{
		{name: "files", setup: []string{"mkdir conf"}, steps: []string{
			"write conf/a x", "write conf/a y", "chmod conf/a", "mv conf/a conf/b", "rm conf/b"}},
		{name: "renamed_over", setup: []string{"mkdir conf", "write conf/a x", "write b y", "write c z"},
			steps: []string{"mv b conf/a", "mv c conf/a", "write conf/a again"}},
		{name: "folders", setup: []string{"mkdir conf"}, steps: []string{
			"mkdir conf/a/b/c", "write conf/a/b/c/d x", "mv conf/a conf/z", "write conf/z/b/c/d y",
			"rm conf/z", "mkdir conf/a/b", "write conf/a/b/d y"}},
		{name: "replaced", setup: []string{"mkdir conf", "mkdir 1", "mkdir 2"}, steps: []string{
			"mv conf old", "mv 1 conf", "write conf/a x", "mv conf older", "mv 2 conf", "write conf/a x",
			"rm conf", "mkdir conf", "write conf/a x"}},
		{name: "folder_replaced", setup: []string{"mkdir conf/a", "mkdir 1"}, steps: []string{
			"mv conf/a old", "mv 1 conf/a", "write conf/a/b x"}},
		{name: "not_there_yet", steps: []string{"mkdir conf", "write conf/a x"}},
		{name: "linked_root", setup: []string{"mkdir 1", "mkdir 2", "ln conf 1", "ln next DIR/2"},
			steps: []string{"write 1/a x", "mv next conf", "write 2/a x", "write conf/a y"}},
		{name: "link_above", dir: "current/conf",
			setup: []string{"mkdir 1/conf", "mkdir 2/conf", "ln current 1", "ln next 2"},
			steps: []string{"write 1/conf/a x", "mv next current", "write 2/conf/a x"}},
		{name: "linked_folder", setup: []string{"mkdir conf", "mkdir out", "ln conf/a ../out"},
			steps: []string{"write out/a x", "write out/a y", "mv out gone", "mkdir out", "write out/a x"}},
		{name: "linked_file", setup: []string{"mkdir conf", "mkdir out", "write out/a x", "ln conf/a DIR/out/a",
			"write other y"}, steps: []string{"write out/a z", "mv other out/a", "write out/a last"}},
		{name: "chain_of_links", setup: []string{"mkdir conf", "mkdir hop", "mkdir 1", "mkdir 2",
			"ln hop/current ../1", "ln next DIR/2", "ln conf/a ../hop/current"},
			steps: []string{"write 1/a x", "mv next hop/current", "write 2/a x"}},
		{name: "dangling_link", setup: []string{"mkdir conf", "mkdir out", "ln conf/a ../out/a"},
			steps: []string{"write out/a x", "write out/a y"}},
		{name: "hidden_data", setup: []string{"mkdir conf/..1/ca", "mkdir conf/..2/ca", "ln conf/..data ..1",
			"ln conf/ca ..data/ca", "ln conf/..next ..2"},
			steps: []string{"write conf/..1/ca/a x", "mv conf/..next conf/..data", "write conf/ca/a x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			run(t, base, tt.setup...)
			if tt.dir == "" {
				tt.dir = "conf"
			}
			w := start(t, base, tt.dir, nil)
			for _, step := range tt.steps {
				run(t, base, step)
				w.look(step)
			}
		})
	}
}

func TestNotNoticed(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	run(t, base, "mkdir conf/ca", "write conf/ca/a x", "mkdir beside", "mkdir out", "write out/a x",
		"ln conf/a ../out/a")
	w := start(t, base, "conf", nil)
	for _, step := range []string{
		"write beside/a x", "write other x", "mkdir state", "rm state", // of neighbours
		"write conf/.a.swp x", "mkdir conf/.git", "write conf/.git/HEAD x", // of editors and git
		"write out/b x", // beside what a link leads to
	} {
		run(t, base, step)
	}
	if _, err := os.ReadFile(filepath.Join(base, "conf/ca/a")); err != nil {
		t.Fatal(err)
	}
	w.noLook("what concerns nobody")
	run(t, base, "write conf/ca/a y")
	w.look("what concerns us")
}

// TestBurst plays events and says when to look.
func TestBurst(t *testing.T) {
	t.Parallel()
	const q, most = 400 * time.Millisecond, 5 * time.Second
	steady := make([]time.Duration, 30)
	for i := range steady {
		steady[i] = time.Duration(i) * 300 * time.Millisecond
	}
	for _, tt := range []struct {
		name   string
		events []time.Duration
		want   time.Duration
	}{
		{"one", []time.Duration{0}, q},
		{"two", []time.Duration{0, 300 * time.Millisecond}, 700 * time.Millisecond},
		{"without_end", steady, most},
		{"just_before_the_end", []time.Duration{0, 4900 * time.Millisecond}, most},
	} {
		if got := watch.Due(q, most, tt.events...); got != tt.want {
			t.Errorf("%s: looks after %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A directory that never comes to rest is looked at all the same.
func TestNoRest(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	run(t, base, "mkdir conf")
	w := start(t, base, "conf", func(c *watch.Config, _ *watch.Watcher) {
		c.Quiet, c.Most = time.Hour, 50*time.Millisecond
	})
	run(t, base, "write conf/a x")
	w.look("a change")
}

// TestOverflow has the kernel's queue run over while nobody reads it, in which the change is
// lost that counts.
func TestOverflow(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	run(t, base, "mkdir conf")
	entered, release := make(chan struct{}), make(chan struct{})
	w := start(t, base, "conf", func(c *watch.Config, w *watch.Watcher) {
		if w == nil {
			look := c.LookAgain
			first := true
			c.LookAgain = func() {
				look()
				if first {
					first = false
					close(entered)
					<-release
				}
			}
		}
	})
	<-entered
	names := []string{filepath.Join(base, "conf/.a"), filepath.Join(base, "conf/.b")}
	limit := readInt(t, "/proc/sys/fs/inotify/max_queued_events")
	for i := range limit/2 + 20_000/4 { // hidden: nobody looks for these
		if err := os.WriteFile(names[i%2], nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(names[i%2]); err != nil {
			t.Fatal(err)
		}
	}
	run(t, base, "mkdir conf/new")
	close(release)
	w.look("the overflow")
	if !strings.Contains(w.log.String(), "overflow") {
		t.Errorf("nothing was lost; log:\n%s", w.log.String())
	}
	run(t, base, "write conf/new/a x")
	w.look("a file in what was lost")
}

func readInt(t *testing.T, file string) (n int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		_, err = fmt.Sscan(string(data), &n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWithoutEvents has too few watches: changes are found by comparing, which is said once, and
// so is the end of it.
func TestWithoutEvents(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	run(t, base, "mkdir conf/ca", "write conf/ca/a x")
	var mu sync.Mutex
	var none error = syscall.EMFILE
	w := start(t, base, "conf", func(c *watch.Config, w *watch.Watcher) {
		c.Poll = 20 * time.Millisecond
		if w != nil {
			w.WithoutEvents(func() error {
				mu.Lock()
				defer mu.Unlock()
				return none
			})
		}
	})
	for _, step := range []string{"write conf/ca/a yy", "write conf/b x", "mv conf/b conf/ca/a", "rm conf/ca"} {
		run(t, base, step)
		w.look(step)
	}
	mu.Lock()
	none = nil
	mu.Unlock()
	run(t, base, "mkdir conf/ca")
	w.look("a change, by which there are events again")
	log := w.log.String()
	if strings.Count(log, "noticed late") != 1 || strings.Count(log, "at once again") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// TestPollFindsWhatEventsMiss changes what no watch is on: a directory further above.
func TestPollFindsWhatEventsMiss(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	run(t, base, "mkdir a/b/conf", "write a/b/conf/x 1", "mkdir next/b/conf", "write next/b/conf/x 2")
	w := start(t, base, "a/b/conf", func(c *watch.Config, _ *watch.Watcher) { c.Poll = 20 * time.Millisecond })
	run(t, base, "mv a old", "mv next a")
	w.look("another directory further above")
	w.noLook("nothing")
}

// TestSurvey says where watches are, and bounds what a stranger's links may cost.
func TestSurvey(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	run(t, base, "mkdir conf/ca", "mkdir conf/.git/objects", "mkdir out/deep", "ln conf/out ../out",
		"ln conf/loop loop", "ln conf/self .", "ln conf/up ..")
	got := watch.Surveyed(filepath.Join(base, "conf"))
	for _, dir := range []string{"", "conf", "conf/ca", "out", "out/deep"} {
		if !got[filepath.Join(base, dir)] {
			t.Errorf("%q is not watched: %v", dir, got)
		}
	}
	if got[filepath.Join(base, "conf/.git")] {
		t.Error("a hidden folder is watched")
	}
	if len(got) != 5 {
		t.Errorf("watched: %v", got)
	}
}
