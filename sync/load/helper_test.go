package load_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
)

// describe lists the objects of a Draft.
func describe(d *snapshot.Draft) string {
	var parts []string
	for _, ca := range d.CAs {
		parts = append(parts, "ca/"+ca.Name)
	}
	for _, c := range d.Credentials {
		parts = append(parts, "server/"+c.Name)
	}
	for _, s := range d.Servers {
		parts = append(parts, fmt.Sprintf("radius/%s%v", s.Name, s.CAs))
	}
	if d.IDP != nil {
		parts = append(parts, fmt.Sprintf("saml/idp%v", d.IDP.CAs))
	}
	for _, a := range d.Apps {
		parts = append(parts, fmt.Sprintf("saml/%s(%s)", a.Name, a.Pairs.Status(now).Certificate.State))
	}
	for _, set := range d.UserSets {
		n := 0
		for range set.All() {
			n++
		}
		parts = append(parts, fmt.Sprintf("%s(%d)", set.Source, n))
	}
	if !d.Admins.IsEmpty() {
		parts = append(parts, fmt.Sprintf("admins(%d,%d)", len(d.Admins.Accounts), len(d.Admins.Tokens)))
	}
	return strings.Join(parts, " ")
}

// tree is a configuration directory in memory.
type tree map[string]string

// minimal returns the golden directory good/minimal.
func minimal(t testing.TB) tree {
	t.Helper()
	dir := os.DirFS(filepath.Join(golden, "good", "minimal"))
	files := tree{}
	err := fs.WalkDir(dir, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dir, path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// with returns a copy with pairs of file and content put in; the content "-" removes the file.
func (f tree) with(pairs ...string) tree {
	out := maps.Clone(f)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
		if pairs[i+1] == "-" {
			delete(out, pairs[i])
		}
	}
	return out
}

func (f tree) fs() fstest.MapFS {
	m := fstest.MapFS{}
	for path, content := range f {
		m[path] = &fstest.MapFile{Data: []byte(content)}
	}
	return m
}

// seal loads f over last, which may be nil, and seals it.
func seal(t *testing.T, f fs.FS, last *snapshot.Snapshot) (*snapshot.Snapshot, load.Problems) {
	t.Helper()
	d, problems := load.Load(f, load.Options{Now: now, LastGood: last})
	if d == nil {
		t.Fatalf("nothing goes live: %v", problems)
	}
	users, err := identity.NewMemory(d.UserSets)
	if err != nil {
		t.Fatal(err)
	}
	d.Users = users
	s, err := d.Seal(1)
	if err != nil {
		t.Fatal(err)
	}
	return s, problems
}

// effects lists the objects with errors and what became of them.
func effects(problems load.Problems) []string {
	var out []string
	for _, p := range problems {
		if p.Severity == load.Error {
			out = append(out, p.Object+" "+string(p.Effect))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
