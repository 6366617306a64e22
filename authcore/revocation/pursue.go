package revocation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"gatehouse/authcore/audit"
)

// An outcome is what asking about a certificate came to. A list that was fetched is not in it:
// that is known to the Source, under its address.
type outcome struct {
	answer Answer
	der    []byte // of the response that holds answer
	fault  *Error // nil: the answer, or a list, counts
}

// pursue asks all who can be asked, in the order of the rules, until one answer counts.
func (s *Source) pursue(ctx context.Context, sub *subject) outcome {
	v := s.makeView()
	var allow []netip.Prefix
	if ca := v.ca(sub.ca); ca != nil {
		allow = ca.allow
	}
	s.recallLists(sub, v)
	t := targetOf(sub.cert)
	s.mu.Lock()
	list := s.listFor(sub, t, v)
	s.mu.Unlock()
	p := planFor(sub.role, t, sub.rules, list != nil)
	attempts := p.attempts(list)
	var fault *Error
	for i, a := range attempts {
		got := s.attempt(ctx, sub, a, Target{URL: a.url, Allow: allow}, len(attempts)-i)
		if got.fault == nil || got.answer.Status == Revoked {
			got.fault = nil
			return got
		}
		fault = join(fault, got.fault)
	}
	if fault == nil {
		fault = &Error{Reason: audit.OCSPUnavailable, Detail: "nobody can be asked"}
	}
	return outcome{fault: fault}
}

// join keeps the first reason and all details.
func join(a, b *Error) *Error {
	if a == nil {
		return b
	}
	return &Error{Reason: a.Reason, Detail: a.Detail + "; " + b.Detail}
}

// An attempt is one address to ask, or the list at hand.
type attempt struct {
	by   mean
	url  string
	held *heldList
}

func (p *plan) attempts(list *heldList) []attempt {
	var all []attempt
	for _, by := range p.means() {
		if by == byOCSP {
			for _, url := range p.responders {
				all = append(all, attempt{by: by, url: url})
			}
			continue
		}
		if list != nil {
			all = append(all, attempt{by: by, held: list})
		}
		for _, url := range p.points {
			all = append(all, attempt{by: by, url: url})
		}
	}
	return all
}

// attempt tries one address. As long as others are left it takes its share of the budget only,
// so that a person's wait suffices for all of them.
func (s *Source) attempt(ctx context.Context, sub *subject, a attempt, t Target, left int) outcome {
	if left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, sub.rules.Budget/time.Duration(left))
		defer cancel()
	}
	if a.held != nil {
		return outcome{fault: s.current(a.held, sub)}
	}
	if ok, until := s.config.Fetcher.Ready(t.URL, s.config.Clock().Now); !ok {
		return outcome{fault: notAsked(a.by, t.URL, until)}
	}
	if a.by == byCRL {
		held, fault := s.fetchList(ctx, sub, t)
		if fault == nil {
			fault = s.current(held, sub)
		}
		return outcome{fault: fault}
	}
	return s.askResponder(ctx, sub, t)
}

// notAsked is why somebody is left alone for a while.
func notAsked(by mean, url string, until time.Time) *Error {
	reason := audit.OCSPUnavailable
	if by == byCRL {
		reason = audit.CRLStale
	}
	return &Error{Reason: reason, Detail: fmt.Sprintf("%s has failed too often; it is asked again at %s",
		audit.Printable(url), until.UTC().Format(time.TimeOnly))}
}

// current reports why a list does not count now.
func (s *Source) current(held *heldList, sub *subject) *Error {
	at := s.config.Clock()
	a := held.Find(sub.cert)
	if a.Status == None {
		return &Error{Reason: audit.CRLStale, Detail: "the list " + held.name + " is not about such certificates"}
	}
	if a.Status == Revoked || a.Freshness(at.Now, sub.rules.Skew, sub.rules.MaxAge) == Fresh {
		return nil
	}
	return &Error{Reason: audit.CRLStale, Detail: "the list " + held.name + outOfDate(&a, sub, at.Now)}
}

// outOfDate says in which way a is not current.
func outOfDate(a *Answer, sub *subject, now time.Time) string {
	if a.ThisUpdate.After(now.Add(sub.rules.Skew)) {
		return fmt.Sprintf(" is dated %s in the future: is this gateway's clock right?",
			rounded(a.ThisUpdate.Sub(now)))
	}
	return fmt.Sprintf(" expired %s ago", rounded(now.Sub(a.Until(sub.rules.MaxAge))))
}

// askResponder asks one responder.
func (s *Source) askResponder(ctx context.Context, sub *subject, t Target) outcome {
	s.counts.requests.Add(1)
	got, fault := s.consult(ctx, sub, t)
	if fault != nil {
		s.counts.failures.Add(1)
	}
	got.fault = fault
	return got
}

func (s *Source) consult(ctx context.Context, sub *subject, t Target) (got outcome, fault *Error) {
	var opt RequestOptions
	if sub.rules.Nonce {
		nonce, err := NewNonce(rand.Reader)
		if err != nil {
			return got, asError(err, audit.OCSPUnavailable)
		}
		opt.Nonce = nonce
	}
	request, err := NewRequest(sub.cert, sub.issuer, opt)
	if err != nil {
		return got, asError(err, audit.OCSPUnavailable)
	}
	if got.der, err = s.config.Fetcher.OCSP(ctx, t, request); err != nil {
		return got, asError(err, audit.OCSPUnavailable)
	}
	at := s.config.Clock()
	got.answer, err = VerifyResponse(got.der, sub.cert, sub.issuer, VerifyOptions{
		Now: at.Now, Nonce: opt.Nonce, Skew: sub.rules.Skew,
	})
	if err == nil && opt.Nonce != nil && !got.answer.NonceEchoed {
		err = unauthorized("the answer of %s lacks the nonce that was asked for (revocation.nonce)", t.URL)
	}
	s.config.Fetcher.Judged(t.URL, err)
	if err != nil {
		return outcome{}, asError(err, audit.OCSPUnavailable)
	}
	s.config.Fetcher.Dated(t.URL, got.answer.ThisUpdate, got.answer.NextUpdate)
	s.config.Hint("ocsp "+t.URL, got.answer.ProducedAt)
	if fault := s.checkSigner(ctx, sub, t, &got.answer); fault != nil {
		return outcome{}, fault
	}
	if got.answer.Freshness(at.Now, sub.rules.Skew, sub.rules.MaxAge) != Fresh {
		return got, &Error{Reason: audit.OCSPStale,
			Detail: "the answer of " + t.URL + outOfDate(&got.answer, sub, at.Now)}
	}
	return got, nil
}

// checkSigner validates a delegated signer that does not say that it need not be: by the lists
// at hand, or by the responder, which must not let the signer vouch for itself.
func (s *Source) checkSigner(ctx context.Context, sub *subject, t Target, a *Answer) *Error {
	signer := a.Signer
	if signer == nil {
		return nil
	}
	about := subject{
		key: KeyFor(sub.key.Issuer, signer), cert: signer, issuer: sub.issuer,
		ca: sub.ca, role: intermediate, rules: sub.rules,
	}
	at := s.config.Clock()
	v := s.view.Load()
	s.mu.Lock()
	f := s.finding(&about, s.table.get(about.key), v, at)
	s.mu.Unlock()
	if f.answer.Status == Good && f.freshness == Fresh {
		return nil
	}
	unchecked := &Error{Reason: audit.OCSPUnauthorized, Detail: fmt.Sprintf(
		"the signer %q of the answer has no id-pkix-ocsp-nocheck, and its own standing cannot be validated",
		audit.Printable(signer.Subject.CommonName))}
	if f.answer.Status == Revoked {
		unchecked.Detail = fmt.Sprintf("the signer %q of the answer is revoked",
			audit.Printable(signer.Subject.CommonName))
		return unchecked
	}
	request, err := NewRequest(signer, sub.issuer, RequestOptions{})
	if err != nil {
		return unchecked
	}
	der, err := s.config.Fetcher.OCSP(ctx, t, request)
	if err != nil {
		return unchecked
	}
	own, err := VerifyResponse(der, signer, sub.issuer, VerifyOptions{Now: at.Now, Skew: sub.rules.Skew})
	if err != nil || own.Signer != nil || own.Status != Good ||
		own.Freshness(at.Now, sub.rules.Skew, sub.rules.MaxAge) != Fresh {
		return unchecked
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entryFor(&about).setAnswer(own, at.Now)
	return nil
}

// asError returns err as an *Error; reason is that of an error of another kind.
func asError(err error, reason audit.Reason) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Reason: reason, Detail: err.Error()}
}
