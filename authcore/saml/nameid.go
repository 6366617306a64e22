package saml

import (
	"io"

	"gatehouse/authcore/identity"
)

// A NameIDSource says which field of a user is the NameID. The zero value is the e-mail
// address.
type NameIDSource uint8

// The sources.
const (
	NameIDEmail NameIDSource = iota
	NameIDUsername
)

// A NameID names the person to one service provider (SAML Core §2.2.3).
type NameID struct {
	Format string
	Value  string
}

// nameIDFormat chooses the format: what the request asks for, else the first that the service
// provider's metadata lists and the source can fill, else what the source is by nature.
// Transient is for requests alone: nobody who configured a name wants a random one because of a
// habit in metadata.
func (p *IdentityProvider) nameIDFormat(asked string) string {
	if asked != "" && asked != FormatUnspecified {
		return asked
	}
	for _, format := range p.c.Provider.NameIDFormats {
		if format == FormatPersistent || format == FormatEmailAddress && p.c.NameID == NameIDEmail {
			return format
		}
	}
	if p.c.NameID == NameIDEmail {
		return FormatEmailAddress
	}
	return FormatUnspecified
}

// nameID names u in the format asked for. An e-mail address is what the format emailAddress
// promises, whatever the app's source is. The error is a *RefusedError with NameIDMissing if u
// has none.
func (p *IdentityProvider) nameID(u *identity.User, asked string, rand io.Reader) (NameID, error) {
	n := NameID{Format: p.nameIDFormat(asked)}
	switch {
	case n.Format == FormatTransient:
		id, err := newID(rand)
		n.Value = id
		return n, err
	case n.Format == FormatEmailAddress || p.c.NameID == NameIDEmail:
		n.Value = u.Email
	default:
		n.Value = u.Username
	}
	if n.Value == "" {
		return NameID{}, refuse(NameIDMissing, "user %q", u.Username)
	}
	return n, nil
}
