package revocation_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"

	"github.com/google/go-cmp/cmp"
)

// steps are the states of a check, in a line.
func steps(r revocation.ResponderCheck) string {
	var all []string
	for _, s := range r.Steps {
		all = append(all, s.Name+" "+s.State)
	}
	return strings.Join(all, ", ")
}

func TestCheckSteps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, steps, status, reason string
		serve                       func(s *site)
	}{
		{"good", "dns not_run, tcp ok, tls not_run, http ok, signature ok, dates ok", "good", "", func(*site) {}},
		{"dead", "dns not_run, tcp ok, tls not_run, http failed, signature not_run, dates not_run", "none",
			"ocsp_unavailable", func(s *site) { s.ocsp.fail() }},
		{"damaged", "dns not_run, tcp ok, tls not_run, http ok, signature failed, dates not_run", "none",
			"ocsp_unauthorized", func(s *site) { s.answer(lab.ResponderOptions{Odd: lab.Oddities{Damaged: true}}) }},
		{"stale", "dns not_run, tcp ok, tls not_run, http ok, signature ok, dates failed", "good",
			"ocsp_stale", func(s *site) { s.answer(lab.ResponderOptions{Odd: lab.Oddities{Age: 3 * time.Hour}}) }},
		{"signer_unchecked", "dns not_run, tcp ok, tls not_run, http ok, signature failed, dates not_run", "none",
			"ocsp_unauthorized", func(s *site) { s.answer(lab.ResponderOptions{Signer: s.delegate(s.inter)}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			tt.serve(s)
			p := s.enrol()
			c, err := s.source.Check(t.Context(), p.Presented())
			if err != nil || len(c.Responders) != 1 {
				t.Fatalf("got %+v, %v", c, err)
			}
			got := c.Responders[0]
			if diff := cmp.Diff(tt.steps, steps(got)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if got.Status != tt.status || got.Reason != tt.reason || (got.Detail != "") != (tt.reason != "") {
				t.Errorf("got %+v, want %s and %s", got, tt.status, tt.reason)
			}
			if c.CA != "acme" || c.Serial != serialOf(p) || c.Known != nil {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func TestCheckShowsWhatIsKnown(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	s.expect(p, "good responder")
	s.kept(1)
	s.restart()
	s.revoke(p, lab.KeyCompromise)
	c, err := s.source.Check(t.Context(), p.Presented()[:1])
	if err != nil || c.Known == nil || c.Known.Status != "good" || c.Responders[0].Status != "revoked" ||
		c.Responders[0].Why != "keyCompromise" {
		t.Fatalf("got %+v, %v", c, err)
	}
	s.expect(p, "good cache") // what is shown is not kept
}

func TestCheckFindsTheIssuer(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	stranger := must(lab.NewCA(lab.CAOptions{Options: lab.Options{Now: codecNow}}))
	leaf := must(stranger.IssueUser(lab.UserOptions{Options: lab.Options{Now: codecNow, OCSP: []string{s.ocsp.url}}}))
	if _, err := s.source.Check(t.Context(), leaf.Presented()); !errors.Is(err, revocation.ErrNoIssuer) {
		t.Errorf("got %v, want ErrNoIssuer", err)
	}
	if _, err := s.source.Check(t.Context(), nil); !errors.Is(err, revocation.ErrNoIssuer) {
		t.Errorf("got %v of nothing, want ErrNoIssuer", err)
	}
	c, err := s.source.Check(t.Context(), append(leaf.Presented(), stranger.Certificate))
	if err != nil || c.CA != "" || len(c.Responders) != 1 {
		t.Fatalf("got %+v, %v", c, err)
	}
	// Nobody allowed our own addresses for strangers.
	if got := c.Responders[0]; got.Reason != "ocsp_unavailable" {
		t.Errorf("got %+v", got)
	}
	s.cas[0].Revocation.Responder = s.ocsp.url
	s.publish()
	c, err = s.source.Check(t.Context(), s.enrolBy(s.inter, lab.Options{}).Presented())
	if err != nil || len(c.Responders) != 1 || c.Responders[0].Status != "good" {
		t.Errorf("by the CA's responder: got %+v, %v", c, err)
	}
}
