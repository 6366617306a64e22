package identity_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
)

// set is a Set of the given users.
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

func memory(t testing.TB, users ...*identity.User) *identity.Memory {
	t.Helper()
	m, err := identity.NewMemory([]identity.Set{set("users/a.yaml", users...)})
	if err != nil {
		t.Fatalf("NewMemory: %v", err)
	}
	return m
}

// address and username make Names as Names would.
func address(kind policy.NameKind, value string) identity.Name {
	return identity.Name{Kind: kind, Value: value, Space: identity.Addresses, Key: identity.FoldAddress(value)}
}

func username(value string) identity.Name {
	return identity.Name{Kind: policy.CN, Value: value, Space: identity.Usernames, Key: identity.FoldUsername(value)}
}

func TestCV11Match(t *testing.T) {
	t.Parallel()
	users := memory(t,
		&identity.User{Username: "alice", Email: "Alice@Example.org", Aliases: []string{"al@corp"}},
		&identity.User{Username: "bob", Email: "bob@example.org"},
		&identity.User{Username: "al@corp", Email: "odd@example.org"}, // another's alias, in the other space
	)
	email := func(s string) identity.Name { return address(policy.SANEmail, s) }
	tests := []struct {
		name   string
		names  []identity.Name
		exact  bool // the local part counts by case
		want   string
		reason audit.Reason
		detail string
	}{
		{"email", []identity.Name{email("alice@example.org")}, false, "alice", "", ""},
		{"alias", []identity.Name{address(policy.SANUPN, "AL@corp")}, false, "alice", "", ""},
		{"username", []identity.Name{username("ALICE")}, false, "alice", "", ""},
		{"first_that_hits", []identity.Name{email("gone@example.org"), username("Alice Smith"), username("bob")}, false, "bob", "", ""},
		{"several_names_of_one_user", []identity.Name{email("alice@example.org"), username("alice")}, false, "alice", "", ""},
		{"spaces_are_apart", []identity.Name{username("al@corp")}, false, "al@corp", "", ""},
		{"cn_does_not_match_email", []identity.Name{username("bob@example.org")}, false, "", audit.UserUnknown, `the username "bob@example.org" (cn)`},
		{"two_users", []identity.Name{email("alice@example.org"), username("bob")}, false, "", audit.IdentityAmbiguous,
			`san_email "alice@example.org" is user "alice", cn "bob" is user "bob"`},
		{"two_users_by_alias", []identity.Name{address(policy.SANUPN, "al@corp"), username("al@corp")}, false, "", audit.IdentityAmbiguous, `user "al@corp"`},
		{"unknown", []identity.Name{email("x@example.org"), username("x")}, false, "", audit.UserUnknown,
			`no user has the e-mail address or alias "x@example.org" (san_email) or the username "x" (cn)`},
		{"no_names", nil, false, "", audit.IdentityNone, "no name"},
		{"exact_local_part", []identity.Name{email("Alice@EXAMPLE.org")}, true, "alice", "", ""},
		{"other_case_of_local_part", []identity.Name{email("alice@example.org")}, true, "", audit.UserUnknown, "upper and lower case only"},
		{"other_case_then_hit", []identity.Name{email("alice@example.org"), username("ALICE")}, true, "alice", "", ""},
		{"exact_alias", []identity.Name{email("al@CORP")}, true, "alice", "", ""},
		{"escaped", []identity.Name{username(`do\main`)}, false, "", audit.UserUnknown, `\\main`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			hit, err := identity.Match(tt.names, users, !tt.exact)
			if tt.reason != "" {
				checkError(t, err, tt.reason, tt.detail)
				return
			}
			if err != nil || hit.User.Username != tt.want || hit.Name.Key == "" {
				t.Errorf("Match: got %+v and %v, want %s", hit, err, tt.want)
			}
		})
	}
}

// brokenIndex cannot answer.
type brokenIndex struct{}

var errIndex = errors.New("the index is being rebuilt")

func (brokenIndex) Find(identity.Space, string) (*identity.User, bool, error) {
	return nil, false, errIndex
}
func (brokenIndex) Len() int { return 0 }

func TestMatchIndexFails(t *testing.T) {
	t.Parallel()
	_, err := identity.Match([]identity.Name{username("alice")}, brokenIndex{}, true)
	checkError(t, err, audit.Internal, "looking up")
	if !errors.Is(err, errIndex) {
		t.Errorf("got %v, want the index's error in it", err)
	}
}

func TestMemoryDuplicates(t *testing.T) {
	t.Parallel()
	alice := &identity.User{Username: "alice", Email: "alice@example.org", Aliases: []string{"ALICE@example.org"}}
	tests := []struct {
		name  string
		other identity.User
		want  string // empty: fine
	}{
		{"username", identity.User{Username: "ALICE"}, `users/b.yaml: user "ALICE": the username "alice" belongs to user "alice" in users/a.yaml already`},
		{"email", identity.User{Username: "bob", Email: "Alice@EXAMPLE.org"}, `the e-mail address or alias "alice@example.org" belongs to user "alice"`},
		{"alias", identity.User{Username: "bob", Aliases: []string{"b@example.org", "alice@example.org"}}, "alice@example.org"},
		{"username_like_alias", identity.User{Username: "alice@example.org"}, ""},
		{"nothing_shared", identity.User{Username: "bob", Email: "bob@example.org"}, ""},
		{"no_username", identity.User{Email: "x@example.org"}, "indexing users of users/b.yaml: a user has no username"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := identity.NewMemory([]identity.Set{set("users/a.yaml", alice), set("users/b.yaml", &tt.other)})
			if tt.want == "" {
				if err != nil || m.Len() != 2 {
					t.Errorf("NewMemory: got %v, want two users", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("NewMemory: got %v, want %q", err, tt.want)
			}
			var d *identity.DuplicateError
			if errors.As(err, &d) && (d.First != identity.Place{Source: "users/a.yaml", Username: "alice"} || d.Second.Source != "users/b.yaml") {
				t.Errorf("NewMemory: got places %+v and %+v", d.First, d.Second)
			}
		})
	}
}

func TestMemorySetFails(t *testing.T) {
	t.Parallel()
	broken := identity.Set{Source: "users/c.csv", All: func() iter.Seq2[*identity.User, error] {
		return func(yield func(*identity.User, error) bool) { yield(nil, errIndex) }
	}}
	if _, err := identity.NewMemory([]identity.Set{broken}); !errors.Is(err, errIndex) || !strings.Contains(err.Error(), "users/c.csv") {
		t.Errorf("NewMemory: got %v, want the set's error with its source", err)
	}
}

func BenchmarkMatch(b *testing.B) {
	var users []*identity.User
	for i := range 10_000 {
		users = append(users, &identity.User{Username: fmt.Sprint("user", i), Email: fmt.Sprintf("user%d@example.org", i)})
	}
	index := memory(b, users...)
	names := []identity.Name{address(policy.SANEmail, "user77@example.org"), username("user77")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := identity.Match(names, index, true); err != nil {
			b.Fatal(err)
		}
	}
}

func TestMemoryAll(t *testing.T) {
	t.Parallel()
	anna, bert := &identity.User{Username: "anna", Email: "anna@acme.example"}, &identity.User{Username: "bert"}
	var got []string
	for u, err := range memory(t, bert, anna).All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, u.Username)
	}
	if strings.Join(got, " ") != "bert anna" {
		t.Errorf("got %v, want each once, as they came", got)
	}
}
