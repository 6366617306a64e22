package revocation

import (
	"context"
	"time"

	"gatehouse/authcore/audit"
)

// maxFetched bounds the lists from distribution points that are kept.
const maxFetched = 64

// listFor returns the list of the subject's issuer that was made last: of those beside the CA
// and those fetched. The caller holds s.mu.
func (s *Source) listFor(sub *subject, t target, v *view) *heldList {
	var best *heldList
	if ca := v.ca(sub.ca); ca != nil {
		best = ca.lists[sub.key.Issuer]
	}
	if len(s.fetched) == 0 {
		return best
	}
	for _, url := range t.points {
		best = later(best, s.fetchedBy(url, sub))
	}
	return later(best, s.fetchedBy(sub.rules.CRL, sub))
}

// fetchedBy returns the list of the subject's issuer that came from url, or nil. The caller
// holds s.mu.
func (s *Source) fetchedBy(url string, sub *subject) *heldList {
	if held := s.fetched[url]; held != nil && held.issuer == sub.key.Issuer {
		return held
	}
	return nil
}

// A listKey names a list: the address, and whose it is to be.
type listKey struct {
	url    string
	issuer [32]byte
}

// A listFetch is a list being fetched. What it comes to is written before done is closed.
type listFetch struct {
	done  chan struct{}
	held  *heldList
	fault *Error
}

// fetchList returns the list at t, fetched a moment ago or now. One fetches it and the others
// wait for that, on their context; it goes on when they have given up, for it may be large.
func (s *Source) fetchList(ctx context.Context, sub *subject, t Target) (*heldList, *Error) {
	s.mu.Lock()
	held := s.fetchedBy(t.URL, sub)
	if held != nil && recent(held.fetched, s.config.Clock().Now) {
		s.mu.Unlock()
		return held, nil
	}
	f := s.startFetch(sub, t)
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.held, f.fault
	case <-ctx.Done():
		return nil, &Error{Reason: audit.CRLStale,
			Detail: "the list at " + audit.Printable(t.URL) + " is still being fetched"}
	}
}

// recent reports whether something at then was a moment ago.
func recent(then, now time.Time) bool { return ahead(now, then.Add(faultFor), faultFor) }

// startFetch makes sure that the list at t is being fetched. The caller holds s.mu, and is one
// whom Run waits for.
func (s *Source) startFetch(sub *subject, t Target) *listFetch {
	key := listKey{t.URL, sub.key.Issuer}
	f := s.fetching[key]
	if f != nil {
		return f
	}
	f = &listFetch{done: make(chan struct{})}
	s.fetching[key] = f
	own, had := *sub, s.fetchedBy(t.URL, sub)
	s.group.Go(func() {
		f.held, f.fault = s.bringList(&own, t, had)
		s.mu.Lock()
		delete(s.fetching, key)
		s.mu.Unlock()
		close(f.done)
	})
	return f
}

// bringList fetches the list at t, unless the one that had is of is still the one there.
func (s *Source) bringList(sub *subject, t Target, had *heldList) (*heldList, *Error) {
	if ok, until := s.config.Fetcher.Ready(t.URL, s.config.Clock().Now); !ok {
		return nil, notAsked(byCRL, t.URL, until)
	}
	ctx, cancel := context.WithTimeout(s.stop, crlTimeout)
	defer cancel()
	var have Validators
	if had != nil {
		have = had.validators
	}
	s.counts.requests.Add(1)
	der, validators, same, err := s.config.Fetcher.CRL(ctx, t, have)
	now := s.config.Clock().Now
	if err != nil {
		s.counts.failures.Add(1)
		return nil, asError(err, audit.CRLStale)
	}
	if same {
		s.mu.Lock()
		renewed := *had
		s.mu.Unlock()
		renewed.fetched, renewed.renew = now, renewal(had.life(), now, false)
		s.hold(&renewed)
		return &renewed, nil
	}
	return s.takeList(sub, der, listRecord{URL: t.URL, CA: sub.ca, Fetched: now, Validators: validators}, had)
}

// takeList verifies a list that was fetched, and puts it in force.
func (s *Source) takeList(sub *subject, der []byte, r listRecord, had *heldList) (*heldList, *Error) {
	list, err := VerifyCRL(der, sub.issuer)
	s.config.Fetcher.Judged(r.URL, err)
	if err != nil {
		s.counts.failures.Add(1)
		return nil, asError(err, audit.CRLStale)
	}
	s.config.Fetcher.Dated(r.URL, list.ThisUpdate, list.NextUpdate)
	if had != nil && list.ThisUpdate.Before(had.ThisUpdate) &&
		!had.ThisUpdate.After(r.Fetched.Add(sub.rules.Skew)) { // as for answers, see Answer.ahead
		return nil, &Error{Reason: audit.CRLStale,
			Detail: "the list at " + audit.Printable(r.URL) + " is older than the one known"}
	}
	fresh := newFetched(list, sub, r)
	s.hold(fresh)
	s.keepList(fresh, der)
	return fresh, nil
}

// hold puts a fetched list in force, and tells of those it revokes.
func (s *Source) hold(held *heldList) {
	s.mu.Lock()
	if len(s.fetched) >= maxFetched && s.fetched[held.name] == nil {
		oldest := ""
		for url, l := range s.fetched {
			if oldest == "" || l.fetched.Before(s.fetched[oldest].fetched) {
				oldest = url
			}
		}
		delete(s.fetched, oldest)
	}
	s.fetched[held.name] = held
	s.mu.Unlock()
	s.withdrawListed(held)
}

// withdrawListed tells of those who were accepted by a certificate that held revokes.
func (s *Source) withdrawListed(held *heldList) {
	now := s.config.Clock().Now
	var told []Withdrawal
	s.mu.Lock()
	for key, e := range s.table.entries {
		if key.Issuer == held.issuer && len(e.online) > 0 && e.heed(held, now) {
			told = append(told, e.withdrawal())
		}
	}
	s.mu.Unlock()
	for _, w := range told {
		s.config.OnWithdrawal(w)
	}
}

// heed takes in what a list says of e, and reports whether that has just been revoked.
func (e *entry) heed(held *heldList, now time.Time) (revoked bool) {
	a := held.Find(e.certificate())
	switch {
	case a.Status == Revoked && e.answer.Status != Revoked && supersedes(&e.answer, &a):
		e.setAnswer(a, now)
		e.listed = true
		return true
	case a.Status == Good && e.listed && supersedes(&e.answer, &a):
		e.setAnswer(Answer{}, now) // the hold was lifted
	}
	return false
}

// newFetched makes a list that was fetched for sub ready for use.
func newFetched(list *List, sub *subject, r listRecord) *heldList {
	held := newHeld(list, r.URL)
	held.fetched, held.validators, held.ca, held.authority = r.Fetched, r.Validators, sub.ca, sub.issuer
	held.renew = renewal(held.life(), r.Fetched, false)
	return held
}

func (l *heldList) life() life { return life{From: l.ThisUpdate, Until: l.NextUpdate} }

// refreshLists fetches anew the lists that are past half of their life.
func (s *Source) refreshLists() {
	at, v := s.config.Clock(), s.view.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !at.Sure || s.closed {
		return
	}
	for url, held := range s.fetched {
		ca := v.ca(held.ca)
		if ca == nil || ahead(at.Now, held.renew, latest) {
			continue
		}
		held.renew = renewal(held.life(), at.Now, true) // unless it goes well
		sub := subject{
			key: Key{Issuer: held.issuer}, issuer: held.authority, ca: held.ca, rules: ca.rules,
		}
		f := s.startFetch(&sub, Target{URL: url, Allow: ca.allow})
		s.group.Go(func() {
			if <-f.done; f.fault != nil {
				s.config.Logger.Warn("a revocation list could not be renewed", "list", url,
					"reason", f.fault.Reason, "detail", f.fault.Detail)
			}
		})
	}
}
