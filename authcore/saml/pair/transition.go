package pair

import (
	"time"
)

// Activate makes an app's first pair active: a whole one that waits as next, or else a new one.
// The error is a *RefusedError, or what kept generate from making a pair.
func (s Set) Activate(generate Generator, now time.Time) (Change, error) {
	if err := s.Can(ActionActivate, now); err != nil {
		return Change{}, err
	}
	p := planFor(s.App)
	if s.Next.IsEmpty() {
		fresh, err := generate(s.App, now)
		if err != nil {
			return Change{}, err
		}
		s.stage(p, fresh)
	}
	s.switchOver(p)
	return p.done(s)
}

// Regenerate makes a new pair, with a new key, as next; one that waits there already is erased.
// Errors are those of Activate.
func (s Set) Regenerate(generate Generator, now time.Time) (Change, error) {
	if err := s.Can(ActionRegenerate, now); err != nil {
		return Change{}, err
	}
	fresh, err := generate(s.App, now)
	if err != nil {
		return Change{}, err
	}
	p := planFor(s.App)
	s.stage(p, fresh)
	return p.done(s)
}

// RegenerateCompromised makes a new pair that is active at once and erases every other key:
// who could read one could read them all. The old active certificate is kept to compare.
// Errors are those of Activate.
func (s Set) RegenerateCompromised(generate Generator, now time.Time) (Change, error) {
	if err := s.Can(ActionCompromised, now); err != nil {
		return Change{}, err
	}
	fresh, err := generate(s.App, now)
	if err != nil {
		return Change{}, err
	}
	p := planFor(s.App)
	s.stage(p, fresh)
	p.erase(PreviousKeyFile)
	p.erase(PreviousSinceFile)
	if old := s.Active.Certificate; old != nil {
		p.write(PreviousCertificateFile, CertificatePEM(old))
		s.Previous = Slot{Certificate: old}
	} else {
		s.Previous.Key, s.Previous.Since = nil, time.Time{}
	}
	s.switchOver(p)
	return p.done(s)
}

// Promote makes next active and active previous, from now on. Errors are *RefusedError.
func (s Set) Promote(now time.Time) (Change, error) {
	if err := s.Can(ActionPromote, now); err != nil {
		return Change{}, err
	}
	p := planFor(s.App)
	s.keepPrevious(p, now.UTC().Truncate(time.Second))
	s.switchOver(p)
	return p.done(s)
}

// keepPrevious copies the active pair to previous. The certificate comes before its key, so
// that at no time a key stands there beside another's certificate. Half a pair leaves its
// certificate to compare, if it has one.
func (s *Set) keepPrevious(p *plan, now time.Time) {
	p.erase(PreviousKeyFile)
	s.Previous.Key, s.Previous.Since = nil, time.Time{}
	if _, ok := s.Active.Pair(); ok {
		p.writeSince(now)
		p.write(PreviousCertificateFile, CertificatePEM(s.Active.Certificate))
		p.writeKey(PreviousKeyFile, s.Active.Key)
		s.Previous = Slot{Certificate: s.Active.Certificate, Key: s.Active.Key, Since: now}
		return
	}
	p.erase(PreviousSinceFile)
	if s.Active.Certificate != nil {
		p.write(PreviousCertificateFile, CertificatePEM(s.Active.Certificate))
		s.Previous = Slot{Certificate: s.Active.Certificate}
	}
}

// stage puts a whole pair into next. The certificate that was there goes first, so that at no
// time it stands beside another's key.
func (s *Set) stage(p *plan, fresh *Pair) {
	if !s.Next.IsEmpty() {
		p.erase(NextCertificateFile)
	}
	p.writeKey(NextKeyFile, fresh.Key)
	p.write(NextCertificateFile, CertificatePEM(fresh.Certificate))
	s.Next = Slot{Certificate: fresh.Certificate, Key: fresh.Key}
}

// switchOver moves next into the place of active, key first: between the two steps the key
// alone tells Repair, by the certificate that waits in next, that the second step is missing.
func (s *Set) switchOver(p *plan) {
	p.rename(NextKeyFile, KeyFile)
	p.rename(NextCertificateFile, CertificateFile)
	s.Active, s.Next = s.Next, Slot{}
}
