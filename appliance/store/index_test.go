package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/store"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
)

// inBothModes runs a test on disk and in memory.
func inBothModes(t *testing.T, test func(*testing.T, *store.Store)) {
	for _, mode := range []struct {
		name string
		dir  func() string
	}{{"disk", func() string { return dbDir(t) }}, {"memory", func() string { return "" }}} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, config(mode.dir())))
		})
	}
}

func TestIndexFind(t *testing.T) {
	t.Parallel()
	alice := &identity.User{
		Username: "Alice", Email: "Alice@Example.org", Aliases: []string{"al@corp", "ALICE@example.org", "JÜRGEN@x.example"},
		Name: "Alice Ä", Groups: []string{"staff", "admins"}, State: identity.Suspended, VLAN: "30",
		Password: policy.Secret("$2b$hash"), NTHash: policy.Secret("0123"), TOTP: policy.Secret("ABCD"),
	}
	bare := &identity.User{Username: "bare", State: identity.Active}
	inBothModes(t, func(t *testing.T, s *store.Store) {
		users := index(t, s, []identity.Set{set("users/a.yaml", alice), set("users/b.yaml", bare)}, hash(1))
		if users.Len() != 2 {
			t.Errorf("Len: got %d, want 2", users.Len())
		}
		for _, q := range []struct {
			space identity.Space
			key   string
			want  *identity.User
		}{
			{identity.Usernames, "alice", alice},
			{identity.Addresses, "alice@example.org", alice},
			{identity.Addresses, "al@corp", alice},
			{identity.Addresses, "jürgen@x.example", alice},
			{identity.Usernames, "bare", bare},
			{identity.Addresses, "bare", nil},
			{identity.Usernames, "al@corp", nil},
			{identity.Usernames, "", nil},
			{identity.Addresses, "", nil},
			{identity.Usernames, strings.Repeat("x", 100_000), nil},
		} {
			for range 2 { // from the store, then remembered
				got, ok, err := users.Find(q.space, q.key)
				if err != nil || ok != (q.want != nil) {
					t.Fatalf("Find(%d, %.20q): got %v, %v", q.space, q.key, ok, err)
				}
				if diff := cmp.Diff(q.want, got); diff != "" {
					t.Errorf("Find(%d, %.20q) (-want +got):\n%s", q.space, q.key, diff)
				}
			}
		}
	})
}

// TestIndexSecrets compares what cmp.Diff might show redacted.
func TestIndexSecrets(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, s *store.Store) {
		users := index(t, s, []identity.Set{set("a", &identity.User{Username: "a",
			Password: policy.Secret("pw"), NTHash: policy.Secret("nt"), TOTP: policy.Secret("totp")})}, hash(1))
		got, _, err := users.Find(identity.Usernames, "a")
		if err != nil || string(got.Password) != "pw" || string(got.NTHash) != "nt" || string(got.TOTP) != "totp" {
			t.Errorf("Find: got %v; the secrets did not come back", err)
		}
	})
}

// TestIndexLargeUser stores the largest user that the loader lets pass: several parts.
func TestIndexLargeUser(t *testing.T) {
	t.Parallel()
	large := &identity.User{Username: "large", State: identity.Active}
	for i := range 256 {
		large.Groups = append(large.Groups, strings.Repeat(string(rune('a'+i%26)), 64))
		large.Aliases = append(large.Aliases, strings.Repeat("x", 230)+string(rune(0x4e00+i))+"@example.org")
	}
	inBothModes(t, func(t *testing.T, s *store.Store) {
		users := index(t, s, []identity.Set{set("a", large, person(1, 0))}, hash(1))
		got, ok, err := users.Find(identity.Addresses, identity.FoldAddress(large.Aliases[255]))
		if err != nil || !ok {
			t.Fatalf("Find: got %v, %v", ok, err)
		}
		if diff := cmp.Diff(large, got); diff != "" {
			t.Error(diff)
		}
		small := *large
		small.Groups, small.Aliases = nil, nil
		for range 2 { // both slots
			users = index(t, s, []identity.Set{set("a", &small, person(1, 0))}, hash(2))
			wantNobody(t, users, identity.Addresses, identity.FoldAddress(large.Aliases[255]))
			if got, _, err := users.Find(identity.Usernames, "large"); err != nil || len(got.Groups) != 0 {
				t.Errorf("Find: got %v, %v", got, err)
			}
		}
	})
}

func TestIndexRefuses(t *testing.T) {
	t.Parallel()
	alice := &identity.User{Username: "alice", Email: "alice@example.org", Aliases: []string{"ALICE@example.org"}}
	broken := identity.Set{Source: "users/b.yaml", All: func() iter.Seq2[*identity.User, error] {
		return func(yield func(*identity.User, error) bool) {
			if yield(person(1, 0), nil) {
				yield(nil, errors.New("line 7: no such key"))
			}
		}
	}}
	other := func(u identity.User) identity.Set { return set("users/b.yaml", &u) }
	tests := []struct {
		name string
		set  identity.Set
		want string
	}{
		{"username", other(identity.User{Username: "ALICE"}), `users/b.yaml: user "ALICE": the username "alice" belongs to user "alice" in users/a.yaml already`},
		{"email", other(identity.User{Username: "bob", Email: "Alice@EXAMPLE.org"}), `the e-mail address or alias "alice@example.org" belongs to user "alice" in users/a.yaml already`},
		{"alias", other(identity.User{Username: "bob", Aliases: []string{"b@x", "alice@example.org"}}), `user "bob": the e-mail address or alias`},
		{"no_username", other(identity.User{Email: "x@example.org"}), "indexing users of users/b.yaml: a user has no username"},
		{"nil", set("users/b.yaml", nil), "a user has no username"},
		{"set_fails", broken, "indexing users of users/b.yaml: line 7: no such key"},
		{"long_username", other(identity.User{Username: strings.Repeat("ü", 600)}), "the username is too long"},
		{"long_address", other(identity.User{Username: "bob", Email: strings.Repeat("x", 1025)}), "an address is too long"},
		{"too_large", other(identity.User{Username: "bob", Name: strings.Repeat("x", store.MaxRecordBytes)}), "needs more than"},
		{"too_many_groups", other(identity.User{Username: "bob", Groups: make([]string, 1025)}), "more than 1024 groups"},
	}
	inBothModes(t, func(t *testing.T, s *store.Store) {
		before := index(t, s, []identity.Set{set("users/a.yaml", alice)}, hash(1))
		for _, tt := range tests {
			users, err := s.Index(background, []identity.Set{set("users/a.yaml", alice), tt.set}, hash(2))
			if err == nil || !strings.Contains(err.Error(), tt.want) || users != nil {
				t.Errorf("%s: got %v and %v, want %q", tt.name, users, err, tt.want)
			}
			var duplicate *identity.DuplicateError
			if errors.As(err, &duplicate) != strings.Contains(err.Error(), "belongs") {
				t.Errorf("%s: got %T", tt.name, err)
			}
			store.Forget(before)
			if _, ok, err := before.Find(identity.Usernames, "alice"); !ok || err != nil {
				t.Errorf("%s: the users before got lost: %v, %v", tt.name, ok, err)
			}
		}
		ctx, cancel := context.WithCancel(background)
		cancel()
		if _, err := s.Index(ctx, people(10, 0, 0), hash(2)); !errors.Is(err, context.Canceled) {
			t.Errorf("Index with a cancelled context: got %v", err)
		}
		if got, ok := s.Unchanged(hash(1)); !ok || got != before {
			t.Errorf("Unchanged: got %v, %v", got, ok)
		}
		if h := s.Health(); h.Red {
			t.Errorf("Health: got %+v", h)
		}
	})
}

// TestIndexSharedNames lets a username equal another user's alias: two name spaces.
func TestIndexSharedNames(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, s *store.Store) {
		users := index(t, s, []identity.Set{set("a",
			&identity.User{Username: "alice", Aliases: []string{"x@example.org"}},
			&identity.User{Username: "x@example.org"})}, hash(1))
		for space, want := range map[identity.Space]string{identity.Addresses: "alice", identity.Usernames: "x@example.org"} {
			if got, ok, err := users.Find(space, "x@example.org"); err != nil || !ok || got.Username != want {
				t.Errorf("Find: got %v, %v, %v; want %s", got, ok, err, want)
			}
		}
	})
}

// TestIndexWritesDifferences counts what is written: once both slots are level, a change costs
// its own size, and none costs next to nothing.
func TestIndexWritesDifferences(t *testing.T) {
	t.Parallel()
	const n = 3000
	s := open(t, config(dbDir(t)))
	index(t, s, people(n, 0, 0), hash(1))
	if got := s.Stats(); got.Puts < 2*n || got.Users != n {
		t.Fatalf("Stats of the first index: got %+v", got)
	}
	level(t, s)
	full := s.Stats()
	steps := []struct {
		name          string
		sets          []identity.Set
		puts, deletes int64 // besides the slot's mark and the flip
	}{
		{"nothing", people(n, 0, 0), 0, 0},
		{"hundred_changed", people(n, 100, 1), 100, 0},
		{"hundred_more", people(n, 100, 2), 100, 0},
		{"ten_gone", people(n-10, 100, 2), 0, 20},
		{"ten_back", people(n, 100, 2), 20, 0},
	}
	const meta = 3 // the mark, and two of the flip
	for i, step := range steps {
		before := s.Stats()
		users := index(t, s, step.sets, hash(byte(i+2)))
		got := s.Stats()
		if puts, deletes := got.Puts-before.Puts, got.Deletes-before.Deletes; puts != step.puts+meta || deletes != step.deletes {
			t.Errorf("%s: got %d puts and %d deletes, want %d and %d", step.name, puts, deletes, step.puts+meta, step.deletes)
		}
		if bytes := got.BytesWritten - before.BytesWritten; bytes > (step.puts+step.deletes+meta)*500 {
			t.Errorf("%s: got %d bytes; the whole has %d", step.name, bytes, full.BytesWritten/2)
		}
		if step.name == "ten_gone" {
			wantNobody(t, users, identity.Usernames, "user-002995")
			wantNobody(t, users, identity.Addresses, "user-002995@example.org")
		}
		wantUser(t, users, person(n/2, 0))
		level(t, s)
	}
}

func TestUnchanged(t *testing.T) {
	t.Parallel()
	cfg := config(dbDir(t))
	s := open(t, cfg)
	if _, ok := s.Unchanged(hash(0)); ok {
		t.Error("Unchanged of an empty store: got users")
	}
	index(t, s, people(50, 0, 0), hash(1))
	index(t, s, people(50, 50, 1), hash(2))
	for range 3 {
		for _, h := range []byte{0, 1, 3} {
			if _, ok := s.Unchanged(hash(h)); ok {
				t.Errorf("Unchanged of another content (%d): got users", h)
			}
		}
		users, ok := s.Unchanged(hash(2))
		if !ok || users.Len() != 50 {
			t.Fatalf("Unchanged: got %v", ok)
		}
		s.InForce(users)
		level(t, s)
		wantUser(t, users, person(7, 1))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, cfg)
		if h := s.Health(); h.Mode != store.OnDisk || h.Rebuilt != 0 {
			t.Fatalf("Health: got %+v", h)
		}
	}
}

// TestIndexNotInForce seals nothing: what is in force goes on answering however often an index
// is made that never goes into force.
func TestIndexNotInForce(t *testing.T) {
	t.Parallel()
	s := open(t, config(dbDir(t)))
	inForce := index(t, s, people(20, 0, 0), hash(1))
	var abandoned identity.Users
	for i := range 4 {
		u, err := s.Index(background, people(20, 20, i+1), hash(byte(i+2)))
		if err != nil {
			t.Fatal(err)
		}
		wantUser(t, u, person(3, i+1))
		store.Forget(inForce)
		wantUser(t, inForce, person(3, 0))
		if abandoned != nil {
			if _, _, err := abandoned.Find(identity.Usernames, "user-000003"); !errors.Is(err, store.ErrFlipped) {
				t.Errorf("Find in an abandoned index: got %v, want ErrFlipped", err)
			}
		}
		abandoned = u
		s.Look(background)
	}
	s.InForce(abandoned)
	level(t, s)
	if _, _, err := inForce.Find(identity.Usernames, "user-000003"); !errors.Is(err, store.ErrFlipped) {
		t.Errorf("Find in what was in force: got %v, want ErrFlipped", err)
	}
	wantUser(t, abandoned, person(3, 4))
}

// TestIndexGivesWay changes one of many users: whoever goes through all the others breathes at
// each of them.
func TestIndexGivesWay(t *testing.T) {
	t.Parallel()
	const many = 500
	var breaths atomic.Int64
	c := config(dbDir(t))
	c.Breathe = func() { breaths.Add(1) }
	s := open(t, c)
	var all []*identity.User
	for i := range many {
		all = append(all, &identity.User{Username: fmt.Sprint("user-", i), State: identity.Active})
	}
	index(t, s, []identity.Set{set("users/a.yaml", all...)}, hash(1))
	all[0] = &identity.User{Username: "user-0", Name: "Somebody", State: identity.Active}
	index(t, s, []identity.Set{set("users/a.yaml", all...)}, hash(2)) // fills the other slot
	before := breaths.Load()
	all[1] = &identity.User{Username: "user-1", Name: "Somebody", State: identity.Active}
	index(t, s, []identity.Set{set("users/a.yaml", all...)}, hash(3))
	if got := breaths.Load() - before; got < many {
		t.Errorf("%d breaths while %d users were compared", got, many)
	}
}
