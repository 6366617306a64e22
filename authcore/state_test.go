package authcore_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/supplicant"
)

// Codes of RADIUS, as the wire has them.
const (
	codeAccept, codeReject, codeChallenge = 2, 3, 11
)

func TestEA3EAPStart(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	c := g.begin(device)
	reply, err := c.Conn.Exchange(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Code != codeChallenge || len(reply.EAP) < 5 || reply.EAP[0] != 1 || reply.EAP[4] != 1 {
		t.Fatalf("got %+v, want a Challenge that asks for the identity", reply)
	}
	c.Deliver(reply)
	report, err := c.Finish(t.Context())
	if err != nil || !report.OK() {
		t.Errorf("got %+v, %v", report, err)
	}
	if event := g.event(device.CallingStationID); event.Result != audit.Accept {
		t.Errorf("got %+v, want an accept", event)
	}
}

// RP-11: every round has a State of its own, 128 bits long.
func TestRP11StateIsNewEachRound(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	c := g.begin(g.device("alice"))
	seen := map[string]bool{}
	for {
		more, err := c.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		state := c.Reply().State
		if !more {
			if c.Reply().Code == codeReject && state != nil {
				t.Error("a Reject carries State")
			}
			break
		}
		if len(state) < 16 || seen[string(state)] {
			t.Errorf("got State %x", state)
		}
		seen[string(state)] = true
	}
	if len(seen) < 3 {
		t.Errorf("got %d States", len(seen))
	}
}

// RP-11: a retransmission under a new Identifier, with the same State and EAP message, gets the
// same answer signed anew, in the middle and at the end.
func TestRP11RetransmissionUnderANewIdentifier(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	for _, user := range []string{"alice", "bob"} {
		device := g.device(user)
		c := g.begin(device)
		if _, err := c.Step(t.Context()); err != nil { // the first has no State to repeat
			t.Fatal(err)
		}
		for more := true; more; {
			var err error
			if more, err = c.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			first := c.Reply()
			again, err := c.Conn.Reissue(t.Context())
			if err != nil {
				t.Fatalf("%s, after %v: %v", user, first.Code, err)
			}
			if again.Code != first.Code || !bytes.Equal(again.EAP, first.EAP) ||
				!bytes.Equal(again.State, first.State) {
				t.Fatalf("%s: got %+v, want what was answered first, %+v", user, again, first)
			}
			if bytes.Equal(again.Raw[4:20], first.Raw[4:20]) {
				t.Error("the answer was not signed anew")
			}
		}
		report := c.Report()
		if (report.Result == supplicant.ResultAccept) != (user == "alice") {
			t.Errorf("%s: got %+v", user, report)
		}
		g.event(device.CallingStationID)
	}
}

// RP-5: the bytes of a request sent again get the bytes of the answer again, and no second step.
func TestRP5RetransmittedBytes(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	c := g.begin(device)
	for more := true; more; {
		var err error
		if more, err = c.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		first := c.Reply()
		again, err := c.Conn.Retransmit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Raw, first.Raw) {
			t.Fatalf("got %x, want %x", again.Raw, first.Raw)
		}
	}
	if report := c.Report(); !report.OK() {
		t.Errorf("got %+v", report)
	}
	g.event(device.CallingStationID)
}

// An old State is good for nothing but the message it came with: neither step nor answer.
func TestRP11OldStateIsSilent(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	device.Timeout = 150 * time.Millisecond
	c := g.begin(device)
	var states [][]byte
	for range 3 {
		if _, err := c.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		states = append(states, c.Conn.State())
	}
	for name, state := range map[string][]byte{"previous": states[1], "older": states[0]} {
		c.Conn.SetState(state)
		reply, err := c.Conn.Exchange(t.Context(), []byte{2, 1, 0, 6, 13, 0})
		if name == "older" && err == nil && reply.Code == codeReject {
			continue // forgotten altogether
		}
		if err == nil {
			t.Errorf("%s State: got %+v", name, reply)
		}
	}
	c.Conn.SetState(states[2])
	if report, err := c.Finish(t.Context()); err != nil || report.Result != supplicant.ResultAccept {
		t.Errorf("got %+v, %v", report, err)
	}
}

// RP-12: a State that nobody handed out is refused with EAP-Failure, and starts nothing.
func TestRP12UnknownState(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	random := make([]byte, 16)
	rand.Read(random)
	for name, state := range map[string][]byte{
		"random": random, "zeros": make([]byte, 16), "short": {1}, "long": make([]byte, 40),
	} {
		device := g.device("alice")
		c := g.begin(device)
		c.Conn.SetState(state)
		for _, message := range [][]byte{c.Next(), {2, 77, 0, 6, 13, 0}} {
			reply, err := c.Conn.Exchange(t.Context(), message)
			if err != nil {
				t.Fatal(err)
			}
			if reply.Code != codeReject || len(reply.EAP) != 4 || reply.EAP[0] != 4 ||
				reply.EAP[1] != message[1] || reply.State != nil {
				t.Errorf("%s: got %+v, want a Reject with EAP-Failure", name, reply)
			}
			c.Conn.SetState(state)
		}
		for _, e := range g.events.of(device.CallingStationID) {
			if e.Reason != audit.SessionUnknown || e.Result != audit.Reject {
				t.Errorf("%s: got %+v, want session_unknown", name, e)
			}
		}
	}
	if live, _ := g.auth.Conversations(); live != 0 {
		t.Errorf("got %d conversations, want none", live)
	}
}

func TestRP12MidConversationWithoutState(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	reply, err := g.begin(device).Conn.Exchange(t.Context(), []byte{2, 5, 0, 6, 13, 0})
	if err != nil {
		t.Fatal(err)
	}
	if reply.Code != codeReject || g.event(device.CallingStationID).Reason != audit.SessionUnknown {
		t.Errorf("got %+v, want session_unknown", reply)
	}
}

// RP-11: a State is bound to the address of the NAS that it was given to.
func TestRP11StateOfAnotherNAS(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	c := g.until(device, supplicant.StageHello)
	other := device2(g, device)
	other.LocalAddr = "127.0.0.2:0"
	thief := g.begin(other)
	thief.Conn.SetState(c.Conn.State())
	reply, err := thief.Conn.Exchange(t.Context(), c.Next())
	if err != nil {
		t.Fatal(err)
	}
	if reply.Code != codeReject || g.event(other.CallingStationID).Reason != audit.SessionUnknown {
		t.Errorf("got %+v, want session_unknown", reply)
	}
	if report, err := c.Finish(t.Context()); err != nil || !report.OK() {
		t.Errorf("the rightful device got %+v, %v", report, err)
	}
}

// EA-5: a late duplicate of the device's is ignored and does not hurt the answer to come.
func TestEA5LateDuplicate(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	device.Timeout = 200 * time.Millisecond
	c := g.begin(device)
	identity := c.Next()
	if _, err := c.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	state := c.Conn.State()
	if reply, err := c.Conn.Exchange(t.Context(), identity); err == nil {
		t.Fatalf("got %+v for a late duplicate, want silence", reply)
	}
	c.Conn.SetState(state)
	report, err := c.Finish(t.Context())
	if err != nil || report.Result != supplicant.ResultAccept {
		t.Errorf("got %+v, %v", report, err)
	}
	g.event(device.CallingStationID)
}

// EA-16: a device that begins anew ends its conversation before.
func TestEA16OneConversationForEachStation(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	old := g.until(device, supplicant.StageHello)
	report, err := supplicant.Run(t.Context(), device)
	if err != nil || !report.OK() {
		t.Fatalf("got %+v, %v", report, err)
	}
	events := g.events.of(device.CallingStationID)
	if len(events) != 2 || events[0].Reason != audit.PeerTimeout ||
		!strings.HasPrefix(events[0].Detail, "the device began anew after our certificate was sent") ||
		events[1].Result != audit.Accept {
		t.Errorf("got %+v, want peer_timeout, then the accept", events)
	}
	reply, err := old.Conn.Exchange(t.Context(), old.Next())
	if err != nil || reply.Code != codeReject {
		t.Errorf("got %+v, %v for the old conversation, want a Reject", reply, err)
	}
}

// EA-16: a replayed first packet is not the device: its sign-in goes on.
func TestEA16ReplayedIdentityEndsNothing(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	live := g.until(device, supplicant.StageHello)
	replay := g.begin(device) // from another port, as far as its first answer
	if _, err := replay.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := live.Finish(t.Context())
	if err != nil || !report.OK() {
		t.Errorf("got %+v, %v for the live sign-in", report, err)
	}
	if n := g.events.count(audit.PeerTimeout); n != 0 {
		t.Errorf("the replay ended %d sign-ins", n)
	}
}

func TestPasswordWithoutEAPIsRefused(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	req := request(g.holder.Load(), "AA-BB", []byte{1, 5, 'b', 'o', 'b', 2, 18,
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	g.auth.ServeRADIUS(req)
	if event := g.event(""); event.Reason != audit.PasswordNotAllowed || event.OuterIdentity != "bob" {
		t.Errorf("got %+v, want password_not_allowed", event)
	}
}

func TestNotReady(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	old := g.holder.Load()
	g.holder.Swap(nil)
	g.auth.ServeRADIUS(request(old, "AA-BB", []byte{79, 7, 2, 1, 0, 5, 1}))
	if live, _ := g.auth.Conversations(); live != 0 || len(g.events.of("")) != 0 {
		t.Errorf("got %d conversations, want silence", live)
	}
	d := g.auth.Decider().Evaluate(authcore.Query{Server: "branch-wifi"})
	if d.Reason != audit.NotReady || d.Accepted() {
		t.Errorf("got %+v, want not_ready", d)
	}
}
