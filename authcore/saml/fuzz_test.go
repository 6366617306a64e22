package saml_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"gatehouse/authcore/saml"
)

// checkFuzzed says what holds for every message, whoever made it.
func checkFuzzed(t *testing.T, r *saml.AuthnRequest, err error) {
	t.Helper()
	var refused *saml.RefusedError
	switch {
	case err == nil && r.ACS.Location != spACS && r.ACS.Location != spOther:
		t.Errorf("accepted with the ACS %q, which is not registered", r.ACS.Location)
	case err == nil && (len(r.RelayState) > 80 || len(r.ID) == 0 || len(r.ID) > 256 || strings.ContainsAny(r.ID, "<>\"& ")):
		t.Errorf("accepted %+v", r)
	case err != nil && !errors.As(err, &refused):
		t.Errorf("got error %v, want a RefusedError", err)
	case err != nil && refused.Reason.Sentence() == saml.Reason("").Sentence():
		t.Errorf("reason %q is not on the list", refused.Reason)
	}
}

func fuzzDocuments(f *testing.F) []string {
	documents := []string{request, signXML(f, request, sha256RSA, spPair()), `<?xml version="1.0"?>` + request}
	for _, tt := range refusals {
		if tt.document != "" {
			documents = append(documents, tt.document)
			continue
		}
		documents = append(documents, edited(f, tt.oldNew...))
	}
	return documents
}

func FuzzRedirect(f *testing.F) {
	p := newIDP(f, config(provider()))
	for _, document := range fuzzDocuments(f) {
		f.Add(redirect(document, "state"))
	}
	f.Add(signQuery(redirect(request, ""), sha256RSA, spPair().Key))
	f.Fuzz(func(t *testing.T, query string) {
		r, err := p.Redirect(query, now)
		checkFuzzed(t, r, err)
	})
}

// FuzzDocument works on the XML itself, by both ways.
func FuzzDocument(f *testing.F) {
	p := newIDP(f, config(provider()))
	for _, document := range fuzzDocuments(f) {
		f.Add(document, "state")
	}
	f.Fuzz(func(t *testing.T, document, relayState string) {
		query := "SAMLRequest=" + url.QueryEscape(b64(deflated(document))) + "&RelayState=" + url.QueryEscape(relayState)
		r, err := p.Redirect(query, now)
		checkFuzzed(t, r, err)
		r, err = p.POST(b64([]byte(document)), relayState, now)
		checkFuzzed(t, r, err)
	})
}

// FuzzSigned alters a signed document: whatever is accepted says what was signed.
func FuzzSigned(f *testing.F) {
	p := newIDP(f, config(signing()))
	for _, document := range fuzzDocuments(f) {
		f.Add(document)
	}
	evil := strings.Replace(request, "_req1", "_evil", 1)
	good := signXML(f, request, sha256RSA, spPair())
	f.Add(strings.Replace(evil, "<samlp:NameIDPolicy", good+"<samlp:NameIDPolicy", 1))
	f.Fuzz(func(t *testing.T, document string) {
		r, err := p.POST(b64([]byte(document)), "", now)
		checkFuzzed(t, r, err)
		if err == nil && (!r.Signed || r.ID != "_req1" || r.ACS.Location != spACS || r.ForceAuthn || r.IsPassive) {
			t.Errorf("accepted %+v, which nobody signed", r)
		}
	})
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(spMetadata()))
	f.Add([]byte(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		sp, fs := saml.ImportServiceProvider(data, now)
		if (sp == nil) != fs.Failed() || len(fs) > 101 {
			t.Fatalf("got %+v with findings %v", sp, fs)
		}
		if sp == nil {
			return
		}
		for _, acs := range sp.ACS {
			if u, err := url.Parse(acs.Location); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
				t.Errorf("imported the ACS %q", acs.Location)
			}
		}
		newIDP(t, config(sp)) // what was imported can be served
	})
}
