package saml_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/authcore/saml"
)

// BenchmarkRespond is one sign-in's answer: assertion and Response, and their signatures by
// RSA-2048. A sign-in costs this, BenchmarkRedirect and the decision about the certificate.
func BenchmarkRespond(b *testing.B) {
	for name, want := range signings {
		if want.demand || name == "" {
			continue
		}
		b.Run(name, func(b *testing.B) {
			c := config(provider())
			c.Attributes = attributes(b)
			var err error
			if c.Sign, err = saml.ParseSigning(name); err != nil {
				b.Fatal(err)
			}
			p := newIDP(b, c)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Start(saml.Subject{User: anna}, "", now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRedirect is reading one request, of one's own accord and signed.
func BenchmarkRedirect(b *testing.B) {
	unsigned := redirect(request, "state")
	for name, query := range map[string]string{"unsigned": unsigned, "signed": signQuery(unsigned, sha256RSA, spPair().Key)} {
		b.Run(name, func(b *testing.B) {
			sp := signing()
			sp.AuthnRequestsSigned = false
			p := newIDP(b, config(sp))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Redirect(query, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHostile is about the most work that a stranger gets out of one request: all tokens
// and attributes that are allowed, in 64 KB.
func BenchmarkHostile(b *testing.B) {
	p := newIDP(b, config(provider()))
	var attrs strings.Builder
	for i := range 30 {
		fmt.Fprintf(&attrs, " a%d=''", i)
	}
	query := redirect("<a>"+strings.Repeat("<b"+attrs.String()+"/>", 248)+"</a>", "")
	b.ReportAllocs()
	for b.Loop() {
		_, err := p.Redirect(query, now)
		if got := refusal(b, err); got.Reason != saml.NotAuthnRequest {
			b.Fatalf("got %v, want it to be read to the end", got)
		}
	}
}
