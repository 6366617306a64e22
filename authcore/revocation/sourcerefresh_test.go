package revocation_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"
)

// due returns when the refresh of p is planned; zero: it is not.
func (s *site) due(p person) time.Time {
	key := revocation.KeyOf(p.Certificate, p.path.Certificates[1])
	for _, e := range s.source.List() {
		if e.Serial == key.SerialHex() {
			return e.Refresh
		}
	}
	return time.Time{}
}

func TestOC12RefreshAhead(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.credentials = s.withoutStaple()
	s.publish()
	s.run()
	seen, refused := s.enrol(), s.enrol()
	s.admit(seen, "alice")
	s.expect(refused, "good responder") // asked about, and never accepted
	s.requests(2)
	life := s.due(seen).Sub(codecNow)
	if life < 30*time.Minute || life > 42*time.Minute {
		t.Errorf("got the refresh after %s of an hour, want half of it to 70 %%", life)
	}
	if due := s.due(refused); !due.IsZero() {
		t.Errorf("a refresh is planned at %s for who was never accepted", due)
	}
	s.move(life - time.Second)
	s.expect(seen, "good cache")
	s.requests(0)
	s.move(2 * time.Second)
	eventually(t, "for the refresh", func() bool { return s.ocsp.asked.Load() > 0 })
	s.settled()
	s.requests(1)
	s.ocsp.fail()
	s.move(59 * time.Minute)
	s.expect(seen, "good cache") // by the new answer
	s.expect(refused, "ocsp_unavailable")
}

// withoutStaple is the credentials without a responder, so that nobody asks about them.
func (s *site) withoutStaple() (all []*credential) {
	s.Helper()
	server, err := s.root.IssueServer(lab.ServerOptions{
		Options: lab.Options{Now: codecNow}, DNSNames: []string{"radius.example.org"},
	})
	if err != nil {
		s.Fatal(err)
	}
	return append(all, &credential{Name: "plain", TLS: server.TLS()})
}

// TestOC12NotForEver: who has not been seen for a week is not asked about any more.
func TestOC12NotForEver(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.credentials = s.withoutStaple()
	s.publish()
	s.answer(lab.ResponderOptions{Life: 48 * time.Hour})
	s.run()
	p := s.enrol()
	s.admit(p, "alice")
	for range 20 {
		due := s.due(p)
		if due.IsZero() {
			break
		}
		before := s.ocsp.asked.Load()
		s.move(due.Sub(s.moment().Now) + time.Second)
		eventually(t, "for Run", func() bool {
			return s.ocsp.asked.Load() > before && s.due(p).After(s.moment().Now) || s.due(p).IsZero()
		})
		s.settled()
	}
	away := s.moment().Now.Sub(codecNow)
	if !s.due(p).IsZero() || away < 6*24*time.Hour || away > 8*24*time.Hour+time.Minute {
		t.Errorf("the last refresh was after %s, the next is at %s, want none after a week", away, s.due(p))
	}
	s.admit(p, "alice")
	if s.due(p).IsZero() {
		t.Error("seen again, and no refresh is planned")
	}
}

// TestOC12Backoff: a responder that is dead is not asked more and more often.
func TestOC12Backoff(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.credentials = s.withoutStaple()
	s.publish()
	s.run()
	p := s.enrol()
	s.admit(p, "alice")
	s.ocsp.fail()
	s.ocsp.asked.Store(0)
	for range 100 { // the clock goes from one attempt to the next, for some hours
		due := s.due(p)
		s.move(due.Sub(s.moment().Now) + time.Second)
		eventually(t, "for Run", func() bool { return s.due(p).After(s.moment().Now) })
		if wait := s.due(p).Sub(s.moment().Now); wait < 5*time.Second || wait > time.Hour {
			t.Fatalf("got the next attempt in %s", wait)
		}
		if s.moment().Now.Sub(codecNow) > 6*time.Hour {
			break
		}
	}
	if n := s.ocsp.asked.Load(); n < 5 || n > 200 {
		t.Errorf("got %d requests in six hours", n)
	}
}

// TestOC12AfterBoot: what is overdue after a restart is renewed bit by bit, before anybody comes.
func TestOC12AfterBoot(t *testing.T) {
	t.Parallel()
	const many = 40
	s := newSite(t, nil)
	s.credentials = s.withoutStaple()
	s.publish()
	var all []person
	for range many {
		p := s.enrol()
		s.admit(p, "alice")
		all = append(all, p)
	}
	s.kept(many)
	var asking, most atomic.Int64
	next := *s.ocsp.answer.Load()
	s.ocsp.handle(func(w http.ResponseWriter, r *http.Request) {
		now := asking.Add(1)
		defer asking.Add(-1)
		if now > most.Load() {
			most.Store(now)
		}
		next(w, r)
	})
	s.move(45 * time.Minute)
	s.restart()
	s.requests(many)
	s.run()
	eventually(t, "for the plan", func() bool { return s.source.Report().Planned == many })
	soon := 0
	for _, p := range all {
		wait := s.due(p).Sub(s.moment().Now)
		if wait < 0 || wait > 5*time.Minute {
			t.Errorf("a refresh is planned in %s", wait)
		}
		if wait < 30*time.Second {
			soon++
		}
	}
	if soon > many/3 {
		t.Errorf("%d of %d refreshes come in the first tenth of the time", soon, many)
	}
	s.move(5 * time.Minute)
	eventually(t, "for all refreshes", func() bool { return s.ocsp.asked.Load() == many })
	s.settled()
	if n := most.Load(); n > 4 {
		t.Errorf("got %d refreshes at once, want 4 at most", n)
	}
	s.ocsp.fail()
	s.move(50 * time.Minute) // the answers from before the restart have expired
	for _, p := range all {
		s.expect(p, "good cache")
	}
}

// TestOC20RefreshRevokes: whoever was accepted is told of, once.
func TestOC20RefreshRevokes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.run()
	p, other := s.enrol(), s.enrol()
	s.admit(p, "alice")
	for n := range 12 {
		s.source.Accepted(s.query(p), revocation.Session{User: "alice", Station: fmt.Sprint(n)})
		s.source.Accepted(s.query(p), revocation.Session{User: "alice", Station: fmt.Sprint(n)})
	}
	s.admit(other, "bob")
	s.revoke(p, lab.KeyCompromise)
	s.move(45 * time.Minute)
	eventually(t, "for the withdrawal", func() bool { return len(s.withdrawals()) > 0 })
	s.settled()
	if due := s.due(p); !due.IsZero() {
		t.Errorf("a refresh is planned at %s of what is revoked for ever", due)
	}
	for range 3 {
		s.move(45 * time.Minute)
		s.expect(p, "cert_revoked")
		s.admit(other, "bob")
	}
	all := s.withdrawals()
	if len(all) != 1 || len(all[0].Sessions) != 8 || all[0].Sessions[7].Station != "11" || all[0].Answer.Why != "keyCompromise" {
		t.Errorf("got %+v, want one, of the last 8 stations", all)
	}
}

// TestOC20SignInRevokes: the next sign-in may learn of it before the refresh does.
func TestOC20SignInRevokes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	s.admit(p, "alice")
	s.revoke(p, lab.Unspecified)
	s.move(70 * time.Minute)
	s.expect(p, "cert_revoked")
	eventually(t, "for the withdrawal", func() bool { return len(s.withdrawals()) == 1 })
}

// TestOC20AcceptedTooLate: the revocation comes between the decision and its commit.
func TestOC20AcceptedTooLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	s.expect(p, "good responder")
	s.revoke(p, lab.Unspecified)
	s.move(70 * time.Minute)
	s.expect(p, "cert_revoked")
	s.source.Accepted(s.query(p), revocation.Session{User: "alice"})
	if all := s.withdrawals(); len(all) != 1 || len(all[0].Sessions) != 1 || all[0].Sessions[0].User != "alice" {
		t.Errorf("got %+v, want alice told of", all)
	}
}
