package pair

import (
	"crypto/x509"
	"fmt"
)

// A Role is the place of a pair in an app.
type Role string

// The roles, and Unknown for a certificate that has none of them.
const (
	Active   Role = "active"
	Next     Role = "next"
	Previous Role = "previous"
	Unknown  Role = "unknown"
)

var roles = []Role{Active, Next, Previous}

// A Set is all that an app has of pairs. It is a value: transitions return a new one and leave
// the old one as it is.
//
//	none ──Activate──▶ active
//	active ──Regenerate, Upload──▶ active + next           both in metadata, active signs
//	active + next ──Promote──▶ active (was next) + previous both in metadata, active signs
//	previous ──Lapse, Retire──▶ retired                    key erased, certificate kept to compare
//	any ──RegenerateCompromised──▶ active (new) + retired   the old one leaves metadata at once
//
// One half of a pair waits as next until the other comes, and is never active. With Managed,
// a bundle of head office says which pair is active, and every transition is refused.
type Set struct {
	App      string
	Active   Slot
	Next     Slot
	Previous Slot // without its key it is retired
	Managed  bool
}

func (s *Set) slot(role Role) *Slot {
	switch role {
	case Active:
		return &s.Active
	case Next:
		return &s.Next
	default:
		return &s.Previous
	}
}

// Signer returns the pair that signs, and false if there is none: half a pair, or one that does
// not fit, never signs.
func (s Set) Signer() (*Pair, bool) { return s.Active.Pair() }

// SigningCertificates returns what metadata lists: active first, then next and previous, those
// that are whole.
func (s Set) SigningCertificates() []*x509.Certificate {
	var certs []*x509.Certificate
	for _, role := range roles {
		if p, ok := s.slot(role).Pair(); ok {
			certs = append(certs, p.Certificate)
		}
	}
	return certs
}

// RoleOf returns the role of the certificate with the given fingerprint.
func (s Set) RoleOf(fingerprint string) Role {
	for _, role := range roles {
		if c := s.slot(role).Certificate; c != nil && Fingerprint(c) == fingerprint {
			return role
		}
	}
	return Unknown
}

// Pin applies what a bundle says: the pair with the certificate of the given fingerprint is
// active, the one that was becomes previous, and the set is managed from then on. The error is
// a *RefusedError if no whole pair has the fingerprint.
func (s Set) Pin(fingerprint string) (Set, error) {
	s.Managed = true
	role := s.RoleOf(fingerprint)
	if role == Unknown {
		return Set{}, refused(PinUnknown, "head office names a certificate that app %s does not have: %.64q", s.App, fingerprint)
	}
	if _, ok := s.slot(role).Pair(); !ok {
		return Set{}, refused(PinUnknown, "head office makes %s the active pair of app %s, but its key is missing or does not fit", role, s.App)
	}
	switch role {
	case Next:
		s.Active, s.Next, s.Previous = s.Next, Slot{}, s.Active
	case Previous:
		s.Active, s.Previous = s.Previous, s.Active
	}
	return s, nil
}

// DownloadWarning is the sticky notice for an app whose certificate with the given fingerprint
// was the last to be downloaded, or "" if that is the one that signs.
func (s Set) DownloadWarning(fingerprint string) string {
	if fingerprint == "" {
		return ""
	}
	switch role := s.RoleOf(fingerprint); {
	case role == Active:
		return ""
	case role == Next:
		return "unsaved change: the service provider probably has next, we still sign with active: activate next once the service provider has it"
	case role == Previous && s.Previous.Key != nil:
		return "the certificate downloaded last is previous, we sign with active: download it again"
	default:
		return "the certificate downloaded last is no longer in use: download it again"
	}
}

// A RefusedCode says why a transition is refused. The strings are stable.
type RefusedCode string

// The reasons.
const (
	NotActivated  RefusedCode = "not_activated"
	AlreadyActive RefusedCode = "already_active"
	HalfActive    RefusedCode = "half_active"
	HalfWaiting   RefusedCode = "half_waiting"
	NextWaiting   RefusedCode = "next_waiting"
	NothingNext   RefusedCode = "nothing_next"
	NothingToDo   RefusedCode = "nothing_to_do"
	NextUnusable  RefusedCode = "next_unusable"
	ManagedByHead RefusedCode = "managed"
	PinUnknown    RefusedCode = "pin_unknown"
)

// A RefusedError says why a transition is refused, in words for administrators.
type RefusedError struct {
	Code RefusedCode
	Text string
}

func (e *RefusedError) Error() string { return e.Text }

func refused(code RefusedCode, format string, args ...any) *RefusedError {
	return &RefusedError{Code: code, Text: fmt.Sprintf(format, args...)}
}
