package authcore

import (
	"container/list"
	"sync"
	"time"
)

// A table holds the conversations by the State that their next packet carries, bounded in
// number and time. It owns no goroutine. Its lock is never held while a conversation's is
// taken; whoever is given conversations that fell out must end them.
type table struct {
	limits

	mu       sync.Mutex // guards what follows
	states   map[stateKey]*conversation
	stations map[stationKey]*conversation
	places   map[*conversation]*place
	nases    map[string]*nasShare
	unshown  *list.List // of *conversation, oldest first: no certificate yet
	shown    *list.List
	finished *list.List
}

// A nasShare is what is under way from one NAS.
type nasShare struct {
	conversations int
	unshown       *list.List // as the table's
}

// limits bound a table.
type limits struct {
	all      int           // conversations under way; as many finished ones are kept
	nas      int           // under way from one NAS
	lifetime time.Duration // from the first packet to the answer that ends it
	grace    time.Duration // from the last packet, in which none gives way to another
	linger   time.Duration // during which a finished one still answers a retransmission
}

// An admission says whether a conversation was taken into the table.
type admission uint8

const (
	full    admission = iota // of conversations that never give way
	crowded                  // some will give way soon
	admitted
)

// A place is where a conversation stands in the table.
type place struct {
	list     *list.List
	element  *list.Element
	own      *list.Element // in the NAS's unshown; nil: shown or finished
	deadline time.Time
	active   time.Time  // when it was answered last, or began
	states   []stateKey // at most two: the expected and the previous
}

func newTable(l limits) *table {
	return &table{
		limits: l,
		states: make(map[stateKey]*conversation), stations: make(map[stationKey]*conversation),
		places: make(map[*conversation]*place), nases: make(map[string]*nasShare),
		unshown: list.New(), shown: list.New(), finished: list.New(),
	}
}

// add takes in c if there is room, in the table and the NAS's part of it. shed is the
// conversation that gives way to it, the oldest without a certificate that does not move on.
// None does that has moved a moment ago: a server that sends everybody away to let others begin
// would carry out nothing.
func (t *table) add(c *conversation, now time.Time) (shed *conversation, _ admission) {
	t.mu.Lock()
	defer t.mu.Unlock()
	share := t.nases[c.key.nas]
	candidates := t.unshown
	noRoom := t.unshown.Len()+t.shown.Len() >= t.all
	if share != nil && share.conversations >= t.nas {
		noRoom, candidates = true, share.unshown
	}
	if noRoom {
		if candidates.Len() == 0 {
			return nil, full
		}
		if shed = t.idleLocked(candidates, now); shed == nil {
			return nil, crowded
		}
		t.removeLocked(shed)
	}
	if share = t.nases[c.key.nas]; share == nil {
		share = &nasShare{unshown: list.New()}
		t.nases[c.key.nas] = share
	}
	share.conversations++
	t.places[c] = &place{
		list: t.unshown, element: t.unshown.PushBack(c), own: share.unshown.PushBack(c),
		deadline: now.Add(t.lifetime), active: now,
	}
	return shed, admitted
}

// maxIdleLook bounds how many conversations are looked at to find one that gives way.
const maxIdleLook = 64

// idleLocked returns the oldest of l that has not moved for as long as the grace, or nil.
func (t *table) idleLocked(l *list.List, now time.Time) *conversation {
	looked := 0
	for el := l.Front(); el != nil && looked < maxIdleLook; el = el.Next() {
		c := el.Value.(*conversation)
		if now.Sub(t.places[c].active) >= t.grace {
			return c
		}
		looked++
	}
	return nil
}

// claim makes c the one conversation of its device, and returns the one that it supersedes, or
// nil. It is for the second packet of c: the first may be a replay, the second is from whoever
// received our answer.
func (t *table) claim(c *conversation) *conversation {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.stations[c.key]
	if c.key.station == "" || t.places[c] == nil || old != nil && old.started.After(c.started) {
		return nil
	}
	t.stations[c.key] = c
	if old != nil {
		t.removeLocked(old)
	}
	return old
}

// find returns the conversation that handed out state, or nil.
func (t *table) find(state stateKey) *conversation {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.states[state]
}

// expect makes c findable by state, which it is answered with at now, and by the one before,
// and by no other.
func (t *table) expect(c *conversation, state stateKey, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.places[c]
	if p == nil {
		return
	}
	p.active = now
	if len(p.states) == 2 {
		delete(t.states, p.states[0])
		p.states[0], p.states = p.states[1], p.states[:1]
	}
	p.states = append(p.states, state)
	t.states[state] = c
}

// markShown keeps c from being shed.
func (t *table) markShown(c *conversation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moveLocked(c, t.shown)
}

// finish keeps c only to answer a retransmission of its last request.
func (t *table) finish(c *conversation, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.places[c]
	if p == nil {
		return
	}
	if t.stations[c.key] == c {
		delete(t.stations, c.key)
	}
	if len(p.states) == 0 { // nothing could ask for it again
		t.removeLocked(c)
		return
	}
	p.deadline = now.Add(t.linger)
	if p.list != t.finished {
		t.leaveLocked(c, p)
	}
	t.moveLocked(c, t.finished)
	if t.finished.Len() > t.all {
		t.removeLocked(t.finished.Front().Value.(*conversation))
	}
}

func (t *table) moveLocked(c *conversation, to *list.List) {
	if p := t.places[c]; p != nil && p.list != to {
		t.shownLocked(c, p)
		p.list.Remove(p.element)
		p.list, p.element = to, to.PushBack(c)
	}
}

// shownLocked takes c out of what its NAS may be asked to give way with.
func (t *table) shownLocked(c *conversation, p *place) {
	if p.own != nil {
		t.nases[c.key.nas].unshown.Remove(p.own)
		p.own = nil
	}
}

// leaveLocked counts c as no longer under way.
func (t *table) leaveLocked(c *conversation, p *place) {
	t.shownLocked(c, p)
	share := t.nases[c.key.nas]
	if share.conversations--; share.conversations == 0 {
		delete(t.nases, c.key.nas)
	}
}

func (t *table) removeLocked(c *conversation) {
	p := t.places[c]
	if p == nil {
		return
	}
	for _, s := range p.states {
		delete(t.states, s)
	}
	if t.stations[c.key] == c {
		delete(t.stations, c.key)
	}
	if p.list != t.finished {
		t.leaveLocked(c, p)
	}
	p.list.Remove(p.element)
	delete(t.places, c)
}

// expire removes and returns every conversation whose time is up at now, finished ones too.
func (t *table) expire(now time.Time) []*conversation {
	t.mu.Lock()
	defer t.mu.Unlock()
	var expired []*conversation
	for _, l := range []*list.List{t.unshown, t.shown, t.finished} {
		for el := l.Front(); el != nil; {
			c := el.Value.(*conversation)
			el = el.Next()
			if p := t.places[c]; !p.deadline.After(now) {
				expired = append(expired, c)
				t.removeLocked(c)
			} else if l != t.shown {
				break // in order of their deadlines
			}
		}
	}
	return expired
}

// drain removes and returns everything.
func (t *table) drain() []*conversation {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*conversation, 0, len(t.places))
	for c := range t.places {
		all = append(all, c)
	}
	for _, c := range all {
		t.removeLocked(c)
	}
	return all
}

// counts returns how many conversations are under way and how many linger.
func (t *table) counts() (live, lingering int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unshown.Len() + t.shown.Len(), t.finished.Len()
}
