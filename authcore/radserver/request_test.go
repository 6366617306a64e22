package radserver_test

import (
	"bytes"
	"strings"
	"testing"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
)

// holding is a Handler that passes its requests on and answers none.
func holding() (handlerFunc, chan *radserver.Request) {
	held := make(chan *radserver.Request, 64)
	return func(r *radserver.Request) { held <- r }, held
}

func accept() *radius.Response { return radius.NewResponse(radius.CodeAccessAccept) }

func TestRP5DuplicateInProgress(t *testing.T) {
	t.Parallel()
	handler, held := holding()
	w := start(t, radserver.Config{Handler: handler})
	n := dial(t, w.Addr())
	b := request{id: 5, attrs: []attr{eap}}.bytes()
	n.send(b)
	r := <-held
	n.send(b)
	n.send(b)
	eventually(t, "duplicates", func() bool { return w.Stats().Duplicates == 2 })
	n.wantSilence()
	go r.Respond(accept(), 0) // late, from another goroutine
	verify(t, n.receive(patience), b)
	n.wantSilence()
	if st := w.Stats(); st.Requests != 1 || st.InHand != 0 {
		t.Errorf("stats %+v, want one request and none in hand", st)
	}
}

func TestRP5DuplicateAfterReply(t *testing.T) {
	t.Parallel()
	handler, held := holding()
	w := start(t, radserver.Config{Handler: handler})
	n := dial(t, w.Addr())
	b := request{id: 5, attrs: []attr{eap}}.bytes()
	n.send(b)
	resp := accept()
	resp.SetMPPEKeys(make([]byte, 32), make([]byte, 32)) // random salts: only a copy is equal
	(<-held).Respond(resp, 0)
	first := n.receive(patience)
	verify(t, first, b)
	for range 3 {
		n.send(b)
		if again := n.receive(patience); !bytes.Equal(again, first) {
			t.Errorf("the answer to a retransmission differs:\n%x\n%x", again, first)
		}
	}
	if st := w.Stats(); st.Requests != 1 || st.Resent != 3 ||
		st.Responses[radius.CodeAccessAccept] != 1 {
		t.Errorf("stats %+v, want one request, answered once and resent three times", st)
	}
}

func TestRP5SourcePortAndIdentifierTellRequestsApart(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{})
	a, b := dial(t, w.Addr()), dial(t, w.Addr())
	auth := [16]byte{1, 2, 3}
	a.answer(request{id: 5, auth: auth, attrs: []attr{eap}}.bytes())
	b.answer(request{id: 5, auth: auth, attrs: []attr{eap}}.bytes())
	a.answer(request{id: 6, auth: auth, attrs: []attr{eap}}.bytes())
	if st := w.Stats(); st.Requests != 3 || st.Resent != 0 {
		t.Errorf("stats %+v, want three requests", st)
	}
}

func TestRP6OtherAuthenticatorSupersedes(t *testing.T) {
	t.Parallel()
	handler, held := holding()
	w := start(t, radserver.Config{Handler: handler})
	n := dial(t, w.Addr())
	n.send(request{id: 5, attrs: []attr{eap}}.bytes())
	old := <-held
	b := request{id: 5, attrs: []attr{eap}}.bytes()
	n.send(b)
	newer := <-held
	old.Respond(accept(), 0)
	n.wantSilence()
	newer.Respond(accept(), 0)
	verify(t, n.receive(patience), b)
	if st := w.Stats(); st.Requests != 2 || st.Superseded != 1 {
		t.Errorf("stats %+v, want two requests, one superseded", st)
	}
	// One that was answered is superseded as well.
	c := request{id: 5, attrs: []attr{eap}}.bytes()
	n.send(c)
	(<-held).Respond(accept(), 0)
	verify(t, n.receive(patience), c)
}

func TestRP7WrongMessageAuthenticatorLeavesTheCacheAlone(t *testing.T) {
	t.Parallel()
	handler, held := holding()
	w := start(t, radserver.Config{Handler: handler})
	n := dial(t, w.Addr())
	b := request{id: 5, attrs: []attr{eap}}.bytes()
	n.send(b)
	r := <-held
	n.send(request{id: 5, secret: "forged", attrs: []attr{eap}}.bytes()) // would supersede
	forged := bytes.Clone(b)
	forged[len(forged)-1] ^= 1
	n.send(forged) // would be a duplicate
	w.discarded(t, radserver.WhyMessageAuthenticatorWrong, 2)
	r.Respond(accept(), 0)
	verify(t, n.receive(patience), b)
	n.send(forged)
	w.discarded(t, radserver.WhyMessageAuthenticatorWrong, 3)
	n.wantSilence()
	if st := w.Stats(); st.Requests != 1 || st.Duplicates+st.Resent+st.Superseded != 0 {
		t.Errorf("stats %+v, want one request and nothing else", st)
	}
}

func TestRespondOnce(t *testing.T) {
	t.Parallel()
	handler, held := holding()
	w := start(t, radserver.Config{Handler: handler})
	n := dial(t, w.Addr())
	b := request{id: 5, attrs: []attr{eap}}.bytes()
	n.send(b)
	r := <-held
	for range 8 {
		go r.Respond(accept(), 0)
	}
	verify(t, n.receive(patience), b)
	r.Respond(radius.NewResponse(radius.CodeAccessReject), 0)
	r.Drop()
	n.wantSilence()
	n.send(b)
	if p := verify(t, n.receive(patience), b); p.Code != radius.CodeAccessAccept {
		t.Errorf("the kept answer is an %v", p.Code)
	}
}

func TestDropMakesARetransmissionNew(t *testing.T) {
	t.Parallel()
	handler, held := holding()
	w := start(t, radserver.Config{Handler: handler})
	n := dial(t, w.Addr())
	b := request{id: 5, attrs: []attr{eap}}.bytes()
	n.send(b)
	first := <-held
	first.Drop()
	first.Respond(accept(), 0)
	n.wantSilence()
	n.send(b)
	(<-held).Respond(accept(), 0)
	verify(t, n.receive(patience), b)
	if st := w.Stats(); st.Requests != 2 || st.Dropped != 1 || st.Duplicates != 0 {
		t.Errorf("stats %+v, want two requests, one dropped", st)
	}
}

func TestBlockedDecisionsHoldUpNobody(t *testing.T) {
	t.Parallel()
	const blocked = 200
	held := make(chan *radserver.Request, blocked)
	w := start(t, radserver.Config{Handler: handlerFunc(func(r *radserver.Request) {
		if v, _ := r.Packet.Attributes.Get(radius.TypeUserName); string(v) == "slow" {
			held <- r
			return
		}
		r.Respond(accept(), 0)
	})})
	slow, others := dial(t, w.Addr()), dial(t, w.Addr())
	asked := make(map[byte][]byte)
	for i := range blocked {
		b := request{id: byte(i), attrs: []attr{{radius.TypeUserName, "slow"}}}.bytes()
		asked[byte(i)] = b
		slow.send(b)
		others.answer(request{id: byte(i), attrs: []attr{name}}.bytes())
	}
	eventually(t, "the blocked ones", func() bool { return w.Stats().InHand == blocked })
	for range blocked {
		r := <-held
		go r.Respond(accept(), 0)
	}
	for range blocked {
		reply := slow.receive(patience)
		if reply == nil {
			t.Fatalf("no answer; %d are still to come", len(asked))
		}
		verify(t, reply, asked[reply[1]])
		delete(asked, reply[1])
	}
	if len(asked) != 0 {
		t.Errorf("%d requests were not answered", len(asked))
	}
}

func TestZeroRequestIgnoresEverything(t *testing.T) {
	t.Parallel()
	var r radserver.Request
	r.Respond(accept(), 0)
	r.Drop()
}

func TestPanicInTheHandlerCostsOneDatagram(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{Sockets: 1, Handler: handlerFunc(func(r *radserver.Request) {
		if v, _ := r.Packet.Attributes.Get(radius.TypeUserName); string(v) == "boom" {
			panic("planted")
		}
		r.Respond(accept(), 0)
	})})
	n := dial(t, w.Addr())
	for id := range 5 {
		n.send(request{id: byte(id), attrs: []attr{{radius.TypeUserName, "boom"}}}.bytes())
	}
	eventually(t, "panics", func() bool { return w.Stats().Panics == 5 })
	n.wantSilence()
	n.answer(request{id: 5, attrs: []attr{name}}.bytes())
	w.event(t, audit.Internal)
	log := w.log.String()
	if got := strings.Count(log, "panic while handling a packet"); got != 1 {
		t.Errorf("%d log lines for one source, want 1", got)
	}
	if !strings.Contains(log, "planted") || !strings.Contains(log, "request_test.go") {
		t.Errorf("the log lacks value or stack: %s", log)
	}
	if st := w.Stats(); st.InHand != 0 {
		t.Errorf("%d requests are still in hand", st.InHand)
	}
}

func TestPanicInALateOrDelayedAnswer(t *testing.T) {
	t.Parallel()
	handler, held := holding()
	w := start(t, radserver.Config{Handler: handler})
	n := dial(t, w.Addr())
	n.send(request{id: 1, attrs: []attr{eap}}.bytes())
	(<-held).Respond(nil, 0) // nil: encoding it panics
	n.send(request{id: 2, attrs: []attr{eap}}.bytes())
	(<-held).Respond(nil, 50e6)
	eventually(t, "panics", func() bool { return w.Stats().Panics == 2 })
	b := request{id: 3, attrs: []attr{eap}}.bytes()
	n.send(b)
	(<-held).Respond(accept(), 50e6)
	verify(t, n.receive(patience), b)
	if st := w.Stats(); st.InHand != 0 {
		t.Errorf("%d requests are still in hand", st.InHand)
	}
}

func TestRP14AnswerTooLongIsNotSent(t *testing.T) {
	t.Parallel()
	handler, held := holding()
	w := start(t, radserver.Config{Handler: handler})
	n := dial(t, w.Addr())
	n.send(request{id: 1, attrs: []attr{eap}}.bytes())
	huge := accept()
	huge.SetEAPMessage(make([]byte, 4090))
	(<-held).Respond(huge, 0)
	n.wantSilence()
	if st := w.Stats(); st.EncodeErrors != 1 || st.InHand != 0 {
		t.Errorf("stats %+v, want one answer that was too long", st)
	}
	if log := w.log.String(); !strings.Contains(log, `"client":"local4"`) ||
		strings.Contains(log, secret) {
		t.Errorf("log %s, want the client named and no secret", log)
	}
}
