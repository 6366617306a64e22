package identity

import (
	"errors"
	"fmt"
	"iter"
)

// Memory is an index of users held in memory. It is immutable and safe for concurrent use.
type Memory struct {
	usernames map[string]entry
	addresses map[string]entry
	users     []*User
}

type entry struct {
	user   *User
	source string
}

// A Place is where a user stands: its source and its username.
type Place struct {
	Source   string
	Username string
}

// A DuplicateError says that two users claim the same name. Second is the later one in the
// order in which the sets were read.
type DuplicateError struct {
	Space         Space
	Key           string // folded
	First, Second Place
}

func (e *DuplicateError) Error() string {
	what := "username"
	if e.Space == Addresses {
		what = "e-mail address or alias"
	}
	return fmt.Sprintf("%s: user %q: the %s %q belongs to user %q in %s already",
		e.Second.Source, e.Second.Username, what, e.Key, e.First.Username, e.First.Source)
}

// NewMemory indexes the users of sets. It keeps the Users. The first error ends it: that of a
// set, that of a user without username, or a *DuplicateError. A username may equal another
// user's alias: these are two name spaces. The same address twice with one user counts once.
func NewMemory(sets []Set) (*Memory, error) {
	m := &Memory{usernames: map[string]entry{}, addresses: map[string]entry{}}
	for _, set := range sets {
		for u, err := range set.All() {
			if err == nil {
				err = m.add(u, set.Source)
			}
			var duplicate *DuplicateError
			if errors.As(err, &duplicate) {
				return nil, err
			}
			if err != nil {
				return nil, fmt.Errorf("indexing users of %s: %w", set.Source, err)
			}
		}
	}
	return m, nil
}

func (m *Memory) add(u *User, source string) error {
	if u == nil || u.Username == "" {
		return errors.New("a user has no username")
	}
	e := entry{u, source}
	if err := claim(m.usernames, Usernames, FoldUsername(u.Username), e); err != nil {
		return err
	}
	for _, a := range append([]string{u.Email}, u.Aliases...) {
		if a == "" {
			continue
		}
		if err := claim(m.addresses, Addresses, FoldAddress(a), e); err != nil {
			return err
		}
	}
	m.users = append(m.users, u)
	return nil
}

// claim enters e under key, unless another user is there.
func claim(index map[string]entry, space Space, key string, e entry) error {
	have, taken := index[key]
	if taken && have.user != e.user {
		return &DuplicateError{Space: space, Key: key,
			First:  Place{have.source, have.user.Username},
			Second: Place{e.source, e.user.Username}}
	}
	index[key] = e
	return nil
}

// Find returns the user with that folded name. It never fails.
func (m *Memory) Find(space Space, key string) (*User, bool, error) {
	index := m.usernames
	if space == Addresses {
		index = m.addresses
	}
	e, ok := index[key]
	return e.user, ok, nil
}

// All yields the users in the order of their sets. It never fails.
func (m *Memory) All() iter.Seq2[*User, error] {
	return func(yield func(*User, error) bool) {
		for _, u := range m.users {
			if !yield(u, nil) {
				return
			}
		}
	}
}

// Len returns the number of users.
func (m *Memory) Len() int { return len(m.usernames) }
