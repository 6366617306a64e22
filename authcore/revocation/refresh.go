package revocation

import (
	"container/heap"
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	"gatehouse/authcore/policy"
)

const (
	// lately is how long after its last accept a certificate's status is renewed ahead.
	lately = 7 * 24 * time.Hour
	// soonest is the least time between two refreshes of one certificate.
	soonest = 10 * time.Second
	// seldom bounds the time to the next attempt when an answer is about to expire or has.
	seldom = 10 * time.Minute
	// latest bounds the time to a refresh.
	latest = 24 * time.Hour
	// refreshing bounds the refreshes under way: those who wait at the door come first.
	refreshing = 4
	// afterBoot is over how long the refreshes that are overdue at the start are spread.
	afterBoot = 5 * time.Minute
)

// planned is a heap of the entries whose refresh is planned, the next first. The Source's mutex
// guards it.
type planned []*entry

func (p planned) Len() int           { return len(p) }
func (p planned) Less(i, j int) bool { return p[i].due.Before(p[j].due) }
func (p planned) Swap(i, j int) {
	p[i], p[j] = p[j], p[i]
	p[i].place, p[j].place = i, j
}

// Push and Pop are heap.Interface.
func (p *planned) Push(x any) {
	e := x.(*entry)
	e.place = len(*p)
	*p = append(*p, e)
}

func (p *planned) Pop() any {
	last := len(*p) - 1
	e := (*p)[last]
	(*p)[last] = nil
	*p = (*p)[:last]
	return e
}

// put plans the refresh of e, anew if it was planned.
func (p *planned) put(e *entry, due time.Time) {
	p.drop(e)
	e.due = due
	heap.Push(p, e)
}

// drop takes e out, if it is there.
func (p *planned) drop(e *entry) {
	if !e.due.IsZero() {
		heap.Remove(p, e.place)
		e.due = time.Time{}
	}
}

// plan plans the next refresh of e, if it has been seen lately and there is something to renew,
// and somebody to ask. The caller holds s.mu.
func (s *Source) plan(e *entry, now time.Time, rules *policy.Revocation) {
	s.planned.drop(e)
	e.seen = earliest(e.seen, now) // the clock may have been ahead
	final := e.answer.Status == Revoked && !e.answer.Hold
	asked := len(e.target.responders) > 0 || rules.Responder != "" && asksCAs(e.role, rules)
	if e.answer.Status == None || final || !asked || !e.seenLately(now) {
		return
	}
	s.planned.put(e, renewal(e.answer.life().within(rules.MaxAge), now, e.fault != nil))
	s.nudge()
}

func (e *entry) seenLately(now time.Time) bool {
	return !e.seen.IsZero() && now.Sub(e.seen) <= lately
}

// renewal is when an answer is renewed: from half of its life on, spread over the fifth that
// follows, so that answers obtained together are not renewed together. After a failure, or where
// the responder sends an old answer anew, it is a share of the life that is left.
func renewal(l life, now time.Time, failed bool) time.Time {
	whole := l.Until.Sub(l.From)
	due := l.half().Add(spread(whole / 5))
	if failed || due.Before(now) {
		share := max(l.Until.Sub(now)/8, min(whole/20, seldom))
		due = now.Add(share + spread(share))
	}
	return earliest(latestOf(due, now.Add(soonest)), now.Add(latest))
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// half is the middle of a life.
func (l life) half() time.Time { return l.From.Add(l.Until.Sub(l.From) / 2) }

// nudge wakes Run. It never blocks.
func (s *Source) nudge() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Reconfigured says that another configuration is in force: Run looks at it, and asks about new
// server credentials. It never blocks.
func (s *Source) Reconfigured() { s.nudge() }

// Run renews what is due until ctx ends, and then waits for those who still ask. It is called
// once; afterwards nobody is asked any more.
func (s *Source) Run(ctx context.Context) error {
	defer s.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var adopted *view
	for {
		if v := s.makeView(); v != adopted {
			s.adopt(v, adopted)
			adopted = v
		}
		s.refreshLists()
		s.refreshStaples()
		wait := s.refreshDue()
		if adopted == nil {
			wait = time.Second // nobody tells when there is a configuration
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
		case <-timer.C:
		}
	}
}

// adopt does what a new configuration asks for.
func (s *Source) adopt(v, before *view) {
	s.forgetCAs(v, before)
	for _, ca := range v.cas {
		for _, held := range ca.lists {
			s.withdrawListed(held)
		}
	}
	s.watchCredentials(v)
	if before == nil {
		s.rememberLists(v)
		s.remember(v)
	}
}

// close ends everything that asks.
func (s *Source) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.group.Wait()
	s.config.Fetcher.CloseIdle()
}

// refreshDue starts the refreshes whose time has come, and returns the time to the next.
func (s *Source) refreshDue() time.Duration {
	at := s.config.Clock()
	if !at.Sure { // no answer could be judged
		return time.Minute
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mendPlan(at.Now)
	for len(s.planned) > 0 {
		next := s.planned[0]
		if wait := next.due.Sub(at.Now); wait > 0 {
			return min(wait, time.Minute)
		}
		if s.flying >= refreshing {
			return time.Second
		}
		s.planned.drop(next)
		s.refresh(next, at.Now)
	}
	return time.Minute
}

// mendPlan looks for refreshes that were planned by a clock that was ahead: after a step back
// they would not come for years. The caller holds s.mu.
func (s *Source) mendPlan(now time.Time) {
	back := now.Before(s.ticked)
	s.ticked = now
	if !back {
		return
	}
	for _, e := range s.planned {
		if !ahead(now, e.due, latest) {
			e.due = earliest(e.due, now.Add(spread(afterBoot)))
		}
	}
	heap.Init(&s.planned)
}

// spread is a random part of d.
func spread(d time.Duration) time.Duration { return time.Duration(rand.Float64() * float64(d)) }

// refresh asks about one certificate. The caller holds s.mu.
func (s *Source) refresh(e *entry, now time.Time) {
	ca := s.view.Load().ca(e.ca)
	if ca == nil || e.flight != nil || !e.seenLately(now) {
		return
	}
	sub := e.subject(&ca.rules)
	s.counts.refreshes.Add(1)
	s.launch(e, &sub, now)
}

// remember plans the refreshes of the certificates that the Cache knows, so that those who came
// yesterday find a current answer today although the process is a new one.
func (s *Source) remember(v *view) {
	at := s.config.Clock()
	err := s.config.Answers.Walk(func(key, value []byte) bool {
		var r record
		k, ok := ParseKey(key)
		if ok && json.Unmarshal(value, &r) == nil {
			return s.rememberOne(k, &r, v, at.Now)
		}
		return true
	})
	if err != nil {
		s.config.Logger.Warn("the answers kept from before cannot be read", "error", err)
	}
}

// rememberOne plans the refresh of one, and reports whether there is room for more. The record is
// not verified: it says no more than whom to ask, and when.
func (s *Source) rememberOne(k Key, r *record, v *view, now time.Time) bool {
	issuer, ca := v.issuers[k.Issuer], v.ca(r.CA)
	if issuer == nil || ca == nil || now.Sub(r.Seen) > lately || r.Seen.IsZero() ||
		len(r.Responders) > maxNamed || len(r.Points) > maxNamed {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.table.entries) >= s.config.Entries || s.table.entries[k] != nil {
		return len(s.table.entries) < s.config.Entries
	}
	e := s.table.add(k)
	e.ca, e.role, e.issuer, e.seen = r.CA, r.Role, issuer, earliest(r.Seen, now)
	e.target = target{responders: r.Responders, points: r.Points}
	due := renewal(r.Life.within(ca.rules.MaxAge), now, false)
	if half := r.Life.within(ca.rules.MaxAge).half(); half.Before(now) {
		due = now.Add(spread(afterBoot))
	}
	s.planned.put(e, due)
	return true
}
