package saml

import (
	"encoding/base64"
	"errors"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// A Response is an answer to a service provider, signed and ready to be sent.
type Response struct {
	ID         string
	XML        []byte // as it is signed; may not be written
	ACS        string // where it goes
	RelayState string // goes with it; empty: none
	NameID     NameID // of a successful one
}

// A Form is what a page submits on behalf of the browser's user (SAML Bindings §3.5.4). The
// page escapes its values.
type Form struct {
	Action        string // the ACS
	Allow         string // for Content-Security-Policy's form-action
	SAMLResponse  string // base64
	RelayState    string
	HasRelayState bool // send the field
}

// Form returns the form that takes r to the service provider.
func (r *Response) Form() Form {
	return Form{
		Action:        r.ACS,
		Allow:         formAction(r.ACS),
		SAMLResponse:  base64.StdEncoding.EncodeToString(r.XML),
		RelayState:    r.RelayState,
		HasRelayState: r.RelayState != "",
	}
}

// Respond answers r with an assertion about s. A request is answered so once: the error is a
// *RefusedError with RequestReplayed if it was before, which nobody answers, and one with
// NameIDMissing, which can be answered, if s has no name of the kind asked for. Any other error
// is ours, and leaves the request as it was.
func (p *IdentityProvider) Respond(r *AuthnRequest, s Subject, now time.Time) (*Response, error) {
	if s.User == nil {
		return nil, errNoUser
	}
	name, err := p.nameID(s.User, r.NameIDFormat, p.c.Rand)
	if err != nil {
		var refused *RefusedError
		if errors.As(err, &refused) {
			refused.Request = r
		}
		return nil, err
	}
	a := answer{acs: r.ACS.Location, inResponseTo: r.ID, now: now}
	response, err := p.success(a, s, name, r.RelayState)
	if err != nil {
		return nil, err // the person may try again: the request was not answered
	}
	if !p.c.Memory.Use(p.c.Provider.EntityID, r.ID, now) {
		return nil, refuse(RequestReplayed, "request %q", r.ID)
	}
	return response, nil
}

// Start makes a Response that nobody asked for (IdP-initiated, SAML Profiles §4.1.5): it names
// no request and goes to the default ACS. relayState tells the service provider where to take
// the person; more than 80 bytes are a *RefusedError.
func (p *IdentityProvider) Start(s Subject, relayState string, now time.Time) (*Response, error) {
	if s.User == nil {
		return nil, errNoUser
	}
	if refused := checkRelayState(relayState); refused != nil {
		return nil, refused
	}
	name, err := p.nameID(s.User, "", p.c.Rand)
	if err != nil {
		return nil, err
	}
	a := answer{acs: p.c.Provider.Default().Location, now: now}
	return p.success(a, s, name, relayState)
}

var errNoUser = errors.New("no user to make an assertion about")

// Refuse answers r with an error, so that the person ends at the application rather than on a
// page of ours.
func (p *IdentityProvider) Refuse(r *AuthnRequest, st Status, now time.Time) (*Response, error) {
	a := answer{acs: r.ACS.Location, inResponseTo: r.ID, now: now}
	el, id, err := p.envelope(a, st)
	if err != nil {
		return nil, err
	}
	if err := p.sign(el); err != nil {
		return nil, err
	}
	return finish(el, &Response{ID: id, ACS: a.acs, RelayState: r.RelayState})
}

// success makes the Response with the assertion, and signs what is to be signed: inside first,
// for the outer signature covers the inner one.
func (p *IdentityProvider) success(
	a answer, s Subject, name NameID, relayState string,
) (*Response, error) {
	assertion, err := p.assertion(a, s, name)
	if err != nil {
		return nil, err
	}
	// What the service provider's metadata demands goes before what is configured here.
	if p.c.Sign != SignResponse || p.c.Provider.WantAssertionsSigned {
		if err := p.sign(assertion); err != nil {
			return nil, err
		}
	}
	el, id, err := p.envelope(a, statusSuccess)
	if err != nil {
		return nil, err
	}
	el.AddChild(assertion)
	if p.c.Sign != SignAssertion {
		if err := p.sign(el); err != nil {
			return nil, err
		}
	}
	return finish(el, &Response{ID: id, ACS: a.acs, RelayState: relayState, NameID: name})
}

// envelope makes the Response element with its status (SAML Core §3.3.3).
func (p *IdentityProvider) envelope(a answer, st Status) (*etree.Element, string, error) {
	id, err := newID(p.c.Rand)
	if err != nil {
		return nil, "", err
	}
	el := etree.NewElement("samlp:Response")
	el.CreateAttr("xmlns:samlp", nsProtocol)
	el.CreateAttr("Destination", a.acs)
	el.CreateAttr("ID", id)
	if a.inResponseTo != "" {
		el.CreateAttr("InResponseTo", a.inResponseTo)
	}
	el.CreateAttr("IssueInstant", stamp(a.now))
	el.CreateAttr("Version", version)
	issuer := el.CreateElement("saml:Issuer")
	issuer.CreateAttr("xmlns:saml", nsAssertion)
	issuer.SetText(p.c.EntityID)
	st.appendTo(el)
	return el, id, nil
}

// sign puts an enveloped signature by RSA-SHA256 with exclusive canonicalization behind the
// Issuer of el, where the schema wants it. It rewrites el's namespace declarations into
// canonical form.
func (p *IdentityProvider) sign(el *etree.Element) error {
	ctx, err := dsig.NewSigningContext(p.c.Active.Key, [][]byte{p.c.Active.Certificate.Raw})
	if err != nil {
		return err
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := ctx.SetSignatureMethod(algRSASHA256); err != nil {
		return err
	}
	signature, err := ctx.ConstructSignature(el, true)
	if err != nil {
		return err
	}
	el.InsertChildAt(1, signature)
	return nil
}

// finish writes el as it was signed: what canonicalization escapes is escaped here too, or a
// carriage return in a name would be a broken signature.
func finish(el *etree.Element, r *Response) (*Response, error) {
	doc := etree.NewDocumentWithRoot(el)
	doc.WriteSettings = etree.WriteSettings{
		CanonicalText: true, CanonicalAttrVal: true, CanonicalEndTags: true,
	}
	var err error
	r.XML, err = doc.WriteToBytes()
	return r, err
}
