package clock

import "time"

const (
	// slack is by how much the wall clock may be behind and still be believed, and what
	// counts as noise when it is ahead. It is the default skew of revocation answers too.
	slack = 5 * time.Minute
	// horizon is how far ahead of the expected time the wall clock may be: the longest that
	// a gateway may lie on a shelf.
	horizon = 3 * year
	// nearStep and nearGap are the largest differences that need to stand for shortStand
	// only: while running, and for what passed while nothing ran.
	nearStep = time.Hour
	nearGap  = 30 * day
	// shortStand and longStand are how long a difference must stand before the mark follows.
	shortStand = time.Hour
	longStand  = 24 * time.Hour
	// pace is how often small differences are taken in.
	pace = time.Second
	// slower and faster bound how much of the time that elapsed small differences may take
	// from the mark or add to it: 500 ppm, the most that the kernel slews and a bad crystal
	// drifts, and 5 minutes an hour.
	slower = 2000
	faster = 12

	day  = 24 * time.Hour
	year = 365 * day
)

// earliest is a time at which this program did not exist: a build time before it is none.
var earliest = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)

// A verdict is what is held of the wall clock.
type verdict uint8

const (
	believed verdict = iota
	behind
	ahead
)

// A guard judges wall clocks by a mark. It is the whole of the model: no clock, no file, no lock.
type guard struct {
	mark time.Time
	at   time.Duration // elapsed when it was mark
	// bounded is false when nothing is known that a wall clock could be too far ahead of.
	bounded bool
	// live says that the mark agreed with the wall clock in this run. Before, a difference is
	// the time that nothing ran, and not a step.
	live bool
	step step
}

// A step is a difference to the expected time that has not stood for long enough. The zero step
// is none.
type step struct {
	size  time.Duration // when it was seen first
	since time.Duration // elapsed then
}

// expected returns the time before which it cannot be.
func (g *guard) expected(elapsed time.Duration) time.Time {
	return g.mark.Add(max(elapsed-g.at, 0))
}

// judge says what time it is when the wall clock says wall, and lets the mark follow what is
// small.
func (g *guard) judge(wall time.Time, elapsed time.Duration) (time.Time, verdict) {
	expected := g.expected(elapsed)
	d := wall.Sub(expected) // beyond 292 years this is 292 years
	switch {
	case d < -slack:
		g.step = step{}
		return expected, behind
	case d > horizon && g.bounded:
		g.step = step{}
		return expected, ahead
	case d > slack:
		if g.step.size == 0 || (d-g.step.size).Abs() > slack {
			g.step = step{size: d, since: elapsed}
		}
		return wall, believed
	}
	g.step, g.live = step{}, true
	if passed := elapsed - g.at; passed >= pace {
		g.mark = expected.Add(max(-passed/slower, min(d, passed/faster)))
		g.at = elapsed
	}
	return later(wall, expected), believed
}

// settle moves the mark to wall, which was judged just now, if the difference has stood for long
// enough.
func (g *guard) settle(wall time.Time, elapsed time.Duration, synchronised bool) bool {
	if g.step.size == 0 || elapsed-g.step.since < g.stand(synchronised) {
		return false
	}
	g.reset(wall, elapsed)
	return true
}

// stand returns for how long the present step must stand.
func (g *guard) stand(synchronised bool) time.Duration {
	near := nearGap
	if g.live {
		near = nearStep
	}
	if synchronised || g.step.size <= near {
		return shortStand
	}
	return longStand
}

// reset makes wall the mark.
func (g *guard) reset(wall time.Time, elapsed time.Duration) {
	*g = guard{mark: wall, at: elapsed, bounded: true, live: true}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
