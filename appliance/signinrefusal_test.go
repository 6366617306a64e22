package appliance_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"html"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/appliance"
	"gatehouse/authcore/pki/lab"
	"gatehouse/webui"
)

// A provider is a service provider that signs its requests, and whoever would like to be it.
type provider struct {
	t    testing.TB
	s    *site
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

const (
	providerEntity = "https://wiki.acme.example/sp"
	providerACS    = "https://wiki.acme.example/acs"
	canary         = "zq7canary" // stands in everything that is sent, and may stand in no page
)

// newProvider gives s the app wiki by metadata, which says that requests are signed.
func newProvider(s *site) *provider {
	s.t.Helper()
	p := &provider{t: s.t, s: s, key: must(rsa.GenerateKey(rand.Reader, 2048))(s.t)}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "wiki"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, p.key.Public(), p.key))(s.t)
	p.cert = must(x509.ParseCertificate(der))(s.t)
	withApp(s)
	s.write("saml/wiki/app.yaml", "name: Wiki\nactivated: true\nname_id: username\n")
	s.write("saml/wiki/sp-metadata.xml", fmt.Sprintf(`<EntityDescriptor entityID="%s" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">
<SPSSODescriptor AuthnRequestsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>%s</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
<AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%s"/>
</SPSSODescriptor></EntityDescriptor>`, providerEntity, base64.StdEncoding.EncodeToString(der), providerACS))
	return p
}

func (p *provider) sso() string { return "https://" + p.s.boot.Listen.SSO + "/saml/wiki/sso" }

// request is an AuthnRequest in order, after the edits: old and new, in pairs.
func (p *provider) request(id string, edits ...string) string {
	p.t.Helper()
	text := `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"` +
		` ID="` + id + `" Version="2.0" IssueInstant="` + p.s.clock.Now().UTC().Format(time.RFC3339) + `" Destination="` + p.sso() + `"` +
		` AssertionConsumerServiceURL="` + providerACS + `" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST">` +
		`<saml:Issuer>` + providerEntity + `</saml:Issuer></samlp:AuthnRequest>`
	for i := 0; i+1 < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			p.t.Fatalf("the request has no %q", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return text
}

// redirect is the query that takes a request by HTTP-Redirect, signed unless key is nil.
func (p *provider) redirect(request, relayState string, key *rsa.PrivateKey) string {
	p.t.Helper()
	var packed bytes.Buffer
	w := must(flate.NewWriter(&packed, flate.BestCompression))(p.t)
	must(w.Write([]byte(request)))(p.t)
	if err := w.Close(); err != nil {
		p.t.Fatal(err)
	}
	query := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(packed.Bytes()))
	if relayState != "" {
		query += "&RelayState=" + url.QueryEscape(relayState)
	}
	if key == nil {
		return query
	}
	query += "&SigAlg=" + url.QueryEscape(dsig.RSASHA256SignatureMethod)
	digest := sha256.Sum256([]byte(query))
	signature := must(rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:]))(p.t)
	return query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
}

// signed puts a signature into a request, as it goes by HTTP-POST.
func (p *provider) signed(request string) (document, signature string) {
	p.t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(request); err != nil {
		p.t.Fatal(err)
	}
	signer := must(dsig.NewSigningContext(p.key, [][]byte{p.cert.Raw}))(p.t)
	signer.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	element := must(signer.ConstructSignature(doc.Root(), true))(p.t)
	doc.Root().InsertChildAt(1, element)
	document = must(doc.WriteToString())(p.t)
	from, to := strings.Index(document, "<ds:Signature "), strings.Index(document, "</ds:Signature>")
	if from < 0 || to < from {
		p.t.Fatalf("no signature in %s", document)
	}
	return document, document[from : to+len("</ds:Signature>")]
}

func post(document, relayState string) url.Values {
	v := url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString([]byte(document))}}
	if relayState != "" {
		v.Set("RelayState", relayState)
	}
	return v
}

// A refusedCase is what a stranger sends by either binding, and what comes of it.
type refusedCase struct {
	name   string
	query  string     // by HTTP-Redirect
	form   url.Values // or by HTTP-POST
	reason string
	status string // of the error Response; empty: there is nobody to answer
}

func (p *provider) refusals() []refusedCase {
	p.t.Helper()
	signedRedirect := func(edits ...string) string {
		return p.redirect(p.request("_"+canary, edits...), canary, p.key)
	}
	good, signature := p.signed(p.request("_" + canary))
	evil := p.request("_"+canary+"2", providerACS, "https://"+canary+".example/acs")
	original := strings.Replace(good, signature, "", 1)
	wrapped := strings.Replace(evil, "</saml:Issuer>", "</saml:Issuer>"+signature+
		"<samlp:Extensions>"+original+"</samlp:Extensions>", 1)
	doctype := `<!DOCTYPE a [<!ENTITY a "` + canary + `"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>`
	return []refusedCase{
		{name: "acs_unknown", query: signedRedirect(providerACS, "https://"+canary+".example/acs"), reason: "saml_acs_unknown"},
		{name: "acs_script", query: signedRedirect(providerACS, "javascript:alert('"+canary+"')"), reason: "saml_acs_unknown"},
		{name: "acs_markup", query: signedRedirect(providerACS, "&quot;&gt;&lt;script&gt;"+canary), reason: "saml_acs_unknown"},
		{name: "doctype", form: post(`<!DOCTYPE `+canary+`>`+p.request("_"+canary), canary), reason: "saml_doctype"},
		{name: "entity_expansion", query: p.redirect(doctype+p.request("_"+canary), canary, p.key), reason: "saml_doctype"},
		{name: "entity", form: post(p.request("_"+canary, "<saml:Issuer>", "<saml:Issuer>&"+canary+";"), ""), reason: "saml_entity"},
		{name: "deflate_bomb", query: p.redirect(canary+strings.Repeat(" ", 10<<20), canary, p.key), reason: "saml_deflate_bomb"},
		{name: "altered_redirect", query: strings.Replace(signedRedirect(), "RelayState="+canary, "RelayState="+canary+"2", 1), reason: "saml_signature_invalid"},
		{name: "altered_post", form: post(strings.Replace(good, "_"+canary, "_"+canary+"2", 1), ""), reason: "saml_signature_wrapped"},
		{name: "altered_post_inside", form: post(strings.Replace(good, "</saml:Issuer>", "<!-- --></saml:Issuer>"+"<samlp:Extensions/>", 1), ""), reason: "saml_signature_invalid"},
		{name: "wrapped", form: post(wrapped, canary), reason: "saml_signature_wrapped"},
		{name: "other_key", query: p.redirect(p.request("_"+canary), canary, must(rsa.GenerateKey(rand.Reader, 2048))(p.t)), reason: "saml_signature_invalid"},
		{name: "unsigned_redirect", query: p.redirect(p.request("_"+canary), canary, nil), reason: "saml_signature_missing"},
		{name: "unsigned_post", form: post(p.request("_"+canary), canary), reason: "saml_signature_missing"},
		{name: "destination", query: signedRedirect(p.sso(), "https://"+canary+".example/sso"), reason: "saml_destination_wrong"},
		{name: "relay_state", query: p.redirect(p.request("_"+canary), strings.Repeat(canary, 9), p.key), reason: "saml_relay_state_oversized"},
		{name: "relay_state_post", form: post(good, strings.Repeat(canary, 9)), reason: "saml_relay_state_oversized"},
		{name: "oversized", form: url.Values{"SAMLRequest": {strings.Repeat("A", 60<<10)}, "RelayState": {canary}}, reason: "saml_oversized"},
		{name: "no_request", query: "RelayState=" + canary, reason: "saml_parameter_invalid"},
		{name: "issuer", query: signedRedirect("<saml:Issuer>", "<saml:Issuer>"+canary), reason: "saml_issuer_unknown"},
		{name: "stale", query: signedRedirect(p.s.clock.Now().UTC().Format(time.RFC3339), p.s.clock.Now().UTC().Add(-time.Hour).Format(time.RFC3339)), reason: "saml_issue_instant_stale", status: "Requester"},
		{name: "version", query: signedRedirect(`"2.0"`, `"`+canary+`"`), reason: "saml_version_unsupported", status: "VersionMismatch"},
		{name: "binding", query: signedRedirect("bindings:HTTP-POST", "bindings:"+canary), reason: "saml_binding_unsupported", status: "UnsupportedBinding"},
		{name: "name_id", query: signedRedirect("</saml:Issuer>", `</saml:Issuer><samlp:NameIDPolicy Format="urn:`+canary+`"/>`), reason: "saml_name_id_unsupported", status: "InvalidNameIDPolicy"},
	}
}

// ask sends a case as the browser of leaf would.
func (p *provider) ask(tt refusedCase, leaf *lab.Leaf) (*http.Response, string) {
	p.t.Helper()
	if tt.form == nil {
		return p.s.browse("/saml/wiki/sso?"+tt.query, leaf)
	}
	return p.s.browseForm("/saml/wiki/sso", tt.form, leaf)
}

// TestRequestsRefusedOverTheWire sends what may not be accepted to the listener, with a certificate
// that would be let in. Each is refused with its reason, in the log as on the page; no page repeats
// anything; and where there is somebody to answer, the application gets an error Response.
func TestRequestsRefusedOverTheWire(t *testing.T) {
	t.Parallel()
	p := newProvider(newSite(t))
	p.s.start()
	leaf := p.s.user(lab.UserOptions{})
	for _, tt := range p.refusals() {
		t.Run(tt.name, func(t *testing.T) {
			response, page := p.ask(tt, leaf)
			if response.StatusCode != http.StatusBadRequest || !strings.Contains(page, "<code>"+tt.reason+"</code>") {
				t.Errorf("%d, want the reason %s\n%s", response.StatusCode, tt.reason, page)
			}
			p.checkPage(t, response, page, tt.status)
			if d := p.s.decision(); d.Result != "reject" || d.Reason != "saml_request_invalid" || !strings.Contains(d.Detail, tt.reason) {
				t.Errorf("logged as %+v", d)
			}
		})
	}
	if seen := len(p.refusals()); seen < 20 {
		t.Fatalf("only %d cases", seen)
	}
}

var (
	actionPattern = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	valuePattern  = regexp.MustCompile(`(value|action)="[^"]*"`)
)

// checkPage looks at a page of refusal: its policy, that it repeats nothing, and whom it answers.
func (p *provider) checkPage(t *testing.T, response *http.Response, page, status string) {
	t.Helper()
	csp, action := response.Header.Get("Content-Security-Policy"), "'none'"
	if status != "" {
		action = "https:"
	}
	if !strings.Contains(csp, "default-src 'none'") || !strings.HasSuffix(csp, "form-action "+action) || strings.Contains(csp, "script-src") {
		t.Errorf("Content-Security-Policy: %s", csp)
	}
	// What takes the answer back is the application's own: its RelayState, and the ID it asks by.
	if shown := valuePattern.ReplaceAllString(page, ""); strings.Contains(shown, canary) || strings.Contains(fmt.Sprint(response.Header), canary) {
		t.Errorf("the page repeats what was sent: %v\n%s", response.Header, page)
	}
	form := actionPattern.FindStringSubmatch(page)
	if status == "" {
		if form != nil || strings.Contains(page, canary) {
			t.Errorf("there is nobody to answer\n%s", page)
		}
		return
	}
	if form == nil || html.UnescapeString(form[1]) != providerACS || !strings.Contains(page, `name="RelayState" value="`+canary+`"`) {
		t.Errorf("no way back to the application\n%s", page)
	}
	answer := string(responseOf(t, page))
	if !strings.Contains(answer, "status:"+status+`"`) || !strings.Contains(answer, `InResponseTo="_`+canary+`"`) ||
		strings.Contains(answer, "<saml:Assertion") || !strings.Contains(answer, "rsa-sha256") || !strings.Contains(answer, `Destination="`+providerACS+`"`) {
		t.Errorf("the error Response:\n%s", answer)
	}
}

// TestRequestReplayedOverTheWire has a request answered once, whoever brings it the second time and
// by either binding; the program's next life forgets, but a configuration that changes does not.
func TestRequestReplayedOverTheWire(t *testing.T) {
	t.Parallel()
	p := newProvider(newSite(t))
	p.s.start()
	leaf := p.s.user(lab.UserOptions{})
	request := p.request("_" + canary)
	document, _ := p.signed(request)
	first := refusedCase{query: p.redirect(request, canary, p.key)}
	if response, page := p.ask(first, leaf); response.StatusCode != http.StatusOK || !strings.Contains(string(responseOf(t, page)), ">alice<") {
		t.Fatalf("%d\n%s", response.StatusCode, page)
	}
	if d := p.s.decision(); d.Result != "accept" {
		t.Errorf("logged as %+v", d)
	}
	p.s.change("wiki", webui.SAMLChange{Action: appliance.SAMLRegenerate})
	p.s.eventually("another configuration", func() bool { return len(p.s.app().Pairs.Pairs) == 2 })
	for _, tt := range []refusedCase{first, {form: post(document, canary)}} {
		response, page := p.ask(tt, leaf)
		if response.StatusCode != http.StatusBadRequest || !strings.Contains(page, "<code>saml_request_replayed</code>") {
			t.Errorf("%d\n%s", response.StatusCode, page)
		}
		p.checkPage(t, response, page, "")
		if d := p.s.decision(); d.Result != "reject" || !strings.Contains(d.Detail, "saml_request_replayed") {
			t.Errorf("logged as %+v", d)
		}
	}
}
