package identity

import (
	"fmt"
	"strings"

	"gatehouse/authcore/audit"

	"golang.org/x/text/unicode/norm"
)

// maxListed bounds the names that a detail lists.
const maxListed = 8

// A Hit is the user that a certificate names, and the name that decided.
type Hit struct {
	User *User
	Name Name
}

// Match looks up every one of names and returns the first hit. All hits must be the same user.
// Without foldLocalPart the part of an address before the @ counts by case.
//
// Every error is an *Error: IdentityNone without names, UserUnknown without a hit,
// IdentityAmbiguous if the names hit different users, Internal if users cannot answer.
func Match(names []Name, users Users, foldLocalPart bool) (Hit, error) {
	if len(names) == 0 {
		return Hit{}, &Error{Reason: audit.IdentityNone, Detail: "the certificate carries no name to look up"}
	}
	var first Hit
	var others []Hit
	var caseOnly string
	for _, n := range names {
		u, ok, err := users.Find(n.Space, n.Key)
		switch {
		case err != nil:
			return Hit{}, &Error{Reason: audit.Internal, Detail: "looking up the user", Err: err}
		case !ok || u == nil:
			continue
		case !foldLocalPart && n.Space == Addresses && !u.hasLocalPart(n.Value):
			caseOnly = fmt.Sprintf("; %q differs from an address of user %q in upper and lower case only",
				audit.Printable(n.Value), audit.Printable(u.Username))
		case first.User == nil:
			first = Hit{u, n}
		case first.User.Username != u.Username:
			others = append(others, Hit{u, n})
		}
	}
	if first.User == nil {
		return Hit{}, &Error{Reason: audit.UserUnknown, Detail: "no user has " + list(names) + caseOnly}
	}
	if len(others) > 0 {
		return Hit{}, ambiguous(append([]Hit{first}, others...))
	}
	return first, nil
}

// hasLocalPart reports whether one of the user's addresses is address, its local part by case.
func (u *User) hasLocalPart(address string) bool {
	want := keepLocalPart(address)
	if keepLocalPart(u.Email) == want {
		return true
	}
	for _, a := range u.Aliases {
		if keepLocalPart(a) == want {
			return true
		}
	}
	return false
}

// keepLocalPart folds an address but for its local part.
func keepLocalPart(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return norm.NFC.String(address)
	}
	return norm.NFC.String(address[:at]) + FoldAddress(address[at:])
}

// ambiguous lists the hits.
func ambiguous(hits []Hit) *Error {
	var parts []string
	for i, h := range hits {
		if i == maxListed {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, fmt.Sprintf("%s %q is user %q", h.Name.Kind,
			audit.Printable(h.Name.Value), audit.Printable(h.User.Username)))
	}
	return &Error{Reason: audit.IdentityAmbiguous, Detail: strings.Join(parts, ", ")}
}

// list shows the names that were looked up.
func list(names []Name) string {
	var parts []string
	for i, n := range names {
		if i == maxListed {
			parts = append(parts, "…")
			break
		}
		where := "username"
		if n.Space == Addresses {
			where = "e-mail address or alias"
		}
		parts = append(parts, fmt.Sprintf("the %s %q (%s)", where, audit.Printable(n.Value), n.Kind))
	}
	return strings.Join(parts, " or ")
}
