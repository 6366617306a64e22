package revocation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/revocation"
)

// A subordinate is a person below an intermediate of its own.
type subordinate struct {
	person
	issuer *lab.CA
}

// newIntermediate makes a CA below the root that names the site's responder.
func (s *site) newIntermediate() *lab.CA {
	s.Helper()
	ca, err := s.root.NewIntermediate(lab.CAOptions{
		Options: lab.Options{Now: codecNow, OCSP: []string{s.ocsp.url}}, Name: "Sales CA",
	})
	if err != nil {
		s.Fatal(err)
	}
	return ca
}

// below issues a certificate by ca, for which the responder then answers too.
func (s *site) below(ca *lab.CA) subordinate {
	s.Helper()
	s.ocsp.serve(responder(s, ca, lab.ResponderOptions{Revocations: s.revoked}),
		responder(s, s.root, lab.ResponderOptions{Revocations: s.revoked}))
	return subordinate{s.enrolBy(ca, lab.Options{OCSP: []string{s.ocsp.url}}), ca}
}

func TestIntermediateRevoked(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	ca := s.newIntermediate()
	p, q := s.below(ca), s.below(ca)
	s.expect(p.person, "good responder")
	s.requests(2)
	s.expect(q.person, "good responder")
	s.requests(1) // the intermediate is known
	s.revoked.Revoke(lab.Revocation{Serial: ca.Certificate.SerialNumber, Reason: lab.CACompromise})
	s.move(70 * time.Minute)
	for _, one := range []subordinate{p, q} {
		if got := s.expect(one.person, "cert_revoked"); !strings.Contains(got.Detail, "the intermediate Sales CA") {
			t.Errorf("got detail %q, want the intermediate named", got.Detail)
		}
	}
}

func TestIntermediateRules(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		word     string
		named    bool
		own      bool // the CA has a responder of its own
		want     string
		requests int
	}{
		{"when_named", false, false, "good responder", 1},
		{"when_named", true, false, "good responder", 2},
		{"when_named", false, true, "good responder", 1},
		{"strict", false, false, "ocsp_no_responder", 0},
		{"strict", false, true, "good responder", 2},
		{"strict", true, false, "good responder", 2},
		{"off", true, true, "good responder", 1},
	} {
		t.Run(fmt.Sprintf("%s_%v_%v", tt.word, tt.named, tt.own), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(r *policy.Revocation) { r.Intermediates = tt.word })
			if tt.own {
				s.cas[0].Revocation.Responder = s.ocsp.url
				s.publish()
			}
			p := s.enrol()
			if tt.named {
				p = s.below(s.newIntermediate()).person
			}
			s.expect(p, tt.want)
			if tt.requests > 0 {
				s.requests(tt.requests)
			}
		})
	}
}

// TestOC20IntermediateWithdrawn: whoever came in below it is told of, up to the bound.
func TestOC20IntermediateWithdrawn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	ca := s.newIntermediate()
	p := s.below(ca)
	s.run()
	s.admit(p.person, "user-0")
	for n := range 300 {
		s.source.Accepted(s.query(p.person), revocation.Session{Time: s.moment().Now, User: fmt.Sprintf("user-%d", n)})
	}
	s.revoked.Revoke(lab.Revocation{Serial: ca.Certificate.SerialNumber})
	s.move(50 * time.Minute)
	eventually(t, "for the withdrawal", func() bool { return len(s.withdrawals()) == 1 })
	s.settled()
	s.move(50 * time.Minute)
	s.expect(p.person, "cert_revoked")
	all := s.withdrawals()
	if len(all) != 1 || len(all[0].Sessions) != 256 || all[0].Sessions[255].User != "user-299" ||
		all[0].CA != "acme" || all[0].Answer.Status != revocation.Revoked {
		t.Errorf("got %d withdrawals, the first of %d sessions", len(all), len(all[0].Sessions))
	}
}
