package eap_test

import (
	"testing"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
)

// A fakeMethod is driven by the first octet of what the peer sends: c goes on, p is pending,
// d is done, f fails with a reason, n fails without one.
type fakeMethod struct {
	t      testing.TB
	kind   eap.Type
	steps  int
	closed int
	keys   *eap.Keys
}

func (m *fakeMethod) Type() eap.Type        { return m.kind }
func (m *fakeMethod) Start() []byte         { return []byte("start") }
func (m *fakeMethod) Stage() string         { return "the fake method was asked" }
func (m *fakeMethod) Failure() *eap.Failure { return nil }
func (m *fakeMethod) Resume() eap.Step      { return eap.Step{Status: eap.Continue, Data: []byte("on")} }

func (m *fakeMethod) Step(data []byte) eap.Step {
	m.steps++
	if m.closed > 0 {
		m.t.Error("Step after Close")
	}
	if len(data) > 0 {
		switch data[0] {
		case 'p':
			return eap.Step{Status: eap.Pending}
		case 'd':
			return eap.Step{Status: eap.Done, Keys: m.keys}
		case 'f':
			return eap.Step{Failure: &eap.Failure{Reason: audit.CertExpired, Detail: "yesterday"}}
		case 'n':
			return eap.Step{}
		}
	}
	return eap.Step{Status: eap.Continue, Data: []byte("next")}
}

func (m *fakeMethod) Close() { m.closed++ }

// A peer talks to a Session and remembers what it was sent.
type peer struct {
	t       testing.TB
	session *eap.Session
	methods []*fakeMethod // in the order in which they were made
	last    eap.Packet    // the Request outstanding
}

// newPeer returns a peer of a session that offers types.
func newPeer(t testing.TB, types ...eap.Type) *peer {
	p := &peer{t: t}
	var offers []eap.Offer
	for _, kind := range types {
		offers = append(offers, eap.Offer{Type: kind, New: func() eap.Method {
			m := &fakeMethod{t: t, kind: kind, keys: &eap.Keys{SessionID: []byte{byte(kind)}}}
			p.methods = append(p.methods, m)
			return m
		}})
	}
	p.session = eap.NewSession(offers)
	t.Cleanup(p.session.Close)
	return p
}

// take notes r's packet, which must be there for every outcome but Discard and Wait.
func (p *peer) take(r eap.Result) eap.Result {
	p.t.Helper()
	switch r.Outcome {
	case eap.Discard, eap.Wait:
		if r.Packet != nil {
			p.t.Errorf("outcome %d with packet %x", r.Outcome, r.Packet)
		}
		return r
	}
	packet, err := eap.Parse(r.Packet)
	if err != nil {
		p.t.Fatalf("Parse(%x): %v", r.Packet, err)
	}
	wantCode := map[eap.Outcome]eap.Code{eap.Challenge: eap.CodeRequest, eap.Repeat: eap.CodeRequest,
		eap.Accept: eap.CodeSuccess, eap.Reject: eap.CodeFailure}[r.Outcome]
	if packet.Code != wantCode {
		p.t.Errorf("outcome %d: got %v, want %v", r.Outcome, packet.Code, wantCode)
	}
	if (r.Outcome == eap.Reject) && r.Failure == nil {
		p.t.Error("Reject without Failure")
	}
	packet.Data = append([]byte(nil), packet.Data...)
	p.last = packet
	return r
}

// raw sends message as it is.
func (p *peer) raw(message []byte) eap.Result {
	p.t.Helper()
	return p.take(p.session.Step(message))
}

// send answers the Request outstanding.
func (p *peer) send(kind eap.Type, data []byte) eap.Result {
	p.t.Helper()
	return p.sendAs(p.last.Identifier, kind, data)
}

func (p *peer) sendAs(identifier uint8, kind eap.Type, data []byte) eap.Result {
	p.t.Helper()
	packet := eap.Packet{Code: eap.CodeResponse, Identifier: identifier, Type: kind, Data: data}
	return p.raw(packet.Append(nil))
}

// identify begins with an identity under Identifier 7.
func (p *peer) identify() eap.Result {
	p.t.Helper()
	return p.sendAs(7, eap.TypeIdentity, []byte("anonymous@acme.example"))
}
