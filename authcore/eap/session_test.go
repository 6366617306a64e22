package eap_test

import (
	"bytes"
	"strings"
	"testing"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
)

// expect fails the test unless r has the outcome, and for a Reject the reason.
func expect(t *testing.T, r eap.Result, outcome eap.Outcome, reason audit.Reason) {
	t.Helper()
	if r.Outcome != outcome {
		t.Fatalf("got outcome %d (%v), want %d", r.Outcome, r.Failure, outcome)
	}
	if outcome == eap.Reject && r.Failure.Reason != reason {
		t.Fatalf("got %v, want reason %s", r.Failure, reason)
	}
}

func TestEA3StartAsksForTheIdentity(t *testing.T) {
	t.Parallel()
	p := newPeer(t, eap.TypeTLS)
	expect(t, p.take(p.session.Start()), eap.Challenge, "")
	if p.last.Type != eap.TypeIdentity || len(p.last.Data) != 0 {
		t.Errorf("got %+v, want an Identity request", p.last)
	}
	if p.session.Stage() != "asking for the identity" {
		t.Errorf("got stage %q", p.session.Stage())
	}
	first := p.last.Identifier
	expect(t, p.session.Start(), eap.Discard, "")
	expect(t, p.send(eap.TypeIdentity, []byte("alice")), eap.Challenge, "")
	if p.last.Type != eap.TypeTLS || p.last.Identifier == first {
		t.Errorf("got %+v, want EAP-TLS under a new Identifier", p.last)
	}
}

func TestEA5Identifiers(t *testing.T) {
	t.Parallel()
	p := newPeer(t, eap.TypeTLS)
	expect(t, p.identify(), eap.Challenge, "")
	if p.last.Identifier != 8 {
		t.Errorf("got Identifier %d after an identity under 7, want 8", p.last.Identifier)
	}
	for _, wrong := range []uint8{7, 9, 0, 255} {
		expect(t, p.sendAs(wrong, eap.TypeTLS, []byte("c")), eap.Discard, "")
	}
	if p.methods[0].steps != 0 {
		t.Fatalf("got %d steps from Responses under other Identifiers, want none", p.methods[0].steps)
	}
	expect(t, p.send(eap.TypeTLS, []byte("c")), eap.Challenge, "")
	if p.last.Identifier != 9 {
		t.Errorf("got Identifier %d, want 9", p.last.Identifier)
	}
	expect(t, p.send(eap.TypeTLS, []byte("d")), eap.Accept, "")
	if p.last.Identifier != 9 {
		t.Errorf("Success carries Identifier %d, want that of the Response, 9", p.last.Identifier)
	}
}

func TestEA5IdentifierWrapsAround(t *testing.T) {
	t.Parallel()
	p := newPeer(t, eap.TypeTLS)
	expect(t, p.sendAs(255, eap.TypeIdentity, []byte("a")), eap.Challenge, "")
	if p.last.Identifier != 0 {
		t.Errorf("got Identifier %d after 255, want 0", p.last.Identifier)
	}
	expect(t, p.send(eap.TypeTLS, []byte("f")), eap.Reject, audit.CertExpired)
	if p.last.Identifier != 0 {
		t.Errorf("Failure carries Identifier %d, want 0", p.last.Identifier)
	}
}

// A Failure under another Identifier than the peer expects is ignored by it.
func TestEA5FailureIdentifierOfInvalidMessages(t *testing.T) {
	t.Parallel()
	p := newPeer(t, eap.TypeTLS)
	r := p.raw([]byte{2, 44, 0, 4})
	expect(t, r, eap.Reject, audit.EAPInvalid)
	if p.last.Identifier != 44 {
		t.Errorf("first message malformed: Failure carries %d, want 44", p.last.Identifier)
	}
	p = newPeer(t, eap.TypeTLS)
	p.identify()
	for r = p.raw([]byte{9}); r.Outcome == eap.Repeat; r = p.raw([]byte{9}) {
	}
	expect(t, r, eap.Reject, audit.EAPInvalid)
	if p.last.Identifier != 8 {
		t.Errorf("malformed later on: Failure carries %d, want 8", p.last.Identifier)
	}
}

func TestEA7InvalidRepeatsTheRequestThenFails(t *testing.T) {
	t.Parallel()
	for name, message := range map[string][]byte{
		"empty":        {},
		"short":        {2, 8, 0},
		"request":      {1, 8, 0, 5, 13},
		"success":      {3, 8, 0, 4},
		"failure":      {4, 8, 0, 4},
		"other-type":   {2, 8, 0, 6, 25, 0},
		"expanded":     {2, 8, 0, 6, 254, 0},
		"notification": {2, 8, 0, 5, 2},
		"identity":     {2, 8, 0, 6, 1, 'a'},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t, eap.TypeTLS)
			request := bytes.Clone(p.identify().Packet)
			repeats := 0
			r := p.raw(message)
			for ; r.Outcome == eap.Repeat; r = p.raw(message) {
				if !bytes.Equal(r.Packet, request) {
					t.Fatalf("got %x, want the outstanding Request %x", r.Packet, request)
				}
				if r.Failure == nil || r.Failure.Reason != audit.EAPInvalid {
					t.Fatalf("got %v, want eap_invalid", r.Failure)
				}
				if repeats++; repeats > 10 {
					t.Fatal("no end to the repetitions")
				}
			}
			expect(t, r, eap.Reject, audit.EAPInvalid)
			if repeats == 0 {
				t.Error("failed at once, want a few repetitions first")
			}
			expect(t, p.raw(message), eap.Discard, "")
		})
	}
}

func TestEA7ValidResponseStartsTheCountAnew(t *testing.T) {
	t.Parallel()
	p := newPeer(t, eap.TypeTLS)
	p.identify()
	for range 20 {
		expect(t, p.raw(nil), eap.Repeat, "")
		expect(t, p.send(eap.TypeTLS, bytes.Repeat([]byte("c"), 30)), eap.Challenge, "")
	}
}

func TestEA8Nak(t *testing.T) {
	t.Parallel()
	expanded := func(types ...byte) []byte {
		d := []byte{0, 0, 0, 0, 0, 0, 3}
		for _, x := range types {
			d = append(d, 254, 0, 0, 0, 0, 0, 0, x)
		}
		return d
	}
	for _, c := range []struct {
		name string
		kind eap.Type
		data []byte
		want eap.Type // 0: refused
	}{
		{"second-offer", eap.TypeNak, []byte{25}, eap.TypePEAP},
		{"our-order-counts", eap.TypeNak, []byte{25, 21}, eap.TypeTTLS},
		{"unknown-types-skipped", eap.TypeNak, []byte{99, 43, 25}, eap.TypePEAP},
		{"same-again", eap.TypeNak, []byte{13}, 0},
		{"only-unknown", eap.TypeNak, []byte{43, 55}, 0},
		{"zero", eap.TypeNak, []byte{0}, 0},
		{"empty", eap.TypeNak, nil, 0},
		{"zero-among-others", eap.TypeNak, []byte{0, 25}, eap.TypePEAP},
		{"expanded", eap.TypeExpanded, expanded(25), eap.TypePEAP},
		{"expanded-several", eap.TypeExpanded, expanded(99, 21), eap.TypeTTLS},
		{"expanded-empty", eap.TypeExpanded, expanded(), 0},
		{"expanded-none", eap.TypeExpanded, expanded(0), 0},
		{"expanded-other-vendor", eap.TypeExpanded,
			[]byte{0, 0, 0, 0, 0, 0, 3, 254, 0, 1, 55, 0, 0, 0, 25}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t, eap.TypeTLS, eap.TypeTTLS, eap.TypePEAP)
			p.identify()
			r := p.send(c.kind, c.data)
			if c.want == 0 {
				expect(t, r, eap.Reject, audit.EAPNoCommonMethod)
				return
			}
			expect(t, r, eap.Challenge, "")
			if p.last.Type != c.want || string(p.last.Data) != "start" {
				t.Errorf("got %+v, want %v from its start", p.last, c.want)
			}
			if p.methods[0].closed != 1 {
				t.Errorf("the first method was closed %d times, want once", p.methods[0].closed)
			}
		})
	}
}

func TestEA8ExpandedNakCutShortIsInvalid(t *testing.T) {
	t.Parallel()
	for _, data := range [][]byte{nil, {0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 3, 254},
		{0, 0, 1, 0, 0, 0, 3}, {0, 0, 0, 0, 0, 0, 4}} {
		p := newPeer(t, eap.TypeTLS, eap.TypePEAP)
		p.identify()
		expect(t, p.send(eap.TypeExpanded, data), eap.Repeat, "")
	}
}

func TestEA8OneOfferOfEachType(t *testing.T) {
	t.Parallel()
	p := newPeer(t, eap.TypeTLS, eap.TypeTTLS, eap.TypePEAP)
	p.identify()
	all := []byte{13, 21, 25}
	expect(t, p.send(eap.TypeNak, all), eap.Challenge, "")
	expect(t, p.send(eap.TypeNak, all), eap.Challenge, "")
	r := p.send(eap.TypeNak, all)
	expect(t, r, eap.Reject, audit.EAPNoCommonMethod)
	want := "the device wants EAP-TLS, EAP-TTLS, PEAP; offered: EAP-TLS, EAP-TTLS, PEAP"
	if r.Failure.Detail != want {
		t.Errorf("got %q, want %q", r.Failure.Detail, want)
	}
	p.session.Close()
	for i, m := range p.methods {
		if m.closed != 1 {
			t.Errorf("method %d was closed %d times, want once", i, m.closed)
		}
	}
}

func TestEA8NakOnlyAnswersTheFirstRequest(t *testing.T) {
	t.Parallel()
	p := newPeer(t, eap.TypeTLS, eap.TypePEAP)
	p.identify()
	expect(t, p.send(eap.TypeTLS, []byte("c")), eap.Challenge, "")
	expect(t, p.send(eap.TypeNak, []byte{25}), eap.Repeat, "")
	if len(p.methods) != 1 {
		t.Errorf("got %d methods, want no new one", len(p.methods))
	}
}

func TestEA8NakBeforeIdentity(t *testing.T) {
	t.Parallel()
	for _, start := range []bool{false, true} {
		p := newPeer(t, eap.TypeTLS)
		if start {
			p.take(p.session.Start())
		}
		expect(t, p.send(eap.TypeNak, []byte{25}), eap.Reject, audit.EAPInvalid)
		expect(t, p.send(eap.TypeIdentity, []byte("a")), eap.Discard, "")
	}
}

func TestEA8NoOffers(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	expect(t, p.identify(), eap.Reject, audit.EAPNoCommonMethod)
	if p.last.Identifier != 7 {
		t.Errorf("Failure carries Identifier %d, want 7", p.last.Identifier)
	}
}

func TestEA10EA11Identity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in, want string
		refused        bool
	}{
		{"anonymous-realm", "@acme.example", "@acme.example", false},
		{"anonymous-user", "anonymous@acme.example", "anonymous@acme.example", false},
		{"empty", "", "", false},
		{"options-after-nul", "alice\x00networkid=x", "alice", false},
		{"only-nul", "\x00", "", false},
		{"not-utf8", "al\xffice", "al\xffice", false},
		{"longest", strings.Repeat("a", 253), strings.Repeat("a", 253), false},
		{"too-long", strings.Repeat("a", 254), "", true},
		{"far-too-long", strings.Repeat("a", 3000), "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t, eap.TypeTLS)
			r := p.send(eap.TypeIdentity, []byte(c.in))
			if c.refused {
				expect(t, r, eap.Reject, audit.EAPInvalid)
			} else {
				expect(t, r, eap.Challenge, "")
			}
			if got := p.session.Identity(); got != c.want {
				t.Errorf("got identity %q, want %q", got, c.want)
			}
		})
	}
}

func TestEA15RoundLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		data []byte
		want int
	}{
		{"with-data", bytes.Repeat([]byte("c"), 100), eap.MaxRounds},
		{"short", []byte("c"), eap.MaxShortRounds},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t, eap.TypeTLS)
			r := p.sendAs(7, eap.TypeIdentity, bytes.Repeat([]byte("i"), 30))
			rounds := 1
			for r.Outcome == eap.Challenge {
				rounds++
				r = p.send(eap.TypeTLS, c.data)
				if rounds > 2*eap.MaxRounds {
					t.Fatal("no end")
				}
			}
			expect(t, r, eap.Reject, audit.EAPInvalid)
			if c.name == "short" {
				rounds-- // the identity was not short
			}
			if rounds != c.want+1 {
				t.Errorf("failed at round %d, want %d", rounds, c.want+1)
			}
		})
	}
}

func TestEA15DataResetsTheShortCount(t *testing.T) {
	t.Parallel()
	p := newPeer(t, eap.TypeTLS)
	p.identify()
	for i := range eap.MaxRounds - 2 {
		data := []byte("c")
		if i%40 == 39 {
			data = bytes.Repeat(data, 40)
		}
		expect(t, p.send(eap.TypeTLS, data), eap.Challenge, "")
	}
}

func TestPendingWaitsForResume(t *testing.T) {
	t.Parallel()
	p := newPeer(t, eap.TypeTLS)
	p.identify()
	expect(t, p.session.Resume(), eap.Discard, "")
	expect(t, p.send(eap.TypeTLS, []byte("p")), eap.Wait, "")
	if !p.session.Waiting() {
		t.Error("got Waiting false, want true")
	}
	expect(t, p.send(eap.TypeTLS, []byte("c")), eap.Discard, "")
	expect(t, p.take(p.session.Resume()), eap.Challenge, "")
	if p.session.Waiting() || string(p.last.Data) != "on" {
		t.Errorf("got Waiting %v and %+v", p.session.Waiting(), p.last)
	}
	expect(t, p.session.Resume(), eap.Discard, "")
}

func TestOutcomesOfTheMethod(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command string
		outcome eap.Outcome
		reason  audit.Reason
	}{
		{"d", eap.Accept, ""}, {"f", eap.Reject, audit.CertExpired}, {"n", eap.Reject, audit.Internal},
	} {
		p := newPeer(t, eap.TypeTLS)
		p.identify()
		r := p.send(eap.TypeTLS, []byte(c.command))
		expect(t, r, c.outcome, c.reason)
		if (r.Keys != nil) != (c.outcome == eap.Accept) {
			t.Errorf("%s: got keys %v", c.command, r.Keys)
		}
		expect(t, p.send(eap.TypeTLS, []byte("c")), eap.Discard, "") // TL-21: nothing follows
	}
}

func TestCloseIsIdempotentInEveryState(t *testing.T) {
	t.Parallel()
	p := newPeer(t, eap.TypeTLS)
	p.session.Close()
	p.session.Close()
	expect(t, p.identify(), eap.Discard, "")
	expect(t, p.session.Start(), eap.Discard, "")

	for _, command := range []string{"", "c", "p", "d", "f"} {
		p := newPeer(t, eap.TypeTLS)
		p.identify()
		if command != "" {
			p.send(eap.TypeTLS, []byte(command))
		}
		p.session.Close()
		p.session.Close()
		if p.methods[0].closed != 1 {
			t.Errorf("after %q: closed %d times, want once", command, p.methods[0].closed)
		}
		expect(t, p.session.Resume(), eap.Discard, "")
		if p.session.Failure() != nil || p.session.Method() != 0 {
			t.Errorf("after Close: got %v and %v", p.session.Failure(), p.session.Method())
		}
	}
}

func TestKeysStayOutOfLogs(t *testing.T) {
	t.Parallel()
	k := &eap.Keys{MSK: [64]byte{1, 2, 3}}
	text, err := k.MarshalText()
	if k.String() != "[redacted]" || k.GoString() != "[redacted]" || string(text) != "[redacted]" ||
		err != nil {
		t.Errorf("got %s, %#v, %s, %v", k, k, text, err)
	}
}
