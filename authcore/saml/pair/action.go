package pair

import (
	"time"
)

// An Action is what a person may ask for. The strings are stable.
type Action string

// The actions.
const (
	ActionActivate    Action = "activate"
	ActionRegenerate  Action = "regenerate"
	ActionCompromised Action = "regenerate_compromised"
	ActionPromote     Action = "promote"
	ActionRetire      Action = "retire"
	ActionDiscard     Action = "discard"
	ActionUpload      Action = "upload"
)

// Can says why an action is refused at now: a *RefusedError, ErrApp for a set without a proper
// name, or nil if the action is offered. Buttons are shown by it.
func (s Set) Can(action Action, now time.Time) error {
	if !isApp(s.App) {
		return ErrApp
	}
	if err := s.refusal(action, now); err != nil {
		return err
	}
	return nil
}

func (s Set) refusal(action Action, now time.Time) *RefusedError {
	if s.Managed {
		return refused(ManagedByHead, "the pairs of app %s are managed by head office: change them in its bundle", s.App)
	}
	switch action {
	case ActionActivate:
		return s.refuseActivate(now)
	case ActionRegenerate:
		if _, ok := s.Active.Pair(); !ok {
			return s.notActive()
		}
	case ActionCompromised:
		if s.Active.IsEmpty() {
			return s.notActive()
		}
	case ActionPromote:
		if s.Active.IsEmpty() {
			return s.notActive()
		}
		return s.refuseNext(now)
	case ActionRetire:
		if s.Previous.Key == nil {
			return refused(NothingToDo, "app %s has no previous pair that could be retired", s.App)
		}
	case ActionDiscard:
		if s.Next.IsEmpty() {
			return refused(NothingNext, "app %s has no next pair that could be discarded", s.App)
		}
	}
	return nil
}

func (s Set) notActive() *RefusedError {
	if half := s.Active.Missing(); half != "" {
		return refused(HalfActive, "the %s of the active pair of app %s is missing: put it back, or regenerate with --compromised", half, s.App)
	}
	if !s.Active.IsEmpty() {
		return refused(HalfActive, "certificate and key of the active pair of app %s do not fit: put the right ones back, or regenerate with --compromised", s.App)
	}
	return refused(NotActivated, "app %s is not activated: activate it first", s.App)
}

func (s Set) refuseActivate(now time.Time) *RefusedError {
	if _, ok := s.Active.Pair(); ok {
		return refused(AlreadyActive, "app %s has an active pair already", s.App)
	}
	if !s.Active.IsEmpty() {
		return s.notActive()
	}
	if s.Next.IsEmpty() {
		return nil
	}
	return s.refuseNext(now)
}

// refuseNext says why next cannot become active.
func (s Set) refuseNext(now time.Time) *RefusedError {
	if s.Next.IsEmpty() {
		return refused(NothingNext, "app %s has no next pair: regenerate or upload one first", s.App)
	}
	if half := s.Next.Missing(); half != "" {
		return refused(HalfWaiting, "the next pair of app %s lacks its %s: upload it, or discard the half that is there", s.App, half)
	}
	if f := match(s.Next.Certificate, s.Next.Key); f != nil {
		return refused(NextUnusable, "the next pair of app %s cannot be used: %s", s.App, f.Text)
	}
	if found := Judge(s.Next.Certificate, now); len(found) > 0 {
		return refused(NextUnusable, "the next pair of app %s cannot be used: %s", s.App, found[0].Text)
	}
	return nil
}

// Consequences lists what a person must know before confirming the action.
func (s Set) Consequences(action Action) []string {
	const metadata = "SPs that use this app's metadata need the new metadata"
	var list []string
	if !s.Next.IsEmpty() && (action == ActionRegenerate || action == ActionCompromised ||
		action == ActionUpload && s.Next.Missing() == "") {
		list = append(list, "the next pair that is waiting is erased; an SP that has its certificate already will not accept what follows")
	}
	switch action {
	case ActionRegenerate, ActionUpload:
		list = append(list, metadata, "nothing is signed with the new key before it is promoted")
	case ActionCompromised:
		list = append(list, metadata,
			"the new key signs at once and the old one leaves the metadata at once: nobody can sign in at an SP before that SP has the new certificate")
	case ActionPromote:
		list = append(list, "the new key signs at once: SPs that do not have its certificate refuse sign-ins", metadata)
	case ActionRetire:
		list = append(list, metadata, "the previous key is erased")
	case ActionDiscard:
		list = append(list, "the next pair is erased", metadata)
	}
	return list
}
