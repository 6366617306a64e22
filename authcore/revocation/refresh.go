package revocation

import (
	"container/heap"
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"
)

const (
	// lately is how long after its last accept a certificate's status is renewed ahead.
	lately = 7 * 24 * time.Hour
	// soonest is the least time between two refreshes of one certificate.
	soonest = 10 * time.Second
	// latest bounds the time to a refresh.
	latest = 24 * time.Hour
	// refreshing bounds the refreshes under way: those who wait at the door come first.
	refreshing = 4
	// afterBoot is over how long the refreshes that are overdue at the start are spread.
	afterBoot = 5 * time.Minute
)

// A refresh is planned for a certificate.
type refresh struct {
	key Key
	due time.Time
}

// planned is a heap of refreshes, the next first.
type planned []refresh

func (p planned) Len() int           { return len(p) }
func (p planned) Less(i, j int) bool { return p[i].due.Before(p[j].due) }
func (p planned) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *planned) Push(x any)        { *p = append(*p, x.(refresh)) }
func (p *planned) Pop() any {
	old := *p
	last := old[len(old)-1]
	*p = old[:len(old)-1]
	return last
}

// plan plans the next refresh of e, if it has been seen lately. The caller holds s.mu.
func (s *Source) plan(e *entry, now time.Time, maxAge time.Duration) {
	e.due = time.Time{}
	if e.seen.IsZero() || now.Sub(e.seen) > lately {
		return
	}
	e.due = renewal(life{From: e.answer.ThisUpdate, Until: e.answer.Until(maxAge)}, now, e.fault != nil)
	heap.Push(&s.planned, refresh{key: e.key, due: e.due})
	s.nudge()
}

// renewal is when an answer is renewed: from half of its life on, spread over the fifth that
// follows, so that answers obtained together are not renewed together. After a failure, or where
// the responder sends an old answer anew, it is a share of the life that is left.
func renewal(l life, now time.Time, failed bool) time.Time {
	whole := l.Until.Sub(l.From)
	spread := time.Duration(rand.Float64() * float64(whole) / 5)
	due := l.From.Add(whole/2 + spread)
	if failed || due.Before(now) {
		share := max(l.Until.Sub(now)/8, whole/20)
		due = now.Add(share + time.Duration(rand.Float64()*float64(share)))
	}
	return earliest(latestOf(due, now.Add(soonest)), now.Add(latest))
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latestOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// nudge wakes Run. It never blocks.
func (s *Source) nudge() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Run renews what is due until ctx ends, and then waits for those who still ask.
func (s *Source) Run(ctx context.Context) error {
	defer s.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	remembered := false
	for {
		before := s.view.Load()
		if v := s.makeView(); v != before {
			s.forgetCAs(v)
			s.watchCredentials(v)
			if !remembered {
				s.remember(v)
				remembered = true
			}
		}
		s.refreshLists()
		s.refreshStaples()
		timer.Reset(s.refreshDue())
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
		case <-timer.C:
		}
	}
}

// close ends everything that asks.
func (s *Source) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.group.Wait()
}

// refreshDue starts the refreshes whose time has come, and returns the time to the next.
func (s *Source) refreshDue() time.Duration {
	at := s.config.Clock()
	if !at.Sure { // no answer could be judged
		return time.Minute
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.planned) > 0 {
		next := s.planned[0]
		if wait := next.due.Sub(at.Now); wait > 0 {
			return min(wait, time.Minute)
		}
		if s.flying >= refreshing {
			return time.Second
		}
		heap.Pop(&s.planned)
		s.refresh(next, at.Now)
	}
	return time.Minute
}

// refresh asks about one certificate. The caller holds s.mu.
func (s *Source) refresh(r refresh, now time.Time) {
	e := s.table.entries[r.key]
	if e == nil || !e.due.Equal(r.due) || e.flight != nil || e.issuer == nil {
		return // it has been planned anew, or is gone
	}
	ca := s.view.Load().ca(e.ca)
	if ca == nil {
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
		if !ok || json.Unmarshal(value, &r) != nil || at.Now.Sub(r.Seen) > lately {
			return true
		}
		issuer, ca := v.issuers[k.Issuer], v.ca(r.CA)
		if issuer == nil || ca == nil {
			return true
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.table.entries) >= s.config.Entries || s.table.entries[k] != nil {
			return len(s.table.entries) < s.config.Entries
		}
		e := s.table.add(k)
		e.ca, e.role, e.issuer, e.seen = r.CA, r.Role, issuer, r.Seen
		e.target = target{responders: r.Responders, points: r.Points}
		e.kept = true
		e.due = renewal(r.Life, at.Now, false)
		if r.Life.From.Add(r.Life.Until.Sub(r.Life.From) / 2).Before(at.Now) {
			e.due = at.Now.Add(time.Duration(rand.Float64() * float64(afterBoot)))
		}
		heap.Push(&s.planned, refresh{key: k, due: e.due})
		return true
	})
	if err != nil {
		s.config.Logger.Warn("the answers kept from before cannot be read", "error", err)
	}
}
