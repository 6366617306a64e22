package revocation

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// Config is what a Source works with. Snapshots, Fetcher, Clock and Logger are required.
type Config struct {
	Snapshots *snapshot.Holder
	Fetcher   *Fetcher
	Logger    *slog.Logger
	Clock     func() Moment // the guarded clock
	Answers   Cache         // nil: a restart forgets them
	Lists     Cache         // likewise, of CRLs fetched
	Entries   int           // certificates kept in memory; zero: DefaultEntries

	// OnWithdrawal is called, from any goroutine and without a lock held, when a certificate
	// by which somebody was accepted lately turns out revoked. Nil: nobody.
	OnWithdrawal func(Withdrawal)
	// Hint is told what time a responder believes it is. Nil: nobody.
	Hint func(source string, t time.Time)
}

// A Source knows the standing of certificates. Standing never waits; answers are asked for by
// goroutines of their own, one a certificate, and renewed ahead of their end by Run. All
// methods are safe for concurrent use.
type Source struct {
	config   Config
	view     atomic.Pointer[view]
	viewMu   sync.Mutex    // held while a view is made
	changed  chan struct{} // the configuration is another than that of the view
	slots    chan struct{} // taken by each who asks
	group    sync.WaitGroup
	stop     context.Context // of everything that asks
	cancel   context.CancelFunc
	counts   counters
	stapled  atomic.Pointer[stapled]
	fetching keyedMutex // by address: one fetches a list, the others take it
	issuers  issuerMemory

	mu      sync.Mutex // guards what follows
	table   table
	planned planned                       // refreshes to come
	staples map[*x509.Certificate]*staple // by leaf
	fetched map[string]*heldList          // lists from distribution points, by address
	flying  int                           // flights
	closed  bool
}

// NewSource returns a Source. It starts nothing; without Run nothing is renewed ahead.
func NewSource(config Config) *Source {
	if config.Entries <= 0 {
		config.Entries = DefaultEntries
	}
	if config.Answers == nil {
		config.Answers = nowhere{}
	}
	if config.Lists == nil {
		config.Lists = nowhere{}
	}
	if config.OnWithdrawal == nil {
		config.OnWithdrawal = func(Withdrawal) {}
	}
	if config.Hint == nil {
		config.Hint = func(string, time.Time) {}
	}
	s := &Source{
		config: config, changed: make(chan struct{}, 1), slots: make(chan struct{}, maxAsking),
		table: newTable(config.Entries), fetched: map[string]*heldList{},
	}
	s.stop, s.cancel = context.WithCancel(context.Background())
	return s
}

// Standing reports on the path of q. If it must wait for an answer it returns ready false at
// once and calls q.Wake when it is worth asking again.
func (s *Source) Standing(q Query) (standing Standing, ready bool) {
	path := q.Path.Certificates
	if len(path) < 2 {
		return Standing{Acceptable: true, Status: None.String(), Detail: "it is an anchor itself"}, true
	}
	v := s.currentView()
	var asking []subject
	for i := range path[:len(path)-1] {
		sub := subject{cert: path[i], issuer: path[i+1], ca: q.Path.CA.Name, rules: &q.Rules}
		if i > 0 {
			if sub.role = intermediate; q.Rules.Intermediates == "off" {
				break
			}
		}
		sub.key = KeyFor(s.issuers.of(sub.issuer), sub.cert)
		verdict := s.judge(&sub, v, q.At)
		switch {
		case verdict.ask && q.Wake != nil:
			asking = append(asking, sub)
		case !verdict.Acceptable:
			verdict.Detail = ofWhom(&sub) + verdict.Detail
			return verdict.Standing, true
		}
		if i == 0 || !standing.Acceptable {
			standing = verdict.Standing
		}
	}
	if len(asking) == 0 || !s.ask(asking, q) {
		return standing, true
	}
	return Standing{}, false
}

// ofWhom names a certificate that is not the person's own.
func ofWhom(sub *subject) string {
	if sub.role == user {
		return ""
	}
	return "the intermediate " + sub.cert.Subject.CommonName + ": "
}

// judge decides about one certificate by what is known.
func (s *Source) judge(sub *subject, v *view, at Moment) verdict {
	s.mu.Lock()
	e := s.table.get(sub.key)
	kept := e == nil || e.kept
	s.mu.Unlock()
	if kept {
		s.recall(sub, at)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e = s.table.get(sub.key)
	f := s.finding(sub, e, v, at)
	verdict := judge(sub.role, f, sub.rules, at)
	if verdict.ask && f.fault != nil {
		verdict.ask = false // it was tried a moment ago
	}
	return verdict
}

// finding weighs what is at hand: revoked wins, then the first means with a current answer,
// then the first with any. The caller holds s.mu.
func (s *Source) finding(sub *subject, e *entry, v *view, at Moment) finding {
	t := targetOf(sub.cert)
	list := s.listFor(sub, t, v)
	p := planFor(sub.role, t, sub.rules, list != nil)
	best := finding{named: p.count > 0}
	for _, by := range p.means() {
		f := finding{named: true}
		switch {
		case by == byOCSP && e != nil:
			f = e.finding(sub.rules, at)
		case by == byCRL && list != nil:
			f.answer, f.source = list.Find(sub.cert), FromCRL
			f.said = describe(&f.answer) + ", " + list.name
			f.weigh(sub.rules, at)
		}
		if f.betterThan(&best) {
			best = f
		}
	}
	if e != nil && e.answer.Status == Revoked && best.answer.Status != Revoked {
		best = e.finding(sub.rules, at) // whatever the means are now
	}
	if e != nil && at.Now.Before(e.faultUntil) {
		best.fault = e.fault
	}
	return best
}

// finding is what the entry's answer says.
func (e *entry) finding(rules *policy.Revocation, at Moment) finding {
	f := finding{named: true, answer: e.answer, said: e.said, source: FromCache}
	age := at.Now.Sub(e.obtained)
	if age < rules.Budget {
		f.source = FromResponder
	}
	f.weigh(rules, at)
	if e.answer.Status == Unknown && age > unknownFor {
		f.freshness = Stale // who was enrolled a moment ago shall not wait for long
	}
	return f
}

// weigh judges the age of f's answer.
func (f *finding) weigh(rules *policy.Revocation, at Moment) {
	if f.answer.Status != None {
		f.freshness = f.answer.Freshness(at.Now, rules.Skew, rules.MaxAge)
		f.expires = f.answer.Until(rules.MaxAge)
	}
}

// betterThan reports whether f takes the place of best, which comes earlier in the order.
func (f *finding) betterThan(best *finding) bool {
	switch {
	case f.answer.Status == None || best.answer.Status == Revoked:
		return false
	case f.answer.Status == Revoked || best.answer.Status == None:
		return true
	}
	return f.freshness == Fresh && best.freshness != Fresh
}

// Accepted is told, after a peer has proved possession of its key, that it was accepted by the
// path of q: from now on its answers are renewed ahead.
func (s *Source) Accepted(q Query, session Session) {
	path := q.Path.Certificates
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range path[:max(0, len(path)-1)] {
		e := s.table.get(KeyFor(s.issuers.of(path[i+1]), path[i]))
		if e == nil {
			continue
		}
		e.see(session)
		if e.due.IsZero() && e.answer.Status != None {
			s.plan(e, q.At.Now, q.Rules.MaxAge)
		}
	}
}

// currentView returns the view of the Snapshot in force, or, while it is being made, the one
// before: that is soon, and no packet waits for the reading of a list.
func (s *Source) currentView() *view {
	v := s.view.Load()
	if v == nil || v.snapshot != s.config.Snapshots.Load() {
		select {
		case s.changed <- struct{}{}:
		default: // it knows
		}
	}
	return v
}

// makeView brings the view up to date.
func (s *Source) makeView() *view {
	s.viewMu.Lock()
	defer s.viewMu.Unlock()
	sn, before := s.config.Snapshots.Load(), s.view.Load()
	if sn == nil || before != nil && before.snapshot == sn {
		return before
	}
	v := newView(sn, before)
	s.view.Store(v)
	return v
}

// maxIssuers bounds an issuerMemory: beyond it begins anew.
const maxIssuers = 256

// An issuerMemory remembers hashes of issuers by the certificate in memory: paths share those.
type issuerMemory struct {
	mu     sync.Mutex
	hashes map[*x509.Certificate][32]byte
}

func (m *issuerMemory) of(issuer *x509.Certificate) [32]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h, ok := m.hashes[issuer]; ok {
		return h
	}
	if m.hashes == nil || len(m.hashes) >= maxIssuers {
		m.hashes = map[*x509.Certificate][32]byte{}
	}
	h := IssuerOf(issuer)
	m.hashes[issuer] = h
	return h
}
