// Package identity answers "who is it?": it reads the names out of a certificate and finds the
// one user they belong to. It knows no database (Users is an interface), opens no files and
// talks to no network.
package identity

import (
	"iter"

	"gatehouse/authcore/policy"
)

// State is whether an account may be used. The zero value is neither and admits nobody.
type State string

// The states of a user.
const (
	Active    State = "active"
	Suspended State = "suspended"
)

// A User is one account. It is immutable once it is in a Users.
type User struct {
	Username string        `json:"username"` // the key, unique without regard to case
	Email    string        `json:"email,omitempty"`
	Aliases  []string      `json:"aliases,omitempty"` // e-mail addresses and UPNs
	Name     string        `json:"name,omitempty"`
	Groups   []string      `json:"groups,omitempty"`
	State    State         `json:"state"`
	Password policy.Secret `json:"-"` // argon2id or bcrypt hash
	NTHash   policy.Secret `json:"-"` // password equivalent
	TOTP     policy.Secret `json:"-"` // base32 seed
	VLAN     string        `json:"vlan,omitempty"`
}

// Space is one of the two name spaces in which users are found.
type Space uint8

// The name spaces: usernames, and e-mail addresses together with aliases.
const (
	Usernames Space = iota + 1
	Addresses
)

// Users finds accounts. Implementations are safe for concurrent use and never block for long.
type Users interface {
	// Find returns the user whose name in space folds to key (see FoldUsername, FoldAddress),
	// and false if there is none. An error means that the index cannot answer.
	Find(space Space, key string) (*User, bool, error)
	// Len returns the number of users.
	Len() int
}

// A Set is one source of users, re-readable: every call of All starts anew. An error ends the
// sequence.
type Set struct {
	Source string // the file, relative to the configuration directory
	All    func() iter.Seq2[*User, error]
}
