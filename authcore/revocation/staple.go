package revocation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"slices"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// A staple is the answer about one of the gateway's own credentials (RFC 9190 §5.4).
type staple struct {
	sub    subject
	url    string
	der    []byte
	answer Answer
	fault  *Error
	renew  time.Time
	busy   bool
}

// stapled is the credentials of a Snapshot with the answers that were current when it was made.
type stapled struct {
	snapshot     *snapshot.Snapshot
	certificates []tls.Certificate
	until        time.Time // when the first of the answers expires
}

// Credentials returns the server credentials of sn, each with the OCSP answer about it where
// there is a current one. The slice must not be written.
func (s *Source) Credentials(sn *snapshot.Snapshot) []tls.Certificate {
	have := s.stapled.Load()
	if have == nil || have.snapshot != sn || s.config.Clock().Now.After(have.until) {
		return sn.Certificates()
	}
	return have.certificates
}

// watchCredentials begins to fetch answers about the credentials of v.
func (s *Source) watchCredentials(v *view) {
	staples := map[*x509.Certificate]*staple{}
	s.mu.Lock()
	before := s.staples
	s.mu.Unlock()
	for _, credential := range v.snapshot.Certificates() {
		st := v.newStaple(&credential)
		if st == nil {
			continue
		}
		for leaf, old := range before {
			if leaf.Equal(credential.Leaf) {
				st.der, st.answer, st.renew = old.der, old.answer, old.renew
			}
		}
		if st.der == nil {
			s.recallStaple(st)
		}
		staples[credential.Leaf] = st
	}
	s.mu.Lock()
	s.staples = staples
	s.restaple(v.snapshot)
	s.mu.Unlock()
}

// newStaple returns what it takes to ask about a credential, or nil if it names no responder or
// its issuer is not at hand.
func (v *view) newStaple(credential *tls.Certificate) *staple {
	leaf := credential.Leaf
	if leaf == nil || len(leaf.OCSPServer) == 0 {
		return nil
	}
	var issuer *x509.Certificate
	for _, der := range credential.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil && leaf.CheckSignatureFrom(c) == nil {
			issuer = c
			break
		}
	}
	rules, ca := v.snapshot.Policy().Revocation, ""
	for name, c := range v.cas {
		if candidate := c.issuerOf(leaf); candidate != nil {
			issuer, rules, ca = candidate, c.rules, name
		}
	}
	if issuer == nil {
		return nil
	}
	return &staple{
		sub: subject{key: KeyOf(leaf, issuer), cert: leaf, issuer: issuer, ca: ca, rules: &rules},
		url: leaf.OCSPServer[0],
	}
}

func (s *Source) recallStaple(st *staple) {
	value, ok, err := s.config.Answers.Get(st.sub.key.Bytes())
	if err != nil || !ok {
		return
	}
	var r record
	if json.Unmarshal(value, &r) != nil {
		return
	}
	at := s.config.Clock()
	answer, err := VerifyResponse(r.DER, st.sub.cert, st.sub.issuer, VerifyOptions{
		Now: at.Now, FromCache: true, Skew: st.sub.rules.Skew,
	})
	if err == nil {
		st.set(answer, r.DER, at.Now)
	}
}

func (st *staple) set(a Answer, der []byte, now time.Time) {
	st.answer, st.der, st.fault = a, der, nil
	st.renew = renewal(life{From: a.ThisUpdate, Until: a.Until(0)}, now, false)
}

// refreshStaples asks about the credentials whose answers are past half of their life.
func (s *Source) refreshStaples() {
	at := s.config.Clock()
	v := s.view.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !at.Sure || s.closed {
		return
	}
	for _, st := range s.staples {
		if st.busy || at.Now.Before(st.renew) {
			continue
		}
		st.busy = true
		t := Target{URL: st.url}
		if ca := v.ca(st.sub.ca); ca != nil {
			t.Allow = ca.allow
		}
		s.group.Go(func() { s.fetchStaple(st, t, v.snapshot) })
	}
}

func (s *Source) fetchStaple(st *staple, t Target, sn *snapshot.Snapshot) {
	ctx, cancel := context.WithTimeout(s.stop, patience)
	defer cancel()
	rules := policy.Revocation{Skew: st.sub.rules.Skew} // a nonce would be of no use to others
	sub := st.sub
	sub.rules = &rules
	got := s.askResponder(ctx, &sub, t)
	now := s.config.Clock().Now
	s.mu.Lock()
	st.busy = false
	if got.fault == nil {
		st.set(got.answer, got.der, now)
		s.restaple(sn)
	} else {
		st.fault = got.fault
		st.renew = now.Add(stapleRetry)
	}
	s.mu.Unlock()
	switch {
	case got.fault != nil:
		s.config.Logger.Warn("no OCSP answer to staple to the server certificate",
			"reason", got.fault.Reason, "detail", got.fault.Detail)
	case got.answer.Status != Good:
		s.config.Logger.Error("the gateway's own server certificate is not in good standing",
			"status", got.answer.Status.String(), "subject", sub.cert.Subject.String())
	default:
		s.keep(sub.key, record{CA: sub.ca, Status: Good.String(), Obtained: now, DER: got.der,
			Life: life{From: got.answer.ThisUpdate, Until: got.answer.NextUpdate}}, got.answer)
	}
}

// stapleRetry is the time between two attempts that fail.
const stapleRetry = time.Minute

// restaple makes the credentials of sn anew. The caller holds s.mu.
func (s *Source) restaple(sn *snapshot.Snapshot) {
	made := &stapled{snapshot: sn, certificates: slices.Clone(sn.Certificates())}
	now := s.config.Clock().Now
	for i := range made.certificates {
		st := s.staples[made.certificates[i].Leaf]
		if st == nil || st.der == nil || st.answer.Status != Good ||
			st.answer.Freshness(now, st.sub.rules.Skew, 0) != Fresh {
			continue
		}
		made.certificates[i].OCSPStaple = st.der
		if until := st.answer.Until(0); made.until.IsZero() || until.Before(made.until) {
			made.until = until
		}
	}
	s.stapled.Store(made)
}
