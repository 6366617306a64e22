package appliance_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/supplicant"
)

// TestFloodOfHostileDatagrams sends 20,000 malformed, truncated, replayed and random datagrams
// to the whole appliance, made of those that a real client sent. A good client of the same
// access point gets in before, during and after; no panic, no goroutine and no memory stays. It
// counts those of the process, so it does not run in parallel.
func TestFloodOfHostileDatagrams(t *testing.T) {
	const many, pace = 20_000, 200
	s := newSite(t).start()
	recorded := s.record()
	good := supplicant.Config{
		Server: s.appliance.AuthAddr().String(), Secret: []byte(sharedSecret), Identity: "anonymous",
		CallingStationID: "02-00-00-00-00-77", EAPKeyName: true,
	}
	certificate := s.user(lab.UserOptions{}).TLS()
	good.Certificate = &certificate
	signIn := func(when any) {
		t.Helper()
		if report, err := supplicant.Run(t.Context(), good); err != nil || !report.OK() {
			t.Fatalf("%v: the good client got %+v, %v", when, report, err)
		}
	}
	signIn("before")
	goroutines := runtime.NumGoroutine()
	heap := settledHeap()

	attacker := must(net.Dial("udp", good.Server))(t)
	t.Cleanup(func() { _ = attacker.Close() })
	random := rand.New(rand.NewPCG(1, 2))
	for i := range many {
		if _, err := attacker.Write(hostile(random, i, recorded[random.IntN(len(recorded))])); err != nil {
			t.Fatal(err)
		}
		if i%pace == 0 { // which also keeps the socket's buffer from overflowing
			signIn(i)
		}
	}
	signIn("after")
	s.accept(s.alice())

	text := s.scrape()
	if !strings.Contains(text, "gatehouse_radius_panics_total 0\n") {
		t.Errorf("something panicked:\n%s", text)
	}
	if n := handled(text); n < many*9/10 {
		t.Errorf("%d datagrams were handled, want nearly all of %d", n, many)
	}
	if n := s.log.count(`"result":"discard"`); n == 0 || n > 200 {
		t.Errorf("got %d lines about discards, want a sample", n)
	}
	s.clock.move(time.Minute) // conversations that the replays began
	s.eventually("rid of conversations", func() bool {
		return strings.Contains(s.scrape(), "gatehouse_conversations 0\n")
	})
	if n := runtime.NumGoroutine(); n > goroutines+20 {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	const allowed = 24 << 20 // the reply cache holds 16 MiB, for 10 s; the rest is this test's log
	if now := settledHeap(); now > heap+allowed {
		t.Errorf("%d MiB are held, %d before", now>>20, heap>>20)
	}
}

// hostile makes the i-th of many bad datagrams of one that a real client sent.
func hostile(random *rand.Rand, i int, good []byte) []byte {
	b := bytes.Clone(good)
	noise := func(b []byte) {
		for j := range b {
			b[j] = byte(random.Uint32())
		}
	}
	switch i % 6 {
	case 0: // replayed: the second time from here it is a duplicate
	case 1: // cut short, with the length it says and with the length it has
		b = b[:1+random.IntN(len(b)-1)]
		if len(b) >= 4 && i%2 == 0 {
			binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
		}
	case 2: // one octet changed
		b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
	case 3: // attributes that lie
		noise(b[20:])
	case 4: // noise
		b = make([]byte, 1+random.IntN(5000))
		noise(b)
	case 5: // noise behind a header that is right
		b = make([]byte, 20+random.IntN(4077))
		noise(b)
		b[0] = [...]byte{1, 4, 12, 2}[random.IntN(4)]
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	}
	return b
}

// record lets alice sign in through a relay, with either TLS version, and returns what her
// access point sent.
func (s *site) record() [][]byte {
	s.t.Helper()
	var mu sync.Mutex
	var sent [][]byte
	port := relay(s.t, s.port, func(datagram []byte) {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, bytes.Clone(datagram))
	})
	for _, noTLS13 := range []bool{true, false} {
		st := s.alice()
		st.port, st.noTLS13 = port, noTLS13
		s.accept(st)
	}
	mu.Lock()
	defer mu.Unlock()
	return sent
}

// relay carries datagrams of one client to the server on port and back, shows those of the
// client, and returns the port to talk to.
func relay(t testing.TB, port int, show func([]byte)) int {
	t.Helper()
	loopback := net.IPv4(127, 0, 0, 1)
	front := must(net.ListenUDP("udp", &net.UDPAddr{IP: loopback}))(t)
	back := must(net.DialUDP("udp", nil, &net.UDPAddr{IP: loopback, Port: port}))(t)
	t.Cleanup(func() { _, _ = front.Close(), back.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, client, err := front.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			show(buf[:n])
			if _, err = back.Write(buf[:n]); err != nil {
				return
			}
			if n, err = back.Read(buf); err != nil {
				return
			}
			if _, err = front.WriteToUDPAddrPort(buf[:n], client); err != nil {
				return
			}
		}
	}()
	return front.LocalAddr().(*net.UDPAddr).Port
}

// handled returns how many datagrams of any kind the RADIUS port has dealt with.
func handled(metrics string) (n int) {
	for line := range strings.Lines(metrics) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, _, _ = strings.Cut(name, "{")
		switch name {
		case "gatehouse_radius_requests_total", "gatehouse_radius_status_server_total",
			"gatehouse_radius_duplicates_total", "gatehouse_radius_resent_total",
			"gatehouse_radius_discards_total":
			one, _ := strconv.Atoi(value) // 0: no number, and the test fails
			n += one
		}
	}
	return n
}

// settledHeap returns the octets that are held once garbage is gone.
func settledHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// count returns how many lines hold text.
func (l *logBuffer) count(text string) (n int) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}
