package versions_test

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/versions"
)

func TestAddReplaces(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	d := open(t, state)
	add(t, d, first, "one")
	if err := os.Truncate(filepath.Join(state, "versions", first, "bundle.tar.gz"), 1); err != nil {
		t.Fatal(err)
	}
	add(t, d, first, "one")
	if got := contentOf(t, d, first); got != "one, signature of one, key" {
		t.Errorf("version: got %q", got)
	}
	if got := tree(t, filepath.Join(state, "versions")); len(got) != 4 {
		t.Errorf("in versions/: %v", got)
	}
}

func TestAddAltered(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	d := open(t, state)
	add(t, d, first, "one")
	for _, content := range []string{"oNe", "on", "one and more"} {
		v := arrive(t, d, "one")
		write(t, content, d.Incoming(), "x.tar.gz") // after it was verified
		err := d.Add(first, *v, sha256.Sum256([]byte("one")))
		if same := content == "one and more"; (err == nil) != same { // what was verified has that size
			t.Errorf("%q: got %v", content, err)
		}
		if got := contentOf(t, d, first); got != "one, signature of one, key" {
			t.Errorf("version: got %q", got)
		}
		if got := tree(t, filepath.Join(state, "versions")); len(got) != 4 {
			t.Errorf("in versions/: %v", got)
		}
	}
}

// TestFailingSteps has each step of each change fail: the old or the new is there, and after a
// start nothing besides.
func TestFailingSteps(t *testing.T) {
	t.Parallel()
	broken := errors.New("input/output error")
	for name, change := range map[string]func(*versions.Dir, versions.Version) error{
		"add":     func(d *versions.Dir, v versions.Version) error { return d.Add(second, v, sum("new")) },
		"replace": func(d *versions.Dir, v versions.Version) error { return d.Add(first, v, sum("new")) },
		"turn":    func(d *versions.Dir, _ versions.Version) error { return d.SetCurrent(second) },
		"turn off": func(d *versions.Dir, _ versions.Version) error {
			return d.SetCurrent("")
		},
		"delete": func(d *versions.Dir, _ versions.Version) error { return d.Delete(first) },
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			before, after := "", ""
			for fail := 0; ; fail++ {
				state, n := t.TempDir(), 0
				armed := false
				d := openWith(t, versions.Config{State: state, Step: func(step string) error {
					if !armed {
						return nil
					}
					if n++; n == fail {
						return broken
					}
					return nil
				}})
				add(t, d, first, "old")
				if err := d.SetCurrent(first); err != nil {
					t.Fatal(err)
				}
				v := arrive(t, d, "new")
				before = stateOf(t, state)
				armed = true
				err := change(d, *v)
				armed = false
				if fail == 0 {
					if after = stateOf(t, state); err != nil || after == before {
						t.Fatalf("without a fault: %v\n%s", err, after)
					}
					continue
				}
				if n < fail {
					return // there are no more steps
				}
				if !errors.Is(err, broken) {
					t.Errorf("step %d: got %v", fail, err)
				}
				d = open(t, state)
				if got := stateOf(t, state); got != before && got != after {
					t.Errorf("step %d left\n%s\nwant\n%s\nor\n%s", fail, got, before, after)
				}
				if err := change(d, *v); err != nil || stateOf(t, state) != after {
					t.Errorf("step %d: again: %v\n%s", fail, err, stateOf(t, state))
				}
			}
		})
	}
}

func sum(content string) [32]byte { return sha256.Sum256([]byte(content)) }

// stateOf tells what is on the disk, contents too.
func stateOf(t *testing.T, state string) string {
	t.Helper()
	lines := tree(t, state)
	for i, line := range lines {
		name, _, _ := strings.Cut(line, " ")
		if data, err := os.ReadFile(filepath.Join(state, name)); err == nil {
			lines[i] += ": " + string(data)
		}
	}
	return strings.Join(lines, "\n")
}

func TestTidy(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	d := open(t, state)
	add(t, d, first, "one")
	add(t, d, second, "two")
	want := stateOf(t, state)
	in := func(name string) string { return filepath.Join(state, "versions", name) }
	if err := os.Rename(in(first), in(".old-"+first)); err != nil { // cut off before the second rename
		t.Fatal(err)
	}
	write(t, "half", in(".old-"+second), "bundle.tar.gz") // after it
	write(t, "half", in(".new-"+first), "bundle.tar.gz")
	write(t, "half", in(".open-123"), "policy.yaml")
	write(t, "half", d.Incoming(), ".push-ABC")
	if err := os.Symlink("versions/"+second, filepath.Join(state, ".current.new")); err != nil {
		t.Fatal(err)
	}
	open(t, state)
	if diff := cmp.Diff(want, stateOf(t, state)); diff != "" {
		t.Errorf("after a start (-want +got):\n%s", diff)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	d := open(t, state)
	add(t, d, first, "one")
	for range 2 { // one that is not there is no error
		if err := d.Delete(first); err != nil {
			t.Error(err)
		}
		if got := tree(t, filepath.Join(state, "versions")); len(got) > 0 {
			t.Errorf("in versions/: %v", got)
		}
	}
}

func TestScratch(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	d := open(t, state)
	dir, err := d.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	write(t, "half", dir, "policy.yaml")
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v", info, err)
	}
	if names, err := d.Names(); len(names) > 0 || err != nil {
		t.Errorf("names: %v, %v", names, err)
	}
	open(t, state)
	if _, err := os.Stat(dir); err == nil {
		t.Error("it is still there after a start")
	}
}

func TestArrivals(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	in := func(name string) string { return filepath.Join(d.Incoming(), name) }
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for i, name := range []string{"b.tar.gz", "a.tar.gz", "unsigned.tar.gz", ".hidden.tar.gz", "note.txt", "target"} {
		write(t, name, in(name))
		if err := os.Chtimes(in(name), noon, noon.Add(-time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b", ".hidden", "orphan"} {
		write(t, "signature", in(name+".tar.gz.minisig"))
	}
	err := errors.Join(os.Symlink("target", in("link.tar.gz")), syscall.Mkfifo(in("fifo.tar.gz"), 0o600),
		os.Mkdir(in("directory.tar.gz"), 0o700),
		os.Symlink("a.tar.gz.minisig", in("unsigned.tar.gz.minisig"))) // that is no signature
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.Arrivals()
	if err != nil {
		t.Fatal(err)
	}
	type arrival struct {
		Name   string
		Signed bool
	}
	var got []arrival
	for _, a := range list {
		got = append(got, arrival{a.Name, a.Signed})
	}
	if diff := cmp.Diff([]arrival{{"unsigned.tar.gz", false}, {"a.tar.gz", true}, {"b.tar.gz", true}}, got); diff != "" {
		t.Errorf("arrivals (-want +got):\n%s", diff)
	}
	strays, err := d.Strays()
	want := []string{"directory.tar.gz is a directory", "fifo.tar.gz is a pipe", "link.tar.gz is a link",
		"unsigned.tar.gz.minisig is a link"}
	if diff := cmp.Diff(want, strays); err != nil || diff != "" {
		t.Errorf("strays: %v (-want +got):\n%s", err, diff)
	}
	for _, name := range []string{"link.tar.gz", "fifo.tar.gz", "directory.tar.gz"} {
		if v, err := d.OpenUnsigned(versions.Arrival{Name: name}); err == nil {
			t.Errorf("OpenUnsigned(%s): got %+v", name, v)
		}
	}
	for _, name := range []string{"link.tar.gz", "fifo.tar.gz", "directory.tar.gz", "unsigned.tar.gz", "none.tar.gz"} {
		if v, err := d.OpenArrival(versions.Arrival{Name: name}); err == nil {
			t.Errorf("OpenArrival(%s): got %+v", name, v)
		}
	}
}

func TestRemoveArrival(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	arrive(t, d, "one")
	old, err := d.Arrivals()
	if err != nil {
		t.Fatal(err)
	}
	// Another one has come in its place while it was looked at.
	fresh := filepath.Join(d.Incoming(), ".x")
	write(t, "two", fresh)
	if err := os.Rename(fresh, filepath.Join(d.Incoming(), "x.tar.gz")); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(old[0]); err != nil {
		t.Error(err)
	}
	list, err := d.Arrivals()
	if err != nil || len(list) != 1 || list[0].Stamp == old[0].Stamp {
		t.Fatalf("what has come meanwhile: %+v, %v", list, err)
	}
	for range 2 { // what is gone is no error
		if err := d.Remove(list[0]); err != nil {
			t.Error(err)
		}
	}
	if left := tree(t, d.Incoming()); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
