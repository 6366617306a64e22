package appliance_test

import (
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

const years = 365 * 24 * time.Hour

// TestOC16ClockIsOff lets the wall clock leap while the process runs: nobody is judged by it, and
// once it is right again everything is as before. With accept_cached those live on whose answer
// was current when the clock was last believed.
func TestOC16ClockIsOff(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"reject", "accept_cached"} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			s, r := newOCSPSite(t, "")
			s.write("policy.yaml", "eap: {reject_delay: 500ms}\nclock: {when_unsure: "+rule+"}\n")
			s.start().believeClock()
			known := s.alice()
			s.accept(known)
			s.clock.move(10 * time.Second)
			s.believeClock()
			for _, leap := range []time.Duration{
				time.Until(time.Unix(0, 0)), 25 * years, -time.Hour, 4 * years, -20 * years,
			} {
				asked := r.count("good")
				s.clock.move(leap)
				if rule == "accept_cached" {
					s.wantOCSP(s.accept(known), "good", "cache")
				} else {
					s.rejected(known, "clock_unsure")
				}
				s.rejected(s.alice(), "clock_unsure")
				if n := r.count("good"); n != asked {
					t.Errorf("%v: the responder was asked by a clock that is not believed", leap)
				}
				s.clock.move(-leap)
				s.wantOCSP(s.accept(known), "good", "cache")
				s.accept(s.alice())
			}
		})
	}
}

// TestOC16ClockIsOffAtTheStart starts a gateway that has been right before with a wall clock that
// is not.
func TestOC16ClockIsOffAtTheStart(t *testing.T) {
	t.Parallel()
	s, _ := newOCSPSite(t, "")
	s.write("policy.yaml", "eap: {reject_delay: 500ms}\nclock: {when_unsure: accept_cached}\n")
	known, never := s.alice(), s.alice()
	t.Run("right", func(t *testing.T) {
		s.t = t
		s.start().accept(known)
		s.clock.move(10 * time.Second)
		s.believeClock()
	})
	for name, leap := range map[string]time.Duration{
		"in_1970": time.Until(time.Unix(0, 0)), "in_25_years": 25 * years,
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.clock.move(leap)
			s.start()
			s.wantOCSP(s.accept(known), "good", "cache")
			s.rejected(never, "clock_unsure")
			s.clock.move(-leap)
			s.wantOCSP(s.accept(known), "good", "cache")
			s.accept(s.alice())
		})
	}
}

// TestOC16StaleStaysStale turns the wall clock back to when an expired answer was current: it is
// not any more.
func TestOC16StaleStaysStale(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"reject", "accept_cached"} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			s, r := newOCSPSite(t, "")
			s.write("policy.yaml", "eap: {reject_delay: 500ms}\nclock: {when_unsure: "+rule+"}\n")
			s.start().believeClock()
			known := s.alice()
			s.accept(known)
			r.kill()
			s.clock.move(2 * time.Hour)
			s.believeClock()
			s.rejected(known, "ocsp_unavailable")
			s.clock.move(-2 * time.Hour)
			s.rejected(known, "clock_unsure")
			s.clock.move(2 * time.Hour)
			s.passFault()
			s.rejected(known, "ocsp_unavailable")
		})
	}
}

// TestOC16NothingIsLockedIntoTheFuture lets the wall clock and the responder's be a month ahead
// for a while, which can be believed. Whatever was learnt then holds up nobody once they are
// right again: neither that a device is unknown, nor that nobody answered, nor an answer that is
// newer than any other will be for a month.
func TestOC16NothingIsLockedIntoTheFuture(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"running": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := newOCSPSite(t, "")
			naming := func(route string, answer http.HandlerFunc) station {
				url := r.handle(route, answer)
				return station{leaf: s.user(lab.UserOptions{Options: lab.Options{OCSP: []string{url}}})}
			}
			nobody := func(*big.Int) bool { return false }
			known, newcomer := s.alice(), s.alice()
			failing := naming("failing", raw("no HTTP\r\n\r\n"))
			unknown := naming("unknown", r.answer("unknown", s.ca, lab.ResponderOptions{Issued: nobody}))
			const leap = 30 * 24 * time.Hour
			t.Run("ahead", func(t *testing.T) {
				s.t = t
				s.start().believeClock()
				s.accept(known)
				s.clock.move(leap)
				s.accept(known)
				s.accept(newcomer)
				for range 3 { // which opens the breaker
					s.rejected(failing, "ocsp_unavailable")
					s.passFault()
				}
				s.rejected(failing, "ocsp_unavailable")
				s.rejected(unknown, "ocsp_unknown")
				if restart {
					return
				}
				s.clock.move(-leap)
				s.nobodyIsLockedOut(r, known, newcomer, failing, unknown)
			})
			if restart {
				s.clock.move(-leap)
				t.Run("right", func(t *testing.T) {
					s.t = t
					s.start()
					s.nobodyIsLockedOut(r, known, newcomer, failing, unknown)
				})
			}
		})
	}
}

// nobodyIsLockedOut has all sign in, after their responders have become good ones.
func (s *site) nobodyIsLockedOut(r *responder, all ...station) {
	s.t.Helper()
	r.serve("failing", s.ca, lab.ResponderOptions{})
	r.serve("unknown", s.ca, lab.ResponderOptions{})
	for i, st := range all {
		ok, _ := s.eapol(st)
		if d := s.decision(); !ok || d.OCSP != "good" {
			s.t.Errorf("device %d: got %+v, want good", i, d)
		}
	}
}

// TestCV6NewGatewayIn1970 has never known the time: it says that it is the clock that makes
// certificates look as if they were of the future.
func TestCV6NewGatewayIn1970(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"reject", "accept_cached"} {
		s, r := newOCSPSite(t, "")
		s.write("policy.yaml", "eap: {reject_delay: 500ms}\nclock: {when_unsure: "+rule+"}\n")
		s.clock.move(time.Until(time.Unix(0, 0)))
		s.start()
		d := s.rejected(s.alice(), "clock_unsure")
		for _, want := range []string{"not yet valid by", "this gateway's clock says 2025-01-01"} {
			if !strings.Contains(d.Detail, want) {
				t.Errorf("%s: got detail %q, want %q in it", rule, d.Detail, want)
			}
		}
		if n := r.count("good"); n != 0 {
			t.Errorf("%s: the responder was asked %d times", rule, n)
		}
	}
}

// believeClock has a person say that the wall clock is right, which it would be after an hour
// anyway.
func (s *site) believeClock() *site {
	s.t.Helper()
	s.ask(http.MethodPost, "/api/v1/clock/reset", "")
	return s
}
