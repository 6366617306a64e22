package identity

import (
	"crypto/x509"
	"fmt"
	"strings"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/policy"

	"golang.org/x/text/unicode/norm"
)

// maxNames bounds the names of one certificate that are looked up.
const maxNames = 32

// A Name is one name that a certificate carries, ready to be looked up.
type Name struct {
	Kind  policy.NameKind
	Value string // as the certificate has it, in form C: printable characters only
	Space Space
	Key   string // Value folded
}

// An Error says why a certificate names no user. Detail is one line of fresh facts, escaped.
type Error struct {
	Reason audit.Reason
	Detail string
	Err    error // the index's, if Reason is audit.Internal; else nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Detail + ": " + e.Err.Error()
	}
	return e.Detail
}

func (e *Error) Unwrap() error { return e.Err }

// Names reads the names out of a certificate: every kind in order that it carries, and all
// values of each kind. Kinds not in order are not looked at.
//
//   - san_email: rfc822Name, and SmtpUTF8Mailbox (RFC 9598); an address.
//   - san_upn: the Microsoft user principal name; an address, or a username if it has no @.
//   - dn_email: emailAddress in the subject; an address.
//   - cn: the common name; a username.
//   - san_dns: dNSName; a machine, whose username is host/NAME or NAME: both are looked up.
//
// Addresses, UPNs and DNS names that a person cannot read safely (CV-12: control and format
// characters, look-alikes, spaces and dots at the end) make the certificate unreadable. A
// common name is free text, so one that cannot be a username is left out, as are empty ones.
//
// Every error is an *Error: IdentityNone if no usable name is left, else CertUnreadable.
func Names(leaf *x509.Certificate, order []policy.NameKind) ([]Name, error) {
	c := collector{leaf: leaf}
	for _, kind := range order {
		if err := c.kind(kind); err != nil {
			return nil, &Error{Reason: audit.CertUnreadable, Detail: fmt.Sprintf("%s: %v", kind, err)}
		}
		if len(c.names) > maxNames {
			return nil, &Error{Reason: audit.CertUnreadable,
				Detail: fmt.Sprintf("the certificate carries more than %d names", maxNames)}
		}
	}
	if len(c.names) == 0 {
		return nil, &Error{Reason: audit.IdentityNone, Detail: c.nothing(order)}
	}
	return c.names, nil
}

// collector gathers the names of one certificate.
type collector struct {
	leaf    *x509.Certificate
	names   []Name
	leftOut []string // why a common name was
}

// kind adds the names of one kind.
func (c *collector) kind(kind policy.NameKind) error {
	switch kind {
	case policy.DNEmail:
		values, err := pki.SubjectEmails(c.leaf)
		if err != nil {
			return err
		}
		return c.each(kind, values)
	case policy.CN:
		values, err := pki.CommonNames(c.leaf)
		if err != nil {
			c.leftOut = append(c.leftOut, err.Error())
		}
		return c.each(kind, values)
	}
	alt, err := pki.AlternativeNames(c.leaf)
	if err != nil {
		return err
	}
	var values []string
	for _, n := range alt {
		if kind == policy.SANEmail && n.IsMailbox() || kind == policy.SANUPN && n.IsUPN() ||
			kind == policy.SANDNS && n.Form == pki.DNSName {
			values = append(values, string(n.Value))
		}
	}
	return c.each(kind, values)
}

// each adds values as names of one kind.
func (c *collector) each(kind policy.NameKind, values []string) error {
	for _, value := range values {
		if strings.TrimSpace(value) == "" && kind == policy.CN {
			continue
		}
		why := unusable(value)
		space := Usernames
		if kind == policy.SANEmail || kind == policy.DNEmail || kind == policy.SANUPN && strings.Contains(value, "@") {
			space = Addresses
			if why == "" {
				why = notAnAddress(value)
			}
		}
		if kind == policy.SANDNS && why == "" {
			why = notAHost(value)
		}
		switch {
		case why != "" && kind == policy.CN:
			c.leftOut = append(c.leftOut, fmt.Sprintf("the common name %q %s", audit.Printable(value), why))
			continue
		case why != "":
			return fmt.Errorf("%q %s", audit.Printable(value), why)
		}
		if kind == policy.SANDNS {
			c.add(Name{Kind: kind, Value: "host/" + value, Space: space})
		}
		c.add(Name{Kind: kind, Value: value, Space: space})
	}
	return nil
}

// add completes n and keeps it unless it is there already.
func (c *collector) add(n Name) {
	n.Value = norm.NFC.String(n.Value)
	n.Key = FoldUsername(n.Value)
	if n.Space == Addresses {
		n.Key = FoldAddress(n.Value)
	}
	for _, have := range c.names {
		if have.Space == n.Space && have.Value == n.Value {
			return
		}
	}
	c.names = append(c.names, n)
}

// nothing says what was looked for and what was there instead.
func (c *collector) nothing(order []policy.NameKind) string {
	kinds := make([]string, len(order))
	for i, k := range order {
		kinds[i] = string(k)
	}
	detail := "none of " + strings.Join(kinds, ", ") + " is in the certificate"
	if len(c.leftOut) > 0 {
		detail += "; " + strings.Join(c.leftOut, "; ")
	}
	return detail
}

// notAnAddress says why s is no e-mail address, or "".
func notAnAddress(s string) string {
	at := strings.LastIndexByte(s, '@')
	switch {
	case at < 0:
		return "has no @"
	case at == 0 || strings.Contains(s[:at], "@"):
		return "is not one address"
	case strings.ContainsRune(s, ' '):
		return "has a space in it"
	}
	return notAHost(s[at+1:])
}

// notAHost says why s is no domain name, or "".
func notAHost(s string) string {
	if s == "" || s[0] == '.' || strings.Contains(s, "..") || strings.ContainsAny(s, " */\\@[]") {
		return "has no proper domain name"
	}
	return ""
}
