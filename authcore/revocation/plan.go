package revocation

import (
	"crypto/x509"
	"slices"

	"gatehouse/authcore/policy"
)

// What a certificate may name: more is not looked at.
const maxNamed = 4

// A subject is one certificate whose standing is asked for, with all that asking takes. It is
// immutable.
type subject struct {
	key    Key
	cert   *x509.Certificate
	issuer *x509.Certificate
	ca     string // that vouches for the path
	role   role
	rules  policy.Revocation
}

// A plan is by which means the standing of a subject is found out, in their order. One without
// means is for a certificate that names nobody.
type plan struct {
	count   int
	ordered [2]mean
}

func (p *plan) means() []mean { return p.ordered[:p.count] }

func (p *plan) add(by mean) {
	if p.count < len(p.ordered) {
		p.ordered[p.count] = by
		p.count++
	}
}

// A mean is a way to find out.
type mean uint8

const (
	byOCSP mean = iota
	byCRL
)

// A target is what a certificate says about who can be asked.
type target struct{ responders, points []string }

func targetOf(c *x509.Certificate) target {
	return target{
		responders: c.OCSPServer[:min(len(c.OCSPServer), maxNamed)],
		points:     c.CRLDistributionPoints[:min(len(c.CRLDistributionPoints), maxNamed)],
	}
}

// planFor applies the rules to what a certificate names. listed says that a list of its issuer
// is at hand. It allocates nothing: it is part of every sign-in.
func planFor(r role, t target, rules *policy.Revocation, listed bool) (p plan) {
	responder := len(t.responders) > 0 || rules.Responder != "" && asksCAs(r, rules)
	lists := listed || len(t.points) > 0 || rules.CRL != "" && r == user
	for _, word := range rules.Order {
		switch {
		case word == "ocsp" && responder:
			p.add(byOCSP)
		case word == "ocsp" && r == user && rules.NoResponder != "crl":
			return plan{} // it must name one, whatever the lists say
		case word == "crl" && lists:
			p.add(byCRL)
		}
	}
	if p.count == 0 && r == user && rules.NoResponder == "crl" && lists {
		p.add(byCRL)
	}
	return p
}

// responders returns whom to ask about sub, the CA's own after those that the certificate names.
func (sub *subject) responders(t target) []string {
	if len(t.responders) > 0 || asksCAs(sub.role, &sub.rules) {
		return withLast(t.responders, sub.rules.Responder)
	}
	return nil
}

// points returns where lists for sub are, the CA's own after those that the certificate names.
func (sub *subject) points(t target) []string {
	if sub.role != user {
		return t.points // the CA's own is of those who issue for people
	}
	return withLast(t.points, sub.rules.CRL)
}

// withLast returns all with url behind them, unless it is empty or among them. It leaves all as
// it is.
func withLast(all []string, url string) []string {
	if url == "" || slices.Contains(all, url) {
		return all
	}
	return append(slices.Clip(all), url)
}

// asksCAs reports whether the CA's own responder is asked about a certificate that names none.
func asksCAs(r role, rules *policy.Revocation) bool {
	if r == user {
		return rules.NoResponder == "responder"
	}
	return rules.Intermediates == "strict"
}
