package revocation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"

	"github.com/google/go-cmp/cmp"
)

func TestOC17RemovedCA(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	other := must(lab.NewCA(lab.CAOptions{Options: lab.Options{Now: codecNow}, Name: "Another root"}))
	s.addCA("other", other)
	s.publish()
	lists := newListServer(s)
	lists.serveList(other, lab.CRLOptions{})
	s.ocsp.serve(responder(t, s.inter, lab.ResponderOptions{}), responder(t, other, lab.ResponderOptions{}))
	stop := s.run()
	stays := s.enrol()
	goes := s.enrolBy(other, lab.Options{OCSP: []string{s.ocsp.url}})
	byList := s.enrolBy(other, lab.Options{OCSP: []string{newPeer(s).url}, CRL: []string{lists.at}})
	s.admit(stays, "alice")
	s.admit(goes, "bob")
	s.admit(byList, "carol")
	s.settled()
	open := make(chan struct{})
	s.ocsp.after(open)
	asked := s.enrolBy(other, lab.Options{OCSP: []string{s.ocsp.url}})
	s.ocsp.asked.Store(0)
	_, woken, _ := s.once(asked)
	eventually(t, "for the request that is under way when the CA goes", func() bool { return s.ocsp.asked.Load() > 0 })
	s.cas = s.cas[:1]
	s.publish()
	s.source.Tick()
	eventually(t, "for the CA to be forgotten", func() bool {
		l, _, _ := s.lists.count()
		return l == 0 && len(s.source.Report().Lists) == 0 && len(s.source.List()) == 3
	})
	close(open)
	<-woken
	s.settled()
	check := func() {
		t.Helper()
		all := s.source.List()
		if len(all) != 2 || all[0].CA != "acme" || all[1].CA != "acme" {
			t.Errorf("got %+v, want the certificates of acme alone: a person's and the intermediate", all)
		}
		if s.answers.has(`"ca":"other"`) {
			t.Error("answers of the removed CA are on the disk")
		}
	}
	check()
	// One that is removed while nobody runs goes at the next start.
	s.answers.change(func(_ string, v []byte) []byte {
		return []byte(strings.Replace(string(v), `"ca":"acme"`, `"ca":"former"`, 1))
	})
	stop()
	s.restart()
	s.run()
	eventually(t, "for the disk", func() bool { return !s.answers.has(`"ca":"former"`) })
}

func TestForget(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		purge func(good, revoked person) revocation.Purge
		want  int
		left  []string // statuses
	}{
		{"nothing", func(_, _ person) revocation.Purge { return revocation.Purge{} }, 0, []string{"good", "good", "revoked"}},
		{"all", func(_, _ person) revocation.Purge { return revocation.Purge{All: true} }, 2, []string{"revoked"}},
		{"all_revoked", func(_, _ person) revocation.Purge { return revocation.Purge{All: true, Revoked: true} }, 3, nil},
		{"ca", func(_, _ person) revocation.Purge { return revocation.Purge{CA: "acme"} }, 2, []string{"revoked"}},
		{"another_ca", func(_, _ person) revocation.Purge { return revocation.Purge{CA: "x"} }, 0, []string{"good", "good", "revoked"}},
		{"serial", func(p, _ person) revocation.Purge { return revocation.Purge{Serial: serialOf(p)} }, 1, []string{"good", "revoked"}},
		{"serial_revoked", func(_, p person) revocation.Purge { return revocation.Purge{Serial: serialOf(p)} }, 0, []string{"good", "good", "revoked"}},
		{"serial_revoked_too", func(_, p person) revocation.Purge {
			return revocation.Purge{Serial: serialOf(p), Revoked: true}
		}, 1, []string{"good", "good"}},
	} {
		for _, where := range []string{"memory", "disk"} {
			t.Run(tt.name+"_"+where, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, nil)
				good, other, bad := s.enrol(), s.enrol(), s.enrol()
				s.revoke(bad, lab.Unspecified)
				s.expect(good, "good responder")
				s.expect(other, "good responder")
				s.expect(bad, "cert_revoked")
				s.kept(3)
				if where == "disk" {
					s.restart()
				}
				got, err := s.source.Forget(tt.purge(good, bad))
				if err != nil || got != tt.want {
					t.Errorf("got %d, %v, want %d", got, err, tt.want)
				}
				s.kept(len(tt.left))
				s.ocsp.fail()
				s.move(time.Minute)
				var left []string
				for _, p := range []person{good, other, bad} {
					if st := s.standing(p); st.Status != "none" {
						left = append(left, st.Status)
					}
				}
				if diff := cmp.Diff(tt.left, left); diff != "" {
					t.Errorf("left (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestOC20ForgetAsksAtOnce: a person who purges to hurry a revocation is told whom it meets, and
// need not wait for them to come again.
func TestOC20ForgetAsksAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.run()
	p := s.enrol()
	s.admit(p, "alice")
	s.revoke(p, lab.Unspecified)
	if n, err := s.source.Forget(revocation.Purge{Serial: serialOf(p)}); n != 1 || err != nil {
		t.Errorf("got %d, %v, want 1", n, err)
	}
	eventually(t, "for the withdrawal", func() bool { return len(s.withdrawals()) == 1 })
	if all := s.withdrawals(); all[0].Sessions[0].User != "alice" {
		t.Errorf("got %+v, want alice told of", all)
	}
}

func serialOf(p person) string {
	return revocation.KeyOf(p.Certificate, p.path.Certificates[1]).SerialHex()
}

// TestForgetWhileAsked: what was known goes, and what comes counts.
func TestForgetWhileAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t, grace(time.Hour))
	p := s.enrol()
	s.expect(p, "good responder")
	s.move(70 * time.Minute)
	open := make(chan struct{})
	s.ocsp.after(open)
	_, woken, ready := s.once(p)
	if ready {
		t.Fatal("ready without an answer")
	}
	if n, err := s.source.Forget(revocation.Purge{All: true}); n != 1 || err != nil {
		t.Errorf("got %d, %v, want 1", n, err)
	}
	close(open)
	<-woken
	s.expect(p, "good responder")
	s.answers.broken = true
	if _, err := s.source.Forget(revocation.Purge{All: true}); err == nil {
		t.Error("got no error of a broken disk")
	}
}

func TestListAndReport(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.credentials = s.withoutStaple()
	s.publish()
	s.run()
	first, bad, dead := s.enrol(), s.enrol(), s.enrolBy(s.inter, lab.Options{OCSP: []string{newPeer(s).url}})
	s.admit(first, "alice")
	s.source.Accepted(s.query(first), revocation.Session{User: "alice", Station: "another"})
	s.source.Accepted(s.query(first), revocation.Session{User: "bob"})
	s.revoke(bad, lab.KeyCompromise)
	s.expect(bad, "cert_revoked")
	s.expect(dead, "ocsp_unavailable")
	list := s.source.List()
	i := slices.IndexFunc(list, func(e revocation.EntryReport) bool { return e.Serial == serialOf(first) })
	if i < 0 || len(list) != 4 { // the intermediate, by which somebody was accepted, is one
		t.Fatalf("got %+v", list)
	}
	got := list[i]
	got.Refresh = time.Time{}
	want := revocation.EntryReport{
		Serial: serialOf(first), Issuer: s.inter.Certificate.Subject.String(), CA: "acme", Status: "good",
		ThisUpdate: codecNow, NextUpdate: codecNow.Add(time.Hour), Until: codecNow.Add(time.Hour),
		Obtained: codecNow, Seen: codecNow,
		Responder: s.ocsp.url, Users: []string{"alice", "bob"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	r := s.source.Report()
	if diff := cmp.Diff(map[string]int{"good": 1, "revoked": 1, "none": 2}, r.ByStatus); diff != "" {
		t.Errorf("by status (-want +got):\n%s", diff)
	}
	if r.Entries != 4 || r.Expired != 0 || r.Planned != 1 || r.Asking != 0 || r.Requests != 3 || r.Failures != 1 ||
		len(r.Responders) != 2 {
		t.Errorf("got %+v", r)
	}
	for _, one := range r.Responders {
		good := one.URL == s.ocsp.url+"/"
		if good != (one.Failed == 0) || good && !one.NextUpdate.Equal(codecNow.Add(time.Hour)) || len(one.Steps) != 5 {
			t.Errorf("got responder %+v", one)
		}
	}
}

func TestEntriesAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.config.Entries = 10
	s.restart()
	var all []person
	for range 15 {
		p := s.enrol()
		s.admit(p, "alice")
		all = append(all, p)
	}
	if r := s.source.Report(); r.Entries != 10 || r.Planned > 10 {
		t.Errorf("got %d entries and %d planned refreshes, want 10 at most", r.Entries, r.Planned)
	}
	s.kept(15)
	s.ocsp.fail()
	s.move(time.Minute)
	for _, p := range all { // the disk has them all
		s.expect(p, "good cache")
	}
}
