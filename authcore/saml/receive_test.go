package saml_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/authcore/saml"
)

func TestRedirectAndPOSTReadTheSame(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	document := edited(t, `Version`, `ForceAuthn="1" IsPassive="true" Version`,
		`AllowCreate="true"></samlp:NameIDPolicy>`, `Format="`+saml.FormatPersistent+`"/>`+
			`<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>urn:pwd</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>`)
	want := &saml.AuthnRequest{
		ID: "_req1", ACS: saml.ACS{Location: spACS, Index: 1}, RelayState: "a b&c=é",
		IssueInstant: time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC), Skew: -7*time.Second - 890,
		ForceAuthn: true, IsPassive: true, NameIDFormat: saml.FormatPersistent, Contexts: []string{"urn:pwd"},
	}

	got, err := p.Redirect(redirect(document, want.RelayState), now)
	want.Binding = saml.BindingRedirect
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Redirect: error %v, difference (-want +got):\n%s", err, diff)
	}
	got, err = p.POST(b64([]byte(document)), want.RelayState, now)
	want.Binding = saml.BindingPOST
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("POST: error %v, difference (-want +got):\n%s", err, diff)
	}
}

func TestIDsOfRequests(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	for _, id := range []string{"a", "Z", "_", "_0.9-z_A", "id", strings.Repeat("z", 256)} {
		if r, err := p.Redirect(redirect(edited(t, `_req1`, id), ""), now); err != nil || r.ID != id {
			t.Errorf("ID %.20q: got %+v, error %v", id, r, err)
		}
	}
	for _, id := range []string{"0a", "-a", ".a", "a b", "a:b", "a/b", "a@", "[", "`", "{", "é"} {
		if _, err := p.Redirect(redirect(edited(t, `_req1`, id), ""), now); err == nil {
			t.Errorf("ID %q is taken", id)
		}
	}
}

func TestACSIsARegisteredOne(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	given := `AssertionConsumerServiceURL="` + spACS + `"`
	for name, tt := range map[string]struct{ attr, want string }{
		"by_address": {`AssertionConsumerServiceURL="` + spOther + `"`, spOther},
		"by_index":   {`AssertionConsumerServiceIndex="7"`, spOther},
		"default":    {``, spACS},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := p.Redirect(redirect(edited(t, given, tt.attr), ""), now)
			if err != nil || r.ACS.Location != tt.want {
				t.Errorf("got %+v, error %v, want %s", r, err, tt.want)
			}
		})
	}
}

// refusals are documents that are refused whatever way they come.
var refusals = []struct {
	name       string
	oldNew     []string
	document   string // instead of an edited one
	want       saml.Reason
	answerable bool // by an error Response
}{
	{name: "no_xml", document: "hello", want: saml.Malformed},
	{name: "empty", document: " ", want: saml.Malformed},
	{name: "unclosed", document: request[:200], want: saml.Malformed},
	{name: "doctype", document: `<!DOCTYPE a>` + request, want: saml.Doctype},
	{name: "doctype_with_entity", document: `<!DOCTYPE a [<!ENTITY x "y">]>` + request, want: saml.Doctype},
	{name: "billion_laughs", document: `<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><a>&b;</a>`, want: saml.Doctype},
	{name: "doctype_inside", oldNew: []string{`<saml:Issuer>`, `<!DOCTYPE a><saml:Issuer>`}, want: saml.Doctype},
	{name: "entity", oldNew: []string{`<saml:Issuer>`, `<saml:Issuer>&x;`}, want: saml.Entity},
	{name: "entity_in_attribute", oldNew: []string{`"_req1"`, `"_&nbsp;"`}, want: saml.Entity},
	{name: "two_roots", document: request + request, want: saml.SeveralRoots},
	{name: "second_root_empty", document: request + `<x/>`, want: saml.SeveralRoots},
	{name: "text_behind", document: request + `x`, want: saml.Malformed},
	{name: "latin1", document: `<?xml version="1.0" encoding="ISO-8859-1"?>` + request, want: saml.Malformed},
	{name: "instruction", document: `<?php x?>` + request, want: saml.Malformed},
	{name: "deep", document: strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40), want: saml.Malformed},
	{name: "many_elements", document: "<a>" + strings.Repeat("<b/>", 500) + "</a>", want: saml.Malformed},
	{name: "many_attributes", document: manyAttributes(33), want: saml.Malformed},
	{name: "attribute_twice", oldNew: []string{`ID="_req1"`, `ID="_req1" ID="_req2"`}, want: saml.Malformed},
	{name: "namespace_colon", oldNew: []string{`<saml:Issuer>`, `<saml:Issuer x::Root="" xmlns:x="y">`}, want: saml.Malformed},
	{name: "logout", document: `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>`, want: saml.NotAuthnRequest},
	{name: "other_namespace", oldNew: []string{`SAML:2.0:protocol`, `SAML:1.1:protocol`}, want: saml.NotAuthnRequest},
	{name: "no_issuer", oldNew: []string{`<saml:Issuer>` + spEntity + `</saml:Issuer>`, ``}, want: saml.IssuerUnknown},
	{name: "two_issuers", oldNew: []string{`</saml:Issuer>`, `</saml:Issuer><saml:Issuer>x</saml:Issuer>`}, want: saml.IssuerUnknown},
	{name: "other_issuer", oldNew: []string{`<saml:Issuer>`, `<saml:Issuer>https://evil.example/`}, want: saml.IssuerUnknown},
	{name: "issuer_cut_by_comment", oldNew: []string{`</saml:Issuer>`, `<!-- -->.evil.example</saml:Issuer>`}, want: saml.IssuerUnknown},
	{name: "other_destination", oldNew: []string{ourSSO, `https://elsewhere.example/sso`}, want: saml.DestinationWrong},
	{name: "id_missing", oldNew: []string{`ID="_req1"`, ``}, want: saml.Malformed},
	{name: "id_no_name", oldNew: []string{`_req1`, `1&quot;&gt;`}, want: saml.Malformed},
	{name: "id_long", oldNew: []string{`_req1`, strings.Repeat("a", 257)}, want: saml.Malformed},
	{name: "acs_unknown", oldNew: []string{spACS, `https://evil.example/acs`}, want: saml.ACSUnknown},
	{name: "acs_prefix", oldNew: []string{spACS, spACS + `/more`}, want: saml.ACSUnknown},
	{name: "acs_script", oldNew: []string{spACS, `javascript:alert(1)`}, want: saml.ACSUnknown},
	{name: "acs_index_unknown", oldNew: []string{`AssertionConsumerServiceURL="` + spACS, `AssertionConsumerServiceIndex="2`}, want: saml.ACSUnknown},
	{name: "acs_index_huge", oldNew: []string{`AssertionConsumerServiceURL="` + spACS, `AssertionConsumerServiceIndex="65543`}, want: saml.ACSUnknown},
	{name: "acs_twice_named", oldNew: []string{` Version`, ` AssertionConsumerServiceIndex="1" Version`}, want: saml.ACSUnknown},
	{name: "version", oldNew: []string{`"2.0"`, `"1.1"`}, want: saml.VersionUnsupported, answerable: true},
	{name: "binding", oldNew: []string{`HTTP-POST"`, `HTTP-Artifact"`}, want: saml.BindingUnsupported, answerable: true},
	{name: "name_id", oldNew: []string{`AllowCreate="true"`, `Format="urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos"`}, want: saml.NameIDUnsupported, answerable: true},
	{name: "stale", oldNew: []string{`05:06:00Z`, `05:01:07Z`}, want: saml.IssueInstantStale, answerable: true},
	{name: "future", oldNew: []string{`05:06:00Z`, `05:11:08Z`}, want: saml.IssueInstantInFuture, answerable: true},
	{name: "no_time", oldNew: []string{`05:06:00Z`, `soon`}, want: saml.Malformed, answerable: true},
	{name: "force_authn", oldNew: []string{` Version`, ` ForceAuthn="maybe" Version`}, want: saml.Malformed, answerable: true},
	{name: "is_passive", oldNew: []string{` Version`, ` IsPassive="maybe" Version`}, want: saml.Malformed, answerable: true},
}

// manyAttributes is an element with n attributes, none of them twice.
func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return "<a" + b.String() + "/>"
}

func TestRequestsRefused(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			document := tt.document
			if document == "" {
				document = edited(t, tt.oldNew...)
			}
			_, err := p.Redirect(redirect(document, "state"), now)
			checkRefusal(t, "Redirect", refusal(t, err), tt.want, tt.answerable)
			_, err = p.POST(b64([]byte(document)), "state", now)
			checkRefusal(t, "POST", refusal(t, err), tt.want, tt.answerable)
		})
	}
}

func checkRefusal(t *testing.T, how string, got *saml.RefusedError, want saml.Reason, answerable bool) {
	t.Helper()
	if got.Reason != want {
		t.Errorf("%s: got %v, want %s", how, got, want)
	}
	if (got.Request != nil) != answerable {
		t.Errorf("%s: got request to answer %+v, want one: %v", how, got.Request, answerable)
	}
	if strings.ContainsFunc(got.Error(), func(r rune) bool { return r < ' ' }) || len(got.Error()) > 1200 {
		t.Errorf("%s: the text %q is not fit for a log", how, got)
	}
}

func TestSkewIsShown(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	for instant, want := range map[string]time.Duration{
		"2026-03-04T04:06:07Z": -time.Hour, "2026-03-04T06:06:07Z": time.Hour,
	} {
		_, err := p.Redirect(redirect(edited(t, "2026-03-04T05:06:00Z", instant), ""), now)
		if got := refusal(t, err).Skew.Round(time.Second); got != want {
			t.Errorf("IssueInstant %s: got skew %v, want %v", instant, got, want)
		}
	}
}

func TestRedirectParametersRefused(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	good := redirect(request, "")
	packed := deflated(request)
	noise := make([]byte, 13<<10) // does not pack; 17 KB of base64
	for i := range noise {
		noise[i] = byte(i * i >> 3)
	}
	for name, tt := range map[string]struct {
		query string
		want  saml.Reason
	}{
		"nothing":             {"", saml.ParameterInvalid},
		"relay_state_only":    {"RelayState=x", saml.ParameterInvalid},
		"twice":               {good + "&" + good, saml.ParameterInvalid},
		"relay_state_twice":   {good + "&RelayState=a&RelayState=b", saml.ParameterInvalid},
		"relay_state_escape":  {good + "&RelayState=%zz", saml.ParameterInvalid},
		"relay_state_long":    {good + "&RelayState=" + strings.Repeat("x", 81), saml.RelayStateOversized},
		"relay_state_binary":  {good + "&RelayState=%ff", saml.RelayStateOversized},
		"escape":              {"SAMLRequest=%zz", saml.EncodingInvalid},
		"no_base64":           {"SAMLRequest=%2A%2A", saml.EncodingInvalid},
		"not_packed":          {"SAMLRequest=" + url.QueryEscape(b64([]byte(request))), saml.EncodingInvalid},
		"packing_cut":         {"SAMLRequest=" + url.QueryEscape(b64(packed[:len(packed)-9])), saml.EncodingInvalid},
		"behind_packing":      {"SAMLRequest=" + url.QueryEscape(b64(append(slices.Clone(packed), "more"...))), saml.EncodingInvalid},
		"other_encoding":      {good + "&SAMLEncoding=urn%3Ax", saml.EncodingInvalid},
		"oversized":           {"SAMLRequest=" + url.QueryEscape(b64(noise)), saml.Oversized},
		"query_oversized":     {good + "&x=" + strings.Repeat("x", 20<<10), saml.Oversized},
		"bomb":                {redirect(strings.Repeat(" ", 10<<20)+request, ""), saml.DeflateBomb},
		"just_a_bomb":         {redirect(strings.Repeat(" ", 64<<10+1), ""), saml.DeflateBomb},
		"signature_alone":     {good + "&Signature=AAAA", saml.SignatureWrapped},
		"algorithm_alone":     {good + "&SigAlg=x", saml.SignatureWrapped},
		"signature_inside":    {redirect(signXML(t, request, dsig.RSASHA256SignatureMethod, spPair()), ""), saml.SignatureWrapped},
		"name_escaped_twice":  {strings.Replace(good, "SAMLRequest", "SAML%52equest", 1), saml.ParameterInvalid},
		"semicolon_separator": {"x;" + good, saml.ParameterInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.Redirect(tt.query, now)
			checkRefusal(t, "Redirect", refusal(t, err), tt.want, false)
		})
	}
}

func TestPOSTParametersRefused(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	for name, tt := range map[string]struct {
		request, relayState string
		want                saml.Reason
	}{
		"nothing":          {"", "", saml.ParameterInvalid},
		"no_base64":        {"**", "", saml.EncodingInvalid},
		"packed":           {b64(deflated(request)), "", saml.Malformed},
		"oversized":        {b64(make([]byte, 13<<10)), "", saml.Oversized},
		"relay_state_long": {b64([]byte(request)), strings.Repeat("é", 41), saml.RelayStateOversized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.POST(tt.request, tt.relayState, now)
			checkRefusal(t, "POST", refusal(t, err), tt.want, false)
		})
	}
	if _, err := p.POST(b64([]byte(request)), strings.Repeat("x", 80), now); err != nil {
		t.Errorf("RelayState of 80 bytes: %v", err)
	}
}

// TestReasonsHaveWords checks that each reason has a sentence and a remedy of its own making:
// constant text, so that nothing is ever reflected.
func TestReasonsHaveWords(t *testing.T) {
	t.Parallel()
	unknown := saml.Reason("x")
	for _, r := range saml.Reasons() {
		if r.Sentence() == "" || r.Sentence() == unknown.Sentence() || r.Remedy() == "" {
			t.Errorf("%s: sentence %q, remedy %q", r, r.Sentence(), r.Remedy())
		}
		if !strings.HasPrefix(string(r), "saml_") {
			t.Errorf("reason %q does not say where it belongs", r)
		}
	}
	for _, tt := range refusals {
		if !slices.Contains(saml.Reasons(), tt.want) {
			t.Errorf("reason %s has no words", tt.want)
		}
	}
}
