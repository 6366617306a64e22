package load_test

import (
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
)

// index remembers users by hash, as an index on disk does.
type index struct {
	asked [][32]byte
	known map[[32]byte]identity.Users
}

func (x *index) unchanged(hash [32]byte) (identity.Users, bool) {
	x.asked = append(x.asked, hash)
	users, ok := x.known[hash]
	return users, ok
}

// load loads f and indexes the users, unless they are there.
func (x *index) load(t *testing.T, f fs.FS, last *snapshot.Snapshot) (*snapshot.Draft, load.Problems) {
	t.Helper()
	d, problems := load.Load(f, load.Options{Now: now, LastGood: last, Unchanged: x.unchanged})
	if d == nil {
		t.Fatalf("nothing goes live: %v", problems)
	}
	if d.Users == nil {
		users, err := identity.NewMemory(d.UserSets)
		if err != nil {
			t.Fatal(err)
		}
		d.Users = users
		x.known[d.UsersHash] = users
	}
	return d, problems
}

func newIndex() *index { return &index{known: map[[32]byte]identity.Users{}} }

// TestUsersUnchanged asks an index before it parses users. What is in no way about users, or
// asks nothing of them, leaves them what they were.
func TestUsersUnchanged(t *testing.T) {
	t.Parallel()
	all := base(t).with("users/more.csv", "username,email,groups\ncarla,carla@acme.example,guests\n")
	for _, tt := range []struct {
		name   string
		change []string
		same   bool
	}{
		{"nothing", nil, true},
		{"a secret", []string{"radius/other.yaml", strings.ReplaceAll(all["radius/other.yaml"], "secret-0002", "secret-0009")}, true},
		{"a CA gone", []string{"ca/second.pem", "-", "ca/second.yaml", "-", "radius/other.yaml", "-"}, true},
		{"documentation", []string{"users/README.md", "x"}, true},
		{"a user", []string{"users/more.csv", all["users/more.csv"] + "dora,d@acme.example,\n"}, false},
		{"a comment", []string{"users/staff.yaml", all["users/staff.yaml"] + "# x\n"}, false},
		{"the name of a file", []string{"users/more.csv", "-", "users/less.csv", all["users/more.csv"]}, false},
		{"a group that is asked for", []string{"radius/other.yaml", all["radius/other.yaml"] + "users: {groups: [guests]}\n"}, false},
		{"the kinds of names", []string{"policy.yaml", all["policy.yaml"] + "identity: {order: [san_email]}\n"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newIndex()
			before, problems := x.load(t, all.fs(), nil)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			after, problems := x.load(t, all.with(tt.change...).fs(), nil)
			if same := after.Users == before.Users; same != tt.same {
				t.Errorf("taken from the index: got %v, want %v (%v)", same, tt.same, problems)
			}
			if len(x.asked) != 2 || tt.same && (after.UsersHash != before.UsersHash || len(after.UserSets) != 2) {
				t.Errorf("asked %d times, %d sets", len(x.asked), len(after.UserSets))
			}
		})
	}
}

// TestUsersUnchangedAreNotParsed has files that nothing good could be parsed from.
func TestUsersUnchangedAreNotParsed(t *testing.T) {
	t.Parallel()
	f := base(t).with("users/more.csv", "\"never closed", "users/staff.yaml", "- [").fs()
	want, err := identity.NewMemory([]identity.Set{{Source: "users/x", All: func() iter.Seq2[*identity.User, error] {
		return func(yield func(*identity.User, error) bool) { yield(&identity.User{Username: "x"}, nil) }
	}}})
	if err != nil {
		t.Fatal(err)
	}
	d, problems := load.Load(f, load.Options{Now: now,
		Unchanged: func([32]byte) (identity.Users, bool) { return want, true }})
	if d == nil || len(problems) > 0 || d.Users != identity.Users(want) {
		t.Errorf("got %v, want the users of the index without a look into the files", problems)
	}
	empty, err := identity.NewMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, problems = load.Load(f, load.Options{Now: now,
		Unchanged: func([32]byte) (identity.Users, bool) { return empty, true }})
	if !problems.HasErrors() {
		t.Error("an index of nobody: taken although allow_empty is not there")
	}
}

// TestUsersWithProblemsAreJudgedAgain never passes them over because they are indexed.
func TestUsersWithProblemsAreJudgedAgain(t *testing.T) {
	t.Parallel()
	all := base(t)
	for _, tt := range []struct {
		name, want string
		change     []string
	}{
		{"broken", "nobody", []string{"users/staff.yaml", "- {username: anna}\n- {nobody: x}\n"}},
		{"duplicate", "already", []string{"users/x.csv", "username\nanna\n"}},
		{"group without member", "no user is in the group", []string{"radius/other.yaml",
			all["radius/other.yaml"] + "users: {groups: [stafff]}\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newIndex()
			last, _ := seal(t, all.fs(), nil)
			for range 3 {
				_, problems := x.load(t, all.with(tt.change...).fs(), last)
				if len(problems) == 0 || !strings.Contains(problems[0].Text, tt.want) {
					t.Errorf("got %v, want %q", problems, tt.want)
				}
			}
			if len(x.asked) != 3 || len(x.known) > 1 {
				t.Errorf("asked %d times, indexed as %d", len(x.asked), len(x.known))
			}
		})
	}
}

// TestSetChanged reads users again whose file is no longer what was judged.
func TestSetChanged(t *testing.T) {
	t.Parallel()
	all := base(t)
	for name, content := range map[string]string{
		"nothing": all["users/more.csv"], "another user": "username,email\ncarlo,carla@acme.example\n",
		"a problem": "username,email\n,carla@acme.example\n", "a comment's worth": all["users/more.csv"] + "\n",
		"gone": "-", "not parsable": "\"", "more": all["users/more.csv"] + "dora,\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := all.fs()
			d, problems := load.Load(files, load.Options{Now: now})
			if d == nil {
				t.Fatal(problems)
			}
			delete(files, "users/more.csv")
			if content != "-" {
				files["users/more.csv"] = all.with("users/more.csv", content).fs()["users/more.csv"]
			}
			var last error
			for _, err := range d.UserSets[0].All() {
				if last != nil {
					t.Error("something follows an error")
				}
				last = err
			}
			if (last == nil) != (name == "nothing") || name != "gone" && last != nil && !errors.Is(last, load.ErrChanged) {
				t.Errorf("got %v", last)
			}
		})
	}
}

// TestLastUsers starts over an index that has outlived the process: what is broken falls back
// on it, file by file.
func TestLastUsers(t *testing.T) {
	t.Parallel()
	all := base(t)
	first, _ := seal(t, all.fs(), nil)
	for _, tt := range []struct {
		name    string
		change  []string
		effects []string
		live    string
		index   bool // all of it goes live again
	}{
		{"one broken", []string{"users/staff.yaml", "- {nobody: x}\n"}, []string{"users/staff.yaml kept"},
			"users/more.csv(1) users/staff.yaml(2)", false},
		{"one broken, one gone", []string{"users/staff.yaml", "- {nobody: x}\n", "users/more.csv", "-"},
			[]string{"users/staff.yaml kept"}, "users/staff.yaml(2)", false},
		{"all broken", []string{"users/staff.yaml", "- {nobody: x}\n", "users/more.csv", "x"},
			[]string{"users/more.csv kept", "users/staff.yaml kept"}, "users/more.csv(1) users/staff.yaml(2)", true},
		{"all gone", []string{"users/staff.yaml", "-", "users/more.csv", "-"}, []string{"users kept"},
			"users/more.csv(1) users/staff.yaml(2)", true},
		{"a broken one that was never there", []string{"users/new.csv", "\""}, []string{"users/new.csv left_out"},
			"users/more.csv(1) users/staff.yaml(2)", false},
		{"a new one takes a name", []string{"users/a-new.csv", "username\nanna\n"}, []string{"users/a-new.csv left_out"},
			"users/more.csv(1) users/staff.yaml(2)", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, problems := load.Load(all.with(tt.change...).fs(), load.Options{Now: now, LastUsers: first.Users})
			if d == nil {
				t.Fatal(problems)
			}
			if got := effects(problems); !slices.Equal(got, tt.effects) {
				t.Errorf("effects: got %v, want %v (%v)", got, tt.effects, problems)
			}
			if got := describe(d); !strings.HasSuffix(got, "] "+tt.live) {
				t.Errorf("live: got %s, want %s", got, tt.live)
			}
			if (d.Users != nil) != tt.index {
				t.Errorf("the index itself: got %v, want %v", d.Users != nil, tt.index)
			}
		})
	}
}

// damaged is an index that has lost somebody.
type damaged struct{ identity.Users }

var errLost = errors.New("damaged")

func (d damaged) All() iter.Seq2[*identity.User, error] {
	return func(yield func(*identity.User, error) bool) {
		for u := range d.Users.(identity.Lister).All() {
			if !yield(u, nil) {
				return
			}
			break
		}
		yield(nil, errLost)
	}
}

// TestLastUsersDamaged has users to fall back on that are no longer whole. What is in force stays
// as it is; with nothing in force the broken file is left out, and the rest goes live.
func TestLastUsersDamaged(t *testing.T) {
	t.Parallel()
	sound, _ := load.Load(base(t).fs(), load.Options{Now: now})
	users, err := identity.NewMemory(sound.UserSets)
	if err != nil {
		t.Fatal(err)
	}
	sound.Users = damaged{users}
	last, err := sound.Seal(1)
	if err != nil {
		t.Fatal(err)
	}
	f := base(t).with("users/staff.yaml", "- {nobody: x}\n").fs()
	for _, opt := range []load.Options{{Now: now, LastGood: last}, {Now: now, LastUsers: last.Users}} {
		d, problems := load.Load(f, opt)
		if !strings.Contains(problems[0].Text, errLost.Error()) {
			t.Errorf("got %v", problems)
		}
		switch {
		case opt.LastGood != nil && d != nil:
			t.Errorf("in force: %s would replace it", describe(d))
		case opt.LastGood == nil && (d == nil || !strings.HasSuffix(describe(d), "] users/more.csv(1)")):
			t.Errorf("nothing in force: got %v, want what is sound", problems)
		}
		for _, p := range problems {
			if p.Severity == load.Error && p.Effect == "" {
				t.Errorf("an error without effect: %v", p)
			}
		}
	}
}
