package revocation_test

import (
	"net/http"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
)

// delegate issues a signer that is itself to be checked.
func (s *site) delegate(ca *lab.CA) *lab.Leaf {
	s.Helper()
	leaf, err := ca.IssueOCSPSigner(lab.SignerOptions{Options: lab.Options{Now: codecNow}, MustCheck: true})
	if err != nil {
		s.Fatal(err)
	}
	return leaf
}

// serveSigned answers by signer, but for those questions that are about signer: these the CA
// answers itself.
func (s *site) serveSigned(signer *lab.Leaf) (aboutSigner func() int) {
	n := 0
	by := responder(s, s.inter, lab.ResponderOptions{Signer: signer, Revocations: s.revoked})
	own := responder(s, s.inter, lab.ResponderOptions{Revocations: s.revoked})
	s.ocsp.handle(func(w http.ResponseWriter, r *http.Request) {
		request, err := readRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		now := s.moment().Now
		reply, err := by.Answer(request, now)
		if err == nil && len(reply.Statements) == 1 && reply.Statements[0].Serial.Cmp(signer.Serial) == 0 {
			s.mu.Lock()
			n++
			s.mu.Unlock()
			reply, err = own.Answer(request, now)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(reply.DER)
	})
	return func() int { s.mu.Lock(); defer s.mu.Unlock(); return n }
}

func TestOC2SignerWithoutNoCheck(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	signer := s.delegate(s.inter)
	s.answer(lab.ResponderOptions{Signer: signer})
	s.expectDetail(s.enrol(), "ocsp_unauthorized", "ocsp-nocheck") // it vouches for itself
	asked := s.serveSigned(signer)
	s.expect(s.enrol(), "good responder")
	s.expect(s.enrol(), "good responder")
	if n := asked(); n != 1 {
		t.Errorf("the signer was asked about %d times, want once", n)
	}
	s.revoked.Revoke(lab.Revocation{Serial: signer.Serial})
	s.move(70 * time.Minute)
	s.expectDetail(s.enrol(), "ocsp_unauthorized", "is revoked")
	s.revoked.Restore(signer.Serial)
	s.move(time.Hour)
	s.expectDetail(s.enrol(), "ocsp_unauthorized", "is revoked")
}

func TestOC2SignerByList(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	signer := s.delegate(s.inter)
	s.answer(lab.ResponderOptions{Signer: signer})
	s.fileList(s.inter, lab.CRLOptions{})
	s.cas[0].Revocation.Order = []string{"ocsp"}
	s.publish()
	s.expect(s.enrol(), "good responder")
	s.revoked.Revoke(lab.Revocation{Serial: signer.Serial})
	s.cas[0].Lists = []snapshot.List{{Name: "ca/acme.crl", DER: s.list(s.inter, lab.CRLOptions{})}}
	s.publish()
	s.expectDetail(s.enrol(), "ocsp_unauthorized", "is revoked")
}

// TestOC2RefreshOfASigner: what is known of a certificate suffices to tell that an answer about
// it is signed with its own key.
func TestOC2RefreshOfASigner(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.credentials = s.withoutStaple()
	s.publish()
	leaf := must(s.inter.IssueOCSPSigner(lab.SignerOptions{Options: lab.Options{Now: codecNow, OCSP: []string{s.ocsp.url}}}))
	p := s.enrol()
	p.Leaf = leaf
	p.path.Certificates = append(ca509{leaf.Certificate}, p.path.Certificates[1:]...)
	s.run()
	s.admit(p, "alice")
	s.answer(lab.ResponderOptions{Signer: leaf})
	s.requests(1)
	s.move(45 * time.Minute)
	eventually(t, "for the refresh", func() bool { return s.ocsp.asked.Load() > 0 })
	s.settled()
	for _, e := range s.source.List() {
		if e.Serial == revocation.KeyOf(leaf.Certificate, s.inter.Certificate).SerialHex() && e.ThisUpdate.After(codecNow) {
			t.Errorf("got %+v: the certificate vouched for itself", e)
		}
	}
}
