package radserver_test

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
)

func TestAccessRequestReachesTheHandler(t *testing.T) {
	t.Parallel()
	got := make(chan *radserver.Request, 1)
	w := start(t, radserver.Config{Handler: handlerFunc(func(r *radserver.Request) {
		got <- r
		resp := radius.NewResponse(radius.CodeAccessAccept)
		resp.SetMPPEKeys(make([]byte, 32), make([]byte, 32))
		r.Respond(resp, 0)
	})})
	n := dial(t, w.Addr())
	before := time.Now()
	p := n.answer(request{id: 7, attrs: []attr{
		name, eap, {radius.TypeCalledStationID, "02-00-00-00-00-FE:guests"},
		{radius.TypeProxyState, "p1"}, {radius.TypeProxyState, "p2"},
	}}.bytes())
	if p.Code != radius.CodeAccessAccept || p.Attributes[0] != 80 {
		t.Errorf("answer %v whose first attribute is %d, want an Access-Accept with 80",
			p.Code, p.Attributes[0])
	}
	if p.Attributes.Count(radius.TypeProxyState) != 2 {
		t.Error("the Proxy-States are not both in the answer")
	}
	r := <-got
	if r.Client.Name != "local4" || r.Server.Name != "wifi" || r.SSID != "guests" ||
		r.Source != n.conn.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort() {
		t.Errorf("request of %v, client %q, server %q, SSID %q",
			r.Source, r.Client.Name, r.Server.Name, r.SSID)
	}
	if r.Received.Before(before) || r.Received.After(time.Now()) {
		t.Errorf("received at %v", r.Received)
	}
	st := w.Stats()
	if st.Requests != 1 || st.Responses[radius.CodeAccessAccept] != 1 || st.Cached != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestRequestOwnsItsBytes(t *testing.T) {
	t.Parallel()
	held := make(chan *radserver.Request, 2)
	w := start(t, radserver.Config{Sockets: 1, Handler: handlerFunc(func(r *radserver.Request) {
		held <- r
	})})
	n := dial(t, w.Addr())
	n.send(request{id: 1, attrs: []attr{{radius.TypeUserName, "first"}}}.bytes())
	first := <-held
	n.send(request{id: 2, attrs: []attr{{radius.TypeUserName, "other"}}}.bytes())
	<-held
	if v, _ := first.Packet.Attributes.Get(radius.TypeUserName); string(v) != "first" {
		t.Errorf("a later datagram changed User-Name to %q", v)
	}
}

func TestNotReadyIsSilent(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{Clients: func() *policy.Clients { return nil }})
	n := dial(t, w.Addr())
	n.send(request{attrs: []attr{eap}}.bytes())
	n.send(request{code: radius.CodeStatusServer}.bytes())
	w.discarded(t, radserver.WhyNotReady, 2)
	n.wantSilence()
	w.event(t, audit.NotReady)
}

func TestRP1MalformedIsSilent(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{})
	n := dial(t, w.Addr())
	good := request{attrs: []attr{eap}}.bytes()
	n.send(good[:12])
	n.send(good[:len(good)-1])
	n.send(append(append([]byte(nil), good[:20]...), 1, 0))
	w.discarded(t, radius.WhyShort, 1)
	w.discarded(t, radius.WhyTruncated, 2)
	n.wantSilence()
	if st := w.Stats(); st.Requests != 0 {
		t.Errorf("%d requests reached the handler", st.Requests)
	}
	padded := append(request{id: 3, attrs: []attr{eap}}.bytes(), "padding"...)
	n.answer(padded)
}

func TestRP3UnknownClientIsSilentAndNamed(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{Clients: clients(t, &policy.Server{
		Name: "wifi", Clients: []policy.Client{client("ap", "192.0.2.7/32")}})})
	n := dial(t, w.Addr())
	for range 3 {
		n.send(request{attrs: []attr{eap}}.bytes())
	}
	w.discarded(t, radserver.WhyClientUnknown, 3)
	n.wantSilence()
	if e := w.event(t, audit.ClientUnknown); e.Detail != "unknown NAS 127.0.0.1" ||
		e.NAS != "127.0.0.1" {
		t.Errorf("event %+v, want the address named", e)
	}
	unknown := w.Stats().UnknownSources
	if len(unknown) != 1 || unknown[0].Count != 3 ||
		unknown[0].Source != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("unknown sources %+v, want 127.0.0.1 three times", unknown)
	}
}

func TestRP4OtherCodesAreSilent(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{})
	n := dial(t, w.Addr())
	codes := []radius.Code{
		radius.CodeAccountingRequest, radius.CodeAccessAccept, radius.CodeAccessReject,
		radius.CodeAccessChallenge, radius.CodeDisconnectRequest, radius.CodeCoARequest, 99, 255,
	}
	for _, code := range codes {
		n.send(request{code: code}.bytes())
	}
	w.discarded(t, radserver.WhyCode, uint64(len(codes)))
	n.wantSilence()
}

func TestServersAreToldApart(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{
		Clients: clients(t,
			&policy.Server{Name: "guests", Match: policy.Match{SSID: []string{"guests"}},
				Clients: []policy.Client{client("ap", "127.0.0.1/32")}},
			&policy.Server{Name: "staff", Match: policy.Match{NASIdentifier: []string{"ap1"}},
				Clients: []policy.Client{client("site", "127.0.0.0/8")}}),
		Handler: handlerFunc(func(r *radserver.Request) {
			resp := radius.NewResponse(radius.CodeAccessReject)
			if err := resp.Add(radius.TypeReplyMessage, []byte(r.Server.Name)); err != nil {
				t.Error(err)
			}
			r.Respond(resp, 0)
		}),
	})
	n := dial(t, w.Addr())
	ssid := attr{radius.TypeCalledStationID, "02-00-00-00-00-FE:guests"}
	nasID := attr{radius.TypeNASIdentifier, "ap1"}
	for want, attrs := range map[string][]attr{
		"guests": {eap, ssid, nasID}, "staff": {eap, nasID},
	} {
		p := n.answer(request{attrs: attrs}.bytes())
		if got, _ := p.Attributes.Get(radius.TypeReplyMessage); string(got) != want {
			t.Errorf("server %q, want %q", got, want)
		}
	}
	n.send(request{attrs: []attr{eap, {radius.TypeCalledStationID, "lab\x1b[2J"}}}.bytes())
	w.discarded(t, radserver.WhyNoMatch, 1)
	n.wantSilence()
	e := w.event(t, audit.ClientUnknown)
	if !strings.Contains(e.Detail, "lab") || strings.Contains(e.Detail, "\x1b") {
		t.Errorf("detail %q, want the SSID, escaped", e.Detail)
	}
}

func TestEA1EA2BrokenEAPIsSilent(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{})
	n := dial(t, w.Addr())
	half := attr{radius.TypeEAPMessage, eap.value[:5]}
	rest := attr{radius.TypeEAPMessage, eap.value[5:]}
	for why, attrs := range map[radius.Why][]attr{
		radius.WhyEAPScattered: {half, name, rest},
		radius.WhyEAPLength:    {half},
		radius.WhyEAPPassword:  {eap, {radius.TypeUserPassword, strings.Repeat("x", 16)}},
	} {
		n.send(request{attrs: attrs}.bytes())
		w.discarded(t, why, 1)
	}
	n.wantSilence()
	n.answer(request{id: 1, attrs: []attr{name, half, rest}}.bytes())
	n.answer(request{id: 2, attrs: []attr{{radius.TypeEAPMessage, ""}}}.bytes())
}

func TestMA1WrongSecretIsSilentWithHint(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{})
	n := dial(t, w.Addr())
	for range 3 {
		n.send(request{secret: "another", attrs: []attr{eap}}.bytes())
	}
	w.discarded(t, radserver.WhyMessageAuthenticatorWrong, 3)
	n.wantSilence()
	e := w.event(t, audit.MessageAuthenticatorWrong)
	if e.Client != "local4" || e.Server != "wifi" || e.NAS != "127.0.0.1" ||
		!strings.Contains(e.Detail, "shared secret") {
		t.Errorf("event %+v, want client, server and a hint", e)
	}
	wrong := w.Stats().WrongSecrets
	if len(wrong) != 1 || wrong[0].Client != "local4" || wrong[0].Server != "wifi" ||
		wrong[0].Count != 3 {
		t.Errorf("wrong secrets %+v, want wifi/local4 three times", wrong)
	}
	if heard := w.Stats().Heard; len(heard) != 0 {
		t.Errorf("heard %+v, though nothing was believed", heard)
	}
	n.answer(request{attrs: []attr{eap}}.bytes())
	if heard := w.Stats().Heard; len(heard) != 1 || heard[0].Client != "local4" || heard[0].Server != "wifi" ||
		heard[0].Count != 1 || heard[0].Last.IsZero() {
		t.Errorf("heard %+v, want wifi/local4 once", heard)
	}
}

func TestMA2MA4MA5Modes(t *testing.T) {
	t.Parallel()
	pap := attr{radius.TypeUserPassword, strings.Repeat("x", 16)}
	proxy := attr{radius.TypeProxyState, "p"}
	for _, tc := range []struct {
		name  string
		mode  policy.MAMode
		attrs []attr
		ok    bool
	}{
		{"zero-value-requires", "", []attr{pap}, false},
		{"unknown-value-requires", "sometimes", []attr{pap}, false},
		{"require", policy.MARequire, []attr{pap}, false},
		{"require-eap", policy.MARequire, []attr{eap}, false},
		{"auto", policy.MAAuto, []attr{pap}, true},
		{"auto-eap", policy.MAAuto, []attr{eap}, false},
		{"auto-eap-start", policy.MAAuto, []attr{{radius.TypeEAPMessage, ""}}, false},
		{"auto-proxied", policy.MAAuto, []attr{pap, proxy}, false},
		{"off", policy.MAOff, []attr{pap}, true},
		{"off-eap", policy.MAOff, []attr{eap}, false},
		{"off-proxied", policy.MAOff, []attr{pap, proxy}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := start(t, radserver.Config{Clients: modeClients(t, tc.mode)})
			n := dial(t, w.Addr())
			b := request{noMA: true, attrs: tc.attrs}.bytes()
			if tc.ok {
				n.answer(b)
				return
			}
			n.send(b)
			w.discarded(t, radserver.WhyMessageAuthenticatorMissing, 1)
			n.wantSilence()
			w.event(t, audit.MessageAuthenticatorMissing)
			n.answer(request{id: 1, attrs: tc.attrs}.bytes()) // with it, all is well
		})
	}
}

func modeClients(t testing.TB, mode policy.MAMode) func() *policy.Clients {
	c := client("ap", "127.0.0.0/8")
	c.MessageAuthenticator = mode
	return clients(t, &policy.Server{Name: "wifi", Clients: []policy.Client{c}})
}

func TestMA4AutoLearnsPerSourceAddress(t *testing.T) {
	t.Parallel()
	learner := radserver.NewMemoryLearner()
	w := start(t, radserver.Config{
		Clients: modeClients(t, policy.MAAuto), Learner: learner, Address: "127.0.0.1:0",
	})
	n := dial(t, w.Addr())
	pap := attr{radius.TypeUserPassword, strings.Repeat("x", 16)}
	here := netip.MustParseAddr("127.0.0.1")
	n.answer(request{id: 1, noMA: true, attrs: []attr{pap}}.bytes())
	n.answer(request{id: 2, attrs: []attr{eap}}.bytes())
	if learner.Learnt(here) {
		t.Error("an EAP packet has taught something about the others")
	}
	n.answer(request{id: 3, noMA: true, attrs: []attr{pap}}.bytes())
	n.send(request{id: 4, secret: "wrong", attrs: []attr{pap}}.bytes())
	w.discarded(t, radserver.WhyMessageAuthenticatorWrong, 1)
	if learner.Learnt(here) {
		t.Error("a forged Message-Authenticator has taught something")
	}
	n.answer(request{id: 5, attrs: []attr{pap}}.bytes())
	if !learner.Learnt(here) {
		t.Error("a Message-Authenticator without EAP was not learnt")
	}
	n.send(request{id: 6, noMA: true, attrs: []attr{pap}}.bytes())
	w.discarded(t, radserver.WhyMessageAuthenticatorMissing, 1)
	n.wantSilence()
	if learner.Learnt(netip.MustParseAddr("127.0.0.2")) {
		t.Error("another address of the same client entry was learnt too")
	}
}

func TestMemoryLearnerIsBoundedAndForgetsNobody(t *testing.T) {
	t.Parallel()
	m := radserver.NewMemoryLearner()
	first := netip.MustParseAddr("10.0.0.0")
	addr := first
	for range radserver.MaxLearnt + 10 {
		m.Learn(addr)
		addr = addr.Next()
	}
	if !m.Learnt(first) {
		t.Error("the first address was forgotten")
	}
	if last := addr.Prev(); m.Learnt(last) {
		t.Error("more was learnt than the bound allows")
	}
}

func TestSS1StatusServer(t *testing.T) {
	t.Parallel()
	other := client("b", "127.0.0.1/32")
	other.Secret = policy.Secret("another")
	w := start(t, radserver.Config{
		// By SSID; a Status-Server names none, and may come from either.
		Clients: clients(t,
			&policy.Server{Name: "one", Match: policy.Match{SSID: []string{"one"}},
				Clients: []policy.Client{other}},
			&policy.Server{Name: "two", Match: policy.Match{SSID: []string{"two"}},
				Clients: []policy.Client{client("a", "127.0.0.1/32")}}),
		Handler: handlerFunc(func(*radserver.Request) {
			t.Error("a Status-Server reached the handler")
		}),
	})
	n := dial(t, w.Addr())
	p := n.answer(request{code: radius.CodeStatusServer, id: 9}.bytes())
	if p.Code != radius.CodeAccessAccept || len(p.Attributes) != 18 {
		t.Errorf("answer %v with %d bytes of attributes, want a bare Access-Accept",
			p.Code, len(p.Attributes))
	}
	n.send(request{code: radius.CodeStatusServer, noMA: true}.bytes())
	w.discarded(t, radserver.WhyMessageAuthenticatorMissing, 1)
	n.send(request{code: radius.CodeStatusServer, secret: "neither"}.bytes())
	w.discarded(t, radserver.WhyMessageAuthenticatorWrong, 1)
	n.wantSilence()
	st := w.Stats()
	if st.StatusServer != 1 || st.Requests != 0 || len(st.Responses) != 0 || st.Cached != 0 {
		t.Errorf("stats %+v, want one Status-Server and no request", st)
	}
}

func TestSS1RadclientStatus(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("radclient")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("radclient is not installed (freeradius-utils)")
		}
		t.Skip("radclient is not installed (freeradius-utils)")
	}
	w := start(t, radserver.Config{})
	radclient := func(key string) (string, error) {
		cmd := exec.Command(path, "-x", "-r", "1", "-t", "2", w.Addr().String(), "status", key)
		cmd.Stdin = strings.NewReader("Message-Authenticator=0x00\n")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := radclient(secret); err != nil || !strings.Contains(out, "Access-Accept") {
		t.Errorf("radclient status: %v\n%s", err, out)
	}
	if out, err := radclient("wrong-secret"); err == nil {
		t.Errorf("radclient with a wrong secret succeeds:\n%s", out)
	}
}
