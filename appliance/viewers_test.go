package appliance_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/appliance/eventlog"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
	"gatehouse/webui"
)

// maxUnread bounds what viewers that never read may hold, all of them together, in bytes.
const maxUnread = 2 << 20

// countedLog counts what was handed out to viewers.
type countedLog struct {
	*eventlog.Log
	handed atomic.Int64
}

func (l *countedLog) After(id uint64, limit int) []audit.Entry {
	entries := l.Log.After(id, limit)
	l.handed.Add(int64(len(entries)))
	return entries
}

// decide records so many decisions that have not a byte in common.
func (l *countedLog) decide(count int) {
	for range count {
		l.Record(audit.Event{Time: time.Unix(1, 0), Result: audit.Reject, Reason: audit.UserUnknown,
			OuterIdentity: strings.Repeat("y", 200), Detail: strings.Repeat("x", 500), Ladder: audit.CertificateLadder()})
		runtime.Gosched()
	}
}

// TestViewersThatNeverRead has as many as are let in open the live rows and read none of them, while
// many devices sign in. Nobody waits for them, and they hold what is to be sent to them next.
func TestViewersThatNeverRead(t *testing.T) {
	const each = 5000
	log := &countedLog{Log: eventlog.New(0)}
	server := servePages(t, log)
	cookie := signedInAt(t, server)
	log.decide(eventlog.DefaultSize) // what is kept anyhow
	before := heapNow()
	for range viewers {
		openUnread(t, server, cookie)
	}
	log.handed.Store(0)
	log.decide(each)
	for log.handed.Load() < viewers { // they have yet to have the CPU
		log.decide(100)
	}
	held := int64(heapNow()) - int64(before)
	t.Logf("%d viewers hold %d KiB, and were handed %d of %d decisions", viewers, held>>10, log.handed.Load(), viewers*each)
	if held > maxUnread {
		t.Errorf("%d viewers that never read hold %d KiB, want at most %d", viewers, held>>10, maxUnread>>10)
	}
	if got := log.handed.Load(); got > viewers*each/2 {
		t.Errorf("%d of %d decisions were handed to viewers that never read", got, viewers*each)
	}
}

// heapNow is what the process holds, in bytes, without garbage.
func heapNow() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// servePages serves the pages over a log. The kernel keeps little of what nobody reads.
func servePages(t *testing.T, log *countedLog) *httptest.Server {
	t.Helper()
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	accounts := []policy.Account{{Username: "admin", Role: policy.RoleAdmin, Password: policy.Secret(cheapHash(ownersPassword))}}
	config := webui.Config{Live: ok, Ready: ok, Anyone: true,
		Backend: webui.Backend{Decisions: log, Status: func() webui.Status { return webui.Status{Ready: true} }},
		People:  webui.People{Accounts: func() []policy.Account { return accounts }}}
	server := httptest.NewUnstartedServer(webui.NewServer(config).Handler)
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if inner, ok := c.(*tls.Conn); ok {
			_ = inner.NetConn().(*net.TCPConn).SetWriteBuffer(4096) // as little as there is
		}
		return ctx
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// signedInAt returns the cookie of somebody who is signed in.
func signedInAt(t *testing.T, server *httptest.Server) *http.Cookie {
	t.Helper()
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r := must(client.PostForm(server.URL+"/sign-in", url.Values{"username": {"admin"}, "password": {ownersPassword}}))(t)
	_ = r.Body.Close() // it has none
	if len(r.Cookies()) != 1 {
		t.Fatalf("signing in: %s %v", r.Status, r.Header)
	}
	return r.Cookies()[0]
}

// openUnread opens the live rows and reads the head of the answer, and nothing after it.
func openUnread(t *testing.T, server *httptest.Server, cookie *http.Cookie) {
	t.Helper()
	plain := must(net.Dial("tcp", server.Listener.Addr().String()))(t)
	if err := plain.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(plain, &tls.Config{InsecureSkipVerify: true}) // it is a test's
	t.Cleanup(func() { _ = plain.Close() })
	if _, err := fmt.Fprintf(conn, "GET /sign-ins/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: %s=%s\r\n\r\n", cookie.Name, cookie.Value); err != nil {
		t.Fatal(err)
	}
	line := must(bufio.NewReaderSize(conn, 16).ReadString('\n'))(t)
	if !strings.HasPrefix(line, "HTTP/1.1 200") {
		t.Fatalf("the stream of sign-ins: %s", line)
	}
}
