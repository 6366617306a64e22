package revocation_test

import (
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"

	"golang.org/x/crypto/ocsp"
)

// staple returns the answer that is served with the first credential, or nil.
func (s *site) staple() *ocsp.Response {
	s.Helper()
	all := s.source.Credentials(s.holder.Load())
	if len(all) != 1 {
		s.Fatalf("got %d credentials, want 1", len(all))
	}
	if all[0].OCSPStaple == nil {
		return nil
	}
	r, err := ocsp.ParseResponseForCert(all[0].OCSPStaple, all[0].Leaf, s.root.Certificate)
	if err != nil {
		s.Fatalf("reading the staple: %v", err)
	}
	return r
}

func (s *site) stapled(at time.Time) {
	s.Helper()
	eventually(s, "for the staple", func() bool { r := s.staple(); return r != nil && r.ThisUpdate.Equal(at) })
}

func TestStaple(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if s.staple() != nil {
		t.Error("a staple before anybody was asked")
	}
	s.run()
	s.stapled(codecNow)
	if got := s.source.Report().Staples; len(got) != 1 || got[0].Status != "good" || got[0].Fault != "" {
		t.Errorf("got %+v", got)
	}
	s.move(45 * time.Minute) // renewed ahead
	s.stapled(codecNow.Add(45 * time.Minute))
	s.kept(1)
	s.ocsp.fail()
	s.move(50 * time.Minute)
	eventually(t, "for the fault", func() bool { return s.source.Report().Staples[0].Fault != "" })
	s.stapled(codecNow.Add(45 * time.Minute))
	s.publish() // a new configuration loses nothing
	eventually(t, "for it to be taken over", func() bool { s.source.Tick(); return s.staple() != nil })
	s.restart()
	s.run()
	s.stapled(codecNow.Add(45 * time.Minute))
	s.move(10 * time.Minute) // to its very end
	if s.staple() != nil {
		t.Error("an expired staple is served")
	}
	s.answer(lab.ResponderOptions{})
	s.move(10 * time.Minute)
	eventually(t, "for a new one", func() bool { s.move(time.Minute); return s.staple() != nil })
	s.move(-3 * time.Hour) // and not before its time
	if s.staple() != nil {
		t.Error("a staple of the future is served")
	}
}

// TestStapleNotGood: what is revoked or unknown is not served, and neither is what is forged.
func TestStapleNotGood(t *testing.T) {
	t.Parallel()
	for _, o := range []lab.ResponderOptions{
		{Odd: lab.Oddities{Damaged: true}}, {Odd: lab.Oddities{Age: 2 * time.Hour}},
		{Odd: lab.Oddities{Response: lab.TryLater}},
	} {
		s := newSite(t, nil)
		s.ocsp.serve(responder(t, s.root, o))
		s.run()
		eventually(t, "for the fault", func() bool {
			all := s.source.Report().Staples
			return len(all) == 1 && all[0].Fault != ""
		})
		if s.staple() != nil {
			t.Errorf("%+v: it is served", o.Odd)
		}
	}
	s := newSite(t, nil)
	s.revoked.Revoke(lab.Revocation{Serial: s.credentials[0].TLS.Leaf.SerialNumber})
	s.run()
	eventually(t, "for the answer", func() bool {
		all := s.source.Report().Staples
		return len(all) == 1 && all[0].Status == "revoked"
	})
	if s.staple() != nil {
		t.Error("a revoked one is served")
	}
}

// TestStaplesApart: when one has expired the others are served on.
func TestStaplesApart(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	short := newPeer(s)
	short.serve(responder(t, s.root, lab.ResponderOptions{Life: 10 * time.Minute}))
	server := must(s.root.IssueServer(lab.ServerOptions{
		Options: lab.Options{Now: codecNow, OCSP: []string{short.url}}, DNSNames: []string{"radius2.example.org"},
	}))
	s.credentials = append(s.credentials, &credential{Name: "second", TLS: server.TLS()})
	sn := s.publish()
	s.run()
	stapled := func(want ...bool) func() bool {
		return func() bool {
			s.source.Tick()
			all := s.source.Credentials(sn)
			return (all[0].OCSPStaple != nil) == want[0] && (all[1].OCSPStaple != nil) == want[1]
		}
	}
	eventually(t, "for both", stapled(true, true))
	short.fail()
	s.move(20 * time.Minute)
	eventually(t, "for one to be left", stapled(true, false))
}

// TestCredentialsOfAnotherSnapshot are as they are.
func TestCredentialsOfAnotherSnapshot(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.run()
	s.stapled(codecNow)
	before := s.holder.Load()
	s.credentials = s.withoutStaple()
	sn := s.publish()
	s.source.Tick()
	eventually(t, "for the view", func() bool { return len(s.source.Report().Staples) == 0 })
	if got := s.source.Credentials(before); len(got) != 1 || got[0].OCSPStaple != nil {
		t.Errorf("got %d credentials of the former configuration, or a staple", len(got))
	}
	if got := s.source.Credentials(sn); len(got) != 1 || !got[0].Leaf.Equal(s.credentials[0].TLS.Leaf) {
		t.Errorf("got %d credentials", len(got))
	}
}
