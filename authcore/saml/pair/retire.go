package pair

import (
	"time"
)

// Discard erases what waits as next, half or whole. Errors are *RefusedError.
func (s Set) Discard(now time.Time) (Change, error) {
	if err := s.Can(ActionDiscard, now); err != nil {
		return Change{}, err
	}
	p := planFor(s.App)
	p.erase(NextKeyFile)
	p.erase(NextCertificateFile)
	s.Next = Slot{}
	return p.done(s)
}

// Retire erases the previous key, for a person who knows that the service provider has the
// active certificate. The certificate is kept to compare. Errors are *RefusedError.
func (s Set) Retire(now time.Time) (Change, error) {
	if err := s.Can(ActionRetire, now); err != nil {
		return Change{}, err
	}
	return s.retire()
}

func (s Set) retire() (Change, error) {
	p := planFor(s.App)
	p.erase(PreviousKeyFile)
	p.erase(PreviousSinceFile)
	s.Previous.Key, s.Previous.Since = nil, time.Time{}
	return p.done(s)
}

// PreviousFor is how long a previous pair is kept if nothing else is configured: 14 days.
const PreviousFor = 14 * 24 * time.Hour

// Lapse retires the previous pair once it has waited for the given time (0: PreviousFor), by a
// clock that is believed. If it is not known since when it waits, it waits from now on. The
// change is empty if there is nothing to do, as always under a bundle.
func (s Set) Lapse(after time.Duration, now time.Time) (Change, error) {
	if s.Managed || s.Previous.Key == nil {
		return Change{Set: s}, nil
	}
	if s.Previous.Since.IsZero() {
		s.Previous.Since = now.UTC().Truncate(time.Second)
		p := planFor(s.App)
		p.writeSince(s.Previous.Since)
		return p.done(s)
	}
	if now.Before(s.Lapses(after)) {
		return Change{Set: s}, nil
	}
	return s.retire()
}

// Lapses is when Lapse retires the previous pair; zero if there is none or it is not known.
func (s Set) Lapses(after time.Duration) time.Time {
	if s.Previous.Key == nil || s.Previous.Since.IsZero() {
		return time.Time{}
	}
	if after <= 0 {
		after = PreviousFor
	}
	return s.Previous.Since.Add(after)
}
