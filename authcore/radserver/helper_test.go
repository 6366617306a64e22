package radserver_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
)

const secret = "testing-secret-1"

// patience bounds what must happen; quiet is how long nothing must.
const (
	patience = 5 * time.Second
	quiet    = 150 * time.Millisecond
)

// An attr is an attribute to build a request of.
type attr struct {
	t     radius.Type
	value string
}

var (
	name = attr{radius.TypeUserName, "anna"}
	eap  = attr{radius.TypeEAPMessage, "\x02\x01\x00\x09\x01anna"}
)

// A request is an Access-Request, or another packet, to be sent.
type request struct {
	code   radius.Code // zero: Access-Request
	id     byte
	auth   [16]byte // zero: random
	secret string   // zero: the test's
	noMA   bool
	attrs  []attr
}

func (r request) bytes() []byte {
	var tail []byte
	for _, a := range r.attrs {
		tail = append(append(tail, byte(a.t), byte(len(a.value)+2)), a.value...)
	}
	return r.bytesOver(tail)
}

// bytesOver is bytes with the attributes at hand, well formed or not.
func (r request) bytesOver(tail []byte) []byte {
	if r.code == 0 {
		r.code = radius.CodeAccessRequest
	}
	if r.auth == [16]byte{} {
		rand.Read(r.auth[:])
	}
	if r.secret == "" {
		r.secret = secret
	}
	b := append([]byte{byte(r.code), r.id, 0, 0}, r.auth[:]...)
	if !r.noMA {
		b = append(append(b, 80, 18), make([]byte, 16)...)
	}
	b = append(b, tail...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	if !r.noMA {
		mac := hmac.New(md5.New, []byte(r.secret))
		mac.Write(b)
		copy(b[22:38], mac.Sum(nil))
	}
	return b
}

// A handlerFunc is a Handler.
type handlerFunc func(*radserver.Request)

func (f handlerFunc) ServeRADIUS(r *radserver.Request) { f(r) }

// rejecting answers with a reject, after delay.
func rejecting(delay time.Duration) handlerFunc {
	return func(r *radserver.Request) {
		r.Respond(radius.NewResponse(radius.CodeAccessReject), delay)
	}
}

// An events is a Sink that keeps what it gets.
type events struct {
	mu   sync.Mutex // guards list
	list []audit.Event
}

func (e *events) Record(event audit.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

func (e *events) all() []audit.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]audit.Event(nil), e.list...)
}

// A logBuffer collects the log.
type logBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// client returns a client entry of the test's secret.
func client(name, prefix string) policy.Client {
	return policy.Client{
		Name: name, Prefix: netip.MustParsePrefix(prefix), Secret: policy.Secret(secret),
	}
}

func clients(t testing.TB, servers ...*policy.Server) func() *policy.Clients {
	t.Helper()
	c, err := policy.NewClients(servers)
	if err != nil {
		t.Fatal(err)
	}
	return func() *policy.Clients { return c }
}

// loopback is one RADIUS server for everything local.
func loopback(t testing.TB) func() *policy.Clients {
	return clients(t, &policy.Server{Name: "wifi", Clients: []policy.Client{
		client("local4", "127.0.0.0/8"), client("local6", "::1/128"),
	}})
}

// A world is a running server and what it told.
type world struct {
	*radserver.Server
	events *events
	log    *logBuffer
	stop   func() // ends Run and waits for it
}

// start runs a server on the loopback; the config may leave out what is not of interest.
func start(t testing.TB, config radserver.Config) *world {
	t.Helper()
	w := &world{events: &events{}, log: &logBuffer{}}
	if config.Address == "" {
		config.Address = "127.0.0.1:0"
	}
	if config.Clients == nil {
		config.Clients = loopback(t)
	}
	if config.Handler == nil {
		config.Handler = rejecting(0)
	}
	if config.Drain == 0 {
		config.Drain = 50 * time.Millisecond // for the tests that leave requests in hand
	}
	config.Sink, config.Logger = w.events, slog.New(slog.NewJSONHandler(w.log, nil))
	server, err := radserver.New(config)
	if err != nil {
		t.Fatal(err)
	}
	w.Server = server
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run = %v, want nil", err)
			}
		})
	}
	t.Cleanup(w.stop)
	return w
}

// A nas is an access point's socket; it talks to one address of the server.
type nas struct {
	t    testing.TB
	conn *net.UDPConn
}

func dial(t testing.TB, to netip.AddrPort) *nas {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &nas{t, conn}
}

func (n *nas) send(b []byte) {
	n.t.Helper()
	if _, err := n.conn.Write(b); err != nil {
		n.t.Fatal(err)
	}
}

// receive returns the next packet, or nil if none comes in time.
func (n *nas) receive(within time.Duration) []byte {
	n.t.Helper()
	buf := make([]byte, radius.MaxPacketLength+1)
	if err := n.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		n.t.Fatal(err)
	}
	got, err := n.conn.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return buf[:got]
}

// answer sends b and returns its verified answer.
func (n *nas) answer(b []byte) radius.Packet {
	n.t.Helper()
	n.send(b)
	return verify(n.t, n.receive(patience), b)
}

func (n *nas) wantSilence() {
	n.t.Helper()
	if b := n.receive(quiet); b != nil {
		n.t.Errorf("got an answer of %d bytes, code %d, want silence", len(b), b[0])
	}
}

func verify(t testing.TB, reply, request []byte) radius.Packet {
	t.Helper()
	if reply == nil {
		t.Fatal("no answer")
	}
	p, err := radius.VerifyResponse(reply, [16]byte(request[4:20]), []byte(secret))
	if err != nil {
		t.Fatalf("answer does not verify: %v", err)
	}
	if p.Identifier != request[1] {
		t.Fatalf("answer to %d, want to %d", p.Identifier, request[1])
	}
	return p
}

// eventually waits until ok, for what happens in another goroutine.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// discarded waits until n datagrams were dropped for why, in all.
func (w *world) discarded(t testing.TB, why radius.Why, n uint64) {
	t.Helper()
	eventually(t, string(why), func() bool { return w.Stats().Discards[why] >= n })
	if got := w.Stats().Discards[why]; got != n {
		t.Errorf("%d discards for %q, want %d", got, why, n)
	}
}

// event returns the only event with this reason.
func (w *world) event(t testing.TB, reason audit.Reason) audit.Event {
	t.Helper()
	var found []audit.Event
	for _, e := range w.events.all() {
		if e.Reason == reason {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d events for %q, want 1", len(found), reason)
	}
	if found[0].Result != audit.Discard {
		t.Errorf("result %q, want discard", found[0].Result)
	}
	return found[0]
}
