package radserver_test

import (
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
)

// hostile makes the i-th of many bad datagrams out of a good one.
func hostile(random *rand.Rand, i int, good []byte) []byte {
	b := append([]byte(nil), good...)
	switch i % 6 {
	case 0: // noise
		b = make([]byte, random.IntN(5000))
		for j := range b {
			b[j] = byte(random.Uint32())
		}
	case 1: // cut short
		b = b[:random.IntN(len(b))]
	case 2: // one octet changed, never in the padding
		b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
	case 3: // a length that lies
		binary.BigEndian.PutUint16(b[2:], uint16(random.Uint32()))
	case 4: // attributes that lie
		for j := 38; j < len(b); j++ {
			b[j] = byte(random.Uint32())
		}
	case 5: // the wrong secret
		b = request{secret: "wrong", id: byte(i), attrs: []attr{eap, name}}.bytes()
	}
	return b
}

func TestFloodOfBrokenDatagrams(t *testing.T) {
	const many = 20_000
	w := start(t, radserver.Config{})
	flood, good := dial(t, w.Addr()), dial(t, w.Addr())
	good.answer(request{attrs: []attr{eap}}.bytes())
	goroutines, memory := settled()

	random := rand.New(rand.NewPCG(1, 2))
	template := request{id: 1, attrs: []attr{eap, name}}.bytes()
	for i := range many {
		b := hostile(random, i, template)
		if len(b) == 0 {
			b = []byte{1}
		}
		flood.send(b)
		if i%500 == 0 { // the same access point goes on working, and sets the pace
			good.answer(request{id: byte(i / 500), attrs: []attr{eap}}.bytes())
		}
	}
	good.answer(request{id: 250, attrs: []attr{eap}}.bytes())
	st := w.Stats()
	var discards uint64
	for _, n := range st.Discards {
		discards += n
	}
	if discards < many/2 {
		t.Errorf("only %d of 20,000 datagrams were read and dropped", discards)
	}
	if st.Panics != 0 {
		t.Errorf("%d panics", st.Panics)
	}
	if got := len(w.events.all()); got > radserver.MaxSamplesPerInterval {
		t.Errorf("%d events about one source", got)
	}
	nowGoroutines, nowMemory := settled()
	if nowGoroutines > goroutines {
		t.Errorf("%d goroutines, %d before the flood", nowGoroutines, goroutines)
	}
	if nowMemory > memory+4<<20 {
		t.Errorf("%d KiB in use, %d before the flood", nowMemory>>10, memory>>10)
	}
}

// settled returns goroutines and heap after a collection.
func settled() (goroutines int, heap uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

// quietServer is a server over nothing, for calls of Handle.
func quietServer(t testing.TB, handler radserver.Handler) (*radserver.Server, *events) {
	e := &events{}
	return radserver.NewOver(radserver.Config{
		Clients: clients(t, everybody()), Handler: handler, Sink: e,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, radserver.NewPipe()), e
}

func TestDO2FloodCostsNoMemoryAndFewLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, e := quietServer(t, rejecting(0))
		good := request{attrs: []attr{eap}}.bytes()
		unknown := netip.MustParseAddr("203.0.0.0")
		const many = 50_000
		for range many {
			unknown = unknown.Next()
			s.Handle(good, netip.AddrPortFrom(unknown, 9))
		}
		steady := netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), 9)
		for i := range 1000 {
			s.Handle(request{secret: "wrong", id: byte(i), attrs: []attr{eap}}.bytes(), source(1))
		}
		if got := len(e.all()); got > radserver.MaxSamplesPerInterval+1 {
			t.Errorf("%d events in the first minute, want at most %d",
				got, radserver.MaxSamplesPerInterval+1)
		}
		st := s.Stats()
		if n := len(st.UnknownSources); n != radserver.MaxUnknown {
			t.Errorf("%d unknown sources are remembered, want %d", n, radserver.MaxUnknown)
		}
		if got := uint64(len(st.UnknownSources)) + st.UnknownOthers; got != many {
			t.Errorf("%d unknown datagrams counted, want %d", got, many)
		}
		// After the flood, strays are forgotten and a steady source is seen again.
		time.Sleep(radserver.SampleEvery)
		s.KeepHouse()
		s.Handle(good, steady)
		if top := s.Stats().UnknownSources; len(top) != 1 || top[0].Source != steady.Addr() {
			t.Errorf("unknown sources after the flood: %d, want the new one only", len(top))
		}
		var told int
		for _, ev := range e.all() {
			told += max(ev.Count, 1)
		}
		if want := many + 1000 + 1; told != want {
			t.Errorf("events stand for %d discards, want %d", told, want)
		}
	})
}

func TestDO2DroppingAllocatesNothing(t *testing.T) {
	s, _ := quietServer(t, rejecting(0))
	good := request{attrs: []attr{eap}}.bytes()
	wrong := request{secret: "wrong", attrs: []attr{eap}}.bytes()
	unknown := netip.AddrPortFrom(netip.MustParseAddr("203.0.113.9"), 9)
	for name, drop := range map[string]func(){
		"unknown-source": func() { s.Handle(good, unknown) },
		"malformed":      func() { s.Handle(good[:30], source(1)) },
		"wrong-secret":   func() { s.Handle(wrong, source(1)) },
	} {
		drop() // the first one is told
		if n := testing.AllocsPerRun(100, drop); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func TestDiscardsAreSampled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, e := quietServer(t, rejecting(0))
		wrong := request{secret: "wrong", attrs: []attr{eap}}.bytes()
		short := wrong[:10]
		minute := func() []audit.Event {
			seen := len(e.all())
			time.Sleep(radserver.SampleEvery)
			s.KeepHouse()
			return e.all()[seen:]
		}
		for range 10 {
			s.Handle(wrong, source(1))
			s.Handle(wrong, source(2))
			s.Handle(short, source(1))
		}
		if got := len(e.all()); got != 3 {
			t.Errorf("%d events at once, want the first of each source and reason", got)
		}
		later := minute()
		if len(later) != 3 {
			t.Fatalf("%d events after a minute, want 3", len(later))
		}
		for _, ev := range later {
			if ev.Count != 9 || ev.NAS == "" || ev.Result != audit.Discard {
				t.Errorf("event %+v, want 9 more of a named source", ev)
			}
		}
		if later := minute(); len(later) != 0 {
			t.Errorf("events %+v after a quiet minute, want none", later)
		}
		s.Handle(wrong, source(1))
		if got := len(e.all()); got != 7 {
			t.Errorf("%d events, want the first after silence told at once", got)
		}
	})
}

func TestEveryDiscardHasAReason(t *testing.T) {
	t.Parallel()
	s, e := quietServer(t, rejecting(0))
	good := request{attrs: []attr{eap}}.bytes()
	two := attr{radius.TypeState, "1"}
	half := attr{radius.TypeEAPMessage, eap.value[:5]}
	for i, b := range [][]byte{
		good[:10], append([]byte{1, 0, 0, 19}, good[4:]...), good[:len(good)-1],
		append([]byte{1, 0, 0, 22}, append(append([]byte(nil), good[4:20]...), 1, 0)...),
		request{attrs: []attr{two, two}}.bytes(),
		request{attrs: []attr{{80, strings.Repeat("x", 16)}}}.bytes(),
		request{noMA: true, attrs: []attr{{80, "x"}}}.bytes(),
		request{attrs: []attr{half}}.bytes(),
		request{attrs: []attr{half, name, half}}.bytes(),
		request{attrs: []attr{eap, {radius.TypeUserPassword, "x"}}}.bytes(),
		request{noMA: true, attrs: []attr{eap}}.bytes(),
		request{secret: "wrong", attrs: []attr{eap}}.bytes(),
		request{code: 99}.bytes(),
	} {
		before := len(e.all())
		s.Handle(b, source(i))
		told := e.all()[before:]
		if len(told) != 1 {
			t.Errorf("datagram %d: %d events, want 1", i, len(told))
			continue
		}
		if _, ok := audit.Explain(told[0].Reason); !ok || told[0].Detail == "" &&
			told[0].Reason != audit.MessageAuthenticatorMissing {
			t.Errorf("datagram %d: event %+v, want a listed reason and facts", i, told[0])
		}
	}
	var total uint64
	for _, n := range s.Stats().Discards {
		total += n
	}
	if total != 13 {
		t.Errorf("%d discards counted, want 13", total)
	}
}

func FuzzHandle(f *testing.F) {
	good := request{auth: [16]byte{1}, attrs: []attr{eap, name}}.bytes()
	f.Add(good, false)
	f.Add(good, true)
	f.Add(good[:30], true)
	f.Add(request{auth: [16]byte{1}, code: radius.CodeStatusServer}.bytes(), true)
	f.Add(request{auth: [16]byte{1}, attrs: []attr{
		{radius.TypeCalledStationID, "02-00-00-00-00-FE:guests"},
		{radius.TypeProxyState, "p"}, {radius.TypeState, "s"},
	}}.bytes(), true)
	answering := handlerFunc(func(r *radserver.Request) {
		resp := radius.NewResponse(radius.CodeAccessChallenge)
		resp.SetEAPMessage(make([]byte, 100))
		r.Respond(resp, 0)
	})
	f.Fuzz(func(t *testing.T, datagram []byte, sign bool) {
		if len(datagram) > radius.MaxPacketLength {
			datagram = datagram[:radius.MaxPacketLength]
		}
		if sign { // or the fuzzer never gets past the Message-Authenticator
			datagram = signed(datagram)
		}
		copied := string(datagram)
		s, _ := quietServer(t, answering) // a new one: what it remembers must not matter
		s.Handle(datagram, source(1))
		s.Handle(datagram, source(1))
		if string(datagram) != copied {
			t.Error("the read buffer was written to")
		}
		if st := s.Stats(); st.Panics != 0 {
			t.Fatal("a panic was recovered")
		}
	})
}

// signed returns b with its length mended and its first attribute a Message-Authenticator
// that verifies.
func signed(b []byte) []byte {
	if len(b) < 38 {
		return b
	}
	r := request{code: radius.Code(b[0]), id: b[1], auth: [16]byte(b[4:20])}
	return r.bytesOver(b[38:])
}

func BenchmarkHandle(b *testing.B) {
	challenge := radius.NewResponse(radius.CodeAccessChallenge)
	challenge.SetEAPMessage(make([]byte, 1020))
	s, _ := quietServer(b, handlerFunc(func(r *radserver.Request) { r.Respond(challenge, 0) }))
	datagram := request{attrs: []attr{eap, name}}.bytes()
	b.Run("fresh", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			s.Handle(datagram, source(n%(1<<20)))
		}
	})
	b.Run("unknown", func(b *testing.B) {
		b.ReportAllocs()
		unknown := netip.AddrPortFrom(netip.MustParseAddr("203.0.113.9"), 9)
		for b.Loop() {
			s.Handle(datagram, unknown)
		}
	})
}
