package saml_test

import (
	"crypto/x509"
	"strings"
	"testing"

	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/authcore/saml"
)

const sha256RSA = dsig.RSASHA256SignatureMethod

func TestSignedQuery(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(signing()))
	key := spPair().Key
	good := signQuery(redirect(request, "state"), sha256RSA, key)
	if r, err := p.Redirect(good, now); err != nil || !r.Signed {
		t.Fatalf("a signed query: got %+v, error %v", r, err)
	}
	if _, err := p.Redirect("x=y&"+good+"&z=1", now); err != nil {
		t.Errorf("other parameters around it: %v", err)
	}
	lower := strings.NewReplacer("%2B", "%2b", "%2F", "%2f", "%3D", "%3d").Replace(redirect(request, ""))
	if _, err := p.Redirect(signQuery(lower, sha256RSA, key), now); err != nil {
		t.Errorf("escaped in lower case: %v", err)
	}
	another := redirect(edited(t, spACS, spOther), "state")
	for name, tt := range map[string]struct {
		query string
		want  saml.Reason
	}{
		"unsigned":      {redirect(request, "state"), saml.SignatureMissing},
		"altered":       {strings.Replace(good, redirect(request, "state"), another, 1), saml.SignatureInvalid},
		"state_altered": {strings.Replace(good, "=state", "=other", 1), saml.SignatureInvalid},
		"state_dropped": {strings.Replace(good, "&RelayState=state", "", 1), saml.SignatureInvalid},
		"other_key":     {signQuery(redirect(request, ""), sha256RSA, nextPair().Key), saml.SignatureInvalid},
		"sha1":          {signQuery(redirect(request, ""), dsig.RSASHA1SignatureMethod, key), saml.SignatureAlgorithm},
		"no_base64":     {redirect(request, "") + "&SigAlg=" + "http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256&Signature=*", saml.SignatureInvalid},
		"empty":         {redirect(request, "") + "&SigAlg=" + "http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256&Signature=", saml.SignatureInvalid},
		"no_destination": {signQuery(redirect(edited(t, `Destination="`+ourSSO+`"`, ``), ""), sha256RSA, key),
			saml.DestinationWrong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.Redirect(tt.query, now)
			checkRefusal(t, "Redirect", refusal(t, err), tt.want, false)
		})
	}
}

func TestSignedPOST(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(signing()))
	signed := signXML(t, request, sha256RSA, spPair())
	r, err := p.POST(b64([]byte(signed)), "", now)
	if err != nil || !r.Signed || r.ID != "_req1" {
		t.Fatalf("a signed request: got %+v, error %v", r, err)
	}
	for name, document := range map[string]string{
		"no_key_info":      cut(t, signed, "<ds:KeyInfo>", "</ds:KeyInfo>"),
		"foreign_key_info": strings.Replace(signed, b64(spPair().Certificate.Raw), b64(nextPair().Certificate.Raw), 1),
		"comment_outside":  "<!-- hello -->" + signed,
	} {
		if r, err := p.POST(b64([]byte(document)), "", now); err != nil || !r.Signed {
			t.Errorf("%s: got %+v, error %v", name, r, err)
		}
	}
}

// cut drops what lies between from and to, inclusive.
func cut(t *testing.T, s, from, to string) string {
	t.Helper()
	before, rest, ok := strings.Cut(s, from)
	_, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("no %s … %s in the document", from, to)
	}
	return before + after
}

// TestWrappedSignatures presents what is known as XML signature wrapping: a true signature in a
// place where it does not cover what is read.
func TestWrappedSignatures(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(signing()))
	signed := signXML(t, request, sha256RSA, spPair())
	signature := element(t, signed, "<ds:Signature ", "</ds:Signature>")
	original := strings.Replace(signed, signature, "", 1)
	evil := edited(t, "_req1", "_evil", spACS, spOther)
	into := func(document, what string) string {
		return strings.Replace(document, "<samlp:NameIDPolicy", what+"<samlp:NameIDPolicy", 1)
	}
	object := strings.Replace(signature, "</ds:Signature>", "<ds:Object>"+original+"</ds:Object></ds:Signature>", 1)
	second := strings.Replace(signature, "</ds:SignedInfo>", `</ds:SignedInfo><ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`, 1)
	reference := element(t, signature, "<ds:Reference ", "</ds:Reference>")
	// A signature that covers the root element, in a place where nobody looks for it.
	extended := signXML(t, into(request, "<samlp:Extensions></samlp:Extensions>"), sha256RSA, spPair())
	hidden := element(t, extended, "<ds:Signature ", "</ds:Signature>")
	extended = strings.Replace(extended, hidden, "", 1)
	extended = strings.Replace(extended, "<samlp:Extensions/>", "<samlp:Extensions>"+hidden+"</samlp:Extensions>", 1)
	for name, tt := range map[string]struct {
		document string
		want     saml.Reason
	}{
		"below_the_root":       {extended, saml.SignatureWrapped},
		"unsigned":             {request, saml.SignatureMissing},
		"altered":              {strings.Replace(signed, `ServiceURL="`+spACS, `ServiceURL="`+spOther, 1), saml.SignatureInvalid},
		"issuer_altered":       {strings.Replace(signed, "</saml:Issuer>", "x</saml:Issuer>", 1), saml.SignatureInvalid},
		"element_added":        {into(signed, "<samlp:Extensions/>"), saml.SignatureInvalid},
		"signed_inside":        {into(evil, "<samlp:Extensions>"+signed+"</samlp:Extensions>"), saml.SignatureWrapped},
		"moved_up":             {into(evil, signature+"<samlp:Extensions>"+original+"</samlp:Extensions>"), saml.SignatureWrapped},
		"same_id_inside":       {into(edited(t, spACS, spOther), signature+"<samlp:Extensions>"+original+"</samlp:Extensions>"), saml.SignatureInvalid},
		"in_object":            {into(evil, object), saml.SignatureWrapped},
		"two_signatures":       {into(signed, signature), saml.SignatureWrapped},
		"two_signed_infos":     {strings.Replace(signed, signature, second, 1), saml.SignatureWrapped},
		"two_references":       {strings.Replace(signed, reference, reference+reference, 1), saml.SignatureWrapped},
		"reference_to_all":     {strings.Replace(signed, `URI="#_req1"`, `URI=""`, 1), saml.SignatureWrapped},
		"reference_elsewhere":  {strings.Replace(signed, `URI="#_req1"`, `URI="#_other"`, 1), saml.SignatureWrapped},
		"without_value":        {cut(t, signed, "<ds:SignatureValue>", "</ds:SignatureValue>"), saml.SignatureWrapped},
		"without_transforms":   {cut(t, signed, "<ds:Transforms>", "</ds:Transforms>"), saml.SignatureWrapped},
		"transform_dropped":    {strings.Replace(signed, `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`, "", 1), saml.SignatureAlgorithm},
		"with_comments":        {strings.ReplaceAll(signed, "xml-exc-c14n#", "xml-exc-c14n#WithComments"), saml.SignatureAlgorithm},
		"sha1":                 {signXML(t, request, dsig.RSASHA1SignatureMethod, spPair()), saml.SignatureAlgorithm},
		"other_key":            {signXML(t, request, sha256RSA, nextPair()), saml.SignatureInvalid},
		"no_destination":       {signXML(t, edited(t, `Destination="`+ourSSO+`"`, ``), sha256RSA, spPair()), saml.DestinationWrong},
		"signature_not_base64": {strings.Replace(signed, "<ds:SignatureValue>", "<ds:SignatureValue>*", 1), saml.SignatureInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.POST(b64([]byte(tt.document)), "", now)
			checkRefusal(t, "POST", refusal(t, err), tt.want, false)
		})
	}
}

// TestSignatureDemands says when an unsigned or unverifiable request is good enough.
func TestSignatureDemands(t *testing.T) {
	t.Parallel()
	unsigned := redirect(request, "")
	signed := signQuery(unsigned, sha256RSA, spPair().Key)
	post := signXML(t, request, sha256RSA, spPair())
	forged := signQuery(unsigned, sha256RSA, nextPair().Key)
	for name, tt := range map[string]struct {
		certs                     bool
		metadata, want            bool // who demands a signature
		unsigned, signed, forgery saml.Reason
	}{
		"nobody_asks":          {unsigned: "", signed: "", forgery: ""},
		"known_key":            {certs: true, forgery: saml.SignatureInvalid},
		"metadata_says_so":     {certs: true, metadata: true, unsigned: saml.SignatureMissing, forgery: saml.SignatureInvalid},
		"we_want_it":           {certs: true, want: true, unsigned: saml.SignatureMissing, forgery: saml.SignatureInvalid},
		"we_want_it_sans_cert": {want: true, unsigned: saml.SignatureKeyUnknown, signed: saml.SignatureKeyUnknown, forgery: saml.SignatureKeyUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sp := provider()
			sp.AuthnRequestsSigned = tt.metadata
			if tt.certs {
				sp.Certificates = []*x509.Certificate{spPair().Certificate}
			}
			c := config(sp)
			c.WantSignedRequests = tt.want
			p := newIDP(t, c)
			for query, want := range map[string]saml.Reason{unsigned: tt.unsigned, signed: tt.signed, forged: tt.forgery} {
				r, err := p.Redirect(query, now)
				checkDemand(t, r, err, want)
				if err == nil && r.Signed != (tt.certs && query == signed) {
					t.Errorf("got signed %v for a request that was not verified, or the reverse", r.Signed)
				}
			}
			r, err := p.POST(b64([]byte(post)), "", now)
			checkDemand(t, r, err, tt.signed)
		})
	}
}

func checkDemand(t *testing.T, r *saml.AuthnRequest, err error, want saml.Reason) {
	t.Helper()
	if want == "" {
		if err != nil || r == nil {
			t.Errorf("got error %v, want none", err)
		}
		return
	}
	if got := refusal(t, err).Reason; got != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
