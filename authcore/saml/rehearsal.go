package saml

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/beevik/etree"
)

// A Rehearsal is what a service provider would be told about a person, read back from an answer
// that was signed and thrown away. It holds no signature and no ID: it signs nobody in.
type Rehearsal struct {
	Issuer       string               `json:"issuer"`
	Audience     string               `json:"audience"`
	Recipient    string               `json:"recipient"` // where the answer would go
	NameID       string               `json:"name_id"`
	NameIDFormat string               `json:"name_id_format"`
	NotBefore    time.Time            `json:"not_before"`
	NotOnOrAfter time.Time            `json:"not_on_or_after"`
	SessionEnd   time.Time            `json:"session_end"` // when the person must sign in again
	Attributes   []RehearsedAttribute `json:"attributes"`
	Signatures   []RehearsedSignature `json:"signatures"` // what is signed
}

// A RehearsedAttribute is an attribute with its values.
type RehearsedAttribute struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// A RehearsedSignature is a signature in the answer.
type RehearsedSignature struct {
	Of     string `json:"of"`    // response or assertion
	Valid  bool   `json:"valid"` // it verifies with the certificate that SHA256 is of
	SHA256 string `json:"sha256"`
}

// errNoAssertion says that the answer is not what was made.
var errNoAssertion = errors.New("the answer has no assertion")

// maxRehearsed bounds the tokens of an answer that is read back.
const maxRehearsed = 20_000

// Rehearse makes the answer that Start would make about s, reads it as a service provider does,
// and forgets it. Errors are those of Start.
func (p *IdentityProvider) Rehearse(s Subject, now time.Time) (*Rehearsal, error) {
	response, err := p.Start(s, "", now)
	if err != nil {
		return nil, err
	}
	root, err := parse(response.XML, maxRehearsed)
	if err != nil {
		return nil, err
	}
	found := children(root, nsAssertion, "Assertion")
	if len(found) != 1 {
		return nil, errNoAssertion
	}
	assertion := found[0]
	r := &Rehearsal{Issuer: text(one(assertion, "Issuer")), Attributes: []RehearsedAttribute{}, Signatures: []RehearsedSignature{}}
	r.readSubject(assertion)
	r.readAttributes(assertion)
	sum := sha256.Sum256(p.c.Active.Certificate.Raw)
	for _, signed := range []struct {
		of string
		el *etree.Element
	}{{"response", root}, {"assertion", assertion}} {
		if len(children(signed.el, nsSignature, "Signature")) > 0 {
			r.Signatures = append(r.Signatures, RehearsedSignature{signed.of,
				verifyWith(signed.el, p.c.Active.Certificate) != nil, hex.EncodeToString(sum[:])})
		}
	}
	return r, nil
}

func (r *Rehearsal) readSubject(assertion *etree.Element) {
	subject := one(assertion, "Subject")
	name := one(subject, "NameID")
	r.NameID, r.NameIDFormat = text(name), attribute(name, "Format")
	r.Recipient = attribute(one(one(subject, "SubjectConfirmation"), "SubjectConfirmationData"), "Recipient")
	conditions := one(assertion, "Conditions")
	r.Audience = text(one(one(conditions, "AudienceRestriction"), "Audience"))
	r.NotBefore, r.NotOnOrAfter = moment(conditions, "NotBefore"), moment(conditions, "NotOnOrAfter")
	r.SessionEnd = moment(one(assertion, "AuthnStatement"), "SessionNotOnOrAfter")
}

func (r *Rehearsal) readAttributes(assertion *etree.Element) {
	for _, el := range children(one(assertion, "AttributeStatement"), nsAssertion, "Attribute") {
		a := RehearsedAttribute{Name: attribute(el, "Name"), Values: []string{}}
		for _, value := range children(el, nsAssertion, "AttributeValue") {
			a.Values = append(a.Values, value.Text())
		}
		r.Attributes = append(r.Attributes, a)
	}
}

// one returns the first child of that name, or an element with nothing in it.
func one(el *etree.Element, tag string) *etree.Element {
	if found := children(el, nsAssertion, tag); len(found) > 0 {
		return found[0]
	}
	return &etree.Element{}
}

// moment is the time in an attribute, zero if there is none.
func moment(el *etree.Element, key string) time.Time {
	t, err := time.Parse(time.RFC3339, attribute(el, key))
	if err != nil {
		return time.Time{}
	}
	return t
}
