package bundle_test

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"gatehouse/sync/bundle"
)

// now is when the bundles of these tests are verified.
var now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

const configdirs = "../../testdata/configdirs"

// tree is a directory in memory.
type tree map[string]string

// minimal returns the golden directory good/minimal.
func minimal(t testing.TB) tree {
	t.Helper()
	dir := os.DirFS(filepath.Join(configdirs, "good", "minimal"))
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

// apply does what a Sealing says.
func (f tree) apply(s *bundle.Sealing) tree {
	out := maps.Clone(f)
	for _, set := range []map[string][]byte{s.Secrets, s.Edits} {
		for name, data := range set {
			out[name] = string(data)
		}
	}
	for _, name := range s.Remove {
		delete(out, name)
	}
	return out
}

func newIdentity(t testing.TB) *bundle.Identity {
	t.Helper()
	id, err := bundle.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// seal seals f for the holders of ids.
func (f tree) seal(t testing.TB, ids ...*bundle.Identity) tree {
	t.Helper()
	opt := bundle.SealOptions{Recipients: map[string][]string{}}
	for _, id := range ids {
		opt.Recipients["fleet"] = append(opt.Recipients["fleet"], id.Recipient())
	}
	s, err := bundle.Seal(f.fs(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return f.apply(s)
}

func newKey(t testing.TB) bundle.SigningKey {
	t.Helper()
	k, err := bundle.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// build builds f; what opt leaves out is filled in.
func (f tree) build(t testing.TB, opt bundle.BuildOptions) *bundle.Built {
	t.Helper()
	if opt.ID == "" {
		opt.ID = "branch-emea"
	}
	if opt.Serial == 0 {
		opt.Serial = 42
	}
	b, err := bundle.Build(f.fs(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sign(t testing.TB, k bundle.SigningKey, archive []byte) []byte {
	t.Helper()
	sig, err := k.Sign(bytes.NewReader(archive), "bundle=branch-emea serial=42")
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// trusting returns the options of a gateway that trusts k, to which every check is possible.
func trusting(k bundle.SigningKey, id *bundle.Identity) bundle.VerifyOptions {
	return bundle.VerifyOptions{
		Keys:    []bundle.TrustedKey{k.Trusted("fleet.pub")},
		As:      &bundle.Node{ID: "oslo-1", Labels: map[string]string{"region": "emea"}},
		Serials: func(string) (uint64, [32]byte, bool) { return 0, [32]byte{}, false },
		Clock:   func() (time.Time, bool) { return now, true },
		Version: "1.4.0", Identity: id,
	}
}

func verify(archive, sig []byte, opt bundle.VerifyOptions) (*bundle.Bundle, error) {
	return bundle.Verify(bytes.NewReader(archive), int64(len(archive)), sig, opt)
}

// refusal checks that err is a refusal of the code and class, and that nothing came with it.
func refusal(t *testing.T, b *bundle.Bundle, err error, code bundle.Code, class bundle.Class) {
	t.Helper()
	var e *bundle.Error
	if b != nil || !errors.As(err, &e) {
		t.Fatalf("got %v, %v, want a refusal %s", b, err, code)
	}
	if e.Code != code || e.Class != class {
		t.Errorf("got %s (%d): %v, want %s (%d)", e.Code, e.Class, e, code, class)
	}
}

// content returns all files of fsys.
func content(t testing.TB, fsys fs.FS) tree {
	t.Helper()
	out := tree{}
	err := fs.WalkDir(fsys, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		out[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
