package saml_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/authcore/saml"
)

// A branch is a service provider that nobody here wrote, and an identity provider that knows it
// by its metadata. crewjam/saml reads the wall clock, so these tests do too.
type branch struct {
	sp  *crewjam.ServiceProvider
	idp *saml.IdentityProvider
}

func mustURL(t *testing.T, s string) url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return *u
}

func newBranch(t *testing.T, signs bool, edit func(*saml.Config)) *branch {
	t.Helper()
	sp := &crewjam.ServiceProvider{EntityID: spEntity, AcsURL: mustURL(t, spACS),
		Key: spPair().Key.(*rsa.PrivateKey), Certificate: spPair().Certificate}
	if signs {
		sp.SignatureMethod = dsig.RSASHA256SignatureMethod
	}
	data, err := xml.Marshal(sp.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	provider, findings := saml.ImportServiceProvider(data, time.Now())
	if err := findings.Err(); err != nil {
		t.Fatalf("importing metadata: %v\n%s", err, data)
	}
	if signs != provider.AuthnRequestsSigned || signs != (len(provider.Certificates) == 1) {
		t.Fatalf("got %+v, want it to sign: %v", provider, signs)
	}
	c := config(provider)
	c.Attributes = attributes(t)
	edit(&c)
	b := &branch{sp: sp, idp: newIDP(t, c)}
	b.learn(t, b.idp)
	return b
}

// learn imports the identity provider's metadata into the service provider.
func (b *branch) learn(t *testing.T, idp *saml.IdentityProvider) {
	t.Helper()
	data, _ := idp.Metadata()
	var d crewjam.EntityDescriptor
	if err := xml.Unmarshal(data, &d); err != nil {
		t.Fatalf("crewjam/saml reading our metadata: %v\n%s", err, data)
	}
	b.sp.IDPMetadata = &d
}

// ask makes a request by the binding and hands it to the identity provider.
func (b *branch) ask(t *testing.T, binding string) *saml.AuthnRequest {
	t.Helper()
	var r *saml.AuthnRequest
	var err error
	if binding == saml.BindingRedirect {
		u, e := b.sp.MakeRedirectAuthenticationRequest("state")
		if e != nil {
			t.Fatal(e)
		}
		r, err = b.idp.Redirect(u.RawQuery, time.Now())
	} else {
		page, e := b.sp.MakePostAuthenticationRequest("state")
		if e != nil {
			t.Fatal(e)
		}
		value := regexp.MustCompile(`name="SAMLRequest" value="([^"]*)"`).FindSubmatch(page)
		if value == nil {
			t.Fatalf("no SAMLRequest in %s", page)
		}
		r, err = b.idp.POST(unescape(string(value[1])), "state", time.Now())
	}
	if err != nil {
		t.Fatalf("%s: %v", binding, err)
	}
	return r
}

// unescape undoes what html/template does to base64.
func unescape(s string) string { return regexp.MustCompile(`&#43;`).ReplaceAllString(s, "+") }

// take hands a Response to the service provider as a browser would.
func (b *branch) take(t *testing.T, r *saml.Response, ids ...string) (*crewjam.Assertion, error) {
	t.Helper()
	form := r.Form()
	u := mustURL(t, form.Action)
	return b.sp.ParseResponse(&http.Request{Method: http.MethodPost, URL: &u,
		PostForm: url.Values{"SAMLResponse": {form.SAMLResponse}}}, ids)
}

func private(err error) error {
	if e, ok := err.(*crewjam.InvalidResponseError); ok {
		return e.PrivateErr
	}
	return err
}

func TestCrewjamSignsIn(t *testing.T) {
	t.Parallel()
	for name := range signings {
		for _, binding := range []string{saml.BindingRedirect, saml.BindingPOST} {
			for _, signs := range []bool{false, true} {
				b := newBranch(t, signs, func(c *saml.Config) {
					signed(name, false, t)(c) // although its metadata always demands signed assertions
				})
				r := b.ask(t, binding)
				if r.Signed != signs || r.Binding != binding || r.RelayState != "state" {
					t.Errorf("%s: got request %+v", binding, r)
				}
				response, err := b.idp.Respond(r, saml.Subject{User: anna}, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				a, err := b.take(t, response, r.ID)
				if err != nil {
					t.Errorf("sign %q, %s, signed request %v: %v", name, binding, signs, private(err))
					continue
				}
				checkAssertion(t, a, response)
				if _, err := b.take(t, response, "_another"); err == nil {
					t.Error("the Response was taken for another request")
				}
			}
		}
	}
}

func checkAssertion(t *testing.T, a *crewjam.Assertion, r *saml.Response) {
	t.Helper()
	if a.Subject.NameID.Value != r.NameID.Value || a.Issuer.Value != ourEntity {
		t.Errorf("got NameID %+v by %s", a.Subject.NameID, a.Issuer.Value)
	}
	got := map[string][]string{}
	for _, s := range a.AttributeStatements {
		for _, attr := range s.Attributes {
			for _, v := range attr.Values {
				got[attr.Name] = append(got[attr.Name], v.Value)
			}
		}
	}
	name := strings.ReplaceAll(anna.Name, "\r", "") // which crewjam/saml loses on its way
	if !slices.Equal(got["groups"], anna.Groups) || !slices.Equal(got["displayName"], []string{name}) {
		t.Errorf("got attributes %q", got)
	}
}

func TestCrewjamIdPInitiated(t *testing.T) {
	t.Parallel()
	b := newBranch(t, false, func(*saml.Config) {})
	b.sp.AllowIDPInitiated = true
	r, err := b.idp.Start(saml.Subject{User: anna}, "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.take(t, r, "")
	if err != nil {
		t.Fatal(private(err))
	}
	checkAssertion(t, a, r)
}

func TestCrewjamErrorResponse(t *testing.T) {
	t.Parallel()
	b := newBranch(t, false, func(*saml.Config) {})
	request := b.ask(t, saml.BindingRedirect)
	r, err := b.idp.Refuse(request, saml.StatusNoPassive, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.take(t, r, request.ID)
	if bad, ok := private(err).(crewjam.ErrBadStatus); !ok || bad.Status != crewjam.StatusResponder {
		t.Errorf("got error %v", private(err))
	}
}

// TestCrewjamRotation walks through a rotation with a service provider that imported metadata
// before, during and after it.
func TestCrewjamRotation(t *testing.T) {
	t.Parallel()
	b := newBranch(t, false, func(*saml.Config) {})
	b.sp.AllowIDPInitiated = true
	rotated := func(active saml.Pair, others ...*x509.Certificate) *saml.IdentityProvider {
		c := config(b.idp.Provider())
		c.Active, c.Others = active, others
		c.Attributes = attributes(t)
		return newIDP(t, c)
	}
	oldCert, newCert := activePair().Certificate, nextPair().Certificate
	stages := []*saml.IdentityProvider{
		rotated(activePair()), rotated(activePair(), newCert), rotated(nextPair(), oldCert), rotated(nextPair()),
	}
	names := []string{"before", "next", "promoted", "retired"}
	for learnt, believes := range map[int][4]bool{
		0: {true, true, false, false}, 1: {true, true, true, true}, 2: {true, true, true, true}, 3: {false, false, true, true},
	} {
		b.learn(t, stages[learnt])
		for at, idp := range stages {
			r, err := idp.Start(saml.Subject{User: anna}, "", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.take(t, r, ""); (err == nil) != believes[at] {
				t.Errorf("metadata of %s, signed at %s: got %v, want it believed: %v", names[learnt], names[at], private(err), believes[at])
			}
		}
	}
}
