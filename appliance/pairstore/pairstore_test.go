package pairstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/appliance/pairstore"
	"gatehouse/authcore/saml/pair"
)

var now = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

func newStore(t *testing.T) (*pairstore.Store, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "saml", "wiki"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "saml", "wiki", "app.yaml"), []byte("name: Wiki\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return pairstore.Open(dir, nil), dir
}

// TestLifeOfAPair takes an app from nothing over a rotation to a retired pair, each time from what is
// on the disk, and looks at the files.
func TestLifeOfAPair(t *testing.T) {
	s, dir := newStore(t)
	change := func(name string, transition func(pair.Set) (pair.Change, error)) pair.Set {
		t.Helper()
		set, err := s.Change("wiki", transition)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, found, err := s.Set("wiki")
		if err != nil || len(found) > 0 {
			t.Fatalf("%s: reading it back: %v %v", name, found, err)
		}
		for _, role := range []struct{ a, b pair.Slot }{{set.Active, again.Active}, {set.Next, again.Next}, {set.Previous, again.Previous}} {
			if (role.a.Certificate == nil) != (role.b.Certificate == nil) || role.a.Certificate != nil && !role.a.Certificate.Equal(role.b.Certificate) {
				t.Errorf("%s: on the disk is another set than was planned", name)
			}
		}
		return again
	}
	first := change("activate", func(s pair.Set) (pair.Change, error) { return s.Activate(pair.Generate, now) })
	oldKey := read(t, dir, "key.pem")
	old, err := os.Open(filepath.Join(dir, "saml", "wiki", "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	change("regenerate", func(s pair.Set) (pair.Change, error) { return s.Regenerate(pair.Generate, now) })
	if read(t, dir, "key.pem") != oldKey {
		t.Error("regenerating changed what signs")
	}
	promoted := change("promote", func(s pair.Set) (pair.Change, error) { return s.Promote(now) })
	if promoted.Active.Certificate.Equal(first.Active.Certificate) || !promoted.Previous.Certificate.Equal(first.Active.Certificate) {
		t.Error("promoting did not switch over")
	}
	if read(t, dir, "previous/key.pem") != oldKey {
		t.Error("the previous key is another one")
	}
	data := make([]byte, len(oldKey))
	if _, err := old.ReadAt(data, 0); err != nil || string(data) == oldKey {
		t.Errorf("the file of the replaced key was not overwritten (%v)", err)
	}
	change("retire", func(s pair.Set) (pair.Change, error) { return s.Retire(now) })
	if _, err := os.Stat(filepath.Join(dir, "saml", "wiki", "previous", "key.pem")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the retired key is still there: %v", err)
	}
	for name, want := range map[string]os.FileMode{"key.pem": 0o600, "certificate.pem": 0o644, "previous": 0o700} {
		info, err := os.Stat(filepath.Join(dir, "saml", "wiki", name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %o", name, info.Mode(), err, want)
		}
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "saml", "wiki", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRefused(t *testing.T) {
	s, dir := newStore(t)
	for _, app := range []string{"", "nothing", "../wiki", ".lock", "wiki/../wiki"} {
		if _, err := s.Change(app, nil); !errors.Is(err, pairstore.ErrNoApp) {
			t.Errorf("app %q: %v", app, err)
		}
	}
	want := errors.New("no")
	if _, err := s.Change("wiki", func(pair.Set) (pair.Change, error) { return pair.Change{}, want }); !errors.Is(err, want) {
		t.Errorf("a refused transition: %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "saml", "wiki")); len(entries) != 1 {
		t.Errorf("a refused change left %v", entries)
	}
	if apps, err := s.Apps(); err != nil || len(apps) != 1 {
		t.Errorf("apps %v, %v", apps, err)
	}
}
