package revocation_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
)

// A listServer serves one CRL at /list.crl, with an ETag.
type listServer struct {
	*peer
	at   string
	der  atomic.Pointer[[]byte]
	same atomic.Int64 // answers "not modified"
}

func newListServer(s *site) *listServer {
	l := &listServer{peer: newPeer(s)}
	l.at = l.url + "/list.crl"
	return l
}

// serveList serves the CRL of ca, made now and good for an hour.
func (l *listServer) serveList(ca *lab.CA, o lab.CRLOptions) {
	l.site.Helper()
	der := l.site.list(ca, o)
	l.der.Store(&der)
	l.handle(func(w http.ResponseWriter, r *http.Request) {
		der := *l.der.Load()
		tag := fmt.Sprintf(`"%x"`, der[len(der)-8:])
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			l.same.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "application/pkix-crl")
		_, _ = w.Write(der)
	})
}

// list makes a CRL by the site's clock.
func (s *site) list(ca *lab.CA, o lab.CRLOptions) []byte {
	s.Helper()
	if o.ThisUpdate.IsZero() {
		o.ThisUpdate = s.moment().Now
	}
	if o.NextUpdate.IsZero() {
		o.NextUpdate = o.ThisUpdate.Add(time.Hour)
	}
	if o.Revocations == nil {
		o.Revocations = s.revoked
	}
	der, err := ca.NewCRL(o)
	if err != nil {
		s.Fatal(err)
	}
	return der
}

// fileList puts a CRL beside the CA.
func (s *site) fileList(ca *lab.CA, o lab.CRLOptions) {
	s.Helper()
	s.cas[0].Lists = []snapshot.List{{Name: "ca/acme.crl", DER: s.list(ca, o)}}
	s.publish()
}

func order(words ...string) func(*policy.Revocation) {
	return func(r *policy.Revocation) { r.Order = words }
}

// expectDetail is expect, with words that the detail must have.
func (s *site) expectDetail(p person, want, detail string) {
	s.Helper()
	if got := s.expect(p, want); !strings.Contains(got.Detail, detail) {
		s.Errorf("got detail %q, want %q in it", got.Detail, detail)
	}
}

// TestOC15NoResponder is about certificates that name nobody.
func TestOC15NoResponder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		word          string
		responder     bool // the CA has one
		list, listed  bool // a file is beside the CA, and the certificate on it
		want          string
		wantResponder int
	}{
		{"reject", false, false, false, "ocsp_no_responder", 0},
		{"reject", true, true, false, "ocsp_no_responder", 0},
		{"reject", false, true, true, "cert_revoked", 0},
		{"responder", true, false, false, "good responder", 1},
		{"responder", false, false, false, "ocsp_no_responder", 0},
		{"crl", false, true, false, "good crl", 0},
		{"crl", true, true, true, "cert_revoked", 0},
		{"crl", false, false, false, "ocsp_no_responder", 0},
		{"allow", false, false, false, "none", 0},
		{"allow", false, true, false, "none", 0},
		{"allow", false, true, true, "cert_revoked", 0},
	} {
		t.Run(fmt.Sprintf("%s_%v_%v_%v", tt.word, tt.responder, tt.list, tt.listed), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(r *policy.Revocation) { r.NoResponder = tt.word })
			p := s.enrolBy(s.inter, lab.Options{})
			if tt.responder {
				s.cas[0].Revocation.Responder = s.ocsp.url
			}
			if tt.listed {
				s.revoke(p, lab.Unspecified)
			}
			s.publish()
			if tt.list {
				s.fileList(s.inter, lab.CRLOptions{})
			}
			s.expect(p, tt.want)
			s.requests(tt.wantResponder)
		})
	}
}

// TestOC15SecondResort: the CA's own responder is asked when the named one does not answer.
func TestOC15SecondResort(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.cas[0].Revocation.Responder = s.ocsp.url
	s.publish()
	dead := newPeer(s)
	p := s.enrolBy(s.inter, lab.Options{OCSP: []string{dead.url, dead.url + "/second"}})
	s.expect(p, "good responder")
	if dead.asked.Load() == 0 {
		t.Error("the responder that the certificate names was not asked")
	}
	dead.hang()
	start := time.Now()
	s.cas[0].Revocation.Budget = 600 * time.Millisecond
	s.publish()
	s.expect(s.enrolBy(s.inter, lab.Options{OCSP: []string{dead.url + "/third"}}), "good responder")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestOC15Order(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		order      []string
		ocsp, list bool // is there
		want       string
		requests   int
	}{
		{"crl", []string{"crl"}, true, true, "good crl", 0},
		{"crl_absent", []string{"crl"}, true, false, "crl_stale", 0},
		{"crl_first", []string{"crl", "ocsp"}, true, true, "good crl", 0},
		{"crl_first_absent", []string{"crl", "ocsp"}, true, false, "good responder", 1},
		{"ocsp_first", []string{"ocsp", "crl"}, true, true, "good responder", 1},
		{"ocsp_first_dead", []string{"ocsp", "crl"}, false, true, "good crl", 2},
		{"both_dead", []string{"ocsp", "crl"}, false, false, "ocsp_unavailable", 2},
		{"ocsp_only", []string{"ocsp"}, false, true, "ocsp_unavailable", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, order(tt.order...))
			lists := newListServer(s)
			if tt.list {
				lists.serveList(s.inter, lab.CRLOptions{})
			}
			if !tt.ocsp {
				s.ocsp.handle(func(w http.ResponseWriter, _ *http.Request) {
					http.Error(w, "closed", http.StatusBadRequest) // once by GET, once by POST
				})
			}
			p := s.enrolBy(s.inter, lab.Options{OCSP: []string{s.ocsp.url}, CRL: []string{lists.at}})
			s.expect(p, tt.want)
			s.requests(tt.requests)
			s.expect(p, tt.want)
			s.requests(0)
		})
	}
}

// TestOC15FileDoesNotSilenceOCSP: a list beside the CA is the second resort, if so ordered.
func TestOC15FileDoesNotSilenceOCSP(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.fileList(s.inter, lab.CRLOptions{})
	p := s.enrol()
	s.revoke(p, lab.Unspecified) // which the list does not know
	s.expect(p, "cert_revoked")
	s.ocsp.fail()
	q := s.enrol()
	s.expect(q, "good crl")
	s.answer(lab.ResponderOptions{Revocations: s.revoked})
	s.revoke(q, lab.Unspecified)
	s.move(time.Minute)
	s.expect(q, "cert_revoked")
}

// TestOC19Files: lists beside the CA count without a restart, and without being asked for.
func TestOC19Files(t *testing.T) {
	t.Parallel()
	s := newSite(t, order("crl"))
	p, q := s.enrol(), s.enrol()
	s.revoke(q, lab.KeyCompromise)
	s.fileList(s.inter, lab.CRLOptions{})
	s.run()
	s.expectDetail(p, "good crl", "ca/acme.crl")
	s.expectDetail(q, "cert_revoked", "keyCompromise")
	s.admit(p, "alice")
	if got := s.source.Report().Lists; len(got) != 1 || got[0].Entries != 1 || got[0].Expired || got[0].CA != "acme" {
		t.Errorf("got lists %+v", got)
	}
	s.move(2 * time.Hour)
	s.expectDetail(p, "crl_stale", "the list ca/acme.crl expired")
	s.expect(q, "cert_revoked") // an expired list still knows
	s.revoke(p, lab.CertificateHold)
	s.fileList(s.inter, lab.CRLOptions{})
	s.expect(p, "cert_revoked")
	eventually(t, "for the withdrawal", func() bool { return len(s.withdrawals()) == 1 })
	s.revoked.Restore(p.Serial)
	s.move(time.Minute)
	s.fileList(s.inter, lab.CRLOptions{})
	eventually(t, "for the hold to be lifted", func() bool { return s.standing(p).Acceptable })
	s.admit(p, "alice")
	s.revoke(p, lab.CessationOfOperation)
	s.move(time.Minute)
	s.fileList(s.inter, lab.CRLOptions{})
	eventually(t, "for the second withdrawal", func() bool { return len(s.withdrawals()) == 2 })
	s.expect(p, "cert_revoked")
	s.cas[0].Lists = nil
	s.publish()
	s.expect(p, "cert_revoked") // by memory
}

// TestOC19Forged: a list that the CA has not signed says nothing.
func TestOC19Forged(t *testing.T) {
	t.Parallel()
	s := newSite(t, order("crl"))
	lists := newListServer(s)
	p := s.enrolBy(s.inter, lab.Options{CRL: []string{lists.at}})
	lists.serveList(s.inter, lab.CRLOptions{Damaged: true})
	s.expectDetail(p, "ocsp_unauthorized", "CRL")
	lists.serveList(codecPKI().other, lab.CRLOptions{})
	s.move(time.Minute)
	s.expectDetail(p, "ocsp_unauthorized", "CRL")
	lists.serveList(s.inter, lab.CRLOptions{ThisUpdate: codecNow.Add(-5 * time.Hour)})
	s.move(time.Minute)
	s.expectDetail(p, "crl_stale", "expired")
	lists.serveList(s.inter, lab.CRLOptions{})
	s.move(time.Minute)
	s.expect(p, "good crl")
	lists.serveList(s.inter, lab.CRLOptions{ThisUpdate: codecNow.Add(-5 * time.Hour), NextUpdate: codecNow.Add(99 * time.Hour)})
	s.move(2 * time.Hour)
	s.expectDetail(p, "crl_stale", "older than the one known")
}

func TestDistributionPoint(t *testing.T) {
	t.Parallel()
	s := newSite(t, order("crl"))
	s.credentials = s.withoutStaple()
	s.publish()
	lists := newListServer(s)
	lists.serveList(s.inter, lab.CRLOptions{})
	p := s.enrolBy(s.inter, lab.Options{CRL: []string{lists.at}})
	q := s.enrolBy(s.inter, lab.Options{CRL: []string{lists.at}})
	s.run()
	s.admit(p, "alice")
	s.admit(q, "bob")
	if n := lists.asked.Load(); n != 1 {
		t.Errorf("got %d fetches, want 1 for both", n)
	}
	s.move(45 * time.Minute) // half of its life, and not modified
	eventually(t, "for the renewal", func() bool {
		return s.source.Report().Lists[0].Fetched.Equal(codecNow.Add(45 * time.Minute))
	})
	if n := lists.same.Load(); n != 1 {
		t.Errorf("got %d answers that nothing has changed, want 1", n)
	}
	s.revoke(q, lab.KeyCompromise)
	lists.serveList(s.inter, lab.CRLOptions{})
	s.move(s.source.Report().Lists[0].Refresh.Sub(s.moment().Now) + time.Second)
	eventually(t, "for the withdrawal", func() bool { return len(s.withdrawals()) == 1 })
	s.expect(p, "good crl")
	s.expect(q, "cert_revoked")
	if entries, _, durable := s.lists.count(); entries != 1 || durable != 2 {
		t.Errorf("got %d lists kept, %d durable writes, want 1 and 2", entries, durable)
	}
	s.restart()
	lists.fail()
	before := lists.asked.Load()
	s.expect(p, "good crl")
	s.expect(q, "cert_revoked")
	if n := lists.asked.Load(); n != before {
		t.Errorf("the list was fetched anew after the restart")
	}
	s.move(2 * time.Hour)
	s.expect(p, "crl_stale")
	s.expect(q, "cert_revoked")
}

// TestDistributionPointAfterBoot: lists come back before anybody asks, and are renewed.
func TestDistributionPointAfterBoot(t *testing.T) {
	t.Parallel()
	s := newSite(t, order("ocsp", "crl"))
	lists := newListServer(s)
	lists.serveList(s.inter, lab.CRLOptions{})
	p := s.enrolBy(s.inter, lab.Options{CRL: []string{lists.at}, OCSP: []string{newPeer(s).url}})
	s.revoke(p, lab.Unspecified)
	s.expect(p, "good crl") // the list is older than that
	for _, change := range []func([]byte) []byte{
		func(v []byte) []byte { return v },
		func(v []byte) []byte { return v[:len(v)-7] },
		func(v []byte) []byte { return []byte("{") },
	} {
		s.lists.change(func(_ string, v []byte) []byte { return change(v) })
		s.restart()
		stop := s.run()
		s.source.Tick()
		s.expect(p, "good crl")
		stop()
	}
	lists.serveList(s.inter, lab.CRLOptions{})
	s.restart()
	s.run()
	s.move(50 * time.Minute)
	eventually(t, "for the renewal", func() bool { return len(s.source.Report().Lists) == 1 && s.lists.has(`"fetched":"2026-10-03T12:50`) })
	s.expect(p, "cert_revoked")
}

// has reports whether a value contains text.
func (c *cacheSpy) has(text string) bool {
	found := false
	c.change(func(_ string, v []byte) []byte { found = found || strings.Contains(string(v), text); return v })
	return found
}

// TestLargeListIsWaitedFor: those who wait give up, and the list comes all the same.
func TestLargeListIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(r *policy.Revocation) { r.Order = []string{"crl"}; r.Budget = 100 * time.Millisecond }).known()
	lists := newListServer(s)
	lists.serveList(s.inter, lab.CRLOptions{})
	open := make(chan struct{})
	lists.after(open)
	p := s.enrolBy(s.inter, lab.Options{CRL: []string{lists.at}})
	s.expectDetail(p, "ocsp_unavailable", "100ms")
	close(open)
	eventually(t, "for the list", func() bool { return len(s.source.Report().Lists) == 1 })
	s.expect(p, "good crl")
	if n := lists.asked.Load(); n != 1 {
		t.Errorf("got %d fetches, want 1", n)
	}
}

// TestSameSerialTwoCAs: OC-11, and the list of one CA says nothing about another's certificates.
func TestSameSerialTwoCAs(t *testing.T) {
	t.Parallel()
	for _, words := range [][]string{{"ocsp", "crl"}, {"crl"}} {
		s := newSite(t, order(words...))
		other := must(lab.NewCA(lab.CAOptions{Options: lab.Options{Now: codecNow}, Name: "Another root"}))
		s.addCA("other", other)
		p := s.enrol()
		q := s.enrolBy(other, lab.Options{Serial: p.Serial, OCSP: []string{s.ocsp.url}})
		s.revoke(p, lab.Unspecified)
		s.ocsp.serve(responder(t, s.inter, lab.ResponderOptions{Revocations: s.revoked}), responder(t, other, lab.ResponderOptions{}))
		s.cas[0].Lists = []snapshot.List{{Name: "ca/acme.crl", DER: s.list(s.inter, lab.CRLOptions{})}}
		s.cas[1].Lists = []snapshot.List{{Name: "ca/other.crl", DER: s.list(other, lab.CRLOptions{Revocations: &lab.Revocations{}})}}
		s.publish()
		s.expect(p, "cert_revoked")
		if got := s.standing(q); !got.Acceptable || got.Status != "good" {
			t.Errorf("%v: got %+v of the other CA's, want good", words, got)
		}
	}
}

// TestManyLists: those fetched are bounded.
func TestManyLists(t *testing.T) {
	t.Parallel()
	s := newSite(t, order("crl"))
	lists := newListServer(s)
	lists.serveList(s.inter, lab.CRLOptions{})
	for n := range 70 {
		p := s.enrolBy(s.inter, lab.Options{CRL: []string{fmt.Sprintf("%s?%d", lists.at, n)}})
		s.move(time.Second)
		s.expect(p, "good crl")
	}
	got := s.source.Report().Lists
	if len(got) != 64 || !slices.ContainsFunc(got, func(l revocation.ListReport) bool { return strings.HasSuffix(l.Name, "?69") }) {
		t.Errorf("got %d lists, want 64 with the last", len(got))
	}
}
