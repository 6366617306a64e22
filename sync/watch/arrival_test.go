package watch_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/sync/load"
)

const editedFile = "radius/wifi.yaml"

// A way is how a version of the configuration gets to where it is read.
type way struct {
	name   string
	files  []string // that arrive; nil: all
	whole  bool     // at one moment: no Snapshot is of two versions
	most   int      // generations that a version may take; 0: 1
	setup  func(t *testing.T, base string, c *content)
	arrive func(b *branch, c *content, v int)
}

// bursts take one generation, but may take a few: several files come one after the other, and on
// a machine that is busy with other things the silence of one that is not yet done looks like the
// end.
const bursts = 3

var ways = []way{
	{name: "renamed_over", files: []string{editedFile}, arrive: renameEach},
	{name: "each_renamed_over", most: bursts, arrive: renameEach},
	{name: "copied_in_place", most: bursts, arrive: func(b *branch, c *content, v int) { b.put("conf", c[v]) }},
	{name: "vim", files: []string{editedFile}, arrive: func(b *branch, c *content, v int) {
		b.steps("write conf/radius/.wifi.yaml.swp x", "write conf/radius/4913 x", "rm conf/radius/4913",
			"mv conf/radius/wifi.yaml conf/radius/wifi.yaml~", "write conf/"+editedFile+" "+c[v][editedFile],
			"chmod conf/"+editedFile, "rm conf/radius/wifi.yaml~", "rm conf/radius/.wifi.yaml.swp")
	}},
	{name: "emacs", files: []string{editedFile}, arrive: func(b *branch, c *content, v int) {
		b.steps("ln conf/radius/.#wifi.yaml me@here.1234:5678", "write conf/radius/#wifi.yaml# half of it",
			"mv conf/radius/wifi.yaml conf/radius/wifi.yaml~", "write conf/"+editedFile+" "+c[v][editedFile],
			"rm conf/radius/#wifi.yaml#", "rm conf/radius/.#wifi.yaml")
	}},
	{name: "nano", files: []string{editedFile}, arrive: func(b *branch, c *content, v int) {
		b.steps("write conf/radius/.wifi.yaml.swp x", "write conf/"+editedFile+" ",
			"write conf/"+editedFile+" "+c[v][editedFile], "rm conf/radius/.wifi.yaml.swp")
	}},
	{name: "rsync", most: bursts, arrive: rsync()},
	{name: "rsync_delay_updates", most: bursts, arrive: rsync("--delay-updates", "--delete-delay")},
	{name: "rsync_inplace", most: bursts, arrive: rsync("--inplace", "--delete")},
	{name: "kubernetes", whole: true,
		setup: func(t *testing.T, base string, c *content) {
			putFiles(t, filepath.Join(base, "conf/..1"), c[1])
			run(t, base, "ln conf/..data ..1", "ln conf/policy.yaml ..data/policy.yaml")
			for _, dir := range []string{"ca", "server", "radius", "users"} {
				run(t, base, "ln conf/"+dir+" ..data/"+dir)
			}
		},
		arrive: func(b *branch, c *content, v int) {
			old := must(os.Readlink(filepath.Join(b.base, "conf/..data")))(b.t)
			next := fmt.Sprintf("..%d_%d", v, b.loads.Load())
			b.put("conf/"+next, c[v])
			b.steps("ln conf/..data_tmp "+next, "mv conf/..data_tmp conf/..data", "rm conf/"+old)
		}},
	{name: "directory_replaced", whole: true, arrive: func(b *branch, c *content, v int) {
		b.put("next", c[v])
		b.steps("mv conf old", "mv next conf", "rm old")
	}},
	{name: "link_turned", whole: true,
		setup: func(t *testing.T, base string, c *content) {
			putFiles(t, filepath.Join(base, "releases/1"), c[1])
			run(t, base, "ln conf releases/1")
		},
		arrive: func(b *branch, c *content, v int) {
			next := fmt.Sprintf("releases/%d_%d", v, b.loads.Load())
			b.put(next, c[v])
			b.steps("ln turned "+next, "mv turned conf")
		}},
	{name: "emptied_and_filled", most: bursts, arrive: func(b *branch, c *content, v int) {
		b.steps("rm conf/ca", "rm conf/server", "rm conf/radius", "rm conf/users", "rm conf/policy.yaml")
		b.looked()
		b.put("conf", c[v])
	}},
	{name: "half_copied", most: bursts,
		files: []string{"policy.yaml", "ca/acme.pem", "server/main/certificate.pem", "server/main/key.pem", editedFile},
		arrive: func(b *branch, c *content, v int) {
			files := only(c[v], "policy.yaml", "ca/acme.pem", "server/main/certificate.pem", "server/main/key.pem", editedFile)
			b.put("conf", half(files))
			b.looked()
			b.isKept("policy", "ca/acme", "server/main", "radius/wifi")
			b.put("conf", files)
		}},
	{name: "certificate_and_key_apart", files: []string{"server/main/certificate.pem", "server/main/key.pem"},
		arrive: func(b *branch, c *content, v int) {
			before := b.r.Last()
			b.put("conf", only(c[v], "server/main/certificate.pem"))
			b.settle()
			if b.r.Last().At != before.At { // the same again is not looked at
				b.isKept("server/main")
			}
			b.put("conf", only(c[v], "server/main/key.pem"))
		}},
	{name: "among_much_else", files: []string{editedFile}, arrive: func(b *branch, c *content, v int) {
		for range 3000 {
			b.steps("write conf/other~ x", "rm conf/other~")
		}
		renameEach(b, c, v)
	}},
}

// TestArrivals has every version arrive in every way, twice what is new and once the same again.
func TestArrivals(t *testing.T) {
	t.Parallel()
	c := newContent(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			needRsync(t, w.name)
			base := t.TempDir()
			if w.setup == nil {
				w.setup = func(t *testing.T, base string, c *content) {
					putFiles(t, filepath.Join(base, "conf"), c[1])
				}
			}
			w.setup(t, base, c)
			b := startBranch(t, base)
			for v := 2; v <= versions; v++ {
				w.check(b, c, v)
			}
			last := b.generation()
			w.arriveOf(b, c, versions)
			b.settle()
			if got := b.since(last); len(got) > 0 {
				t.Errorf("the same content again: %v", got)
			}
		})
	}
}

// check has version v arrive, and demands as many generations as there may be, each of what
// there was or what there is now.
func (w *way) check(b *branch, c *content, v int) {
	b.t.Helper()
	before, was := b.generation(), marksOf(b.t, b.holder.Load())
	w.arriveOf(b, c, v)
	want := was.with(all(v), w.files)
	b.await(want)
	b.settle()
	got := b.since(before)
	if len(got) == 0 || len(got) > max(1, w.most) {
		b.t.Errorf("version %d took %d generations: %v", v, len(got), got)
	}
	for _, m := range got {
		if w.whole && m != want || !m.between(was, want) {
			b.t.Errorf("version %d: %v is neither %v nor %v", v, m, was, want)
		}
	}
}

func (w *way) arriveOf(b *branch, c *content, v int) {
	if w.files == nil {
		w.arrive(b, c, v)
		return
	}
	some := *c
	some[v] = only(c[v], w.files...)
	w.arrive(b, &some, v)
}

// with returns m with the marks of those objects replaced that files are of.
func (m marks) with(next marks, files []string) marks {
	if files == nil {
		return next
	}
	for _, file := range files {
		switch {
		case file == "policy.yaml":
			m.Policy = next.Policy
		case strings.HasPrefix(file, "ca/"):
			m.CA = next.CA
		case strings.HasPrefix(file, "server/"):
			m.Server = next.Server
		case file == editedFile:
			m.Radius = next.Radius
		}
	}
	return m
}

// between reports whether each mark is one of the two.
func (m marks) between(was, is marks) bool {
	for _, x := range [][3]string{{m.Policy, was.Policy, is.Policy}, {m.CA, was.CA, is.CA},
		{m.Server, was.Server, is.Server}, {m.Radius, was.Radius, is.Radius},
		{m.Secret, was.Secret, is.Secret}, {m.Users, was.Users, is.Users}} {
		if x[0] != x[1] && x[0] != x[2] {
			return false
		}
	}
	return true
}

func (b *branch) steps(steps ...string) {
	b.t.Helper()
	run(b.t, b.base, steps...)
}

// isKept demands that these objects, and no others, are said to be kept for their errors.
func (b *branch) isKept(objects ...string) {
	b.t.Helper()
	kept := map[string]bool{}
	for _, p := range b.r.Last().Problems {
		if p.Severity == load.Error {
			kept[p.Object] = p.Effect == load.Kept
		}
	}
	for _, o := range objects {
		if !kept[o] {
			b.t.Errorf("%s is not said to be kept: %v", o, b.r.Last().Problems)
		}
	}
	if len(kept) != len(objects) {
		b.t.Errorf("kept: %v", kept)
	}
}

// renameEach is what careful programs do.
func renameEach(b *branch, c *content, v int) {
	for name, text := range c[v] {
		temporary := filepath.Join(filepath.Dir(name), ".new")
		b.put("conf", map[string]string{temporary: text})
		b.steps("mv conf/" + temporary + " conf/" + name)
	}
}

// rsync returns what the real rsync does with these options.
func rsync(options ...string) func(*branch, *content, int) {
	return func(b *branch, c *content, v int) {
		source := fmt.Sprintf("source%d", v)
		b.put(source, c[v])
		args := append([]string{"-r", "--checksum"}, options...)
		args = append(args, filepath.Join(b.base, source)+"/", filepath.Join(b.base, "conf"))
		if out, err := exec.Command("rsync", args...).CombinedOutput(); err != nil {
			b.t.Fatalf("rsync: %v\n%s", err, out)
		}
	}
}

func needRsync(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath("rsync"); err == nil || !strings.HasPrefix(name, "rsync") {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("rsync is not installed")
	}
	t.Skip("rsync is not installed: make peers installs it")
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestDeletedFile deletes a file: it goes out of force when it has been quiet for a while, in
// one generation.
func TestDeletedFile(t *testing.T) {
	t.Parallel()
	base, c := t.TempDir(), newContent(t)
	putFiles(t, filepath.Join(base, "conf"), c[1])
	putFiles(t, filepath.Join(base, "conf"), map[string]string{"users/more.csv": "username\nzoe\n"})
	b := startBranch(t, base)
	before := b.generation()
	b.steps("rm conf/users/more.csv")
	b.eventually("said", func() bool {
		return strings.Contains(fmt.Sprint(b.r.Last().Problems), "users/more.csv:1:1: warning: it has been deleted")
	})
	b.eventually("gone", func() bool { return b.holder.Load().Users().Len() == 1 })
	b.settle()
	if got := b.since(before); len(got) != 1 {
		t.Errorf("%d generations", len(got))
	}
	// All of a kind cannot be deleted, however long it takes.
	b.steps("rm conf/ca")
	b.eventually("refused", func() bool {
		return strings.Contains(fmt.Sprint(b.r.Last().Problems), "no CA is left")
	})
	if b.holder.Load().CA("acme") == nil {
		t.Error("the last CA is gone")
	}
}
