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
	rules  *policy.Revocation
}

// A plan is how the standing of a subject is found out: the means in their order.
type plan struct {
	count      int
	ordered    [2]mean
	responders []string
	points     []string // distribution points of lists
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
// is at hand. A plan without means is for a certificate that names nobody.
func planFor(r role, t target, rules *policy.Revocation, listed bool) plan {
	p := plan{responders: t.responders, points: t.points}
	if rules.CRL != "" && r == user {
		p.points = append(slices.Clip(p.points), rules.CRL)
	}
	if rules.Responder != "" && (len(p.responders) > 0 || asksCAs(r, rules)) {
		p.responders = append(slices.Clip(p.responders), rules.Responder)
	}
	lists := listed || len(p.points) > 0
	for _, word := range rules.Order {
		switch {
		case word == "ocsp" && len(p.responders) > 0:
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

// asksCAs reports whether the CA's own responder is asked about a certificate that names none.
func asksCAs(r role, rules *policy.Revocation) bool {
	if r == user {
		return rules.NoResponder == "responder"
	}
	return rules.Intermediates == "strict"
}
