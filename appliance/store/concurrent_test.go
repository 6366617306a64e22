package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/appliance/store"
	"gatehouse/authcore/identity"
)

// TestFlipsUnderReaders indexes over and over while others look up: a look-up on the users in
// force never fails, but for ErrFlipped when they have just been replaced, and never shows
// another version than its own. The disk fills up and empties meanwhile.
func TestFlipsUnderReaders(t *testing.T) {
	t.Parallel()
	const n, rounds = 60, 12
	s := open(t, config(dbDir(t)))
	type versioned struct {
		users   identity.Users
		version int
	}
	var inForce atomic.Pointer[versioned]
	inForce.Store(&versioned{index(t, s, people(n, n, 0), hash(0)), 0})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var looked atomic.Int64
	for range 4 {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				v := inForce.Load()
				u, ok, err := v.users.Find(identity.Addresses, fmt.Sprintf("user-%06d@example.org", i%n))
				if errors.Is(err, store.ErrFlipped) {
					if inForce.Load() == v && s.Health().Mode == store.OnDisk {
						t.Error("the users in force have been replaced")
					}
					continue
				}
				if err != nil || !ok || u.Name != person(i%n, v.version).Name {
					t.Errorf("Find in version %d: got %+v, %v, %v", v.version, u, ok, err)
					return
				}
				looked.Add(1)
			}
		})
	}
	for v := 1; v <= rounds; v++ {
		users, err := s.Index(ctx, people(n, n, v), hash(byte(v)))
		if err != nil {
			t.Fatal(err)
		}
		inForce.Store(&versioned{users, v})
		s.InForce(users)
		switch v % 4 {
		case 1:
			s.Look(ctx)
		case 2:
			s.SetMinFree(1 << 60)
			s.Look(ctx)
		case 3:
			s.SetMinFree(1 << 20)
			s.Look(ctx)
		}
	}
	cancel()
	all.Wait()
	if looked.Load() == 0 {
		t.Error("nobody looked")
	}
}

// TestRun lets the goroutine do what the others do by hand.
func TestRun(t *testing.T) {
	t.Parallel()
	s := open(t, config(dbDir(t)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for v := range 5 {
		wantUser(t, index(t, s, people(100, 100, v), hash(byte(v))), person(1, v))
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: got %v", err)
	}
}

// TestMemoBounds asks for more than may be remembered, and for many that nobody has.
func TestMemoBounds(t *testing.T) {
	t.Parallel()
	cfg := config(dbDir(t))
	cfg.CacheBytes = 64 << 10
	s := open(t, cfg)
	users := index(t, s, people(1000, 0, 0), hash(1))
	for i := range 1000 {
		wantUser(t, users, person(i, 0))
		wantNobody(t, users, identity.Usernames, fmt.Sprint("nobody-", i))
	}
	if hits, misses := store.Remembered(users); hits == 0 || hits > 256 || misses == 0 || misses > 32 {
		t.Errorf("got %d users and %d names of nobody remembered", hits, misses)
	}
}

func TestFindAllocations(t *testing.T) {
	s := open(t, config(dbDir(t)))
	users := index(t, s, people(100, 0, 0), hash(1))
	for _, key := range []string{"user-000042@example.org", "nobody@example.org"} {
		got := testing.AllocsPerRun(100, func() {
			if _, _, err := users.Find(identity.Addresses, key); err != nil {
				t.Fatal(err)
			}
		})
		if got > 2 {
			t.Errorf("a hot look-up of %s: got %v allocations, want 2 at most", key, got)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	const n = 10_000
	s := open(b, config(dbDir(b)))
	users := index(b, s, people(n, 0, 0), hash(1))
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("user-%06d@example.org", i)
	}
	b.Run("hot", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok, _ := users.Find(identity.Addresses, keys[42]); !ok {
				b.Fatal("not found")
			}
		}
	})
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%1000 == 0 {
				store.Forget(users)
			}
			if _, ok, _ := users.Find(identity.Addresses, keys[i%n]); !ok {
				b.Fatal("not found")
			}
		}
	})
}

// BenchmarkOpen opens a database of 10,000 users in which nothing has changed.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			cfg := config(dbDir(b))
			s := open(b, cfg)
			index(b, s, people(n, 0, 0), hash(1))
			for b.Loop() {
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				s = open(b, cfg)
				if _, ok := s.Unchanged(hash(1)); !ok {
					b.Fatal("changed")
				}
			}
		})
	}
}
