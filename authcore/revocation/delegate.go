package revocation

import (
	"context"
	"fmt"

	"gatehouse/authcore/audit"
)

// checkSigner validates the delegated signer of a, if the CA has not exempted it: by what is
// known of it, or by the responder at t, which must not let the signer vouch for itself. What
// comes out is remembered, in memory.
func (s *Source) checkSigner(ctx context.Context, sub *subject, t Target, a *Answer) *Error {
	if a.Signer == nil {
		return nil
	}
	about := subject{
		key: KeyFor(sub.key.Issuer, a.Signer), cert: a.Signer, issuer: sub.issuer,
		ca: sub.ca, role: intermediate, rules: sub.rules,
	}
	status := s.signerStatus(&about)
	if status == None {
		status = s.askAboutSigner(ctx, &about, t)
	}
	name := audit.Printable(a.Signer.Subject.CommonName)
	switch status {
	case Good:
		return nil
	case Revoked:
		return &Error{Reason: audit.OCSPUnauthorized, Detail: fmt.Sprintf(
			"the signer %q of the answer is revoked", name)}
	}
	return &Error{Reason: audit.OCSPUnauthorized, Detail: fmt.Sprintf(
		"the signer %q of the answer has no id-pkix-ocsp-nocheck, "+
			"and its own standing cannot be validated", name)}
}

// signerStatus is what is known: revoked, good by a current answer or list, or nothing.
func (s *Source) signerStatus(about *subject) Status {
	at, v := s.config.Clock(), s.view.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []finding
	if e := s.table.get(about.key); e != nil {
		found = append(found, e.finding(about, at))
	}
	if list := s.listFor(about, targetOf(about.cert), v); list != nil {
		found = append(found, list.finding(about, at))
	}
	status := None
	for _, f := range found {
		switch {
		case f.answer.Status == Revoked:
			return Revoked
		case f.answer.Status == Good && f.freshness == Fresh:
			status = Good
		}
	}
	return status
}

// askAboutSigner asks the responder that it signs for. Only an answer that is signed by the CA,
// or by a delegate that needs no check, counts.
func (s *Source) askAboutSigner(ctx context.Context, about *subject, t Target) Status {
	request, err := NewRequest(about.cert, about.issuer, RequestOptions{})
	if err != nil {
		return None
	}
	s.counts.requests.Add(1)
	der, err := s.config.Fetcher.OCSP(ctx, t, request)
	if err != nil {
		s.counts.failures.Add(1)
		return None
	}
	at := s.config.Clock()
	own, err := VerifyResponse(der, about.cert, about.issuer, VerifyOptions{
		Now: at.Now, Skew: about.rules.Skew,
	})
	if err != nil || own.Signer != nil {
		return None // the responder is not to blame: its answer was about something else
	}
	if own.Freshness(at.Now, about.rules.Skew, about.rules.MaxAge) != Fresh && own.Status != Revoked {
		return None
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entryFor(about)
	e.kept = false // answers about signers are kept in memory alone
	if !supersedes(&e.answer, &own) {
		return e.answer.Status
	}
	e.setAnswer(own, at.Now)
	return own.Status
}
