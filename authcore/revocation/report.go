package revocation

import (
	"cmp"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

// counters are since the start.
type counters struct {
	requests, failures, refreshes atomic.Uint64
}

// A Report is how revocation is doing, for status. Its times are UTC.
type Report struct {
	Entries    int               `json:"entries"`    // certificates known in memory
	ByStatus   map[string]int    `json:"by_status"`  // good, revoked, unknown and none
	Expired    int               `json:"expired"`    // good ones whose answer has expired
	InGrace    int               `json:"in_grace"`   // of them, count by their grace: asking went wrong
	PastGrace  int               `json:"past_grace"` // of them, count no more: likewise
	Planned    int               `json:"planned"`    // refreshes to come
	Asking     int               `json:"asking"`     // certificates being asked about
	Requests   uint64            `json:"requests"`   // to responders and for lists
	Failures   uint64            `json:"failures"`   // of them
	Refreshes  uint64            `json:"refreshes"`  // of them ahead of the end
	Responders []ResponderReport `json:"responders"` // asked lately
	Lists      []ListReport      `json:"lists"`
	Staples    []StapleReport    `json:"staples"`
}

// A ResponderReport is the health of a responder, or of a server of lists, as of its last try.
type ResponderReport struct {
	URL         string      `json:"url"`
	Breaker     string      `json:"breaker"`              // closed, open or half_open
	OpenUntil   time.Time   `json:"open_until,omitzero"`  // of an open one
	Steps       []StepCheck `json:"steps"`                // dns, tcp, tls, http and signature
	ThisUpdate  time.Time   `json:"this_update,omitzero"` // of the last good answer
	NextUpdate  time.Time   `json:"next_update,omitzero"` // likewise
	LatencyMS   float64     `json:"latency_ms"`           // of the last answer
	LastSuccess time.Time   `json:"last_success,omitzero"`
	LastFailure time.Time   `json:"last_failure,omitzero"`
	LastError   string      `json:"last_error,omitempty"`
	Asked       uint64      `json:"asked"`
	Failed      uint64      `json:"failed"`
}

func responders(all []Responder) []ResponderReport {
	reports := make([]ResponderReport, 0, len(all))
	for _, r := range all {
		check := ResponderCheck{}
		check.step("dns", r.DNS)
		check.step("tcp", r.TCP)
		check.step("tls", r.TLS)
		check.step("http", r.HTTP)
		check.step("signature", r.Signature)
		reports = append(reports, ResponderReport{
			URL: r.URL, Breaker: r.Breaker, OpenUntil: r.Until.UTC(), Steps: check.Steps,
			ThisUpdate: r.ThisUpdate.UTC(), NextUpdate: r.NextUpdate.UTC(),
			LatencyMS: milliseconds(r.Latency), LastSuccess: r.LastSuccess.UTC(),
			LastFailure: r.LastFailure.UTC(), LastError: r.LastError, Asked: r.Asked, Failed: r.Failed,
		})
	}
	return reports
}

// A ListReport is a revocation list in force.
type ListReport struct {
	CA         string    `json:"ca"`
	Name       string    `json:"name"` // file or address
	Entries    int       `json:"entries"`
	ThisUpdate time.Time `json:"this_update"`
	NextUpdate time.Time `json:"next_update"`
	Expired    bool      `json:"expired"`
	Fetched    time.Time `json:"fetched,omitzero"` // or found unchanged; zero: it is a file
	Refresh    time.Time `json:"refresh,omitzero"` // when it is fetched anew
}

// A StapleReport is a server credential that names a responder.
type StapleReport struct {
	Subject    string    `json:"subject"`
	Responder  string    `json:"responder"`
	Status     string    `json:"status"` // good, revoked, unknown or none
	NextUpdate time.Time `json:"next_update,omitzero"`
	Fault      string    `json:"fault,omitempty"`
}

// Report tells how revocation is doing.
func (s *Source) Report() Report {
	now := s.config.Clock().Now
	r := Report{
		ByStatus: map[string]int{}, Requests: s.counts.requests.Load(),
		Failures: s.counts.failures.Load(), Refreshes: s.counts.refreshes.Load(),
		Responders: responders(s.config.Fetcher.Responders()), Lists: []ListReport{}, Staples: []StapleReport{},
	}
	v := s.view.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Entries, r.Planned, r.Asking = len(s.table.entries), len(s.planned), s.flying
	for _, e := range s.table.entries {
		r.ByStatus[e.answer.Status.String()]++
		r.countExpired(e, v, now)
	}
	for _, held := range s.fetched {
		r.Lists = append(r.Lists, held.report(held.ca, now))
	}
	if v != nil {
		for name, ca := range v.cas {
			for _, held := range ca.lists {
				r.Lists = append(r.Lists, held.report(name, now))
			}
		}
	}
	sort.Slice(r.Lists, func(i, j int) bool {
		a, b := &r.Lists[i], &r.Lists[j]
		return cmp.Or(cmp.Compare(a.CA, b.CA), cmp.Compare(a.Name, b.Name)) < 0
	})
	for _, st := range s.staples {
		r.Staples = append(r.Staples, st.report())
	}
	sort.Slice(r.Staples, func(i, j int) bool { return r.Staples[i].Subject < r.Staples[j].Subject })
	return r
}

// countExpired counts e if its answer has expired. One whose device stays away is let expire:
// only where the last time of asking went wrong does its grace matter.
func (r *Report) countExpired(e *entry, v *view, now time.Time) {
	rules := v.rulesOf(e.ca)
	until := e.answer.Until(rules.MaxAge)
	switch {
	case e.answer.Status != Good || !now.After(until.Add(rules.Skew)):
		return
	case e.fault == nil:
	case now.Before(until.Add(rules.Grace)):
		r.InGrace++
	default:
		r.PastGrace++
	}
	r.Expired++
}

// rulesOf returns the rules of a CA, or the zero ones where it is none of the configuration's.
func (v *view) rulesOf(ca string) policy.Revocation {
	if c := v.ca(ca); c != nil {
		return c.rules
	}
	return policy.Revocation{}
}

func (l *heldList) report(ca string, now time.Time) ListReport {
	return ListReport{
		CA: ca, Name: l.name, Entries: l.Len(), ThisUpdate: l.ThisUpdate.UTC(),
		NextUpdate: l.NextUpdate.UTC(), Expired: now.After(l.NextUpdate),
		Fetched: l.fetched.UTC(), Refresh: l.renew.UTC(),
	}
}

func (st *staple) report() StapleReport {
	r := StapleReport{
		Subject: audit.Printable(st.sub.cert.Subject.String()), Responder: st.url,
		Status: st.answer.Status.String(),
	}
	if st.answer.Status != None {
		r.NextUpdate = st.answer.Until(0).UTC()
	}
	if st.fault != nil {
		r.Fault = st.fault.Detail
	}
	return r
}

// An EntryReport is what is known of one certificate, for `ocsp list`. Its times are UTC.
type EntryReport struct {
	Serial     string    `json:"serial"` // hexadecimal
	Issuer     string    `json:"issuer"`
	CA         string    `json:"ca"`
	Status     string    `json:"status"` // good, revoked, unknown or none
	ThisUpdate time.Time `json:"this_update,omitzero"`
	NextUpdate time.Time `json:"next_update,omitzero"`
	Until      time.Time `json:"until,omitzero"` // its end, with max_age and without nextUpdate too
	Obtained   time.Time `json:"obtained,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	Why        string    `json:"why,omitempty"` // it was revoked
	Seen       time.Time `json:"seen,omitzero"` // the last accept
	Refresh    time.Time `json:"refresh,omitzero"`
	Responder  string    `json:"responder,omitempty"`
	Fault      string    `json:"fault,omitempty"` // of the last time of asking
	Users      []string  `json:"users,omitempty"` // accepted by it since the start
}

// List tells what is known of every certificate in memory, the one seen last first.
func (s *Source) List() []EntryReport {
	v := s.view.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]EntryReport, 0, len(s.table.entries))
	for element := s.table.order.Front(); element != nil; element = element.Next() {
		all = append(all, element.Value.(*entry).report(v))
	}
	return all
}

func (e *entry) report(v *view) EntryReport {
	r := EntryReport{
		Serial: e.key.SerialHex(), CA: e.ca, Status: e.answer.Status.String(),
		ThisUpdate: e.answer.ThisUpdate.UTC(), NextUpdate: e.answer.NextUpdate.UTC(),
		Obtained: e.obtained.UTC(), RevokedAt: e.answer.RevokedAt.UTC(), Why: e.answer.Why,
		Seen: e.seen.UTC(), Refresh: e.due.UTC(),
	}
	if e.answer.Status != None {
		r.Until = e.answer.Until(v.rulesOf(e.ca).MaxAge).UTC()
	}
	if e.issuer != nil {
		r.Issuer = audit.Printable(e.issuer.Subject.String())
	}
	if len(e.target.responders) > 0 {
		r.Responder = audit.Printable(e.target.responders[0])
	}
	if e.fault != nil {
		r.Fault = e.fault.Detail
	}
	for _, session := range e.online {
		if !slices.Contains(r.Users, session.User) && len(r.Users) < maxOnline {
			r.Users = append(r.Users, session.User)
		}
	}
	return r
}
