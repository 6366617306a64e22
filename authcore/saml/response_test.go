package saml_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/saml"
)

// received is a request that was found in order.
func received() *saml.AuthnRequest {
	return &saml.AuthnRequest{ID: "_req1", ACS: saml.ACS{Location: spOther, Index: 7}, RelayState: `st"ate`}
}

func attributes(t testing.TB) []saml.Attribute {
	t.Helper()
	list, fs := saml.ParseAttributes(map[string]string{
		"displayName": "name", "groups": "groups", "org": "text:ACME & sons",
		"urn:oid:0.9.2342.19200300.100.1.3": "email", "urn:oid:0.9.2342.19200300.100.1.1": "username",
	})
	if err := fs.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// document reads a Response.
func document(t testing.TB, r *saml.Response) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(r.XML); err != nil {
		t.Fatalf("reading our own Response: %v", err)
	}
	return doc.Root()
}

// values returns the texts and attributes that the paths lead to, as "path=value".
func values(t testing.TB, root *etree.Element, paths ...string) []string {
	t.Helper()
	var got []string
	for _, path := range paths {
		elements, attr, isAttr := strings.Cut(path, "/@")
		for _, el := range root.FindElements(elements) {
			switch {
			case !isAttr:
				got = append(got, path+"="+el.Text())
			case el.SelectAttr(attr) != nil:
				got = append(got, path+"="+el.SelectAttrValue(attr, ""))
			}
		}
	}
	return got
}

var told = []string{
	"./@Destination", "./@InResponseTo", "./@IssueInstant", "./@Version", "./Issuer",
	"./Status/StatusCode/@Value", "./Status/StatusCode/StatusCode/@Value",
	"./Assertion/Issuer", "./Assertion/@IssueInstant", "./Assertion/@Version",
	"./Assertion/Subject/NameID/@Format", "./Assertion/Subject/NameID",
	"./Assertion/Subject/SubjectConfirmation/@Method",
	"./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData/@InResponseTo",
	"./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData/@NotOnOrAfter",
	"./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData/@Recipient",
	"./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData/@Address",
	"./Assertion/Conditions/@NotBefore", "./Assertion/Conditions/@NotOnOrAfter",
	"./Assertion/Conditions/AudienceRestriction/Audience",
	"./Assertion/AuthnStatement/@AuthnInstant", "./Assertion/AuthnStatement/@SessionNotOnOrAfter",
	"./Assertion/AuthnStatement/AuthnContext/AuthnContextClassRef",
}

func TestResponseSaysWhatSAMLAsksFor(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	s := saml.Subject{User: anna, AuthnInstant: now.Add(-time.Hour)}
	asked, err := p.Respond(received(), s, now)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"./@Destination=" + spOther, "./@InResponseTo=_req1", "./@IssueInstant=2026-03-04T05:06:07Z", "./@Version=2.0",
		"./Issuer=" + ourEntity, "./Status/StatusCode/@Value=urn:oasis:names:tc:SAML:2.0:status:Success",
		"./Assertion/Issuer=" + ourEntity, "./Assertion/@IssueInstant=2026-03-04T05:06:07Z", "./Assertion/@Version=2.0",
		"./Assertion/Subject/NameID/@Format=" + saml.FormatEmailAddress, "./Assertion/Subject/NameID=anna@acme.example",
		"./Assertion/Subject/SubjectConfirmation/@Method=urn:oasis:names:tc:SAML:2.0:cm:bearer",
		"./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData/@InResponseTo=_req1",
		"./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData/@NotOnOrAfter=2026-03-04T05:11:07Z",
		"./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData/@Recipient=" + spOther,
		"./Assertion/Conditions/@NotBefore=2026-03-04T05:05:07Z", "./Assertion/Conditions/@NotOnOrAfter=2026-03-04T05:11:07Z",
		"./Assertion/Conditions/AudienceRestriction/Audience=" + spEntity,
		"./Assertion/AuthnStatement/@AuthnInstant=2026-03-04T04:06:07Z",
		"./Assertion/AuthnStatement/@SessionNotOnOrAfter=2026-03-04T12:06:07Z",
		"./Assertion/AuthnStatement/AuthnContext/AuthnContextClassRef=urn:oasis:names:tc:SAML:2.0:ac:classes:X509",
	}
	if diff := cmp.Diff(want, values(t, document(t, asked), told...)); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}

	unasked, err := p.Start(s, "deep/link", now)
	if err != nil {
		t.Fatal(err)
	}
	want = slices.DeleteFunc(want, func(s string) bool { return strings.Contains(s, "InResponseTo") })
	for i := range want {
		want[i] = strings.Replace(want[i], spOther, spACS, 1)
	}
	if diff := cmp.Diff(want, values(t, document(t, unasked), told...)); diff != "" {
		t.Errorf("IdP-initiated: difference (-want +got):\n%s", diff)
	}
	if strings.Contains(string(unasked.XML), "InResponseTo") {
		t.Error("a Response that nobody asked for names a request")
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	c := config(provider())
	c.Attributes = attributes(t)
	p := newIDP(t, c)
	got := func(u *identity.User) map[string][]string {
		r, err := p.Start(saml.Subject{User: u}, "", now)
		if err != nil {
			t.Fatal(err)
		}
		m := map[string][]string{}
		for _, el := range document(t, r).FindElements("./Assertion/AttributeStatement/Attribute") {
			name := el.SelectAttrValue("Name", "") + " " + el.SelectAttrValue("NameFormat", "")
			for _, v := range el.SelectElements("AttributeValue") {
				m[name] = append(m[name], v.Text())
			}
		}
		return m
	}
	const uri, basic = " urn:oasis:names:tc:SAML:2.0:attrname-format:uri", " urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
	want := map[string][]string{
		"displayName" + basic: {anna.Name}, "groups" + basic: {"staff", "R&D"}, "org" + basic: {"ACME & sons"},
		"urn:oid:0.9.2342.19200300.100.1.3" + uri: {"anna@acme.example"}, "urn:oid:0.9.2342.19200300.100.1.1" + uri: {"anna"},
	}
	if diff := cmp.Diff(want, got(anna)); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	want = map[string][]string{"org" + basic: {"ACME & sons"}, "urn:oid:0.9.2342.19200300.100.1.3" + uri: {"x@y.example"}}
	if diff := cmp.Diff(want, got(&identity.User{Email: "x@y.example"})); diff != "" {
		t.Errorf("of a user with nothing else: difference (-want +got):\n%s", diff)
	}
}

func TestParseAttributesRefused(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]map[string]string{
		"unknown_field": {"a": "shoe_size"}, "bare_text": {"a": "text"}, "empty_text": {"a": "text:"},
		"no_name": {"": "email"}, "control": {"a\x01": "email"}, "control_in_text": {"a": "text:\x00"},
	} {
		if list, fs := saml.ParseAttributes(m); !fs.Failed() || list != nil {
			t.Errorf("%s: got %v, findings %v", name, list, fs)
		}
	}
	if _, fs := saml.ParseAttributes(map[string]string{"a": "x", "b": "y", "c": "email"}); len(fs) != 2 {
		t.Errorf("got findings %v, want two at once", fs)
	}
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		session  time.Duration
		at, last time.Time
		want     string // empty: refused
	}{
		"default":        {want: "2026-03-04T13:06:07Z"},
		"configured":     {session: time.Hour, want: "2026-03-04T06:06:07Z"},
		"longer_than_8h": {session: 24 * time.Hour, want: "2026-03-04T13:06:07Z"},
		"certificate":    {last: now.Add(time.Minute), want: "2026-03-04T05:07:07Z"},
		"from_the_start": {at: now.Add(-7 * time.Hour), want: "2026-03-04T06:06:07Z"},
		"in_the_future":  {at: now.Add(time.Hour), want: "2026-03-04T13:06:07Z"},
		"over":           {at: now.Add(-9 * time.Hour)},
		"expired":        {last: now},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(provider())
			c.Session = tt.session
			r, err := newIDP(t, c).Start(saml.Subject{User: anna, AuthnInstant: tt.at, NotAfter: tt.last}, "", now)
			if tt.want == "" {
				if err == nil {
					t.Errorf("got a Response, want none")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := values(t, document(t, r), "./Assertion/AuthnStatement/@SessionNotOnOrAfter")
			if want := []string{"./Assertion/AuthnStatement/@SessionNotOnOrAfter=" + tt.want}; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestRequestIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	c := config(provider())
	p := newIDP(t, c)
	if _, err := p.Respond(received(), saml.Subject{User: anna, AuthnInstant: now.Add(-9 * time.Hour)}, now); err == nil {
		t.Fatal("a session that is over got a Response")
	}
	if _, err := p.Respond(received(), saml.Subject{User: anna}, now); err != nil {
		t.Fatalf("after an answer that could not be made: %v", err)
	}
	// A configuration that was loaded anew remembers.
	_, err := newIDP(t, c).Respond(received(), saml.Subject{User: anna}, now.Add(9*time.Minute))
	if refused := refusal(t, err); refused.Reason != saml.RequestReplayed || refused.Request != nil {
		t.Errorf("got %+v", refused)
	}
}

func TestErrorResponse(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	for status, want := range map[saml.Status][]string{
		saml.StatusAuthnFailed:         {"Responder", "AuthnFailed"},
		saml.StatusRequestDenied:       {"Responder", "RequestDenied"},
		saml.StatusNoPassive:           {"Responder", "NoPassive"},
		saml.StatusResponder:           {"Responder"},
		saml.StatusRequester:           {"Requester"},
		saml.StatusInvalidNameIDPolicy: {"Requester", "InvalidNameIDPolicy"},
		saml.StatusUnsupportedBinding:  {"Requester", "UnsupportedBinding"},
		saml.StatusVersionMismatch:     {"VersionMismatch"},
	} {
		r, err := p.Refuse(received(), status, now)
		if err != nil {
			t.Fatal(err)
		}
		const prefix = "urn:oasis:names:tc:SAML:2.0:status:"
		wantAll := []string{"./@Destination=" + spOther, "./@InResponseTo=_req1", "./@IssueInstant=2026-03-04T05:06:07Z",
			"./@Version=2.0", "./Issuer=" + ourEntity, "./Status/StatusCode/@Value=" + prefix + want[0]}
		if len(want) > 1 {
			wantAll = append(wantAll, "./Status/StatusCode/StatusCode/@Value="+prefix+want[1])
		}
		if diff := cmp.Diff(wantAll, values(t, document(t, r), told...)); diff != "" {
			t.Errorf("%v: difference (-want +got):\n%s", status, diff)
		}
		if n := strings.Count(string(r.XML), "<ds:Signature "); n != 1 {
			t.Errorf("%v: got %d signatures", status, n)
		}
		if r.RelayState != `st"ate` {
			t.Errorf("%v: got RelayState %q", status, r.RelayState)
		}
		if got := strings.Join(want, "/"); got != status.String() {
			t.Errorf("got %v, want %v", status, got)
		}
	}
	// A request may be answered with an error and be tried again.
	if _, err := p.Respond(received(), saml.Subject{User: anna}, now); err != nil {
		t.Errorf("after error Responses: %v", err)
	}
}

// TestEveryAnswerableReasonHasAStatus walks from a refusal to what the service provider is told.
func TestEveryAnswerableReasonHasAStatus(t *testing.T) {
	t.Parallel()
	for reason, want := range map[saml.Reason]saml.Status{
		saml.VersionUnsupported: saml.StatusVersionMismatch, saml.NameIDUnsupported: saml.StatusInvalidNameIDPolicy,
		saml.NameIDMissing: saml.StatusInvalidNameIDPolicy, saml.BindingUnsupported: saml.StatusUnsupportedBinding,
		saml.IssueInstantStale: saml.StatusRequester, saml.Malformed: saml.StatusRequester,
	} {
		if got := (&saml.RefusedError{Reason: reason}).Status(); got != want {
			t.Errorf("%s: got %v, want %v", reason, got, want)
		}
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	r, err := p.Respond(received(), saml.Subject{User: anna}, now)
	if err != nil {
		t.Fatal(err)
	}
	want := saml.Form{Action: spOther, Allow: "https:", RelayState: `st"ate`, HasRelayState: true,
		SAMLResponse: base64.StdEncoding.EncodeToString(r.XML)}
	if diff := cmp.Diff(want, r.Form()); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	r, err = p.Start(saml.Subject{User: anna}, "", now)
	if err != nil || r.Form().HasRelayState {
		t.Errorf("without RelayState: got %+v, error %v", r.Form(), err)
	}
	_, err = p.Start(saml.Subject{User: anna}, strings.Repeat("x", 81), now)
	if got := refusal(t, err).Reason; got != saml.RelayStateOversized {
		t.Errorf("got %v", got)
	}
}

// TestNamesThatXMLCannotExpress are refused rather than changed: another name is another person.
func TestNamesThatXMLCannotExpress(t *testing.T) {
	t.Parallel()
	c := config(provider())
	c.Attributes = attributes(t)
	p := newIDP(t, c)
	for name, u := range map[string]*identity.User{
		"name_id":   {Email: "a\x00@b.example"},
		"utf8":      {Email: "a\xff@b.example"},
		"attribute": {Email: "a@b.example", Name: "bell \a"},
		"nobody":    nil,
	} {
		if r, err := p.Start(saml.Subject{User: u}, "", now); err == nil {
			t.Errorf("%s: got %s", name, r.XML)
		}
	}
}

func TestRandomnessFails(t *testing.T) {
	t.Parallel()
	c := config(provider())
	c.Rand = strings.NewReader("too little")
	if r, err := newIDP(t, c).Start(saml.Subject{User: anna}, "", now); err == nil {
		t.Errorf("got %s", r.XML)
	}
	if r, err := newIDP(t, c).Refuse(received(), saml.StatusResponder, now); err == nil {
		t.Errorf("got %s", r.XML)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	short := makePair("short", 1024)
	for name, edit := range map[string]func(*saml.Config){
		"entity_id":   func(c *saml.Config) { c.EntityID = "" },
		"sso":         func(c *saml.Config) { c.SSO = "/sso" },
		"script":      func(c *saml.Config) { c.SSO = "javascript:alert(1)" },
		"provider":    func(c *saml.Config) { c.Provider = nil },
		"acs":         func(c *saml.Config) { c.Provider = &saml.ServiceProvider{EntityID: spEntity} },
		"memory":      func(c *saml.Config) { c.Memory = nil },
		"rand":        func(c *saml.Config) { c.Rand = nil },
		"key":         func(c *saml.Config) { c.Active.Key = nil },
		"certificate": func(c *saml.Config) { c.Active.Certificate = nil },
		"mismatch":    func(c *saml.Config) { c.Active.Key = nextPair().Key },
		"short":       func(c *saml.Config) { c.Active = short },
		"ecdsa":       func(c *saml.Config) { c.Active = ellipticPair() },
		"nil_other":   func(c *saml.Config) { c.Others = append(c.Others, nil) },
	} {
		c := config(provider())
		edit(&c)
		if _, err := saml.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, s := range []string{"none", "Both", "assertion "} {
		if _, err := saml.ParseSigning(s); err == nil {
			t.Errorf("ParseSigning(%q): no error", s)
		}
	}
}
