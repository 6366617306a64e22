package revocation

import (
	"context"
	"encoding/json"
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
		best = s.fetchedBy(url, sub, best)
	}
	return s.fetchedBy(sub.rules.CRL, sub, best)
}

func (s *Source) fetchedBy(url string, sub *subject, best *heldList) *heldList {
	if held := s.fetched[url]; held != nil && held.issuer == sub.key.Issuer {
		return later(best, held)
	}
	return best
}

// fetchList fetches the list at t, unless the one at hand is still the one there.
func (s *Source) fetchList(ctx context.Context, sub *subject, t Target) (*heldList, *Error) {
	s.fetching.Lock(t.URL)
	defer s.fetching.Unlock(t.URL)
	s.mu.Lock()
	held := s.fetched[t.URL]
	s.mu.Unlock()
	now := s.config.Clock().Now
	if held != nil && held.issuer == sub.key.Issuer && now.Sub(held.fetched) < faultFor {
		return held, nil // somebody else's turn brought it
	}
	var have Validators
	if held != nil && held.issuer == sub.key.Issuer {
		have = held.validators
	}
	s.counts.requests.Add(1)
	der, validators, same, err := s.config.Fetcher.CRL(ctx, t, have)
	if err != nil {
		s.counts.failures.Add(1)
		return nil, asError(err, audit.CRLStale)
	}
	if same {
		renewed := *held
		renewed.fetched, renewed.renew = now, renewal(held.life(), now, false)
		s.hold(t.URL, &renewed)
		return &renewed, nil
	}
	list, err := VerifyCRL(der, sub.issuer)
	s.config.Fetcher.Judged(t.URL, err)
	if err != nil {
		return nil, asError(err, audit.CRLStale)
	}
	fresh := newFetched(list, sub, t.URL, now, validators)
	if held != nil && held.issuer == fresh.issuer && fresh.ThisUpdate.Before(held.ThisUpdate) {
		return nil, &Error{Reason: audit.CRLStale, Detail: "the list at " + t.URL + " is older than the one known"}
	}
	s.hold(t.URL, fresh)
	s.keepList(t.URL, fresh, der, sub)
	return fresh, nil
}

// hold puts a list in force, and tells of those it revokes.
func (s *Source) hold(url string, held *heldList) {
	s.mu.Lock()
	if len(s.fetched) >= maxFetched && s.fetched[url] == nil {
		oldest := ""
		for other, l := range s.fetched {
			if oldest == "" || l.fetched.Before(s.fetched[oldest].fetched) {
				oldest = other
			}
		}
		delete(s.fetched, oldest)
	}
	s.fetched[url] = held
	s.mu.Unlock()
	s.withdrawListed(held)
}

// withdrawListed tells of those who were accepted by a certificate that held revokes.
func (s *Source) withdrawListed(held *heldList) {
	now := s.config.Clock().Now
	var told []Withdrawal
	s.mu.Lock()
	for key, e := range s.table.entries {
		if key.Issuer != held.issuer || len(e.online) == 0 || e.answer.Status == Revoked {
			continue
		}
		if a := held.Find(e.certificate()); a.Status == Revoked {
			e.setAnswer(a, now)
			told = append(told, Withdrawal{Key: key, CA: e.ca, Answer: a, Sessions: e.online})
		}
	}
	s.mu.Unlock()
	for _, w := range told {
		s.config.OnWithdrawal(w)
	}
}

// A listRecord is a list as the Cache keeps it, under its address.
type listRecord struct {
	CA         string     `json:"ca"`
	Fetched    time.Time  `json:"fetched"`
	Validators Validators `json:"validators"`
	DER        []byte     `json:"der"`
}

func (s *Source) keepList(url string, held *heldList, der []byte, sub *subject) {
	value, err := json.Marshal(listRecord{
		CA: sub.ca, Fetched: held.fetched, Validators: held.validators, DER: der,
	})
	if err == nil {
		err = s.config.Lists.Put([]byte(url), value, true)
	}
	if err != nil {
		s.config.Logger.Warn("a revocation list could not be kept", "list", url, "error", err)
	}
}

// recallLists brings back the lists that were fetched before a restart and may speak for sub.
func (s *Source) recallLists(sub *subject, v *view) {
	t := targetOf(sub.cert)
	for _, url := range append(t.points[:len(t.points):len(t.points)], sub.rules.CRL) {
		s.mu.Lock()
		known := s.fetched[url] != nil
		s.mu.Unlock()
		if url == "" || known {
			continue
		}
		value, ok, err := s.config.Lists.Get([]byte(url))
		if err != nil || !ok {
			continue
		}
		var r listRecord
		if json.Unmarshal(value, &r) != nil {
			continue
		}
		if list, err := VerifyCRL(r.DER, sub.issuer); err == nil {
			s.hold(url, newFetched(list, sub, url, r.Fetched, r.Validators))
		}
	}
}

func newFetched(list *List, sub *subject, url string, at time.Time, validators Validators) *heldList {
	held := &heldList{
		List: list, issuer: sub.key.Issuer, name: url, fetched: at, validators: validators,
		ca: sub.ca, authority: sub.issuer,
	}
	held.renew = renewal(held.life(), at, false)
	return held
}

func (l *heldList) life() life { return life{From: l.ThisUpdate, Until: l.NextUpdate} }

// refreshLists fetches anew the lists that are past half of their life.
func (s *Source) refreshLists() {
	at := s.config.Clock()
	v := s.view.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !at.Sure || s.closed {
		return
	}
	for url, held := range s.fetched {
		ca := v.ca(held.ca)
		if ca == nil || at.Now.Before(held.renew) {
			continue
		}
		held.renew = renewal(held.life(), at.Now, true) // unless it goes well
		sub := subject{
			key: Key{Issuer: held.issuer}, issuer: held.authority, ca: held.ca, rules: &ca.rules,
		}
		s.group.Go(func() {
			ctx, cancel := context.WithTimeout(s.stop, patience)
			defer cancel()
			if _, fault := s.fetchList(ctx, &sub, Target{URL: url, Allow: ca.allow}); fault != nil {
				s.config.Logger.Warn("a revocation list could not be renewed", "list", url,
					"reason", fault.Reason, "detail", fault.Detail)
			}
		})
	}
}
