// Package identity answers "who is it?": it reads the names out of a certificate and finds the
// one user they belong to. It knows no database (Users is an interface), opens no files and
// talks to no network.
package identity

import (
	"errors"
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
	Source   string        `json:"-"` // the Set it came from; empty: not known
}

// Space is one of the two name spaces in which users are found.
type Space uint8

// The name spaces: usernames, and e-mail addresses together with aliases.
const (
	Usernames Space = iota + 1
	Addresses
)

// ErrStale says that Users are those of a configuration that is no longer in force, and can
// answer no more: ask the Users of the Snapshot in force.
var ErrStale = errors.New("the users have been replaced by newer ones")

// Users finds accounts. Implementations are safe for concurrent use and never block for long.
type Users interface {
	// Find returns the user whose name in space folds to key (see FoldUsername, FoldAddress),
	// and false if there is none. An error means that the index cannot answer; ErrStale, that
	// newer Users can.
	Find(space Space, key string) (*User, bool, error)
	// Len returns the number of users.
	Len() int
}

// A Lister is Users that can be listed. All yields each once, in no particular order, without
// holding all of them; an error ends the sequence, and then there may be more.
type Lister interface {
	All() iter.Seq2[*User, error]
}

// A Set is one source of users, re-readable: every call of All starts anew. An error ends the
// sequence, and then nothing of it may be used: All may find out last of all that the source is
// no longer what it was.
type Set struct {
	Source string   // the file, relative to the configuration directory
	Sum    [32]byte // SHA-256 of the file's content; zero: not known
	All    func() iter.Seq2[*User, error]
}
