package saml

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/beevik/etree"

	"gatehouse/authcore/identity"
)

// The life of an assertion.
const (
	assertionLife = 5 * time.Minute
	assertionSlop = 60 * time.Second // NotBefore lies this far back, for service providers' clocks
)

// A Subject is a person who was signed in.
type Subject struct {
	User         *identity.User
	AuthnInstant time.Time // when the certificate was judged; zero: now
	NotAfter     time.Time // no session lasts longer, as the certificate does not; zero: no such bound
}

// An answer is what a Response is made from.
type answer struct {
	acs          string
	inResponseTo string // empty: nobody asked
	now          time.Time
}

// assertion makes the unsigned assertion about s (SAML Profiles §4.1.4.2). It names no network
// address: behind NAT there is none to name.
func (p *IdentityProvider) assertion(a answer, s Subject, name NameID) (*etree.Element, error) {
	id, err := newID(p.c.Rand)
	if err != nil {
		return nil, err
	}
	el := etree.NewElement("saml:Assertion")
	el.CreateAttr("xmlns:saml", nsAssertion)
	el.CreateAttr("ID", id)
	el.CreateAttr("IssueInstant", stamp(a.now))
	el.CreateAttr("Version", version)
	el.CreateElement("saml:Issuer").SetText(p.c.EntityID)
	if err := p.subject(el, a, name); err != nil {
		return nil, err
	}
	conditions := el.CreateElement("saml:Conditions")
	conditions.CreateAttr("NotBefore", stamp(a.now.Add(-assertionSlop)))
	conditions.CreateAttr("NotOnOrAfter", stamp(a.now.Add(assertionLife)))
	conditions.CreateElement("saml:AudienceRestriction").
		CreateElement("saml:Audience").SetText(p.c.Provider.EntityID)
	if err := p.authnStatement(el, a, s); err != nil {
		return nil, err
	}
	return el, p.attributeStatement(el, s.User)
}

func (p *IdentityProvider) subject(assertion *etree.Element, a answer, name NameID) error {
	el := assertion.CreateElement("saml:Subject")
	nameID := el.CreateElement("saml:NameID")
	nameID.CreateAttr("Format", name.Format)
	if err := setText(nameID, name.Value); err != nil {
		return fmt.Errorf("writing the NameID: %w", err)
	}
	confirmation := el.CreateElement("saml:SubjectConfirmation")
	confirmation.CreateAttr("Method", confirmBearer)
	data := confirmation.CreateElement("saml:SubjectConfirmationData")
	if a.inResponseTo != "" {
		data.CreateAttr("InResponseTo", a.inResponseTo)
	}
	data.CreateAttr("NotOnOrAfter", stamp(a.now.Add(assertionLife)))
	data.CreateAttr("Recipient", a.acs)
	return nil
}

// authnStatement says how and when the person signed in, and for how long that holds.
func (p *IdentityProvider) authnStatement(assertion *etree.Element, a answer, s Subject) error {
	at := s.AuthnInstant
	if at.IsZero() || at.After(a.now) {
		at = a.now
	}
	until := at.Add(p.c.Session)
	if !s.NotAfter.IsZero() && s.NotAfter.Before(until) {
		until = s.NotAfter
	}
	if !until.After(a.now) {
		return errSessionOver
	}
	session, err := newID(p.c.Rand)
	if err != nil {
		return err
	}
	el := assertion.CreateElement("saml:AuthnStatement")
	el.CreateAttr("AuthnInstant", stamp(at))
	el.CreateAttr("SessionIndex", session)
	el.CreateAttr("SessionNotOnOrAfter", stamp(until))
	el.CreateElement("saml:AuthnContext").CreateElement("saml:AuthnContextClassRef").SetText(contextX509)
	return nil
}

var errSessionOver = errors.New("the person's session is over: they must sign in again")

// attributeStatement tells what is configured about u. Values are untyped: a prefix inside
// xsi:type would be lost in exclusive canonicalization.
func (p *IdentityProvider) attributeStatement(assertion *etree.Element, u *identity.User) error {
	var statement *etree.Element
	for _, a := range p.c.Attributes {
		values := a.values(u)
		if len(values) == 0 {
			continue
		}
		if statement == nil {
			statement = assertion.CreateElement("saml:AttributeStatement")
		}
		el := statement.CreateElement("saml:Attribute")
		el.CreateAttr("Name", a.Name)
		el.CreateAttr("NameFormat", a.nameFormat())
		for _, value := range values {
			if err := setText(el.CreateElement("saml:AttributeValue"), value); err != nil {
				return fmt.Errorf("writing attribute %q: %w", a.Name, err)
			}
		}
	}
	return nil
}

// setText writes text of ours, or refuses it if XML cannot express it: a name that is silently
// another one would be another person's.
func setText(el *etree.Element, s string) error {
	if !isXMLText(s) {
		return errors.New("it holds characters that XML cannot express")
	}
	el.SetText(s)
	return nil
}

// isXMLText reports whether s is UTF-8 of characters that XML 1.0 has (§2.2).
func isXMLText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	})
}
