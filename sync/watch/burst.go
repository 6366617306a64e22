package watch

import "time"

// A burst is a number of events that belong together: an editor or a copy makes several. Its
// zero value but for the durations has not begun.
type burst struct {
	quiet, most time.Duration
	first, last time.Time // of its events; zero: it has not begun
}

// stir says that something happened now.
func (b *burst) stir(now time.Time) {
	if b.first.IsZero() {
		b.first = now
	}
	b.last = now
}

// due returns when to look: after some silence, but not put off for ever.
func (b *burst) due() time.Time {
	due, latest := b.last.Add(b.quiet), b.first.Add(b.most)
	if latest.Before(due) {
		return latest
	}
	return due
}

func (b *burst) stirred() bool { return !b.first.IsZero() }

// overdue reports whether a look cannot be put off any more.
func (b *burst) overdue(now time.Time) bool {
	return b.stirred() && !now.Before(b.first.Add(b.most))
}

func (b *burst) end() { b.first, b.last = time.Time{}, time.Time{} }
