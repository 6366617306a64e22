package revocation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"time"

	"gatehouse/authcore/audit"
)

// An outcome is what asking about a certificate came to. A list that was fetched is not in it:
// that is known to the Source, under its address.
type outcome struct {
	answer Answer
	der    []byte // of the response that holds answer
	fault  *Error // nil: the answer, or a list, counts
	missed *Error // why what counts is not by the first means of the rules; nil: it is
}

// pursue asks all who can be asked, in the order of the rules, until one answer counts.
func (s *Source) pursue(ctx context.Context, sub *subject) outcome {
	v := s.makeView()
	s.recallLists(sub)
	s.mu.Lock()
	list := s.listFor(sub, targetOf(sub.cert), v)
	s.mu.Unlock()
	attempts := sub.attempts(list)
	var fault *Error
	for i, a := range attempts {
		ctx, cancel := ctx, context.CancelFunc(func() {})
		if i < len(attempts)-1 { // so that a person's wait suffices for all of them
			ctx, cancel = context.WithTimeout(ctx, sub.rules.Budget/time.Duration(len(attempts)))
		}
		got := s.attempt(ctx, sub, a, Target{URL: a.url, Allow: v.allowed(sub.ca)})
		cancel()
		if got.fault == nil || got.answer.Status == Revoked {
			if got.fault = nil; a.by != attempts[0].by {
				got.missed = fault
			}
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

// attempts are all ways to find out about sub, in the order of its rules.
func (sub *subject) attempts(list *heldList) []attempt {
	var all []attempt
	t := targetOf(sub.cert)
	p := planFor(sub.role, t, &sub.rules, list != nil)
	for _, by := range p.means() {
		addresses := sub.responders(t)
		if by == byCRL {
			addresses = sub.points(t)
			if list != nil {
				all = append(all, attempt{by: by, held: list})
			}
		}
		for _, url := range addresses {
			all = append(all, attempt{by: by, url: url})
		}
	}
	return all
}

// attempt tries one of them.
func (s *Source) attempt(ctx context.Context, sub *subject, a attempt, t Target) (got outcome) {
	if a.held != nil {
		return outcome{fault: s.current(a.held, sub)}
	}
	if a.by == byCRL {
		held, fault := s.fetchList(ctx, sub, t)
		if fault == nil {
			fault = s.current(held, sub)
		}
		return outcome{fault: fault}
	}
	if !s.asking.pass(ctx, hostOf(t.URL), func() { got = s.askResponder(ctx, sub, t) }) {
		got.fault = &Error{Reason: audit.OCSPUnavailable,
			Detail: "too many are asking " + audit.Printable(t.URL)}
	}
	return got
}

// hostOf is the host and port of an address, or empty if it is none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
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

// askResponder asks one responder, unless that is known not to answer.
func (s *Source) askResponder(ctx context.Context, sub *subject, t Target) outcome {
	if ok, until := s.config.Fetcher.Ready(t.URL, s.config.Clock().Now); !ok {
		return outcome{fault: notAsked(byOCSP, t.URL, until)}
	}
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

// asError returns err as an *Error; reason is that of an error of another kind.
func asError(err error, reason audit.Reason) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Reason: reason, Detail: err.Error()}
}
