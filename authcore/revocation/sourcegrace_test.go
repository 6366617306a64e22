package revocation_test

import (
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"
)

func grace(d time.Duration) func(*policy.Revocation) {
	return func(r *policy.Revocation) { r.Grace = d }
}

func TestOC14Grace(t *testing.T) {
	t.Parallel()
	s := newSite(t, grace(24*time.Hour))
	p := s.enrol()
	s.expect(p, "good responder") // for an hour
	s.kept(1)
	s.ocsp.fail()
	s.move(59 * time.Minute)
	s.expect(p, "good cache")
	s.move(time.Hour)
	if got := s.expect(p, "good grace"); got.Age != 119*time.Minute {
		t.Errorf("got age %s, want 1h59m", got.Age)
	}
	s.restart() // kill -9 in the middle
	s.expect(p, "good grace")
	s.move(22 * time.Hour)
	s.expect(p, "good grace")
	s.expect(s.enrol(), "ocsp_unavailable") // whoever is new has no grace
	s.move(2 * time.Hour)
	s.expect(p, "ocsp_unavailable")
	s.answer(lab.ResponderOptions{})
	s.move(time.Hour)
	s.expect(p, "good responder")
}

func TestOC14Strict(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	s.expect(p, "good responder")
	s.ocsp.fail()
	s.move(66 * time.Minute) // beyond the skew
	s.expect(p, "ocsp_unavailable")
}

func TestOC14NoGraceForRevoked(t *testing.T) {
	t.Parallel()
	s := newSite(t, grace(1000*time.Hour))
	p := s.enrol()
	s.expect(p, "good responder")
	s.revoke(p, lab.Unspecified)
	s.move(2 * time.Hour)
	s.expect(p, "cert_revoked")
	s.ocsp.fail()
	s.move(2 * time.Hour)
	s.expect(p, "cert_revoked")
	s.restart()
	s.expect(p, "cert_revoked")
}

// TestOC14GraceOfIntermediate: it shows, although the person's own certificate needs none.
func TestOC14GraceOfIntermediate(t *testing.T) {
	t.Parallel()
	s := newSite(t, grace(24*time.Hour))
	p := s.below(s.newIntermediate())
	s.expect(p.person, "good responder")
	s.move(70 * time.Minute)
	s.ocsp.serve(responder(t, p.issuer, lab.ResponderOptions{})) // that of the root is gone
	got := s.expect(p.person, "good grace")
	if got.Age != 0 {
		t.Errorf("got age %s, want that of the person's own answer", got.Age)
	}
}

func TestOC14Prefer(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(r *policy.Revocation) { r.OCSP = policy.OCSPPrefer })
	s.ocsp.fail()
	p := s.enrol()
	s.expect(p, "none")
	s.answer(lab.ResponderOptions{Revocations: s.revoked})
	s.revoke(p, lab.Unspecified)
	s.move(time.Minute)
	s.expect(p, "cert_revoked")
	s.ocsp.fail()
	s.move(time.Hour)
	s.expect(p, "cert_revoked")
}

func TestOC16ClockUnsure(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	known, unheard := s.enrol(), s.enrol()
	s.expect(known, "good responder")
	s.kept(1)
	s.requests(1)
	s.doubt(true)
	s.restart()
	s.run()
	s.expect(known, "good cache") // obtained a moment ago by this clock
	s.expect(unheard, "clock_unsure")
	s.move(-10 * 365 * 24 * time.Hour) // 2016, and the answer of the future
	s.expect(known, "good cache")
	s.expect(unheard, "clock_unsure")
	s.requests(0)
}

// TestOC16Steps: the clock goes far ahead, back and forth, and is believed. Nothing expired comes
// back to life, and nothing is locked up until that far day.
func TestOC16Steps(t *testing.T) {
	t.Parallel()
	const far = 25 * 365 * 24 * time.Hour
	s := newSite(t, grace(time.Hour))
	p := s.enrol()
	s.run()
	s.admit(p, "alice")
	s.ocsp.fail()
	s.move(far)
	s.expect(p, "ocsp_unavailable")
	s.move(-far)
	s.expect(p, "good responder") // it is true again, and not a moment longer
	s.move(3 * time.Hour)
	s.expect(p, "ocsp_unavailable")
	s.answer(lab.ResponderOptions{Revocations: s.revoked})
	s.move(10 * time.Minute)
	eventually(t, "for the responder to be believed again", func() bool {
		s.move(10 * time.Second)
		return s.standing(p).Acceptable
	})
	s.admit(p, "alice")
	s.revoke(p, lab.Unspecified)
	s.move(far)
	s.expect(p, "cert_revoked")
	s.move(-far)
	s.expect(p, "cert_revoked")
}

// TestOC16RefreshAfterStep: what came, and was planned, while the clock and that of the responder
// were ahead is renewed when they are back.
func TestOC16RefreshAfterStep(t *testing.T) {
	t.Parallel()
	const ahead = 60 * 24 * time.Hour
	s := newSite(t, nil)
	p := s.enrol()
	s.run()
	s.move(ahead)
	s.admit(p, "alice")
	s.move(-ahead)
	eventually(t, "for Run to see it", func() bool {
		s.source.Tick()
		return s.source.List()[0].Refresh.Before(s.moment().Now.Add(time.Hour))
	})
	s.move(5 * time.Minute)
	eventually(t, "for the refresh", func() bool {
		return s.source.List()[0].ThisUpdate.Before(s.moment().Now.Add(time.Second))
	})
	s.expect(p, "good responder")
}
