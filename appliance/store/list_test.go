package store_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/store"
	"gatehouse/authcore/identity"
)

// list returns all users by name.
func list(users identity.Users) (map[string]*identity.User, error) {
	got := map[string]*identity.User{}
	for u, err := range users.(identity.Lister).All() {
		if err != nil {
			return got, err
		}
		if got[u.Username] != nil {
			return got, fmt.Errorf("%s: yielded twice", u.Username)
		}
		got[u.Username] = u
	}
	return got, nil
}

func TestList(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"disk", "memory"} {
		for _, n := range []int{0, 1, 127, 128, 129, 1000} {
			t.Run(fmt.Sprintf("%s_%d", place, n), func(t *testing.T) {
				dir := ""
				if place == "disk" {
					dir = dbDir(t)
				}
				s := open(t, config(dir))
				want := map[string]*identity.User{}
				var all []*identity.User
				for i := range n {
					u := person(i, 1)
					u.Source = fmt.Sprintf("users/%d.yaml", i%3)
					if i == 5 { // several parts, and a name that begins another's
						u.Username, u.Groups = "User-00000", nil
						for g := range 256 {
							u.Groups = append(u.Groups, fmt.Sprintf("%s-%d", strings.Repeat("g", 60), g))
						}
					}
					want[u.Username] = u
					all = append(all, u)
				}
				got, err := list(index(t, s, []identity.Set{set("users/all.yaml", all...)}, hash(1)))
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("got %d of %d users, %v (-want +got)\n%s", len(got), n, err, diff)
				}
			})
		}
	}
}

// TestListStops ends early, is asked again, and is overtaken by newer users on the way.
func TestListStops(t *testing.T) {
	t.Parallel()
	s := open(t, config(dbDir(t)))
	users := index(t, s, people(1000, 0, 0), hash(1))
	next, stop := iter.Pull2(users.(identity.Lister).All())
	defer stop()
	if u, err, ok := next(); !ok || err != nil || u.Username != "User-000000" {
		t.Fatalf("the first: got %+v, %v, %v", u, err, ok)
	}
	level(t, s)
	index(t, s, people(1000, 0, 0), hash(2))
	level(t, s)
	var last error
	for n := 0; last == nil; n++ {
		if _, err, ok := next(); ok {
			last = err
		} else {
			t.Fatalf("ended without an error after %d users of what has been replaced", n)
		}
	}
	if !errors.Is(last, store.ErrFlipped) || !errors.Is(last, identity.ErrStale) {
		t.Errorf("overtaken: got %v, want ErrFlipped", last)
	}
	if got, err := list(s.Latest()); err != nil || len(got) != 1000 {
		t.Errorf("the latest: got %d users, %v", len(got), err)
	}
}

// TestListDamaged never passes for whole what is not, neither on disk nor in memory.
func TestListDamaged(t *testing.T) {
	t.Parallel()
	s := open(t, config(dbDir(t)))
	users := index(t, s, people(300, 0, 0), hash(1))
	if err := store.Damage(s, "user-000200", []byte("not what was written")); err != nil {
		t.Fatal(err)
	}
	if _, err := list(users); !errors.Is(err, store.ErrLost) {
		t.Errorf("on disk: got %v, want ErrLost", err)
	}
	s.Look(t.Context())
	if h := s.Health(); h.Rebuilt != 1 {
		t.Errorf("Health: got %+v, want it rebuilt", h)
	}
	if _, err := list(users); !errors.Is(err, store.ErrLost) {
		t.Errorf("in memory: got %v, want ErrLost", err)
	}
}

// TestOtherVersion opens a database that another version of the program wrote.
func TestOtherVersion(t *testing.T) {
	t.Parallel()
	cfg := config(dbDir(t))
	s := open(t, cfg)
	index(t, s, people(10, 0, 0), hash(1))
	if err := store.WriteCanary(s, "gatehouse store 1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	if h := s.Health(); h.Mode != store.OnDisk || h.Rebuilt != 1 || s.Latest() != nil {
		t.Errorf("got %+v with %v, want an empty database", h, s.Latest())
	}
}
