package saml_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/saml"
)

// anna has a name in which every character that XML minds stands.
var anna = &identity.User{Username: "anna", Email: "anna@acme.example",
	Name: "Anna \"A&A\" <O'Hara>\r\n\t\u00e5]]>", Groups: []string{"staff", "R&D"}, State: identity.Active}

func provider() *saml.ServiceProvider {
	return &saml.ServiceProvider{EntityID: spEntity,
		ACS: []saml.ACS{{Location: spACS, Index: 1}, {Location: spOther, Index: 7}}}
}

// signing is a service provider that may sign its requests, and must if metadata says so.
func signing() *saml.ServiceProvider {
	sp := provider()
	sp.Certificates = []*x509.Certificate{otherPair().Certificate, spPair().Certificate}
	sp.AuthnRequestsSigned = true
	return sp
}

func config(sp *saml.ServiceProvider) saml.Config {
	return saml.Config{EntityID: ourEntity, SSO: ourSSO, Provider: sp, Active: activePair(),
		Memory: &saml.RequestMemory{}, Rand: rand.Reader}
}

func newIDP(t testing.TB, c saml.Config) *saml.IdentityProvider {
	t.Helper()
	p, err := saml.New(c)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return p
}

// request is a complete AuthnRequest; tests edit it.
const request = `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"` +
	` xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_req1" Version="2.0"` +
	` IssueInstant="2026-03-04T05:06:00Z" Destination="` + ourSSO + `"` +
	` AssertionConsumerServiceURL="` + spACS + `"` +
	` ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST">` +
	`<saml:Issuer>` + spEntity + `</saml:Issuer>` +
	`<samlp:NameIDPolicy AllowCreate="true"></samlp:NameIDPolicy></samlp:AuthnRequest>`

// edited replaces text of the request, which must be there.
func edited(t testing.TB, oldNew ...string) string {
	t.Helper()
	s := request
	for i := 0; i+1 < len(oldNew); i += 2 {
		if !strings.Contains(s, oldNew[i]) {
			t.Fatalf("the request has no %q", oldNew[i])
		}
		s = strings.Replace(s, oldNew[i], oldNew[i+1], 1)
	}
	return s
}

func deflated(s string) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	if _, err := w.Write([]byte(s)); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// redirect is the query of an unsigned request by HTTP-Redirect.
func redirect(document, relayState string) string {
	q := "SAMLRequest=" + url.QueryEscape(b64(deflated(document)))
	if relayState != "" {
		q += "&RelayState=" + url.QueryEscape(relayState)
	}
	return q
}

// signQuery appends SigAlg and Signature as SAML Bindings §3.4.4.1 says.
func signQuery(q, alg string, key crypto.Signer) string {
	q += "&SigAlg=" + url.QueryEscape(alg)
	digest := sha256.Sum256([]byte(q))
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	return q + "&Signature=" + url.QueryEscape(b64(signature))
}

// signXML puts an enveloped signature into the document's root, behind its first child.
func signXML(t testing.TB, document, method string, pair saml.Pair) string {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(document); err != nil {
		t.Fatalf("reading the document to sign: %v", err)
	}
	ctx, err := dsig.NewSigningContext(pair.Key, [][]byte{pair.Certificate.Raw})
	if err != nil {
		t.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := ctx.SetSignatureMethod(method); err != nil {
		t.Fatal(err)
	}
	signature, err := ctx.ConstructSignature(doc.Root(), true)
	if err != nil {
		t.Fatal(err)
	}
	doc.Root().InsertChildAt(1, signature)
	s, err := doc.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// refusal returns the RefusedError that err must be.
func refusal(t testing.TB, err error) *saml.RefusedError {
	t.Helper()
	var refused *saml.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("got error %v, want a RefusedError", err)
	}
	return refused
}
