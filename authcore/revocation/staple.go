package revocation

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"

	"gatehouse/authcore/audit"
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
	from, until  time.Time // all of the answers are current then
}

// Credentials returns the server credentials of sn, each with the OCSP answer about it where
// there is a current one. The slice must not be written.
func (s *Source) Credentials(sn *snapshot.Snapshot) []tls.Certificate {
	have := s.stapled.Load()
	if have == nil || have.snapshot != sn {
		s.nudge()
	}
	if have == nil {
		return sn.Certificates()
	}
	if now := s.config.Clock().Now; now.Before(have.from) || !now.Before(have.until) {
		return sn.Certificates()
	}
	if have.snapshot != sn {
		return have.carried(sn.Certificates())
	}
	return have.certificates
}

// carried returns credentials with the answers about those that were there before: a new
// configuration is looked at a moment after it is in force.
func (st *stapled) carried(credentials []tls.Certificate) []tls.Certificate {
	credentials = slices.Clone(credentials)
	for i := range credentials {
		for _, old := range st.certificates {
			if bytes.Equal(old.Certificate[0], credentials[i].Certificate[0]) {
				credentials[i].OCSPStaple = old.OCSPStaple
			}
		}
	}
	return credentials
}

// watchCredentials begins to fetch answers about the credentials of v.
func (s *Source) watchCredentials(v *view) {
	staples := map[*x509.Certificate]*staple{}
	for _, credential := range v.snapshot.Certificates() {
		if st := v.newStaple(&credential); st != nil {
			s.recallStaple(st)
			staples[credential.Leaf] = st
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for leaf, st := range staples {
		for known, old := range s.staples {
			if known.Equal(leaf) && old.der != nil {
				st.der, st.answer, st.renew = old.der, old.answer, old.renew
			}
		}
	}
	s.staples = staples
	s.restaple()
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
	if name, candidate := v.issuerOf(leaf); candidate != nil {
		issuer, rules, ca = candidate, v.cas[name].rules, name
	}
	if issuer == nil {
		return nil
	}
	return &staple{
		sub: subject{key: KeyOf(leaf, issuer), cert: leaf, issuer: issuer, ca: ca, rules: rules},
		url: leaf.OCSPServer[0],
	}
}

func (s *Source) recallStaple(st *staple) {
	at := s.config.Clock()
	if r := s.readBack(&st.sub, at); r.known {
		st.set(r.answer, r.DER, at.Now)
	}
}

func (st *staple) set(a Answer, der []byte, now time.Time) {
	st.answer, st.der, st.fault = a, der, nil
	st.renew = renewal(life{From: a.ThisUpdate, Until: a.Until(0)}, now, false)
}

// refreshStaples asks about the credentials whose answers are past half of their life.
func (s *Source) refreshStaples() {
	at, v := s.config.Clock(), s.view.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || v == nil {
		return
	}
	if have := s.stapled.Load(); have == nil || !at.Now.Before(have.until) || at.Now.Before(have.from) {
		s.restaple() // without the one that has expired
	}
	if !at.Sure {
		return
	}
	for _, st := range s.staples {
		if st.busy || ahead(at.Now, st.renew, latest) {
			continue
		}
		st.busy = true
		t := Target{URL: st.url, Allow: v.allowed(st.sub.ca)}
		s.group.Go(func() { s.fetchStaple(st, t) })
	}
}

func (s *Source) fetchStaple(st *staple, t Target) {
	ctx, cancel := context.WithTimeout(s.stop, patience)
	defer cancel()
	sub := st.sub
	sub.rules.Nonce, sub.rules.MaxAge = false, 0 // peers judge it by its own dates
	got := s.askResponder(ctx, &sub, t)
	now := s.config.Clock().Now
	s.mu.Lock()
	st.busy = false
	if got.fault == nil {
		st.set(got.answer, got.der, now)
		s.restaple()
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
			"status", got.answer.Status.String(), "subject", audit.Printable(sub.cert.Subject.String()))
	default:
		s.keep(sub.key, record{CA: sub.ca, Status: Good.String(), Obtained: now, DER: got.der,
			Life: got.answer.life()})
	}
}

// stapleRetry is the time between two attempts that fail.
const stapleRetry = time.Minute

// restaple makes the credentials of the view anew. The caller holds s.mu.
func (s *Source) restaple() {
	sn := s.view.Load().snapshot
	now := s.config.Clock().Now
	made := &stapled{
		snapshot: sn, certificates: slices.Clone(sn.Certificates()),
		from: now.Add(-latest), until: now.Add(latest),
	}
	for i := range made.certificates {
		st := s.staples[made.certificates[i].Leaf]
		if st == nil || st.answer.Status != Good || !now.Before(st.answer.Until(0)) ||
			st.answer.Freshness(now, st.sub.rules.Skew, 0) != Fresh {
			continue
		}
		made.certificates[i].OCSPStaple = st.der
		made.from = latestOf(made.from, st.answer.ThisUpdate.Add(-st.sub.rules.Skew))
		made.until = earliest(made.until, st.answer.Until(0))
	}
	s.stapled.Store(made)
}
