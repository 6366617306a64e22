package webui_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/webui"
)

// A pipes is a listener whose connections are in memory, so that they live in a bubble and its
// time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return local }

var local = net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.1:8443"))

// fromHere is a connection with an address.
type fromHere struct{ net.Conn }

func (fromHere) RemoteAddr() net.Addr { return local }

// serve runs the web server with all its limits, but without TLS, and returns how to reach it.
func serve(t *testing.T, c webui.Config) func() net.Conn {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := webui.NewServer(c)
	done := make(chan error, 1)
	go func() { done <- server.Serve(p) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		time.Sleep(time.Second) // of the bubble's: connections linger for half of it
	})
	return func() net.Conn {
		client, conn := net.Pipe()
		p.conns <- fromHere{conn}
		return client
	}
}

// clientOf calls what dial reaches as the holder of the token "admin".
func clientOf(dial func() net.Conn) *http.Client {
	return &http.Client{Transport: authorized{&http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return dial(), nil },
	}}}
}

type authorized struct{ http.RoundTripper }

func (a authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer ght_admin")
	return a.RoundTripper.RoundTrip(r)
}

// drip pushes a body of count pieces of size bytes, one every pause, until nobody listens.
func drip(conn net.Conn, size, count int, pause time.Duration) {
	_, err := fmt.Fprintf(conn, "PUT /api/v1/bundle HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ght_admin\r\n"+
		"X-Minisign-Signature: %s\r\nContent-Length: %d\r\n\r\n", signature, size*count)
	for piece := make([]byte, size); count > 0 && err == nil; count-- {
		time.Sleep(pause)
		_, err = conn.Write(piece)
	}
}

// TestSlowPush: an upload may take long as long as it goes on, and no longer than half an hour.
func TestSlowPush(t *testing.T) {
	for _, tt := range []struct {
		name        string
		size, count int
		pause       time.Duration
		code        int
		after       time.Duration
	}{
		{"steady", 32 << 10, 120, 10 * time.Second, 202, 20 * time.Minute},
		{"trickle", 1 << 10, 120, 10 * time.Second, 408, 30 * time.Second},
		{"stalled", 32 << 10, 2, 10 * time.Minute, 408, 30 * time.Second},
		{"stalled_later", 64 << 10, 2, 29 * time.Second, 202, 58 * time.Second},
		{"for_ever", 32 << 10, 1200, 9 * time.Second, 408, 30 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := serve(t, holders())()
				dripped := make(chan struct{})
				defer func() { _ = conn.Close(); <-dripped }()
				began := time.Now()
				go func() { drip(conn, tt.size, tt.count, tt.pause); close(dripped) }()
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatalf("after %v: %v", time.Since(began), err)
				}
				body, err := io.ReadAll(response.Body)
				if response.StatusCode != tt.code || time.Since(began) != tt.after || err != nil {
					t.Errorf("after %v: got %d %s, %v; want %d after %v", time.Since(began), response.StatusCode, body,
						err, tt.code, tt.after)
				}
			})
		})
	}
}

// TestRollbackMayTakeLong: it is answered when the version has been tried, which is later than any
// other answer.
func TestRollbackMayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := holders()
		c.Backend.Bundles.RollBack = func(webui.BundleRollback) error { time.Sleep(90 * time.Second); return nil }
		response, err := clientOf(serve(t, c)).Post("http://gateway/api/v1/bundle/rollback", "application/json", strings.NewReader(`{"reason":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(response.Body); response.StatusCode != 200 || err != nil {
			t.Errorf("got %s %s, %v", response.Status, body, err)
		}
		_ = response.Body.Close()
	})
}

// growing is a list that gets a decision every minute.
type growing struct{ began time.Time }

func (g growing) Last() uint64 { return uint64(time.Since(g.began) / time.Minute) }

func (g growing) After(id uint64, _ int) (out []audit.Entry) {
	for id++; id <= g.Last(); id++ {
		out = append(out, audit.Entry{ID: id})
	}
	return out
}

func (g growing) Wait(ctx context.Context, id uint64) error {
	select {
	case <-time.After(time.Until(g.began.Add(time.Duration(id+1) * time.Minute))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestStreamLasts: who reads a stream reads it for as long as he likes.
func TestStreamLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := holders()
		c.Backend.Decisions = growing{time.Now()}
		response, err := clientOf(serve(t, c)).Get("http://gateway/api/v1/decisions/stream")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() // its end is what is looked for
		lines, n := bufio.NewScanner(response.Body), 0
		for n < 10 && lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data: ") {
				n++
			}
		}
		if n < 10 {
			t.Errorf("the stream ends after %d decisions: %v", n, lines.Err())
		}
	})
}

// TestSlowRequests: a stranger gets ten seconds to say what he wants.
func TestSlowRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serve(t, holders())()
		began := time.Now()
		if _, err := io.WriteString(client, "GET /livez HTTP/1.1\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(client); time.Since(began) > 11*time.Second {
			t.Errorf("held for %v: %v", time.Since(began), err)
		}
	})
}
