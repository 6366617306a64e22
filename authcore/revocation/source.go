package revocation

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/authcore/audit"
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
	config  Config
	view    atomic.Pointer[view]
	viewMu  sync.Mutex    // held while a view is made
	changed chan struct{} // there is something for Run to do
	asking  turnstile     // passed by each who asks a responder
	group   sync.WaitGroup
	stop    context.Context // of everything that asks
	cancel  context.CancelFunc
	counts  counters
	stapled atomic.Pointer[stapled]
	issuers issuerMemory
	keeping sync.Mutex // held while an answer is stored

	mu       sync.Mutex // guards what follows
	table    table
	planned  planned                       // refreshes to come
	ticked   time.Time                     // when refreshes were last looked at
	staples  map[*x509.Certificate]*staple // by leaf
	fetched  map[string]*heldList          // lists from distribution points, by address
	fetching map[listKey]*listFetch        // under way
	flying   int                           // flights
	purges   uint64                        // how often answers were forgotten
	closed   bool
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
		config: config, changed: make(chan struct{}, 1), asking: newTurnstile(),
		fetched: map[string]*heldList{}, fetching: map[listKey]*listFetch{},
	}
	s.table = newTable(config.Entries, &s.planned)
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
	v, ready := s.viewFor(q.Wake)
	if !ready {
		return Standing{}, false
	}
	var asking []subject
	for i := range q.judged() {
		sub := s.subjectAt(&q, i)
		verdict := s.judge(&sub, v, q.At)
		switch {
		case verdict.ask && q.Wake != nil:
			asking = append(asking, sub)
		case !verdict.Acceptable:
			verdict.Detail = ofWhom(&sub) + verdict.Detail
			return verdict.Standing, true
		case i == 0:
			standing = verdict.Standing
		case verdict.lenient:
			standing.rely(&sub, &verdict.Standing)
		}
	}
	switch {
	case len(asking) == 0:
		return standing, true
	case s.ask(asking, q.Wake, q.At.Now):
		return Standing{}, false
	}
	q.Wake = nil // nobody can be asked: what is known must do
	return s.Standing(q)
}

// judged is how many certificates of the path are looked at, from the person's own on. The
// anchor is trusted as it is.
func (q *Query) judged() int {
	if q.Rules.Intermediates == "off" {
		return min(1, max(0, len(q.Path.Certificates)-1))
	}
	return max(0, len(q.Path.Certificates)-1)
}

// subjectAt is the question about the certificate at depth i of the path; 0 is the person's own.
func (s *Source) subjectAt(q *Query, i int) subject {
	sub := subject{
		cert: q.Path.Certificates[i], issuer: q.Path.Certificates[i+1], ca: q.Path.CA.Name, rules: q.Rules,
	}
	if i > 0 {
		sub.role = intermediate
	}
	sub.key = KeyFor(s.issuers.of(sub.issuer), sub.cert)
	return sub
}

// ofWhom names a certificate that is not the person's own.
func ofWhom(sub *subject) string {
	if sub.role == user {
		return ""
	}
	return "the intermediate " + audit.Printable(sub.cert.Subject.CommonName) + ": "
}

// rely notes that the intermediate sub is accepted by the grace, or without an answer.
func (s *Standing) rely(sub *subject, on *Standing) {
	if on.Source == FromGrace {
		s.Source = FromGrace
	}
	s.Detail += "; " + ofWhom(sub) + on.Detail
}

// Accepted is told, after a peer has proved possession of its key, that it was accepted by the
// path of q: from now on its answers are renewed ahead, and if a certificate of the path turns
// out revoked, OnWithdrawal hears of session.
func (s *Source) Accepted(q Query, session Session) {
	if q.Rules.OCSP == policy.OCSPOff {
		return
	}
	for i := range q.judged() {
		sub := s.subjectAt(&q, i)
		if a, revoked := s.accepted(&sub, q.At, session); revoked {
			s.config.OnWithdrawal(Withdrawal{Key: sub.key, CA: sub.ca, Answer: a, Sessions: []Session{session}})
		}
	}
}

// accepted is Accepted for one certificate. It reports whether that was revoked since the
// decision was made.
func (s *Source) accepted(sub *subject, at Moment, session Session) (a Answer, revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entryFor(sub)
	e.see(session, at.Now)
	if e.due.IsZero() {
		s.plan(e, at.Now, &sub.rules)
	}
	if e.answer.Status != Revoked {
		return a, false // if a list says otherwise, that has been heeded or will be
	}
	if a = s.finding(sub, e, s.view.Load(), at).answer; a.Status == Revoked {
		return a, true
	}
	e.setAnswer(Answer{}, at.Now) // a newer list has lifted the hold
	return a, false
}

// viewFor returns the view of the Snapshot in force. If it has yet to be made, which takes a
// while where a list is large, then whoever can wait does: wake is called when it is there.
func (s *Source) viewFor(wake func()) (v *view, ready bool) {
	v, sn := s.view.Load(), s.config.Snapshots.Load()
	if sn == nil || v != nil && v.snapshot == sn {
		return v, true
	}
	s.nudge()
	if wake == nil {
		return s.makeView(), true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return v, true
	}
	s.group.Go(func() {
		s.makeView()
		wake()
	})
	return nil, false
}

// makeView brings the view up to date and returns it; nil while there is no configuration.
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
// It is safe for concurrent use.
type issuerMemory struct {
	hashes sync.Map // of *x509.Certificate to [32]byte
	count  atomic.Int32
}

func (m *issuerMemory) of(issuer *x509.Certificate) [32]byte {
	if h, ok := m.hashes.Load(issuer); ok {
		return h.([32]byte) // nothing else is stored
	}
	if m.count.Add(1) > maxIssuers {
		m.hashes.Clear()
		m.count.Store(1)
	}
	h := IssuerOf(issuer)
	m.hashes.Store(issuer, h)
	return h
}
