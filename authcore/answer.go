package authcore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
)

// invalidEAPPacket is Error-Cause "Invalid EAP Packet (Ignored)" (RFC 3579 §2.2, RFC 5176 §3.5).
const invalidEAPPacket = 202

// challenge sends a Request of ours with a new State.
func (a *Authenticator) challenge(c *conversation, r eap.Result, invalid bool) {
	rand.Read(c.state[:])
	resp := radius.NewResponse(radius.CodeAccessChallenge)
	resp.SetEAPMessage(r.Packet)
	err := resp.Add(radius.TypeState, c.state[:])
	if invalid {
		resp.AddUint32(radius.TypeErrorCause, invalidEAPPacket)
	}
	if err != nil {
		a.fault(c, err)
		return
	}
	a.table.expect(c, c.state, a.config.Now())
	a.respond(c, resp, 0)
}

// accept commits the decision and opens the network.
func (a *Authenticator) accept(c *conversation, r eap.Result) {
	if !c.decision.Accepted() || r.Keys == nil {
		a.fail(c, &eap.Failure{Reason: audit.Internal, Detail: "success without a decision"})
		return
	}
	resp, err := a.acceptResponse(c, r)
	if err != nil {
		a.fault(c, err)
		return
	}
	r.Keys.Clear() // the response has its own
	now := a.config.Now()
	a.decider.Commit(&c.decision, c.event(now, audit.Accept, &eap.Failure{Reason: audit.Accepted}))
	a.end(c, now)
	a.respond(c, resp, 0)
}

func (a *Authenticator) acceptResponse(c *conversation, r eap.Result) (*radius.Response, error) {
	d := &c.decision
	resp := radius.NewResponse(radius.CodeAccessAccept)
	resp.SetEAPMessage(r.Packet)
	resp.SetMPPEKeys(r.Keys.MSK[:32], r.Keys.MSK[32:])
	add := func(t radius.Type, value []byte) error { return resp.Add(t, value) }
	if err := add(radius.TypeUserName, []byte(d.User.Username)); err != nil {
		return nil, err
	}
	if err := add(radius.TypeClass, c.class()); err != nil {
		return nil, err
	}
	asked := &c.request.Packet.Attributes
	if _, ok := asked.Get(radius.TypeEAPKeyName); ok {
		if err := add(radius.TypeEAPKeyName, r.Keys.SessionID); err != nil {
			return nil, err
		}
	}
	if _, ok := asked.Get(radius.TypeChargeableUserIdentity); ok {
		if err := add(radius.TypeChargeableUserIdentity, chargeable(d)); err != nil {
			return nil, err
		}
	}
	if d.Outcome.VLAN != "" {
		if err := resp.AddVLAN(0, d.Outcome.VLAN); err != nil {
			return nil, err
		}
	}
	return resp, addAll(resp, d.Outcome.Attributes)
}

func addAll(resp *radius.Response, attributes []policy.Attribute) error {
	for _, at := range attributes {
		if err := resp.Add(radius.Type(at.Type), at.Value); err != nil {
			return err
		}
	}
	return nil
}

// chargeable is the same for every session of a user at a RADIUS server and names nobody
// (RFC 4372 §2.1).
func chargeable(d *Decision) []byte {
	sum := sha256.Sum256([]byte("chargeable-user-identity\x00" + d.Server + "\x00" + d.User.Username))
	return []byte(hex.EncodeToString(sum[:16]))
}

// reject tells the peer no, after the delay that slows down whoever is guessing.
func (a *Authenticator) reject(c *conversation, r eap.Result) {
	now := a.config.Now()
	a.config.Sink.Record(c.event(now, audit.Reject, r.Failure))
	a.end(c, now)
	a.respond(c, rejection(r.Packet), a.rejectDelay())
}

func rejection(packet []byte) *radius.Response {
	resp := radius.NewResponse(radius.CodeAccessReject)
	if len(packet) > 0 {
		resp.SetEAPMessage(packet)
	}
	return resp
}

func (a *Authenticator) rejectDelay() time.Duration {
	if sn := a.config.Snapshots.Load(); sn != nil {
		return sn.Policy().EAP.RejectDelay
	}
	return policy.Default().EAP.RejectDelay
}

// fail rejects for a reason of our own.
func (a *Authenticator) fail(c *conversation, f *eap.Failure) {
	packet := eap.Packet{Code: eap.CodeFailure, Identifier: lastIdentifier(c.message)}.Append(nil)
	a.reject(c, eap.Result{Packet: packet, Failure: f})
}

func (a *Authenticator) fault(c *conversation, err error) {
	a.fail(c, &eap.Failure{Reason: audit.Internal, Detail: err.Error()})
}

// respond answers the request at hand and remembers the answer for a retransmission.
func (a *Authenticator) respond(c *conversation, resp *radius.Response, delay time.Duration) {
	c.answer, c.delay = resp, delay
	if req := c.request; req != nil {
		c.request = nil
		req.Respond(resp, delay)
	}
}

// end frees all that a conversation holds but the answer.
func (a *Authenticator) end(c *conversation, now time.Time) {
	c.over = true
	c.session.Close()
	c.decision = Decision{}
	a.table.finish(c, now)
}

// abandon ends a conversation that has left the table: its time was up, or why says what
// happened. One that was finished is only forgotten.
func (a *Authenticator) abandon(c *conversation, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		c.answer = nil
		return
	}
	f := &eap.Failure{Reason: audit.PeerTimeout}
	switch certain := c.session.Failure(); {
	case certain != nil:
		f = certain
	case why != "":
		f.Detail = why + " after " + c.session.Stage()
	case c.session.Waiting():
		f.Reason, f.Detail = audit.OCSPUnavailable, "no answer within the time of a sign-in"
		c.decision.Reason = f.Reason
		c.decision.Ladder.Fail(audit.StepRevocation, f.Detail)
	default:
		f.Detail = "the device went silent after " + c.session.Stage()
	}
	a.forget(c, f)
}

// shed ends a conversation to make room.
func (a *Authenticator) shed(c *conversation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	f := c.session.Failure()
	if f == nil {
		f = &eap.Failure{Reason: audit.Overloaded, Detail: "shed after " + c.session.Stage()}
	}
	a.forget(c, f)
}

// forget ends a conversation without an answer.
func (a *Authenticator) forget(c *conversation, f *eap.Failure) {
	now := a.config.Now()
	a.config.Sink.Record(c.event(now, audit.Reject, f))
	a.end(c, now)
	a.discard(c)
	c.answer = nil
}

// refuse rejects a request that belongs to no conversation.
func (a *Authenticator) refuse(req *radserver.Request, reason audit.Reason, detail string) {
	station, _ := req.Packet.Attributes.Get(radius.TypeCallingStationID)
	name, _ := req.Packet.Attributes.Get(radius.TypeUserName)
	ladder := audit.CertificateLadder()
	ladder.Pass(audit.StepClient, req.Client.Name)
	ladder.Pass(audit.StepMessageAuthenticator, "")
	ladder.Fail(audit.StepEAP, detail)
	now := a.config.Now()
	a.config.Sink.Record(audit.Event{
		Time: now, Result: audit.Reject, Reason: reason, Detail: detail,
		Server: req.Server.Name, Client: req.Client.Name, NAS: req.Source.Addr().String(),
		Station: audit.Printable(string(station)), OuterIdentity: audit.Printable(string(name)),
		Duration: now.Sub(req.Received), Rounds: 1, Ladder: ladder,
	})
	var packet []byte
	if message, ok, err := req.Packet.EAPMessage(nil); ok && err == nil {
		packet = eap.Packet{Code: eap.CodeFailure, Identifier: lastIdentifier(message)}.Append(nil)
	}
	req.Respond(rejection(packet), a.rejectDelay())
}
