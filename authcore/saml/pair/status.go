package pair

import (
	"time"
)

// ExpiringBefore is how long before its end a certificate counts as expiring: 60 days, when
// the first notice is sent.
const ExpiringBefore = 60 * 24 * time.Hour

// A State is what can be said of one half of a pair in one word. The strings are stable.
type State string

// The states. Retired is a certificate that is kept to compare.
const (
	StateNone        State = "none"
	StateActive      State = "active"
	StateNext        State = "next"
	StatePrevious    State = "previous"
	StateRetired     State = "retired"
	StateHalf        State = "half"
	StateMismatch    State = "mismatch"
	StateExpiring    State = "expiring"
	StateExpired     State = "expired"
	StateNotYetValid State = "not_yet_valid"
	StateUnusable    State = "unusable"
)

// A Colour is how a state is shown.
type Colour string

// The colours. Grey: nothing is detected, or it no longer matters.
const (
	Grey  Colour = "grey"
	Green Colour = "green"
	Amber Colour = "amber"
	Red   Colour = "red"
)

// Colour is how the state is shown.
func (s State) Colour() Colour {
	switch s {
	case StateActive, StateNext, StatePrevious:
		return Green
	case StateHalf, StateExpiring:
		return Amber
	case StateMismatch, StateExpired, StateNotYetValid, StateUnusable:
		return Red
	}
	return Grey
}

// A PartStatus is the status of a certificate or of a key.
type PartStatus struct {
	State  State  `json:"state"`
	Colour Colour `json:"colour"`
	Text   string `json:"text"` // for people
}

// A SlotStatus is the status of one pair.
type SlotStatus struct {
	Role        Role       `json:"role"`
	Certificate PartStatus `json:"certificate"`
	Key         PartStatus `json:"key"`
	Missing     Part       `json:"missing,omitempty"`    // of a half pair
	Facts       *Facts     `json:"facts,omitempty"`      // nil without a certificate
	KeySHA256   string     `json:"key_sha256,omitempty"` // of the public key that belongs to the key
	Since       time.Time  `json:"since,omitzero"`       // previous: when it was replaced
}

// A Status is the status of an app: the two lights at its top, and the table of its pairs in
// the order active, next, previous; those that are empty are left out.
type Status struct {
	App         string       `json:"app"`
	Certificate PartStatus   `json:"certificate"`
	Key         PartStatus   `json:"key"`
	Managed     bool         `json:"managed"`
	Pairs       []SlotStatus `json:"pairs"`
}

// Status describes the set at now. The lights at the top are those of the active pair; without
// one, those of what waits as next.
func (s Set) Status(now time.Time) Status {
	st := Status{App: s.App, Managed: s.Managed}
	st.Certificate, st.Key = noneOf(PartCertificate), noneOf(PartKey)
	for _, role := range roles {
		slot := s.slot(role)
		if slot.IsEmpty() {
			continue
		}
		one := slot.status(role, now)
		if len(st.Pairs) == 0 && role != Previous {
			st.Certificate, st.Key = one.Certificate, one.Key
		}
		st.Pairs = append(st.Pairs, one)
	}
	return st
}

func noneOf(part Part) PartStatus { return part.status(StateNone, "no "+part.word()+" detected") }

func (p Part) status(state State, text string) PartStatus {
	return PartStatus{State: state, Colour: state.Colour(), Text: text}
}

func (p Part) word() string {
	if p == PartKey {
		return "private key"
	}
	return string(p)
}

func (s Slot) status(role Role, now time.Time) SlotStatus {
	st := SlotStatus{
		Role: role, Certificate: noneOf(PartCertificate), Key: noneOf(PartKey), Since: s.Since,
		Missing: s.Missing(),
	}
	if s.Certificate != nil {
		facts := FactsOf(s.Certificate)
		st.Facts = &facts
		state, text := s.certificateState(role, now)
		st.Certificate = PartCertificate.status(state, text)
	}
	if s.Key != nil {
		st.KeySHA256 = s.Key.Fingerprint()
		state, text := s.keyState(role)
		st.Key = PartKey.status(state, text)
	}
	if role == Previous && st.Certificate.State == StateRetired {
		st.Missing = ""
		st.Key.Text = "erased"
	}
	return st
}

// certificateState judges the certificate: by what keeps the pair from being used first, by
// its dates second.
func (s Slot) certificateState(role Role, now time.Time) (State, string) {
	until := "valid until " + day(s.Certificate.NotAfter)
	switch {
	case role == Previous && s.Key == nil:
		return StateRetired, "retired, kept to compare"
	case s.Key == nil:
		return StateHalf, "half pair: the private key is missing: upload it"
	case !fits(s.Certificate, s.Key):
		return StateMismatch, "it does not belong to the private key beside it"
	}
	found := Judge(s.Certificate, now)
	switch {
	case found.Has(Expired):
		return StateExpired, "expired on " + day(s.Certificate.NotAfter)
	case found.Has(NotYetValid):
		return StateNotYetValid, "not valid before " + day(s.Certificate.NotBefore)
	case len(found) > 0:
		return StateUnusable, found[0].Text
	case s.Certificate.NotAfter.Sub(now) <= ExpiringBefore:
		return StateExpiring, until
	}
	return stateOf(role), until
}

func (s Slot) keyState(role Role) (State, string) {
	switch {
	case s.Certificate == nil:
		return StateHalf, "half pair: the certificate is missing: upload it"
	case !fits(s.Certificate, s.Key):
		return StateMismatch, "it does not belong to the certificate beside it"
	}
	return stateOf(role), "detected"
}

func stateOf(role Role) State {
	switch role {
	case Active:
		return StateActive
	case Next:
		return StateNext
	}
	return StatePrevious
}
