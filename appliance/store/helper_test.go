package store_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/appliance/store"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
)

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// config is that of a store that does not mind a full machine.
func config(dir string) store.Config {
	return store.Config{Dir: dir, Logger: discard(), Now: time.Now, MinFreeBytes: 1 << 20}
}

// open opens the store in dir and closes it with the test.
func open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func dbDir(t testing.TB) string { return filepath.Join(t.TempDir(), "db") }

// person makes the i-th user in one of its versions.
func person(i, version int) *identity.User {
	return &identity.User{
		Username: fmt.Sprintf("User-%06d", i),
		Email:    fmt.Sprintf("User-%06d@Example.org", i),
		Name:     fmt.Sprintf("Person %d of version %d with a name of usual length", i, version),
		Groups:   []string{"everybody", "staff", fmt.Sprintf("v%d", version)},
		State:    identity.Active,
		Password: policy.Secret("$2b$12$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvabcdefghi"),
		VLAN:     "30",
	}
}

// people is a set of n users, made as they are read; the first changed ones are of version v.
func people(n, changed, v int) []identity.Set {
	return []identity.Set{{Source: "users/all.yaml", All: func() iter.Seq2[*identity.User, error] {
		return func(yield func(*identity.User, error) bool) {
			for i := range n {
				version := 0
				if i < changed {
					version = v
				}
				if !yield(person(i, version), nil) {
					return
				}
			}
		}
	}}}
}

// set is a set of the given users.
func set(source string, users ...*identity.User) identity.Set {
	return identity.Set{Source: source, All: func() iter.Seq2[*identity.User, error] {
		return func(yield func(*identity.User, error) bool) {
			for _, u := range users {
				if !yield(u, nil) {
					return
				}
			}
		}
	}}
}

func hash(b byte) [32]byte { return [32]byte{b} }

// index indexes sets and puts them in force.
func index(t testing.TB, s *store.Store, sets []identity.Set, h [32]byte) identity.Users {
	t.Helper()
	users, err := s.Index(t.Context(), sets, h)
	if err != nil {
		t.Fatalf("Index: %v", err)
	}
	s.InForce(users)
	return users
}

// wantUser looks a user up by both names.
func wantUser(t testing.TB, users identity.Users, want *identity.User) {
	t.Helper()
	for space, key := range map[identity.Space]string{
		identity.Usernames: identity.FoldUsername(want.Username),
		identity.Addresses: identity.FoldAddress(want.Email),
	} {
		got, ok, err := users.Find(space, key)
		if err != nil || !ok || got.Name != want.Name || got.Username != want.Username {
			t.Fatalf("Find(%d, %q): got %+v, %v, %v; want %s", space, key, got, ok, err, want.Name)
		}
	}
}

// wantNobody looks up a name that nobody has.
func wantNobody(t testing.TB, users identity.Users, space identity.Space, key string) {
	t.Helper()
	if got, ok, err := users.Find(space, key); err != nil || ok {
		t.Fatalf("Find(%d, %q): got %+v, %v, %v; want nobody", space, key, got, ok, err)
	}
}

// level lets the store bring its idle slot up to date.
func level(t testing.TB, s *store.Store) {
	t.Helper()
	s.Look(t.Context())
	if !s.Level() {
		t.Fatalf("the idle slot is not level: %+v", s.Health())
	}
}

// files returns the files of the database whose names end with ext.
func files(t testing.TB, dir, ext string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+ext))
	if err != nil || len(names) == 0 {
		t.Fatalf("no file *%s in %s: %v", ext, dir, err)
	}
	return names
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

var background = context.Background()
