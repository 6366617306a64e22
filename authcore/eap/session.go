package eap

import (
	"fmt"
	"strings"

	"gatehouse/authcore/audit"
)

// The round limits of one conversation, as hostapd has them: MaxRounds Responses in all, and
// MaxShortRounds in a row that carry next to nothing.
const (
	MaxRounds      = 100
	MaxShortRounds = 50
	// shortMessage is the length in octets below which a Response counts as short.
	shortMessage = 20
	// maxInvalid is how many invalid Responses are answered with the outstanding Request
	// again before the conversation fails (RFC 3579 §2.2 leaves the number open).
	maxInvalid = 5
	// maxIdentity is what User-Name can hold (RFC 3748 §5.1, RFC 2865 §5.1).
	maxIdentity = 253
)

// A Session is one conversation with one peer, seen from the authenticator (RFC 4137).
//
//	(new) ──Start──▶ identifying ──Identity──▶ proposing ──Response──▶ running ──▶ over
//	   └────────────Identity─────────────────────▲  │ Nak                 │  ▲ Resume
//	                                             └──┘                     ▼  │
//	                                                                   waiting
//
// A Session is not safe for concurrent use. Close must be called when it is of no more use,
// whatever state it is in.
type Session struct {
	offers   []Offer
	offered  map[Type]bool
	method   Method
	state    state
	identity string

	outstanding uint8  // Identifier of the Request that awaits its Response
	request     []byte // that Request, for repeating
	response    uint8  // Identifier of the last valid Response: Success and Failure carry it

	rounds, short, invalid int
}

type state uint8

const (
	stateNew state = iota
	stateIdentifying
	stateProposing // a method was proposed; the peer may still Nak
	stateRunning
	stateWaiting
	stateOver
)

// NewSession returns a Session that proposes offers in their order. It allocates nothing that
// Close must free until the peer has identified itself.
func NewSession(offers []Offer) *Session {
	return &Session{offers: offers, offered: make(map[Type]bool, len(offers))}
}

// Outcome is what a Session wants done after a step. The zero value is Discard.
type Outcome uint8

// The outcomes.
const (
	Discard   Outcome = iota // say nothing
	Challenge                // send Packet, a Request
	Repeat                   // the Response was invalid: send Packet, the outstanding Request, again
	Wait                     // say nothing yet; call Resume when the wait is over
	Accept                   // send Packet, a Success; Keys are there
	Reject                   // send Packet, a Failure; Failure says why
)

// A Result is an Outcome with what belongs to it. Packet is owned by the Session and valid
// until the next call; Keys belong to the caller.
type Result struct {
	Outcome Outcome
	Packet  []byte
	Keys    *Keys
	Failure *Failure
}

// Identity returns the peer's EAP identity, or "" as long as it is not known. It is text from
// a stranger, and may be anonymous (RFC 9190 §2.1.7): never decide by it.
func (s *Session) Identity() string { return s.identity }

// Method returns the type of the method proposed last, or zero.
func (s *Session) Method() Type {
	if s.method == nil {
		return 0
	}
	return s.method.Type()
}

// Stage names, for people, what the peer was last asked to do.
func (s *Session) Stage() string {
	switch {
	case s.method != nil:
		return s.method.Stage()
	case s.state == stateIdentifying:
		return "asking for the identity"
	}
	return "the start"
}

// Failure returns why the conversation will fail, once that is certain, or nil.
func (s *Session) Failure() *Failure {
	if s.method == nil {
		return nil
	}
	return s.method.Failure()
}

// Close frees the method and what the offers hold. It may be called in any state, more than once.
func (s *Session) Close() {
	s.state = stateOver
	s.request, s.offers = nil, nil
	if s.method != nil {
		s.method.Close()
		s.method = nil
	}
}

// Start asks for the identity: the answer to EAP-Start (RFC 3579 §2.1). It is the first call
// or not made at all.
func (s *Session) Start() Result {
	if s.state != stateNew {
		return Result{}
	}
	s.state = stateIdentifying
	return s.send(TypeIdentity, nil)
}

// Step takes one EAP packet from the peer.
func (s *Session) Step(message []byte) Result {
	if s.state == stateOver || s.state == stateWaiting {
		return Result{}
	}
	if s.state == stateNew && len(message) > 1 {
		s.outstanding = message[1] // nothing was asked: the peer's own Identifier counts
	}
	p, err := Parse(message)
	if err != nil {
		return s.refuse(err.Error())
	}
	if p.Code != CodeResponse {
		return s.refuse("the peer sent an EAP " + p.Code.String())
	}
	if p.Identifier != s.outstanding {
		// RFC 3748 §4.1: a late duplicate, silently ignored.
		return Result{}
	}
	s.rounds++
	if len(message) < shortMessage {
		s.short++
	} else {
		s.short = 0
	}
	s.response = p.Identifier
	if s.rounds > MaxRounds || s.short > MaxShortRounds {
		return s.fail(audit.EAPInvalid, fmt.Sprintf("no end after %d rounds", s.rounds))
	}
	switch s.state {
	case stateNew, stateIdentifying:
		return s.identify(p)
	case stateProposing:
		if types, ok := nakTypes(p); ok {
			return s.nak(types)
		}
	}
	return s.run(p)
}

func (s *Session) identify(p Packet) Result {
	if p.Type != TypeIdentity {
		return s.fail(audit.EAPInvalid, "the peer began with "+p.Type.String()+", not with its identity")
	}
	if len(p.Data) > maxIdentity {
		return s.fail(audit.EAPInvalid, fmt.Sprintf("an identity of %d octets", len(p.Data)))
	}
	// Some peers append options after a NUL (RFC 3748 §5.1).
	s.identity, _, _ = strings.Cut(string(p.Data), "\x00")
	if len(s.offers) == 0 {
		return s.fail(audit.EAPNoCommonMethod, "this RADIUS server offers no method")
	}
	return s.propose(s.offers[0])
}

func (s *Session) propose(o Offer) Result {
	if s.method != nil {
		s.method.Close()
	}
	s.offered[o.Type] = true
	s.method = o.New()
	s.state = stateProposing
	return s.send(o.Type, s.method.Start())
}

// nak proposes the first of our offers that the peer asks for; each type at most once.
func (s *Session) nak(types []Type) Result {
	wanted := make(map[Type]bool, len(types))
	for _, t := range types {
		wanted[t] = true
	}
	for _, o := range s.offers {
		if wanted[o.Type] && !s.offered[o.Type] {
			return s.propose(o)
		}
	}
	return s.fail(audit.EAPNoCommonMethod, s.nakDetail(types))
}

func (s *Session) nakDetail(types []Type) string {
	const shown = 8
	wants := make([]string, 0, shown)
	for _, t := range types[:min(len(types), shown)] {
		wants = append(wants, t.String())
	}
	offers := make([]string, len(s.offers))
	for i, o := range s.offers {
		offers[i] = o.Type.String()
	}
	want := "none"
	if len(wants) > 0 {
		want = strings.Join(wants, ", ")
	}
	return "the device wants " + want + "; offered: " + strings.Join(offers, ", ")
}

func (s *Session) run(p Packet) Result {
	if p.Type != s.method.Type() {
		return s.refuse("the peer answered " + s.method.Type().String() + " with " + p.Type.String())
	}
	s.state = stateRunning
	s.invalid = 0
	return s.after(s.method.Step(p.Data))
}

// Waiting reports whether the Session waits for Resume.
func (s *Session) Waiting() bool { return s.state == stateWaiting }

// Resume goes on after Wait.
func (s *Session) Resume() Result {
	if s.state != stateWaiting {
		return Result{}
	}
	s.state = stateRunning
	return s.after(s.method.Resume())
}

func (s *Session) after(step Step) Result {
	switch step.Status {
	case Continue:
		return s.send(s.method.Type(), step.Data)
	case Pending:
		s.state = stateWaiting
		return Result{Outcome: Wait}
	case Done:
		s.state = stateOver
		packet := Packet{Code: CodeSuccess, Identifier: s.response}.Append(nil)
		return Result{Outcome: Accept, Packet: packet, Keys: step.Keys}
	}
	if step.Failure == nil {
		return s.fail(audit.Internal, "the method failed without a reason")
	}
	return s.fail(step.Failure.Reason, step.Failure.Detail)
}

// send makes a Request with a new Identifier.
func (s *Session) send(t Type, data []byte) Result {
	s.outstanding++
	s.request = Packet{Code: CodeRequest, Identifier: s.outstanding, Type: t, Data: data}.
		Append(s.request[:0])
	return Result{Outcome: Challenge, Packet: s.request}
}

// refuse answers an invalid Response: the outstanding Request again (RFC 3579 §2.2), a bounded
// number of times. The Failure in the end carries the Identifier that the Response should have
// had, which is the only one the peer takes it under.
func (s *Session) refuse(why string) Result {
	s.invalid++
	if s.request == nil || s.invalid > maxInvalid {
		s.response = s.outstanding
		return s.fail(audit.EAPInvalid, why)
	}
	return Result{Outcome: Repeat, Packet: s.request, Failure: &Failure{audit.EAPInvalid, why}}
}

func (s *Session) fail(reason audit.Reason, detail string) Result {
	s.state = stateOver
	packet := Packet{Code: CodeFailure, Identifier: s.response}.Append(nil)
	return Result{Outcome: Reject, Packet: packet, Failure: &Failure{reason, detail}}
}
