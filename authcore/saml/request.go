package saml

import (
	"strconv"
	"time"

	"github.com/beevik/etree"
)

// How far a request's IssueInstant may lie from now, either way. With both, a request can be
// presented for 10 minutes, which is as long as RequestMemory remembers it.
const (
	maxRequestAge   = 5 * time.Minute
	maxRequestAhead = 5 * time.Minute
)

// maxContexts bounds how many requested authentication contexts are kept for display.
const maxContexts = 8

// isRequestID says whether id may be the ID of a request: an xs:NCName of at most 256 bytes, in
// ASCII. It is written into our answer. By hand, because a pattern with this bound takes a
// quarter of a megabyte for as long as the program runs.
func isRequestID(id string) bool {
	if id == "" || len(id) > 256 {
		return false
	}
	for i, c := range []byte(id) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c != '.' && c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}

// An AuthnRequest is a service provider's request to sign a person in (SAML Core §3.4.1), after
// everything about it was found in order. Its ACS is a registered one.
type AuthnRequest struct {
	ID           string
	Binding      string // how it came
	ACS          ACS    // where the answer goes
	RelayState   string // at most 80 bytes; opaque; empty: none
	IssueInstant time.Time
	Skew         time.Duration // IssueInstant minus now: what the service provider's clock is ahead
	Signed       bool          // and verified
	ForceAuthn   bool
	IsPassive    bool   // the person may not be asked anything
	NameIDFormat string // asked for; empty: any
	// Contexts are the authentication contexts asked for. They do not bind us: what the
	// assertion names is how the person did sign in. They are here for diagnosis.
	Contexts []string
}

// A message is an AuthnRequest on its way in.
type message struct {
	root       *etree.Element // of what is signed, if it is
	binding    string
	relayState string
	signed     bool
}

// judge takes the values from m and refuses what is not in order, with the first reason. What
// comes before the ACS is known is answered to the person, the rest to the service provider.
func (p *IdentityProvider) judge(m message, now time.Time) (*AuthnRequest, error) {
	if refused := p.judgeRoot(m); refused != nil {
		return nil, refused
	}
	r := &AuthnRequest{ID: attribute(m.root, "ID"), Binding: m.binding,
		RelayState: m.relayState, Signed: m.signed}
	if !isRequestID(r.ID) {
		return nil, refuse(Malformed, "its ID is missing, too long or no name: %.80q", r.ID)
	}
	acs, refused := p.chooseACS(m.root)
	if refused != nil {
		return nil, refused
	}
	r.ACS = acs
	if refused := p.fill(r, m.root, now); refused != nil {
		return nil, refused
	}
	return r, nil
}

// judgeRoot checks what the message is, who made it, and for whom.
func (p *IdentityProvider) judgeRoot(m message) *RefusedError {
	if !is(m.root, nsProtocol, "AuthnRequest") {
		return refuse(NotAuthnRequest, "the root element is %.80q", m.root.Tag)
	}
	issuers := children(m.root, nsAssertion, "Issuer")
	if len(issuers) != 1 {
		return refuse(IssuerUnknown, "it has %d Issuer elements", len(issuers))
	}
	if issuer := text(issuers[0]); issuer != p.c.Provider.EntityID {
		return refuse(IssuerUnknown, "issuer %.200q is not %.200q", issuer, p.c.Provider.EntityID)
	}
	switch destination := attribute(m.root, "Destination"); {
	case destination == "" && m.signed:
		return refuse(DestinationWrong, "it is signed but has no Destination")
	case destination != "" && destination != p.c.SSO:
		return refuse(DestinationWrong, "destination %.200q is not %.200q", destination, p.c.SSO)
	}
	return nil
}

// chooseACS finds the registered ACS that the request names, or the default if it names none
// (SAML Core §3.4.1). An address that is not registered is never used, signed or not.
func (p *IdentityProvider) chooseACS(root *etree.Element) (ACS, *RefusedError) {
	location := attribute(root, "AssertionConsumerServiceURL")
	index := attribute(root, "AssertionConsumerServiceIndex")
	switch {
	case location != "" && index != "":
		return ACS{}, refuse(ACSUnknown, "it names an ACS by address and by index")
	case location != "":
		if acs, ok := p.c.Provider.byLocation(location); ok {
			return acs, nil
		}
		return ACS{}, refuse(ACSUnknown, "address %.200q", location)
	case index != "":
		n, err := strconv.ParseUint(index, 10, 16)
		if err != nil {
			return ACS{}, refuse(ACSUnknown, "index %.20q", index)
		}
		if acs, ok := p.c.Provider.byIndex(uint16(n)); ok {
			return acs, nil
		}
		return ACS{}, refuse(ACSUnknown, "index %d", n)
	}
	return p.c.Provider.Default(), nil
}

// fill takes the rest of the request. What it refuses can be answered.
func (p *IdentityProvider) fill(r *AuthnRequest, root *etree.Element, now time.Time) *RefusedError {
	answerable := func(e *RefusedError) *RefusedError {
		e.Request = r
		return e
	}
	if v := attribute(root, "Version"); v != version {
		return answerable(refuse(VersionUnsupported, "version %.20q", v))
	}
	binding := attribute(root, "ProtocolBinding")
	if binding != "" && binding != BindingPOST {
		return answerable(refuse(BindingUnsupported, "binding %.100q", binding))
	}
	if refused := r.dated(attribute(root, "IssueInstant"), now); refused != nil {
		return answerable(refused)
	}
	var ok bool
	if r.ForceAuthn, ok = boolean(attribute(root, "ForceAuthn")); !ok {
		return answerable(refuse(Malformed, "ForceAuthn is neither true nor false"))
	}
	if r.IsPassive, ok = boolean(attribute(root, "IsPassive")); !ok {
		return answerable(refuse(Malformed, "IsPassive is neither true nor false"))
	}
	for _, policy := range children(root, nsProtocol, "NameIDPolicy") {
		r.NameIDFormat = attribute(policy, "Format")
	}
	if r.NameIDFormat != "" && !isServed(r.NameIDFormat) {
		return answerable(refuse(NameIDUnsupported, "format %.100q", r.NameIDFormat))
	}
	for _, context := range children(root, nsProtocol, "RequestedAuthnContext") {
		r.takeContexts(context)
	}
	return nil
}

// dated takes the IssueInstant and how far it lies from now.
func (r *AuthnRequest) dated(value string, now time.Time) *RefusedError {
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return refuse(Malformed, "its IssueInstant is no time: %.40q", value)
	}
	r.IssueInstant, r.Skew = at, at.Sub(now)
	var refused *RefusedError
	switch {
	case r.Skew < -maxRequestAge:
		refused = refuse(IssueInstantStale, "it was made %s ago by its clock", (-r.Skew).Round(time.Second))
	case r.Skew > maxRequestAhead:
		refused = refuse(IssueInstantInFuture, "it is %s ahead by its clock", r.Skew.Round(time.Second))
	default:
		return nil
	}
	refused.Skew = r.Skew
	return refused
}

func (r *AuthnRequest) takeContexts(el *etree.Element) {
	for _, class := range children(el, nsAssertion, "AuthnContextClassRef") {
		if value := text(class); len(r.Contexts) < maxContexts && len(value) <= maxEntityIDBytes {
			r.Contexts = append(r.Contexts, value)
		}
	}
}
