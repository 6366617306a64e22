package store_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"gatehouse/appliance/store"
	"gatehouse/authcore/identity"
)

// sized makes the i-th user with a record of 50 bytes to 28 KB, now and then the largest.
func sized(i, version int) *identity.User {
	n := (i*7919 + version*104729) % 997
	size := 10 + n
	switch {
	case n < 3:
		size = 90_000
	case n < 20:
		size = 5_000 + n*1_400
	case n < 60:
		size = 1_000 + n*70
	}
	return &identity.User{
		Username: fmt.Sprintf("user-%07d", i), Email: fmt.Sprintf("user-%07d@example.org", i),
		Name: strings.Repeat(string(rune('a'+(i+version)%26)), size), State: identity.Active,
	}
}

// nothingMissing rewrites everybody several times and looks everybody up after opening again.
// On 32 bit, options other than ours lose records here without an error.
func nothingMissing(t *testing.T, n, rounds int) {
	dir := dbDir(t)
	for v := range rounds {
		s := open(t, config(dir))
		sets := []identity.Set{{Source: "users", All: func() iter.Seq2[*identity.User, error] {
			return func(yield func(*identity.User, error) bool) {
				for i := range n {
					if !yield(sized(i, v), nil) {
						return
					}
				}
			}
		}}}
		index(t, s, sets, hash(byte(v+1)))
		level(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, config(dir))
		users, ok := s.Unchanged(hash(byte(v + 1)))
		if h := s.Health(); !ok || h.Rebuilt != 0 || h.Mode != store.OnDisk {
			t.Fatalf("round %d: Unchanged: got %v; Health: %+v", v, ok, h)
		}
		for i := range n {
			want := sized(i, v)
			got, ok, err := users.Find(identity.Addresses, want.Email)
			if err != nil || !ok || got.Name != want.Name {
				t.Fatalf("round %d: user %d: got %v, %v", v, i, ok, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNothingMissing(t *testing.T) {
	t.Parallel()
	nothingMissing(t, 4_000, 2)
}

// nothingMissingCached does the same to answers and lists, beside users that are rewritten too.
func nothingMissingCached(t *testing.T, answers, rounds int) {
	const lists = 8
	dir := dbDir(t)
	for v := range rounds {
		s := open(t, config(dir))
		for i := range answers {
			if i%(answers/lists) == 0 {
				n := i / (answers / lists)
				put(t, s.Lists(), answerKey(n), value(300_000+n*30_000, n, v), false)
			}
			put(t, s.Answers(), answerKey(i), value(50+(i*7919+v*104729)%12_000, i, v), i%500 == 0)
		}
		index(t, s, people(2_000, 2_000, v), hash(byte(v)))
		level(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, config(dir))
		s.Look(t.Context())
		if h := s.Health(); h.Rebuilt != 0 || h.Answers != answers || h.Lists != lists {
			t.Fatalf("round %d: Health: got %+v", v, h)
		}
		for i := range answers {
			wantItem(t, s.Answers(), answerKey(i), value(50+(i*7919+v*104729)%12_000, i, v))
		}
		for n := range lists {
			wantItem(t, s.Lists(), answerKey(n), value(300_000+n*30_000, n, v))
		}
		users, ok := s.Unchanged(hash(byte(v)))
		if !ok {
			t.Fatalf("round %d: the users have changed", v)
		}
		for i := range 2_000 {
			wantUser(t, users, person(i, v))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNothingMissingCached(t *testing.T) {
	t.Parallel()
	nothingMissingCached(t, 2_000, 2)
}
