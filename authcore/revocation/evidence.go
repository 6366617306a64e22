package revocation

import (
	"slices"
	"time"
)

// judge decides about one certificate by what is known: in memory, or else in the Cache.
func (s *Source) judge(sub *subject, v *view, at Moment) verdict {
	verdict, known := s.judgeKnown(sub, v, at)
	if !known {
		s.recall(sub, at)
		verdict, _ = s.judgeKnown(sub, v, at)
	}
	return verdict
}

// judgeKnown decides by what is in memory. Known false says that the Cache may hold more.
func (s *Source) judgeKnown(sub *subject, v *view, at Moment) (_ verdict, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.table.get(sub.key)
	f := s.finding(sub, e, v, at)
	verdict := judge(sub.role, f, &sub.rules, at)
	if f.fault != nil {
		verdict.ask = false // it was tried a moment ago
	}
	return verdict, e != nil && !e.kept
}

// finding weighs what is at hand: revoked wins, then the first means with a current answer,
// then the first with any. The caller holds s.mu.
func (s *Source) finding(sub *subject, e *entry, v *view, at Moment) finding {
	t := targetOf(sub.cert)
	list := s.listFor(sub, t, v)
	p := planFor(sub.role, t, &sub.rules, list != nil)
	best := finding{named: p.count > 0}
	behind := false // an earlier means has no current answer
	for _, by := range p.means() {
		f := finding{named: true}
		switch {
		case by == byOCSP && e != nil:
			f = e.finding(sub, at)
		case by == byCRL && list != nil:
			if f = list.finding(sub, at); f.answer.Status == None {
				continue // it is not about such certificates
			}
		}
		if f.betterThan(&best) {
			best, best.second = f, behind
		}
		behind = behind || f.answer.Status == None || f.freshness != Fresh
	}
	s.heedRevoked(sub, e, list, &best, at)
	if e != nil && ahead(at.Now, e.faultUntil, faultFor) {
		best.fault = e.fault
	}
	return best
}

// heedRevoked puts a revocation in the place of best that is known by other means than the
// rules now ask for, such as the list of a certificate that names no responder.
func (s *Source) heedRevoked(sub *subject, e *entry, list *heldList, best *finding, at Moment) {
	if list != nil && best.answer.Status != Revoked && slices.Contains(sub.rules.Order, "crl") {
		f := list.finding(sub, at)
		if f.answer.Status == Revoked && supersedes(&best.answer, &f.answer) {
			*best = f
		}
	}
	if e != nil && e.answer.Status == Revoked && best.answer.Status != Revoked &&
		!supersedes(&e.answer, &best.answer) {
		*best = e.finding(sub, at)
	}
}

// finding is what the entry's answer says.
func (e *entry) finding(sub *subject, at Moment) finding {
	f := finding{named: true, answer: e.answer, said: e.said, source: FromCache}
	age := at.Now.Sub(e.obtained)
	switch {
	case e.listed:
		f.source = FromCRL
	case !e.recalled && age >= 0 && age < sub.rules.Budget:
		f.source = FromResponder
	}
	f.weigh(sub, at)
	passing := e.answer.Status == Unknown || e.answer.Hold
	if passing && !(age >= 0 && age <= passingFor) {
		f.freshness = Stale // who was enrolled, or freed, a moment ago shall not wait for long
	}
	return f
}

// finding is what the list says.
func (l *heldList) finding(sub *subject, at Moment) finding {
	f := finding{named: true, answer: l.Find(sub.cert), source: FromCRL}
	switch f.answer.Status {
	case None:
		return f
	case Good:
		f.said = l.absent
	default:
		f.said = describe(&f.answer) + ", " + l.name
	}
	f.weigh(sub, at)
	return f
}

// weigh judges the age of f's answer.
func (f *finding) weigh(sub *subject, at Moment) {
	if f.answer.Status != None {
		f.freshness = f.answer.Freshness(at.Now, sub.rules.Skew, sub.rules.MaxAge)
		f.expires = f.answer.Until(sub.rules.MaxAge)
	}
}

// betterThan reports whether f takes the place of best, which comes earlier in the order.
func (f *finding) betterThan(best *finding) bool {
	fresh := f.freshness == Fresh
	switch {
	case f.answer.Status == None:
		return false
	case best.answer.Status == None:
		return true
	case f.answer.Status == Revoked:
		return supersedes(&best.answer, &f.answer)
	case best.answer.Status == Revoked:
		return fresh && supersedes(&best.answer, &f.answer)
	}
	return fresh && best.freshness != Fresh
}

// supersedes reports whether answer b may take the place of a. What has been revoked for good
// stays so, whatever the dates; otherwise an answer older than the one at hand is a replay. From
// a hold, only "good" and "revoked" lead away.
func supersedes(a, b *Answer) bool {
	revoked, final := a.Status == Revoked, b.Status == Revoked && !b.Hold
	switch {
	case a.Status == None:
		return true
	case revoked && !a.Hold:
		return final && !b.ThisUpdate.Before(a.ThisUpdate)
	case final:
		return true
	case revoked && b.Status != Good && b.Status != Revoked:
		return false
	}
	return !b.ThisUpdate.Before(a.ThisUpdate)
}

// ahead reports whether a dates from a time at which the clock was ahead, and the responder's as
// well: otherwise it would never have been taken. It must not keep out those that come now.
func (a *Answer) ahead(now time.Time, skew time.Duration) bool {
	return a.ThisUpdate.After(now.Add(skew))
}

// latestOf returns the later of two times.
func latestOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
