package appliance

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLastGood(t *testing.T) {
	t.Parallel()
	l := newLastGood(t.TempDir())
	if last, err := l.Last(); last != nil || err != nil {
		t.Fatalf("at first: %v, %v", last, err)
	}
	files := map[string][]byte{"policy.yaml": nil, "server/main/key.pem": bytes.Repeat([]byte("k"), 3000)}
	if err := l.Keep(files); err != nil {
		t.Fatal(err)
	}
	last, err := l.Last()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := fs.ReadFile(last, name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for path, want := range map[string]fs.FileMode{l.path: 0o600, filepath.Dir(l.path): 0o700 | fs.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
	}
}

// The same again is not written, something else in place of it is.
func TestLastGoodWritesChanges(t *testing.T) {
	t.Parallel()
	l := newLastGood(t.TempDir())
	old := time.Unix(1_000_000_000, 0)
	for _, step := range []struct {
		content string
		writes  bool
	}{{"a", true}, {"a", false}, {"b", true}} {
		if err := l.Keep(map[string][]byte{"x": []byte(step.content)}); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(l.path)
		if err != nil {
			t.Fatal(err)
		}
		if written := !info.ModTime().Equal(old); written != step.writes {
			t.Errorf("%q: written %v", step.content, written)
		}
		if err := os.Chtimes(l.path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	// What a power cut left behind is in nobody's way, and damage is found.
	if err := os.WriteFile(l.path+".new", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	data[bytes.IndexByte(data, 'b')] ^= 1
	if err := os.WriteFile(l.path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if last, err := l.Last(); err == nil {
		if _, err := fs.ReadFile(last, "x"); err == nil {
			t.Error("damage is not found")
		}
	}
	if err := os.WriteFile(l.path, data[:10], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Last(); err == nil {
		t.Error("a piece is taken for the whole")
	}
	if err := l.Keep(map[string][]byte{"x": []byte("c")}); err != nil {
		t.Error(err)
	}
}
