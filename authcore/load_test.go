package authcore_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
	"gatehouse/authcore/supplicant"
)

// request makes a request that no server carries, so that its answer goes nowhere.
func request(sn *snapshot.Snapshot, station string, attributes []byte) *radserver.Request {
	server := sn.Server("branch-wifi").Server
	if station != "AA-BB" {
		attributes = append([]byte{31, byte(len(station) + 2)}, append([]byte(station), attributes...)...)
	}
	return &radserver.Request{
		Packet: radius.Packet{Code: radius.CodeAccessRequest, Attributes: attributes},
		Client: &server.Clients[0], Server: server,
		Source: netip.MustParseAddrPort("127.0.0.1:1000"), Received: time.Now(),
	}
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		runtime.Gosched()
	}
}

// A decision that blocks for 200 conversations holds up no other, and all of them end well when
// it is there, whichever goroutine says so.
func TestBlockedDecisions(t *testing.T) {
	t.Parallel()
	const blocked = 200
	var mu sync.Mutex
	var wakes []func()
	released := false
	g := newGateway(t, func(c *authcore.Config) {
		c.Status = statusSource(func(wake func()) (revocation.Standing, bool) {
			mu.Lock()
			defer mu.Unlock()
			if released {
				return goodStanding, true
			}
			wakes = append(wakes, wake)
			return revocation.Standing{}, false
		})
	})
	waiting := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(wakes)
	}
	var accepted atomic.Int32
	var wg sync.WaitGroup
	for i := range blocked {
		device := g.device("strict")
		device.Timeout = 60 * time.Second
		if i%2 == 0 {
			device.TLSMax = tls.VersionTLS12
		}
		wg.Go(func() {
			report, err := supplicant.Run(t.Context(), device)
			if err != nil || !report.OK() {
				t.Errorf("a blocked device got %+v, %v", report, err)
				return
			}
			accepted.Add(1)
		})
	}
	eventually(t, "all decisions blocked", func() bool { return waiting() == blocked })
	for range 5 {
		g.good()
	}
	if n := accepted.Load(); n != 0 {
		t.Errorf("got %d accepts of blocked devices", n)
	}
	mu.Lock()
	released = true
	mu.Unlock()
	for _, wake := range wakes {
		go wake()
		go wake() // once too often does no harm
	}
	wg.Wait()
	if n := g.events.count(audit.Accepted); n != blocked+5 {
		t.Errorf("got %d accept events, want %d", n, blocked+5)
	}
	for _, e := range g.events.events {
		if e.Client == "ap-floor1" && e.OCSP == "good" && e.OCSPSource != "responder" {
			t.Fatalf("got %+v", e)
		}
	}
}

// The NAS retransmits while the decision is pending: the newest request is answered.
func TestRetransmissionWhilePending(t *testing.T) {
	t.Parallel()
	wakes := make(chan func(), 1)
	var released atomic.Bool
	g := newGateway(t, func(c *authcore.Config) {
		c.Status = statusSource(func(wake func()) (revocation.Standing, bool) {
			if released.Load() {
				return goodStanding, true
			}
			wakes <- wake
			return revocation.Standing{}, false
		})
	})
	device := g.device("strict")
	device.Timeout = 150 * time.Millisecond
	c := g.until(device, supplicant.StageHello)
	state := c.Conn.State()
	g.send(c)
	wake := <-wakes
	c.Conn.SetState(state)
	newest := g.send(c) // same State, same message, new Identifier
	if raw, err := c.Conn.Receive(t.Context(), 150*time.Millisecond); err == nil {
		t.Fatalf("a pending decision was answered: %x", raw)
	}
	released.Store(true)
	wake()
	raw, err := c.Conn.Receive(t.Context(), 10*time.Second)
	if err != nil || raw[0] != codeChallenge || raw[1] != newest {
		t.Fatalf("got %x, %v, want the Challenge late, to request %d", raw, err, newest)
	}
}

// send sends the conversation's next message, awaits nothing, and returns the Identifier.
func (g *gateway) send(c *supplicant.Conversation) byte {
	g.t.Helper()
	raw, err := c.Conn.Build(c.Next())
	if err != nil {
		g.t.Fatal(err)
	}
	if err := c.Conn.Send(raw); err != nil {
		g.t.Fatal(err)
	}
	return raw[1]
}

// The configuration changes while a decision is pending, and takes the server away: the
// decision that comes then says so.
func TestServerTakenAwayWhilePending(t *testing.T) {
	t.Parallel()
	wakes := make(chan func(), 1)
	g := newGateway(t, func(c *authcore.Config) {
		c.Status = statusSource(func(wake func()) (revocation.Standing, bool) {
			wakes <- wake
			return revocation.Standing{}, false
		})
	})
	device := g.device("strict")
	c := g.until(device, supplicant.StageHello)
	g.send(c)
	wake := <-wakes
	g.holder.Swap(newSnapshot(t, 2, func(d *snapshot.Draft) { d.Servers[0].Name = "other" }))
	wake()
	if _, err := c.Conn.Receive(t.Context(), 10*time.Second); err != nil {
		t.Fatal(err) // our alert
	}
	g.auth.Sweep(time.Now().Add(time.Hour))
	event := g.event(device.CallingStationID)
	step, ok := event.Ladder.FailedStep()
	if event.Reason != audit.ClientUnknown || !ok || step.Name != audit.StepClient {
		t.Errorf("got %+v, want client_unknown at its step", event)
	}
}

// A conversation whose decision never comes ends when its time is up, and a wake that comes
// later still does no harm.
func TestPendingConversationExpires(t *testing.T) {
	t.Parallel()
	wakes := make(chan func(), 1)
	g := newGateway(t, func(c *authcore.Config) {
		c.Status = statusSource(func(wake func()) (revocation.Standing, bool) {
			wakes <- wake
			return revocation.Standing{}, false
		})
	})
	device := g.device("strict")
	device.Timeout = 100 * time.Millisecond
	c := g.until(device, supplicant.StageHello)
	if _, err := c.Conn.Exchange(t.Context(), c.Next()); err == nil {
		t.Fatal("a pending decision was answered")
	}
	g.auth.Sweep(time.Now().Add(authcore.DefaultLifetime + time.Second))
	event := g.event(device.CallingStationID)
	if event.Reason != audit.OCSPUnavailable || event.User != "alice" || event.CA != "strict" {
		t.Errorf("got %+v, want ocsp_unavailable of alice", event)
	}
	checkLadder(t, event.Ladder, audit.StepRevocation)
	(<-wakes)()
	g.good()
	g.event(device.CallingStationID)
}

// What panics behind a late completion ends there: nobody else would catch it.
func TestPanicInALateCompletion(t *testing.T) {
	t.Parallel()
	wakes := make(chan func(), 1)
	logged := make(chan struct{}, 1)
	var asked atomic.Int32
	g := newGateway(t, func(c *authcore.Config) {
		c.Logger = slog.New(logSignal{slog.DiscardHandler, logged})
		c.Status = statusSource(func(wake func()) (revocation.Standing, bool) {
			if asked.Add(1) > 1 {
				panic("planted")
			}
			wakes <- wake
			return revocation.Standing{}, false
		})
		c.Sink = panickySink{c.Sink}
	})
	device := g.device("strict")
	device.Timeout = 100 * time.Millisecond
	c := g.until(device, supplicant.StageHello)
	if _, err := c.Conn.Exchange(t.Context(), c.Next()); err == nil {
		t.Fatal("a pending decision was answered")
	}
	(<-wakes)()
	<-logged // the panic in the engine
	<-logged // and the one in the sink
	g.good()
}

// panickySink panics when told of an internal fault.
type panickySink struct{ audit.Sink }

func (s panickySink) Record(e audit.Event) {
	if e.Reason == audit.Internal {
		panic("planted in the sink")
	}
	s.Sink.Record(e)
}

// logSignal says that something was logged.
type logSignal struct {
	slog.Handler
	logged chan struct{}
}

func (h logSignal) Enabled(context.Context, slog.Level) bool { return true }

func (h logSignal) Handle(context.Context, slog.Record) error {
	h.logged <- struct{}{}
	return nil
}

// Conversations are abandoned in every state; when their time is up nothing is left of them,
// and good devices are let in during and after.
func TestDO1HalfOpenConversations(t *testing.T) {
	const room = 2 * halfOpen
	g := newGateway(t, func(c *authcore.Config) {
		c.Conversations, c.PerNAS = room, room
		c.Status = statusSource(func(func()) (revocation.Standing, bool) {
			return revocation.Standing{}, false // for ever pending
		})
	})
	g.good()
	g.auth.Sweep(time.Now().Add(time.Hour))
	before := settledMemory()
	goroutines := runtime.NumGoroutine()

	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < halfOpen; i += 4 {
				g.abandon(i)
			}
		})
	}
	wg.Wait()
	g.good()
	if live, _ := g.auth.Conversations(); live != halfOpen {
		t.Errorf("got %d conversations under way, want %d", live, halfOpen)
	}
	if n := runtime.NumGoroutine(); n < goroutines+halfOpen/4 {
		t.Errorf("got %d goroutines: the engines are not seen", n)
	}
	g.auth.Sweep(time.Now().Add(time.Hour))
	eventually(t, "goroutines back", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
	if live, lingering := g.auth.Conversations(); live+lingering != 0 {
		t.Errorf("got %d conversations and %d lingering", live, lingering)
	}
	if n := g.events.count(audit.PeerTimeout) + g.events.count(audit.OCSPUnavailable) +
		g.events.count(audit.UserSuspended); n != halfOpen {
		t.Errorf("got %d events of abandoned conversations, want %d", n, halfOpen)
	}
	g.events.mu.Lock()
	g.events.events = nil
	g.events.mu.Unlock()
	// Maps keep their buckets, some 600 octets for each conversation at the peak; one that
	// stayed would keep 15 KiB and more. The reply cache keeps its replies for a while.
	eventually(t, "heap back", func() bool { return settledMemory() < before+4<<20+halfOpen<<10 })
	g.good()
}

func settledMemory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// abandon leaves a conversation half-open in one of the states, by i.
func (g *gateway) abandon(i int) {
	states := []struct {
		user  string
		stage supplicant.Stage
		last  bool // the message beyond stage is sent, too, its answer not awaited
	}{
		{"alice", supplicant.StageNone, true},         // asked for the method
		{"alice", supplicant.StageIdentity, false},    // the same
		{"alice", supplicant.StageHello, false},       // our certificate was sent
		{"strict", supplicant.StageHello, true},       // the decision is pending
		{"bob", supplicant.StageCredentials, false},   // our alert was sent
		{"alice", supplicant.StageCredentials, false}, // the last acknowledgement is due
	}
	s := states[i%len(states)]
	device := g.device(s.user)
	device.Timeout = 30 * time.Second
	c, err := supplicant.Begin(device)
	if err != nil {
		g.t.Error(err)
		return
	}
	defer c.Close()
	if s.stage != supplicant.StageNone {
		if err := c.Until(g.t.Context(), s.stage); err != nil {
			g.t.Errorf("state %d: %v", i%len(states), err)
			return
		}
	}
	if !s.last {
		return
	}
	raw, err := c.Conn.Build(c.Next())
	if err == nil {
		err = c.Conn.Send(raw)
	}
	if err != nil {
		g.t.Error(err)
	}
}

// Over the limit the oldest that has not shown a certificate goes first, those that have never.
func TestDO1Shedding(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *authcore.Config) { c.Conversations, c.PerNAS, c.Grace = 3, 3, 1 })
	devices := make([]supplicant.Config, 6)
	for i := range devices {
		devices[i] = g.device("alice")
	}
	shown := g.until(devices[0], supplicant.StageCredentials) // its certificate is there
	g.until(devices[1], supplicant.StageHello)
	g.until(devices[2], supplicant.StageIdentity)
	g.until(devices[3], supplicant.StageIdentity)
	if event := g.event(devices[1].CallingStationID); event.Reason != audit.Overloaded ||
		event.Detail != "shed after our certificate was sent" {
		t.Errorf("got %+v, want overloaded", event)
	}
	g.until(devices[4], supplicant.StageIdentity)
	if event := g.event(devices[2].CallingStationID); event.Reason != audit.Overloaded {
		t.Errorf("got %+v, want overloaded", event)
	}
	if report, err := shown.Finish(t.Context()); err != nil || !report.OK() {
		t.Errorf("the one beyond its certificate got %+v, %v", report, err)
	}
}

// While all are young none gives way: the one that comes is left to ask again.
func TestDO1NobodyGivesWayAtOnce(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *authcore.Config) {
		c.Conversations, c.PerNAS, c.Grace = 2, 2, time.Hour
	})
	first := g.until(g.device("alice"), supplicant.StageIdentity)
	second := g.until(g.device("alice"), supplicant.StageHello)
	device := g.device("alice")
	device.Timeout = 100 * time.Millisecond
	if report, err := supplicant.Run(t.Context(), device); !errors.Is(err, supplicant.ErrTimeout) {
		t.Errorf("got %+v, %v, want no answer", report, err)
	}
	if e := g.events.of(""); len(e) != 1 || e[0].Result != audit.Discard ||
		e[0].Reason != audit.Overloaded || len(g.events.of(device.CallingStationID)) != 0 {
		t.Errorf("got %+v, want one overloaded request discarded", e)
	}
	for _, c := range []*supplicant.Conversation{first, second} {
		if report, err := c.Finish(t.Context()); err != nil || !report.OK() {
			t.Errorf("one that was under way got %+v, %v", report, err)
		}
	}
	g.good()
}

// One that moves on does not give way, however old it is: the oldest that is silent does.
func TestDO1WhoMovesOnStays(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	g := newGateway(t, func(c *authcore.Config) {
		c.Conversations, c.PerNAS, c.Grace = 2, 2, 10*time.Second
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	oldest := g.until(g.device("alice"), supplicant.StageIdentity)
	silent := g.device("alice")
	g.until(silent, supplicant.StageIdentity)
	ahead.Store(int64(20 * time.Second))
	if err := oldest.Until(t.Context(), supplicant.StageHello); err != nil {
		t.Fatal(err)
	}
	g.good()
	if event := g.event(silent.CallingStationID); event.Reason != audit.Overloaded {
		t.Errorf("the silent one got %+v, want overloaded", event)
	}
	if report, err := oldest.Finish(t.Context()); err != nil || !report.OK() {
		t.Errorf("the one that moved on got %+v, %v", report, err)
	}
}

func TestDO1FullOfCertificates(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *authcore.Config) { c.Conversations, c.PerNAS, c.Grace = 2, 2, 1 })
	var shown []*supplicant.Conversation
	for range 2 {
		shown = append(shown, g.until(g.device("alice"), supplicant.StageCredentials))
	}
	report, event := g.run(g.device("alice"))
	if report.Result != supplicant.ResultReject || event.Reason != audit.Overloaded {
		t.Errorf("got %+v and %+v, want overloaded", report, event)
	}
	for _, c := range shown {
		if report, err := c.Finish(t.Context()); err != nil || !report.OK() {
			t.Errorf("got %+v, %v", report, err)
		}
	}
	g.good()
}

// Certificates that are refused do not keep others out.
func TestDO1RefusedCertificatesAreShed(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *authcore.Config) { c.Conversations, c.PerNAS, c.Grace = 2, 2, 1 })
	var refused []supplicant.Config
	for range 2 {
		device := g.device("stranger")
		refused = append(refused, device)
		g.until(device, supplicant.StageCredentials)
	}
	g.good()
	if event := g.event(refused[0].CallingStationID); event.Reason != audit.CertUnknownCA {
		t.Errorf("got %+v, want the reason of the refusal", event)
	}
}

// One NAS gets its part of the table and no more.
func TestDO1LimitForEachNAS(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *authcore.Config) { c.Conversations, c.PerNAS, c.Grace = 10, 2, 1 })
	neighbour := g.device("alice")
	neighbour.LocalAddr = "127.0.0.2:0"
	waiting := g.until(neighbour, supplicant.StageHello)
	for range 6 {
		g.until(g.device("alice"), supplicant.StageIdentity)
	}
	if live, _ := g.auth.Conversations(); live != 3 {
		t.Errorf("got %d conversations, want 2 and the neighbour's", live)
	}
	if report, err := waiting.Finish(t.Context()); err != nil || !report.OK() {
		t.Errorf("the neighbour got %+v, %v", report, err)
	}
	if n := g.events.count(audit.Overloaded); n != 4 {
		t.Errorf("got %d shed, want 4", n)
	}
}

func TestPeerTimeoutNamesTheLastStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stage  supplicant.Stage
		detail string
		step   audit.StepName
	}{
		{supplicant.StageIdentity, "the device went silent after EAP-TLS was proposed", audit.StepTLS},
		{supplicant.StageHello, "the device went silent after our certificate was sent", audit.StepTLS},
		{supplicant.StageCredentials, "the device went silent after the handshake was completed " +
			"and the final acknowledgement awaited", audit.StepTLS},
	} {
		g := newGateway(t, nil)
		device := g.device("alice")
		g.until(device, c.stage)
		g.auth.Sweep(time.Now())
		if n := len(g.events.of(device.CallingStationID)); n != 0 {
			t.Fatalf("got %d events before the time was up", n)
		}
		g.auth.Sweep(time.Now().Add(authcore.DefaultLifetime + time.Second))
		event := g.event(device.CallingStationID)
		if event.Reason != audit.PeerTimeout || event.Detail != c.detail {
			t.Errorf("got %s %q, want peer_timeout %q", event.Reason, event.Detail, c.detail)
		}
		checkLadder(t, event.Ladder, c.step)
	}
}

// TL-6: the answer to our alert is missing, the reason is known all the same.
func TestTL6UnansweredAlert(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("expired")
	g.until(device, supplicant.StageCredentials)
	g.auth.Sweep(time.Now().Add(time.Hour))
	if event := g.event(device.CallingStationID); event.Reason != audit.CertExpired {
		t.Errorf("got %+v, want cert_expired", event)
	}
}

// When Run ends, every conversation is told and freed.
func TestRunEndsConversations(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	g.until(device, supplicant.StageHello)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.auth.Run(ctx); err != nil {
		t.Fatal(err)
	}
	event := g.event(device.CallingStationID)
	if event.Reason != audit.PeerTimeout || !strings.HasPrefix(event.Detail, "the gateway was stopped") {
		t.Errorf("got %+v", event)
	}
}
