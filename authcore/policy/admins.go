package policy

import (
	"crypto/sha256"
	"slices"
)

// Admins is admins.yaml: who may look at this gateway and manage it over the web. The zero
// value is nobody.
type Admins struct {
	Accounts []Account
	Tokens   []Token
}

// IsEmpty reports whether it is nobody.
func (a *Admins) IsEmpty() bool { return len(a.Accounts) == 0 && len(a.Tokens) == 0 }

// A Role is what a person may do in the pages. The zero value is nothing.
type Role string

// The roles.
const (
	RoleViewer Role = "viewer"
	RoleTech   Role = "tech"
	RoleAdmin  Role = "admin"
)

// An Account is a person who signs in to the pages.
type Account struct {
	Username string
	Password Secret // argon2id or bcrypt hash
	Role     Role
}

// A TokenScope is something that the holder of a token may do over the API. The zero value is
// nothing.
type TokenScope string

// The scopes.
const (
	ScopeRead   TokenScope = "read"   // see how the gateway is doing, and whom it lets in
	ScopeBundle TokenScope = "bundle" // push bundles, and see what became of them
	ScopeAdmin  TokenScope = "admin"  // everything
)

// A Token is a program that calls the API.
type Token struct {
	Name   string
	SHA256 [sha256.Size]byte // of the token as it is sent
	Scopes []TokenScope
}

// May reports whether the token's holder may do what needs scope.
func (t *Token) May(scope TokenScope) bool {
	return scope != "" && (slices.Contains(t.Scopes, scope) || slices.Contains(t.Scopes, ScopeAdmin))
}
