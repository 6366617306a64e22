package revocation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/revocation"
)

// fetchRaw serves connections on 127.0.0.1 and counts them. Serve gets each after its request's
// first bytes, and a channel that closes with the test.
func fetchRaw(t *testing.T, address string, serve func(c net.Conn, over <-chan struct{})) (
	port int, count *atomic.Int32,
) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	count = new(atomic.Int32)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			all.Go(func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 4096))
				serve(c, over)
			})
		}
	})
	t.Cleanup(func() {
		close(over)
		l.Close()
		all.Wait()
	})
	return l.Addr().(*net.TCPAddr).Port, count
}

func fetchRawTarget(t *testing.T, serve func(c net.Conn, over <-chan struct{})) revocation.Target {
	t.Helper()
	port, _ := fetchRaw(t, "127.0.0.1", serve)
	return revocation.Target{URL: fmt.Sprintf("http://127.0.0.1:%d/", port), Allow: fetchLoopback}
}

const okHead = "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"

// TestOC10MisbehavingResponders: each ends with the context or before it.
func TestOC10MisbehavingResponders(t *testing.T) {
	t.Parallel()
	write := func(s string) func(net.Conn, <-chan struct{}) {
		return func(c net.Conn, _ <-chan struct{}) { _, _ = io.WriteString(c, s) }
	}
	forever := func(head, piece string) func(net.Conn, <-chan struct{}) {
		return func(c net.Conn, _ <-chan struct{}) {
			_, err := io.WriteString(c, head)
			for err == nil {
				_, err = io.WriteString(c, piece)
			}
		}
	}
	chunk := "1000\r\n" + strings.Repeat("o", 0x1000) + "\r\n"
	tests := []struct {
		name  string
		serve func(net.Conn, <-chan struct{})
		stage revocation.Stage
		want  string
		late  bool // only the context ends it
	}{
		{name: "accepts_and_never_writes", stage: revocation.StageHTTP, want: "no answer in time",
			serve: func(_ net.Conn, over <-chan struct{}) { <-over }, late: true},
		{name: "half_a_head", stage: revocation.StageHTTP, want: "no answer in time", late: true,
			serve: func(c net.Conn, over <-chan struct{}) { write("HTTP/1.1 200")(c, over); <-over }},
		{name: "half_a_body", stage: revocation.StageBody, want: "no answer in time", late: true,
			serve: func(c net.Conn, over <-chan struct{}) {
				write(okHead+"Content-Length: 100\r\n\r\n0")(c, over)
				<-over
			}},
		{name: "slow_drip", stage: revocation.StageBody, want: "no answer in time", late: true,
			serve: func(c net.Conn, over <-chan struct{}) {
				write(okHead+"Content-Length: 60000\r\n\r\n")(c, over)
				drip := time.NewTicker(time.Millisecond)
				defer drip.Stop()
				for {
					select {
					case <-over:
						return
					case <-drip.C:
						if _, err := c.Write([]byte{0x30}); err != nil {
							return
						}
					}
				}
			}},
		{name: "ten_megabytes_announced", stage: revocation.StageBody, want: "more than 64 KiB",
			serve: forever(okHead+"Content-Length: 10485760\r\n\r\n", chunk)},
		{name: "endless_chunks", stage: revocation.StageBody, want: "more than 64 KiB",
			serve: forever(okHead+"Transfer-Encoding: chunked\r\n\r\n", chunk)},
		{name: "endless_until_closed", stage: revocation.StageBody, want: "more than 64 KiB",
			serve: forever(okHead+"Connection: close\r\n\r\n", chunk)},
		{name: "endless_head", stage: revocation.StageHTTP, want: "exceeded",
			serve: forever("HTTP/1.1 200 OK\r\n", "X-Endless: "+strings.Repeat("o", 1000)+"\r\n")},
		{name: "endless_informal_answers", stage: revocation.StageHTTP, want: "asking",
			serve: forever("", "HTTP/1.1 103 Early Hints\r\n\r\n")},
		{name: "garbage", stage: revocation.StageHTTP, want: "malformed HTTP",
			serve: write("\x00\x1b[31mSSH-2.0-OpenSSH_9.2\r\n\r\n")},
		{name: "closes_at_once", stage: revocation.StageHTTP, want: "asking 127.0.0.1", serve: write("")},
		{name: "closes_within_the_body", stage: revocation.StageBody, want: "unexpected EOF",
			serve: write(okHead + "Content-Length: 100\r\n\r\n0")},
		{name: "nothing", stage: revocation.StageBody, want: "answered with nothing",
			serve: write(okHead + "Content-Length: 0\r\n\r\n")},
		{name: "redirect_nowhere", stage: revocation.StageHTTP, want: "answered 302 Found",
			serve: write("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")},
		{name: "reason_phrase_of_a_stranger", stage: revocation.StageHTTP, want: "answered 500 Internal Server Error",
			serve: write("HTTP/1.1 500 \x1b[31mfine\r\nContent-Length: 0\r\n\r\n")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target := fetchRawTarget(t, tt.serve)
			ctx := fetchContext(t)
			if tt.late {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
				defer cancel()
			}
			got, err := newFetcher(t, revocation.FetchConfig{}).OCSP(ctx, target, awkward)
			var failed *revocation.FetchError
			if !errors.As(err, &failed) || got != nil {
				t.Fatalf("OCSP() = %d bytes, %v", len(got), err)
			}
			if failed.Stage != tt.stage || !strings.Contains(failed.Detail, tt.want) {
				t.Errorf("got %v: %q, want %v: …%q", failed.Stage, failed.Detail, tt.stage, tt.want)
			}
			if late := errors.Is(err, context.DeadlineExceeded); late != tt.late {
				t.Errorf("ended by the context: %v, want %v (%v)", late, tt.late, err)
			}
			if strings.ContainsAny(failed.Detail, "\x00\x1b\r\n") || len(failed.Detail) > 400 {
				t.Errorf("the text is not fit to be shown: %q", failed.Detail)
			}
		})
	}
}

func TestOC8SomebodyElseAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, kind, coding, body, want string
	}{
		{"html", "text/html; charset=utf-8", "", "0", "web page (captive portal?)"},
		{"html_by_any_name", "application/ocsp-response", "", " \r\n<!DOCTYPE html>", "web page"},
		{"compressed", "application/ocsp-response", "gzip", "0", "compressed"},
		{"no_type", "", "", "\x30\x03", ""},
		{"other_type", "text/plain", "", "\x30\x03", ""},
		{"not_encoded", "", "identity", "\x30\x03", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target := fetchServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{tt.kind}
				if tt.coding != "" {
					w.Header().Set("Content-Encoding", tt.coding)
				}
				_, _ = io.WriteString(w, tt.body)
			})
			got, err := newFetcher(t, revocation.FetchConfig{}).OCSP(fetchContext(t), target, awkward)
			switch {
			case tt.want == "":
				if err != nil || string(got) != tt.body {
					t.Errorf("OCSP() = %q, %v, want %q", got, err, tt.body)
				}
			case err == nil || !strings.Contains(err.Error(), tt.want):
				t.Errorf("OCSP() = %q, %v, want an error with %q", got, err, tt.want)
			}
		})
	}
}

func TestOC19ListsAreBounded(t *testing.T) {
	t.Parallel()
	serve := func(n int) revocation.Target {
		return fetchServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush() // chunked: the length is not announced
			_, _ = w.Write(bytes.Repeat([]byte{0x30}, n))
		})
	}
	f := newFetcher(t, revocation.FetchConfig{})
	const limit = 8 << 20
	der, _, _, err := f.CRL(fetchContext(t), serve(limit), revocation.Validators{})
	if err != nil || len(der) != limit {
		t.Errorf("at the limit: got %d bytes, %v", len(der), err)
	}
	_, _, _, err = f.CRL(fetchContext(t), serve(limit+1), revocation.Validators{})
	if err == nil || !strings.Contains(err.Error(), "more than 8192 KiB") {
		t.Errorf("over the limit: got %v", err)
	}
}

func TestOC19NotModifiedUnasked(t *testing.T) {
	t.Parallel()
	target := fetchServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotModified)
	})
	_, _, same, err := newFetcher(t, revocation.FetchConfig{}).CRL(
		fetchContext(t), target, revocation.Validators{})
	if err == nil || same || !strings.Contains(err.Error(), "304") {
		t.Errorf("got %v, %v, want an error that says 304", same, err)
	}
}

// TestOC19TwoListsAtATime: the third waits, and gives up with its context.
func TestOC19TwoListsAtATime(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	target := fetchServer(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = w.Write([]byte{0x30})
	})
	f := newFetcher(t, revocation.FetchConfig{})
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, _, _, err := f.CRL(fetchContext(t), target, revocation.Validators{}); err != nil {
				t.Error(err)
			}
		})
	}
	<-arrived
	<-arrived
	ctx, cancel := context.WithCancel(fetchContext(t))
	cancel()
	if _, _, _, err := f.CRL(ctx, target, revocation.Validators{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the third: got %v, want it to give up", err)
	}
	close(release)
	both.Wait()
}

// TestOC10OneHungResponderHoldsUpNobodyElse: many wait for one, another answers meanwhile.
func TestOC10OneHungResponderHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	port, connections := fetchRaw(t, "127.0.0.1", func(_ net.Conn, over <-chan struct{}) { <-over })
	hung := revocation.Target{URL: fmt.Sprintf("http://127.0.0.1:%d/", port), Allow: fetchLoopback}
	good, _ := fetchResponder(t, []byte("answer"), nil)
	good.URL += "/ocsp"
	f := newFetcher(t, revocation.FetchConfig{})
	ctx, cancel := context.WithCancel(fetchContext(t))
	var waiting sync.WaitGroup
	for range 40 {
		waiting.Go(func() {
			if _, err := f.OCSP(ctx, hung, awkward); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want it cancelled", err)
			}
		})
	}
	for range 20 {
		if _, err := f.OCSP(fetchContext(t), good, awkward); err != nil {
			t.Error(err)
		}
	}
	if n := connections.Load(); n > 32 {
		t.Errorf("%d connections to one responder, want at most 32", n)
	}
	cancel()
	waiting.Wait()
}
