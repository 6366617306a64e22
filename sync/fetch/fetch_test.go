package fetch_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/sync/fetch"

	"github.com/google/go-cmp/cmp"
)

// TestNewBundle follows one address through an arrival, quiet, a new version and a restart.
func TestNewBundle(t *testing.T) {
	t.Parallel()
	s := newFleet(t)
	g := newGateway(t, s, nil)
	var asked []string
	for i := range 6 {
		if i == 4 {
			s.publish(2, 5000)
		}
		g.wantTry(t, "")
		asked = append(asked, s.asked())
	}
	want := []string{"archive signature archive", "archive signature", "archive signature", "archive",
		"archive signature archive", "archive signature"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if len(g.arrived) != 2 || g.Status().Arrivals != 2 {
		t.Errorf("arrivals: got %q, want 2", g.arrived)
	}
	archive, signature := version(2, 5000)
	g.wantPair(t, archive, signature)

	again := newGateway(t, s, func(c *fetch.Config) { c.Dir = g.dir })
	for range 3 {
		again.wantTry(t, "")
	}
	if got, want := s.asked(), "archive signature archive signature archive"; got != want {
		t.Errorf("after a restart: got %q, want %q", got, want)
	}
	again.Forget()
	again.wantTry(t, "")
	if len(again.arrived) != 1 {
		t.Errorf("after Forget: got %d arrivals, want 1", len(again.arrived))
	}
}

func TestServerWithoutVersions(t *testing.T) {
	t.Parallel()
	s := newFleet(t)
	s.etag = false
	g := newGateway(t, s, nil)
	g.wantTry(t, "")
	g.wantTry(t, "")
	if got, want := s.asked(), "archive signature signature"; got != want {
		t.Errorf("requests: got %q, want %q", got, want)
	}
	s.publish(2, 4000)
	g.wantTry(t, "")
	archive, signature := version(2, 4000)
	g.wantPair(t, archive, signature)
}

// TestTornPair replaces archive and signature one after the other, in each order, while a
// gateway asks.
func TestTornPair(t *testing.T) {
	t.Parallel()
	archive, signature := version(2, 4000)
	t.Run("archiveFirst", func(t *testing.T) {
		t.Parallel()
		s := newFleet(t)
		g := newGateway(t, s, nil)
		g.wantTry(t, "")
		s.mu.Lock()
		s.archive = archive
		s.mu.Unlock()
		g.wantTry(t, "still that of the archive before")
		if len(g.arrived) != 1 {
			t.Errorf("got %d arrivals, want 1", len(g.arrived))
		}
		s.mu.Lock()
		before := s.sent
		s.signature = signature
		s.mu.Unlock()
		g.wantTry(t, "")
		g.wantPair(t, archive, signature)
		if s.sent-before > 1000 {
			t.Errorf("got %d bytes for the signature, want the archive kept", s.sent-before)
		}
	})
	t.Run("firstEver", func(t *testing.T) {
		t.Parallel()
		s := newFleet(t)
		s.archive = archive // with the signature of version 1
		g := newGateway(t, s, nil)
		g.wantTry(t, "")
		s.mu.Lock()
		s.signature = signature
		s.mu.Unlock()
		g.wantTry(t, "")
		g.wantPair(t, archive, signature)
	})
	t.Run("between", func(t *testing.T) {
		t.Parallel()
		s := newFleet(t)
		s.interfere(func(_ http.ResponseWriter, _ *http.Request, seen int) bool {
			if seen == 2 { // the archive is there, the signature asked for
				s.publish(2, 4000)
			}
			return false
		})
		g := newGateway(t, s, nil)
		g.wantTry(t, "")
		if len(g.arrived) != 1 {
			t.Errorf("got %d arrivals, want 1", len(g.arrived))
		}
		g.wantPair(t, archive, signature)
	})
}

// TestResume breaks a download, and another version may be there when it goes on.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		other bool
		after int64 // bytes at most that the rest costs
	}{{"same", false, 110_000}, {"other", true, 220_000}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newFleet(t)
			s.publish(1, 200_000)
			archive, signature := version(1, 200_000)
			etag := fmt.Sprintf(`"%x"`, archive[2:40])
			s.interfere(func(w http.ResponseWriter, _ *http.Request, seen int) bool {
				if seen == 1 {
					cut(w, archive, etag)
				}
				return false
			})
			g := newGateway(t, s, nil)
			g.wantTry(t, "EOF")
			g.wantFiles(t, ".oslo-1.tar.gz.part")
			if test.other {
				s.publish(2, 200_000)
				archive, signature = version(2, 200_000)
			}
			g.wantTry(t, "")
			g.wantPair(t, archive, signature)
			if s.sent > test.after {
				t.Errorf("the rest: got %d bytes, want %d at most", s.sent, test.after)
			}
		})
	}
}

// TestRefused lists answers that leave nothing behind but an error.
func TestRefused(t *testing.T) {
	t.Parallel()
	header := func(status int, name, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(name, value)
			w.WriteHeader(status)
		}
	}
	body := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	for _, test := range []struct {
		name      string
		archive   http.HandlerFunc
		signature http.HandlerFunc
		want      string
	}{
		{"missing", http.NotFound, nil, "404 Not Found"},
		{"forbidden", header(403, "X-Why", "expired"), nil, "403"},
		{"signInPage", body("<html>"), nil, "no tar.gz"},
		{"empty", body(""), nil, "no tar.gz"},
		{"tooLarge", header(200, "Content-Length", "67108865"), nil, "larger than"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			chunk := make([]byte, 1<<20)
			for err := error(nil); err == nil; {
				_, err = w.Write(chunk)
			}
		}, nil, "larger than"},
		{"unaskedPart", header(206, "Content-Range", "bytes 5-9/10"), nil, "something else"},
		{"unaskedNews", header(304, "ETag", `"x"`), nil, "304"},
		{"loop", header(302, "Location", "/again?X-Secret=hunter2"), nil, "more than 3 redirects"},
		{"plainRedirect", header(302, "Location", "http://127.0.0.1/a?X-Secret=hunter2"), nil,
			"away from TLS"},
		{"badRedirect", header(302, "Location", "https://a b?X-Secret=hunter2"), nil, "nowhere"},
		{"userRedirect", header(302, "Location", "https://u:hunter2@a/"), nil, "credentials"},
		{"deadRedirect", header(302, "Location", "https://127.0.0.1:1/?X-Secret=hunter2"), nil,
			"refused"},
		{"noSignature", nil, http.NotFound, "404"},
		{"signaturePage", nil, body("<html>"), "not a minisign signature"},
		{"signatureTooLarge", nil, body("untrusted comment:" + strings.Repeat("x", 16<<10)),
			"larger than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newFleet(t)
			s.interfere(func(w http.ResponseWriter, r *http.Request, _ int) bool {
				answer := test.archive
				if strings.HasSuffix(r.URL.Path, ".minisig") {
					answer = test.signature
				}
				if answer != nil {
					answer(w, r)
				}
				return answer != nil
			})
			g := newGateway(t, s, func(c *fetch.Config) { c.URL += "?X-Amz-Signature=hunter2" })
			g.wantTry(t, test.want)
			if len(g.arrived) != 0 || g.Status().Failures != 1 || g.Status().LastSuccess != (time.Time{}) {
				t.Errorf("got %+v and arrivals %q, want one failure", g.Status(), g.arrived)
			}
			g.Stop()
			g.wantFiles(t, "")
			if strings.Contains(g.log.String()+fmt.Sprint(g.Status()), "hunter2") {
				t.Errorf("the log tells a secret: %s", g.log)
			}
		})
	}
}

func TestRedirectAndPresigned(t *testing.T) {
	t.Parallel()
	s := newFleet(t)
	s.interfere(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.URL.Query().Get("sig") != "hunter2" {
			http.Error(w, "no", http.StatusForbidden)
			return true
		}
		if !strings.HasPrefix(r.URL.Path, "/store/") {
			http.Redirect(w, r, "/store"+r.URL.Path+"?sig=hunter2", http.StatusTemporaryRedirect)
			return true
		}
		return false
	})
	g := newGateway(t, s, func(c *fetch.Config) { c.URL += "?sig=hunter2" })
	g.wantTry(t, "")
	archive, signature := version(1, 3000)
	g.wantPair(t, archive, signature)
	if text := g.log.String() + fmt.Sprint(g.Status()); strings.Contains(text, "hunter2") {
		t.Errorf("the log tells a secret: %s", text)
	}
}

func TestSlowDrip(t *testing.T) {
	t.Parallel()
	s := newFleet(t)
	ended := make(chan struct{})
	s.interfere(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		defer close(ended)
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write([]byte{0x1f})
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done() // until the gateway hangs up
		return true
	})
	g := newGateway(t, s, nil)
	g.Impatient(20*time.Millisecond, 1000)
	g.wantTry(t, "too slowly")
	<-ended
	g.wantFiles(t, "")
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := newFleet(t)
	g := newGateway(t, s, nil)
	g.DiskFree(8<<20 + 2999)
	g.wantTry(t, "no room")
	g.wantFiles(t, "")
	g.DiskFree(8<<20 + 3000)
	g.wantTry(t, "")
}

func TestUnknownCA(t *testing.T) {
	t.Parallel()
	s := newFleet(t)
	g := newGateway(t, s, func(c *fetch.Config) { c.CA = x509.NewCertPool() })
	g.wantTry(t, "unknown authority")
	late := newGateway(t, s, func(c *fetch.Config) {
		c.Now = func() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }
	})
	late.wantTry(t, "expired")
}

// TestProxy goes through a proxy that wants a password, by CONNECT (RFC 9110 §9.3.6).
func TestProxy(t *testing.T) {
	t.Parallel()
	s := newFleet(t)
	var tunnels atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		tunnels.Add(1)
		tunnel(t, w, r.Host)
	}))
	t.Cleanup(proxy.Close)
	withUser := strings.Replace(proxy.URL, "://", "://user:hunter2@", 1)
	g := newGateway(t, s, func(c *fetch.Config) { c.Proxy = withUser })
	g.wantTry(t, "")
	if tunnels.Load() == 0 {
		t.Error("the proxy was not asked")
	}
	if strings.Contains(g.log.String(), "hunter2") {
		t.Errorf("the log tells a secret: %s", g.log)
	}
	without := newGateway(t, s, func(c *fetch.Config) { c.Proxy = proxy.URL })
	without.wantTry(t, "Proxy Authentication Required")
	g.Stop()
}

func tunnel(t *testing.T, w http.ResponseWriter, host string) {
	out, err := net.Dial("tcp", host)
	if err != nil {
		t.Errorf("dialling the server: %v", err)
		return
	}
	defer out.Close()
	w.WriteHeader(http.StatusOK)
	in, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Errorf("hijacking: %v", err)
		return
	}
	defer in.Close()
	go func() {
		_, _ = io.Copy(out, buffered) // ends when either side hangs up
		_ = out.Close()
	}()
	_, _ = io.Copy(in, out)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, url, node, proxy, want string }{
		{"plain", "http://fleet.example/a.tar.gz", "a", "", "https://"},
		{"scheme", "ftp://fleet.example/a.tar.gz", "a", "", "https://"},
		{"credentials", "https://u:hunter2@fleet.example/a.tar.gz", "a", "", "credentials"},
		{"noURL", "https://a b/?hunter2", "a", "", "not a URL"},
		{"noHost", "https:///a.tar.gz", "a", "", "no host"},
		{"noFile", "https://fleet.example/", "a", "", "no file"},
		{"dots", "https://fleet.example/{id}/a.tar.gz", "..", "", "node's id"},
		{"proxy", "https://fleet.example/a.tar.gz", "a", "socks5://u:hunter2@p", "proxy"},
		{"loopback", "http://127.0.0.1/a.tar.gz", "a", "", ""},
		{"localhost", "http://localhost/a.tar.gz", "a", "http://p", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := fetch.New(fetch.Config{URL: test.url, Node: test.node, Proxy: test.proxy,
				Logger: slog.New(slog.DiscardHandler)})
			got := fmt.Sprint(err)
			if test.want == "" && err != nil || test.want != "" && !strings.Contains(got, test.want) ||
				strings.Contains(got, "hunter2") {
				t.Errorf("New(%q): got %v, want %q", test.url, err, test.want)
			}
		})
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	m, s := time.Minute, time.Second
	for _, test := range []struct {
		name   string
		gained bool
		want   []time.Duration // then after a success with the least jitter, and the first
	}{
		{"failing", false, []time.Duration{m, 2 * m, 4 * m, 8 * m, 16 * m, 32 * m, 60 * m, 60 * m,
			4 * m, 150 * s}},
		{"resuming", true, []time.Duration{10 * s, 20 * s, 30 * s, 40 * s, 50 * s, 60 * s, 70 * s, 80 * s,
			90 * s, 100 * s, m, 2 * m, 4 * m, 150 * s}},
	} {
		got := fetch.Delays(5*m, test.gained, len(test.want)-2)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// answers is a server without a network.
type answers func() *http.Response

func (a answers) RoundTrip(*http.Request) (*http.Response, error) { return a(), nil }

// TestRun runs for days: a busy server that asks for patience, and then answers.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := fetch.New(fetch.Config{URL: "https://fleet.example/{id}.tar.gz", Node: "a",
			Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		var asked []time.Time
		retryAfter := "1800"
		f.Serve(answers(func() *http.Response {
			asked = append(asked, time.Now())
			return &http.Response{StatusCode: 503, Body: http.NoBody,
				Header: http.Header{"Retry-After": {retryAfter}}}
		}))
		ctx, cancel := context.WithCancel(t.Context())
		start, done := time.Now(), make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(5*time.Minute + 1) // virtual
		synctest.Wait()
		if len(asked) != 1 || asked[0].Sub(start) > 5*time.Minute {
			t.Fatalf("asked at %v, want once within the interval", asked)
		}
		if wait := f.Status().Next.Sub(asked[0]); wait < 30*time.Minute || wait > 36*time.Minute {
			t.Errorf("Retry-After of 30 min: got %v, want 30 to 36 min", wait)
		}
		retryAfter = "999999"
		f.Wake()
		synctest.Wait()
		if len(asked) != 2 {
			t.Fatalf("after Wake: asked %d times, want 2", len(asked))
		}
		if wait := f.Status().Next.Sub(asked[1]); wait < time.Hour || wait > 72*time.Minute {
			t.Errorf("Retry-After of days: got %v, want an hour to 72 min", wait)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: got %v, want none", err)
		}
	})
}

// TestThousandGateways counts what a fleet costs one server: two arrivals, and quiet.
func TestThousandGateways(t *testing.T) {
	const gateways, size = 1000, 20_000
	s := newFleet(t)
	s.publish(1, size)
	all := make([]*gateway, gateways)
	for i := range all {
		all[i] = newGateway(t, s, func(c *fetch.Config) {
			c.Logger = slog.New(slog.DiscardHandler)
		})
	}
	everybody := func() (requests int, sent int64) {
		s.mu.Lock()
		s.seen, s.sent = nil, 0
		s.mu.Unlock()
		var wg sync.WaitGroup
		turn := make(chan struct{}, 32)
		for _, g := range all {
			wg.Go(func() {
				turn <- struct{}{}
				defer func() { <-turn }()
				if got := g.Try(t.Context()); g.Status().Err != "" {
					t.Errorf("Try: got %q and %v, want none", g.Status().Err, got)
				}
			})
		}
		wg.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.seen), s.sent
	}
	pair := int64(size + 29)
	for _, round := range []struct {
		name     string
		requests int
		bytes    int64
	}{{"arrival", 3, pair}, {"follow-up", 2, 29}, {"follow-up", 2, 29}, {"quiet", 1, 0}} {
		requests, sent := everybody()
		t.Logf("%s: %d requests, %d bytes", round.name, requests, sent)
		if requests != gateways*round.requests || sent != gateways*round.bytes {
			t.Errorf("%s: got %d requests and %d bytes, want %d and %d each", round.name,
				requests, sent, round.requests, round.bytes)
		}
	}
}
