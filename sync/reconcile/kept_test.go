package reconcile_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/bundle"
	"gatehouse/sync/reconcile"
)

// TestKeptVersionsAreNamed by their name, or by their serial where that is of one only.
func TestKeptVersionsAreNamed(t *testing.T) {
	t.Parallel()
	version := func(name string, serial uint64, before string) reconcile.KeptVersion {
		return reconcile.KeptVersion{Name: name, VersionRecord: reconcile.VersionRecord{Serial: serial, Before: before}}
	}
	state := &reconcile.BundleState{InForce: "000042-aaaaaaaa", Kept: []reconcile.KeptVersion{
		version("000042-aaaaaaaa", 42, "000040-cccccccc"), version("000041-bbbbbbbb", 41, "gone"),
		version("000040-cccccccc", 40, ""), version("000040-dddddddd", 40, "000042-aaaaaaaa")}}
	for name, want := range map[string]string{
		"": "000042-aaaaaaaa", "42": "000042-aaaaaaaa", "000041-bbbbbbbb": "000041-bbbbbbbb", "41": "000041-bbbbbbbb",
		"40": "", "43": "", "../000041-bbbbbbbb": "", "loose": "",
	} {
		v, err := state.KeptVersion(name)
		if keptName(v) != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, reconcile.ErrNoVersion) {
			t.Errorf("%q: got %q, %v, want %q", name, keptName(v), err, want)
		}
	}
	for name, want := range map[string]string{
		"000042-aaaaaaaa": "000040-cccccccc", "000041-bbbbbbbb": "000040-dddddddd",
		"000040-cccccccc": "", "000040-dddddddd": "000042-aaaaaaaa",
	} {
		v, err := state.KeptVersion(name)
		if err != nil {
			t.Fatal(err)
		}
		if before := keptName(state.BeforeVersion(v)); before != want {
			t.Errorf("before %s: got %q, want %q", name, before, want)
		}
	}
	if _, err := (&reconcile.BundleState{}).KeptVersion(""); !errors.Is(err, reconcile.ErrNoVersion) {
		t.Errorf("without a bundle: got %v", err)
	}
}

func keptName(v *reconcile.KeptVersion) string {
	if v == nil {
		return ""
	}
	return v.Name
}

// TestReadKept opens versions beside what is in force, and writes nothing.
func TestReadKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		g.bring("a", g.build(41, g.key))
		g.bring("b", g.build(42, g.key, oneMore, moreUsers(3)))
		g.expect(42, 5, "")
		state, before := g.Bundles(), g.onDisk()
		var lists [][]string
		for _, name := range []string{"41", ""} {
			v, err := state.KeptVersion(name)
			if err != nil {
				t.Fatal(err)
			}
			b, d, why, err := g.LoadKept(v)
			if err != nil || why != "" {
				t.Fatalf("%s: %v %s", name, err, why)
			}
			var paths []string
			for _, f := range b.Manifest.Files {
				paths = append(paths, f.Path)
			}
			lists = append(lists, append(paths, fmt.Sprint(len(d.UserSets))))
		}
		same := []string{"ca/acme.pem", "policy.yaml", "radius/branch.yaml", "server/main/certificate.pem", "server/main/key.pem"}
		want := [][]string{append(slices.Clone(same), "users/staff.yaml", "1"), append(slices.Clone(same), oneMore, "users/staff.yaml", "2")}
		if diff := cmp.Diff(want, lists); diff != "" {
			t.Errorf("versions (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(before, g.onDisk()); diff != "" {
			t.Errorf("the disk (-before +after)\n%s", diff)
		}
	})
}

// onDisk returns the paths and sizes of all in the state directory.
func (g *gateway) onDisk() map[string]int64 {
	g.t.Helper()
	sizes := map[string]int64{}
	err := filepath.Walk(g.state, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			sizes[path] = info.Size()
		}
		return err
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return sizes
}

// TestReadKeptDamaged: what lies on the disk is verified again.
func TestReadKeptDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		g.bring("a", g.build(41, g.key))
		v, ok := new(g.Bundles()).Version()
		if !ok {
			t.Fatal("nothing is in force")
		}
		file := filepath.Join(g.state, "versions", v.Name, "bundle.tar.gz")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := g.ReadKept(&v, nil); bundle.AsError(err) == nil {
			t.Errorf("an altered byte: got %v, %v", b, err)
		}
		if err := os.RemoveAll(filepath.Dir(file)); err != nil {
			t.Fatal(err)
		}
		if b, err := g.ReadKept(&v, nil); err == nil {
			t.Errorf("removed: got %v", b)
		}
	})
}

// TestLoadKeptTooLarge says so, and holds nothing of it.
func TestLoadKeptTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		g.bring("a", g.build(41, g.key, "users/more.jsonl", "{\"username\": \"zoe\"}\n"+strings.Repeat(strings.Repeat(" ", 1023)+"\n", 9<<10)))
		g.expect(41, 3, "")
		v, _ := new(g.Bundles()).Version()
		b, d, why, err := g.LoadKept(&v)
		if err != nil || b != nil || d != nil || !strings.Contains(why, "serial 41 has more than 8 MiB") {
			t.Errorf("got %v, %v, %q, %v", b, d, why, err)
		}
	})
}

// TestLooseObjects are those in force, and none while a bundle is.
func TestLooseObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		if _, ok := newGateway(t).unstarted().LooseObjects(); ok {
			t.Error("something is in force before the start")
		}
		g.start()
		names := func() []string {
			objects, _ := g.LooseObjects()
			return slices.Sorted(maps.Keys(objects))
		}
		want := []string{"ca/acme", "policy", "radius/branch", "server/main", "users/staff.yaml"}
		if diff := cmp.Diff(want, names()); diff != "" {
			t.Errorf("objects (-want +got)\n%s", diff)
		}
		before, _ := g.LooseObjects()
		g.loose.put("radius/branch.yaml", "clients: [\n") // half edited
		g.look()
		after, _ := g.LooseObjects()
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("a broken file (-in force +told)\n%s", diff)
		}
		g.bring("a", g.build(41, g.key))
		if objects, ok := g.LooseObjects(); ok {
			t.Errorf("with a bundle: %v", objects)
		}
	})
}

// unstarted is a Reconciler that has not begun.
func (g *gateway) unstarted() *reconcile.Reconciler {
	return reconcile.New(reconcile.Config{FS: g.loose.fs, Holder: &(&setup{}).holder})
}
