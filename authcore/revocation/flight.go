package revocation

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"gatehouse/authcore/audit"
)

const (
	// maxFlights bounds those who ask and those who queue for asking.
	maxFlights = 2048
	// patience is how long an answer is waited for when nobody waits for it, or no longer.
	patience = 10 * time.Second
	// faultFor is how long a failure to get an answer is the answer: time enough for those
	// who waited to be told, and little for those who come next.
	faultFor = 5 * time.Second
	// passingFor is how long "unknown", or a hold, is believed without asking again.
	passingFor = time.Minute
)

// A flight is one certificate being asked about. The Source's mutex guards it.
type flight struct {
	waiting []*gate
	budget  *time.Timer // runs while somebody waits
}

// A gate wakes a conversation once, when all it waits for has come.
type gate struct {
	left atomic.Int32
	wake func()
}

func (g *gate) done() {
	if g.left.Add(-1) == 0 {
		g.wake()
	}
}

func open(gates []*gate) {
	for _, g := range gates {
		g.done()
	}
}

// ask starts or joins a flight for each subject and calls wake after the last. It reports
// whether there is anything to wait for.
func (s *Source) ask(subs []subject, wake func(), now time.Time) bool {
	g := &gate{wake: wake}
	s.mu.Lock()
	defer s.mu.Unlock() // until then no flight lands: g is not opened before all are joined
	joined := false
	for i := range subs {
		joined = s.join(&subs[i], g, now) || joined
	}
	return joined
}

// join makes g wait for a flight of sub. The caller holds s.mu.
func (s *Source) join(sub *subject, g *gate, now time.Time) bool {
	e := s.entryFor(sub)
	if !s.launch(e, sub, now) {
		return false
	}
	g.left.Add(1)
	f := e.flight
	f.waiting = append(f.waiting, g)
	if f.budget == nil {
		f.budget = time.AfterFunc(sub.rules.Budget, func() { s.outOfBudget(e, f, sub.rules.Budget) })
	}
	return true
}

// entryFor returns the entry of sub, made if need be. The caller holds s.mu.
func (s *Source) entryFor(sub *subject) *entry {
	e := s.table.get(sub.key)
	if e == nil {
		e = s.table.add(sub.key)
	}
	e.ca, e.role, e.issuer, e.target = sub.ca, sub.role, sub.issuer, targetOf(sub.cert)
	return e
}

// launch makes sure that e is being asked about. The caller holds s.mu.
func (s *Source) launch(e *entry, sub *subject, now time.Time) bool {
	switch {
	case e.flight != nil:
		return true
	case s.closed:
		return false
	case s.flying >= maxFlights:
		e.fail(&Error{Reason: audit.OCSPUnavailable,
			Detail: fmt.Sprintf("%d other certificates are being asked about", s.flying)}, now)
		return false
	}
	s.flying++
	e.flight = &flight{}
	own := *sub
	s.planned.drop(e) // it is planned anew when it is known what comes
	s.group.Go(func() { s.fly(e, &own) })
	return true
}

// fly asks about e and lands: afterwards either the answer counts, or the fault says why not.
func (s *Source) fly(e *entry, sub *subject) {
	ctx, cancel := context.WithTimeout(s.stop, max(patience, sub.rules.Budget))
	defer cancel()
	s.mu.Lock()
	kept := e.kept
	s.mu.Unlock()
	if kept { // what has been revoked must not be forgotten over an answer that is newer here only
		s.recall(sub, s.config.Clock())
	}
	s.land(e, sub, s.pursue(ctx, sub))
}

// land takes the outcome in and wakes whoever waits.
func (s *Source) land(e *entry, sub *subject, got outcome) {
	now := s.config.Clock().Now
	s.mu.Lock()
	revoked := e.take(&got, now, sub.rules.Skew)
	s.plan(e, now, &sub.rules)
	gates := e.flight.leave()
	e.flight, s.flying = nil, s.flying-1
	record, keep := e.record(got.der), got.fault == nil && got.der != nil && !e.forsaken
	if e.forsaken {
		s.table.remove(e)
	}
	told := e.withdrawal()
	s.mu.Unlock()
	if keep && got.answer.Status == Revoked { // first of all: nobody may forget it
		s.keepAnswer(e, record)
		keep = false
	}
	open(gates)
	if keep { // nobody waits for the disk
		s.keepAnswer(e, record)
	}
	if revoked && len(told.Sessions) > 0 {
		s.config.OnWithdrawal(told)
	}
}

// take takes an outcome in, and reports whether the certificate has just been revoked.
func (e *entry) take(got *outcome, now time.Time, skew time.Duration) (revoked bool) {
	e.fault, e.faultUntil = nil, time.Time{}
	switch {
	case got.answer.Status == None:
	case supersedes(&e.answer, &got.answer), e.answer.Status != Revoked && e.answer.ahead(now, skew):
		revoked = e.setAnswer(got.answer, now)
	case e.answer.Status == Revoked:
		got.fault = &Error{Reason: audit.CertRevoked, Detail: "the responder says " +
			got.answer.Status.String() + " of a certificate that is known to be revoked"}
	default:
		got.fault = &Error{Reason: audit.OCSPStale,
			Detail: "the responder's answer is older than the one known"}
	}
	if got.fault != nil {
		e.fail(got.fault, now)
	} else if got.missed != nil {
		e.fail(got.missed, now)
	}
	return revoked
}

// withdrawal tells of those who were accepted by e. The caller holds s.mu.
func (e *entry) withdrawal() Withdrawal {
	return Withdrawal{Key: e.key, CA: e.ca, Answer: e.answer, Sessions: slices.Clone(e.online)}
}

// fail notes why there is no better answer.
func (e *entry) fail(fault *Error, now time.Time) {
	e.fault, e.faultUntil = fault, now.Add(faultFor)
}

// leave takes the gates out of the flight.
func (f *flight) leave() []*gate {
	gates := f.waiting
	f.waiting = nil
	if f.budget != nil {
		f.budget.Stop()
		f.budget = nil
	}
	return gates
}

// outOfBudget lets go of those who have waited long enough; the flight goes on, for the next.
func (s *Source) outOfBudget(e *entry, f *flight, budget time.Duration) {
	now := s.config.Clock().Now
	s.mu.Lock()
	if e.flight != f {
		s.mu.Unlock()
		return
	}
	gates := f.leave()
	e.fail(&Error{Reason: audit.OCSPUnavailable,
		Detail: fmt.Sprintf("no answer within %s", budget)}, now)
	s.mu.Unlock()
	open(gates)
}
