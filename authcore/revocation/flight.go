package revocation

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"gatehouse/authcore/audit"
)

const (
	// maxAsking bounds those who ask at once; the others queue, on their budget.
	maxAsking = 64
	// maxFlights bounds those who ask and those who queue.
	maxFlights = 2048
	// patience is how long an answer is waited for when nobody waits for it, or no longer.
	patience = 10 * time.Second
	// faultFor is how long a failure to get an answer is the answer: time enough for those
	// who waited to be told, and little for those who come next.
	faultFor = 5 * time.Second
	// unknownFor is how long "unknown" is believed.
	unknownFor = time.Minute
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

// ask starts or joins a flight for each subject and calls q.Wake after the last. It reports
// whether there is anything to wait for.
func (s *Source) ask(subs []subject, q Query) bool {
	g := &gate{wake: q.Wake}
	g.left.Store(1) // ours, until all have been joined
	joined := 0
	s.mu.Lock()
	for i := range subs {
		if s.join(&subs[i], g, q.At.Now) {
			joined++
		}
	}
	s.mu.Unlock()
	if joined == 0 {
		return false
	}
	g.done()
	return true
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
	s.group.Go(func() { s.fly(e, &own) })
	return true
}

// fly asks about e and lands: afterwards either the answer counts, or the fault says why not.
func (s *Source) fly(e *entry, sub *subject) {
	ctx, cancel := context.WithTimeout(s.stop, max(patience, sub.rules.Budget))
	defer cancel()
	var got outcome
	select {
	case s.slots <- struct{}{}:
		got = s.pursue(ctx, sub)
		<-s.slots
	case <-ctx.Done():
		got.fault = &Error{Reason: audit.OCSPUnavailable, Detail: "too many certificates are being asked about"}
	}
	s.land(e, sub, got)
}

// land takes the outcome in and wakes whoever waits.
func (s *Source) land(e *entry, sub *subject, got outcome) {
	now := s.config.Clock().Now
	s.mu.Lock()
	revoked := false
	if got.answer.Status != None && !supersedes(&e.answer, &got.answer) {
		got.fault = &Error{Reason: audit.OCSPStale,
			Detail: "the responder's answer is older than the one known"}
	} else if got.answer.Status != None {
		revoked = e.setAnswer(got.answer, now)
	}
	if got.fault != nil {
		e.fail(got.fault, now)
	}
	sessions := e.online
	s.plan(e, now, sub.rules.MaxAge)
	gates := e.flight.leave()
	e.flight, s.flying = nil, s.flying-1
	record := e.record(got)
	s.mu.Unlock()
	if got.fault == nil && got.der != nil {
		s.keep(e.key, record, got.answer)
	}
	open(gates)
	if revoked && len(sessions) > 0 {
		s.config.OnWithdrawal(Withdrawal{Key: e.key, CA: sub.ca, Answer: got.answer, Sessions: sessions})
	}
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
