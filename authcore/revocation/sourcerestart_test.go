package revocation_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/revocation"
)

// kept waits until the Cache has n answers.
func (s *site) kept(n int) {
	s.Helper()
	eventually(s, "for the disk", func() bool { entries, _, _ := s.answers.count(); return entries == n })
}

func TestOC11SurvivesRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	s.expect(p, "good responder")
	s.kept(1)
	s.requests(1)
	s.restart()
	s.move(time.Minute)
	s.ocsp.fail()
	s.expect(p, "good cache")
	s.requests(0)
}

// TestOC11Damaged: what cannot be verified again is not believed, whatever it says.
func TestOC11Damaged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(key string, value []byte) []byte
	}{
		{"flipped", func(_ string, v []byte) []byte {
			return redone(v, func(der []byte) []byte { der[len(der)-5] ^= 1; return der })
		}},
		{"truncated", func(_ string, v []byte) []byte { return v[:len(v)/2] }},
		{"truncated_der", func(_ string, v []byte) []byte {
			return redone(v, func(der []byte) []byte { return der[:len(der)/2] })
		}},
		{"empty", func(string, []byte) []byte { return []byte{} }},
		{"null", func(string, []byte) []byte { return []byte("null") }},
		{"gone", func(string, []byte) []byte { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p := s.enrol()
			s.expect(p, "good responder")
			s.kept(1)
			s.answers.change(tt.change)
			s.restart()
			s.move(time.Minute)
			s.ocsp.asked.Store(0)
			s.expect(p, "good responder")
			s.requests(1)
		})
	}
	t.Run("unreadable", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, nil)
		s.answers.broken, s.lists.broken = true, true
		p := s.enrol()
		s.expect(p, "good responder")
		s.restart()
		s.run()
		s.expect(p, "good responder")
	})
}

// redone changes the DER in an answer that was kept.
func redone(value []byte, fn func([]byte) []byte) []byte {
	var fields map[string]any
	if err := json.Unmarshal(value, &fields); err != nil {
		return value
	}
	var r struct {
		DER []byte `json:"der"`
	}
	if err := json.Unmarshal(value, &r); err != nil {
		return value
	}
	fields["der"] = fn(r.DER)
	return must(json.Marshal(fields))
}

// TestOC11Exchanged puts the answer about one certificate under the key of another: one of the
// same CA, and one of another CA with the same serial number.
func TestOC11Exchanged(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	good, victim := s.enrol(), s.enrol()
	other := codecPKI().other
	s.addCA("other", s.root, other)
	s.publish()
	s.ocsp.serve(responder(t, s.inter, lab.ResponderOptions{}), responder(t, other, lab.ResponderOptions{}))
	twin := s.enrolBy(other, lab.Options{OCSP: []string{s.ocsp.url}, Serial: good.Serial})
	s.expect(good, "good responder")
	s.kept(1)
	var value []byte
	s.answers.change(func(_ string, v []byte) []byte { value = v; return v })
	for _, p := range []person{victim, twin} {
		key := revocation.KeyOf(p.Certificate, p.path.Certificates[1])
		if err := s.answers.Put(key.Bytes(), value, true); err != nil {
			t.Fatal(err)
		}
	}
	s.restart()
	s.ocsp.fail()
	s.move(time.Minute)
	s.expect(good, "good cache")
	s.expect(victim, "ocsp_unavailable")
	s.expect(twin, "ocsp_unavailable")
}

func (s *site) revoke(p person, reason lab.Reason) {
	s.revoked.Revoke(lab.Revocation{Serial: p.Serial, At: s.moment().Now.Add(-time.Hour), Reason: reason})
}

func TestOC13RevokedIsForEver(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	s.revoke(p, lab.KeyCompromise)
	got := s.expect(p, "cert_revoked")
	if !bytes.Contains([]byte(got.Detail), []byte("keyCompromise")) {
		t.Errorf("got detail %q, want the reason", got.Detail)
	}
	if _, _, durable := s.answers.count(); durable != 1 {
		t.Errorf("got %d durable writes, want the revocation on the disk before it counts", durable)
	}
	s.revoked.Restore(p.Serial) // the CA forgets
	s.requests(1)
	s.restart()
	for range 3 {
		s.move(24 * time.Hour)
		s.expect(p, "cert_revoked")
	}
	s.requests(0)
}

// TestOC13RevokedOutlivesRefresh: the refreshes after a restart know what stands on the disk.
func TestOC13RevokedOutlivesRefresh(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	s.admit(p, "alice")
	s.kept(1)
	s.revoke(p, lab.Superseded)
	s.run()
	s.move(50 * time.Minute)
	eventually(t, "for the withdrawal", func() bool { return len(s.withdrawals()) == 1 })
	s.settled()
	s.restart()
	s.revoked.Restore(p.Serial)
	s.answers.change(func(_ string, v []byte) []byte { // as if it were planned
		return bytes.Replace(v, []byte(`"status":"revoked"`), []byte(`"status":"good"`), 1)
	})
	s.run()
	s.ocsp.asked.Store(0)
	s.move(30 * time.Minute)
	eventually(t, "for the refresh", func() bool { return s.ocsp.asked.Load() > 0 || s.source.Report().Planned == 0 })
	s.settled()
	s.expect(p, "cert_revoked")
}

func TestOC13HoldIsLifted(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	s.revoke(p, lab.CertificateHold)
	s.expect(p, "cert_revoked")
	s.requests(1)
	s.expect(p, "cert_revoked")
	s.requests(0)
	s.restart()
	s.revoked.Restore(p.Serial)
	s.move(2 * time.Minute)
	s.expect(p, "good responder")
	s.requests(1)
	eventually(t, "for the disk", func() bool { return s.answers.has(`"status":"good"`) })
	s.restart()
	s.expect(p, "good cache") // asked a moment ago, before the restart
	s.requests(0)
}

// TestOC13Replay: a good answer from before does not take the place of a newer one, and does not
// lift a hold.
func TestOC13Replay(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.enrol()
	s.answer(lab.ResponderOptions{Life: 30 * time.Minute})
	s.expect(p, "good responder")
	s.move(40 * time.Minute)
	s.answer(lab.ResponderOptions{Life: 24 * time.Hour, Odd: lab.Oddities{Age: time.Hour}})
	s.expect(p, "ocsp_stale")
	s.move(time.Minute)
	s.answer(lab.ResponderOptions{Revocations: s.revoked})
	s.revoke(p, lab.CertificateHold)
	s.expect(p, "cert_revoked")
	s.answer(lab.ResponderOptions{Life: 24 * time.Hour, Odd: lab.Oddities{Age: time.Hour}})
	s.move(2 * time.Minute)
	s.expect(p, "cert_revoked")
}

func TestOC6Unknown(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(r *policy.Revocation) { r.OCSP = policy.OCSPPrefer; r.Grace = time.Hour })
	p := s.enrol()
	known := true
	s.answer(lab.ResponderOptions{Life: time.Minute, Issued: func(*big.Int) bool { return known }})
	s.expect(p, "good responder")
	s.kept(1)
	known = false
	s.move(10 * time.Minute)
	s.expect(p, "ocsp_unknown")
	s.kept(0)
	s.requests(2)
	s.expect(p, "ocsp_unknown")
	s.requests(0)
	known = true
	s.move(30 * time.Second)
	s.expect(p, "ocsp_unknown")
	s.move(31 * time.Second)
	s.expect(p, "good responder")
	s.requests(1)
}

func TestOC6Declined(t *testing.T) {
	t.Parallel()
	for _, status := range []lab.ResponseStatus{lab.TryLater, lab.InternalError, lab.Unauthorized} {
		s := newSite(t, nil)
		s.answer(lab.ResponderOptions{Odd: lab.Oddities{Response: status}})
		s.expect(s.enrol(), "ocsp_unavailable")
		if entries, puts, _ := s.answers.count(); entries != 0 || puts != 0 {
			t.Errorf("%v: got %d entries, want none", status, entries)
		}
	}
}

func TestOC7NonceOnceAsked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, want string
		odd        lab.Oddities
	}{
		{"echoed", "good responder", lab.Oddities{}},
		{"missing", "ocsp_unauthorized", lab.Oddities{NoNonce: true}},
		{"another", "ocsp_unauthorized", lab.Oddities{Nonce: bytes.Repeat([]byte{7}, 32)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(r *policy.Revocation) { r.Nonce = true })
			s.answer(lab.ResponderOptions{Odd: tt.odd})
			s.expect(s.enrol(), tt.want)
		})
	}
}
