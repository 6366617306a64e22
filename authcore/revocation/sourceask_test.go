package revocation_test

import (
	"crypto/x509"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/revocation"
)

type (
	ca509      = []*x509.Certificate
	credential = pki.Credential
)

// newSerial is a serial number that differs for each n.
func newSerial(n int) *big.Int { return big.NewInt(1<<40 + int64(n)) }

// known makes the Source know the configuration, so that what follows is about answers alone.
func (s *site) known() *site {
	s.Helper()
	s.source.Standing(revocation.Query{Path: s.enrolBy(s.root, lab.Options{}).path, At: s.moment()})
	return s
}

func TestOC10MissThenHit(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil).known()
	p := s.enrol()
	_, woken, ready := s.once(p)
	if ready {
		t.Fatal("ready without having asked")
	}
	<-woken
	got, _, ready := s.once(p)
	if !ready || !got.Acceptable || got.Status != "good" || got.Source != revocation.FromResponder {
		t.Fatalf("got %+v, %v, want good of the responder", got, ready)
	}
	s.requests(1)
	s.move(time.Minute)
	if got := s.expect(p, "good cache"); got.Age != time.Minute {
		t.Errorf("got age %s, want a minute", got.Age)
	}
	s.requests(0)
}

func TestOC10FiftyAskOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil).known()
	p := s.enrol()
	open := make(chan struct{})
	s.ocsp.after(open)
	var all []chan struct{}
	for range 50 {
		_, woken, ready := s.once(p)
		if ready {
			t.Fatal("ready without an answer")
		}
		all = append(all, woken)
	}
	close(open)
	for _, woken := range all {
		<-woken
	}
	s.requests(1)
	s.expect(p, "good responder")
	s.requests(0)
}

// TestOC10HangingResponder is about a responder that accepts and never writes.
func TestOC10HangingResponder(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(r *policy.Revocation) { r.Budget = 150 * time.Millisecond }).known()
	other := newPeer(s)
	other.serve(responder(s, s.inter, lab.ResponderOptions{}))
	open := make(chan struct{})
	s.ocsp.after(open)
	var hung []person
	var waiting []chan struct{}
	for range 80 { // more than may ask one responder at once
		p := s.enrol()
		_, woken, ready := s.once(p)
		if ready {
			t.Fatal("ready without an answer")
		}
		hung, waiting = append(hung, p), append(waiting, woken)
	}
	s.expect(s.enrolBy(s.inter, lab.Options{OCSP: []string{other.url}}), "good responder")
	for _, woken := range waiting {
		<-woken
	}
	got, _, ready := s.once(hung[0])
	if !ready || got.Acceptable || got.Reason != audit.OCSPUnavailable || !strings.Contains(got.Detail, "150ms") {
		t.Errorf("got %+v, %v, want unavailable within the budget", got, ready)
	}
	if _, _, ready := s.once(hung[1]); !ready {
		t.Error("the second one to ask has to wait")
	}
	close(open) // the answers come late, and count for the next
	s.settled()
	s.move(time.Minute)
	s.ocsp.fail()
	s.expect(hung[0], "good cache")
	s.expect(hung[79], "good cache")
}

// TestOC10FaultPasses: a failure is the answer for a few seconds, then it is tried again.
func TestOC10FaultPasses(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil).known()
	p := s.enrol()
	s.ocsp.fail()
	s.expect(p, "ocsp_unavailable")
	s.ocsp.asked.Store(0)
	s.expect(p, "ocsp_unavailable")
	s.requests(0)
	s.answer(lab.ResponderOptions{})
	s.move(6 * time.Second)
	s.expect(p, "good responder")
	s.expect(s.enrol(), "good responder")
	s.move(-time.Hour) // the clock steps back over all of that
	s.ocsp.fail()
	stranger := s.enrol()
	s.expect(stranger, "ocsp_unavailable")
	s.move(-time.Hour)
	s.answer(lab.ResponderOptions{})
	s.expect(stranger, "good responder")
}

// TestOC10NobodyWaits: without Wake, what is known must do.
func TestOC10NobodyWaits(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	got, ready := s.source.Standing(s.query(p))
	if !ready || got.Acceptable || got.Reason != audit.OCSPUnavailable {
		t.Errorf("got %+v, %v, want unavailable at once", got, ready)
	}
	s.requests(0)
	s.expect(p, "good responder")
	if got, ready := s.source.Standing(s.query(p)); !ready || !got.Acceptable {
		t.Errorf("got %+v, %v, want it accepted at once", got, ready)
	}
}

// TestAfterRunNobodyIsAsked: a path is not acceptable because one certificate of it is, when the
// others cannot be asked about any more.
func TestAfterRunNobodyIsAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	s.run()()
	s.ocsp.asked.Store(0) // about the server's own certificate
	got, _, ready := s.once(p)
	if !ready || got.Acceptable || got.Reason != audit.OCSPUnavailable {
		t.Errorf("got %+v, %v, want unavailable at once", got, ready)
	}
	s.requests(0)
}

// TestOC10FullHouse: beyond the bound of those asked about, the answer is no.
func TestOC10FullHouse(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(r *policy.Revocation) { r.Budget = time.Minute }).known()
	s.ocsp.hang()
	base := s.enrol()
	var wake sync.WaitGroup
	full := false
	for n := range 2100 {
		p := base
		leaf := *base.path.Certificates[0]
		leaf.SerialNumber = newSerial(n)
		p.path.Certificates = append(ca509{&leaf}, base.path.Certificates[1:]...)
		q := s.query(p)
		wake.Add(1)
		q.Wake = wake.Done
		got, ready := s.source.Standing(q)
		if !ready {
			continue
		}
		wake.Done()
		full = true
		if n < 2048 || got.Acceptable || got.Reason != audit.OCSPUnavailable || !strings.Contains(got.Detail, "2048") {
			t.Fatalf("query %d: got %+v", n, got)
		}
	}
	if !full {
		t.Error("2100 certificates are asked about at once")
	}
	s.run()() // lets go of them
	wake.Wait()
}
