package revocation_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/revocation"

	"github.com/google/go-cmp/cmp"
)

// fetchLoopback lets a test ask its own servers.
var fetchLoopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// fetchClock is a clock that only the test moves.
type fetchClock struct {
	mu  sync.Mutex
	now time.Time
}

func newFetchClock() *fetchClock {
	return &fetchClock{now: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)}
}

func (c *fetchClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fetchClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newFetcher returns a Fetcher without a proxy, whatever the environment of the test says.
func newFetcher(t *testing.T, c revocation.FetchConfig) *revocation.Fetcher {
	t.Helper()
	if c.Proxy == nil {
		c.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	}
	f := revocation.NewFetcher(c)
	t.Cleanup(f.CloseIdle)
	return f
}

// fetchContext bounds a test that hangs; nothing is to come near it.
func fetchContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func fetchServer(t *testing.T, h http.HandlerFunc) revocation.Target {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return revocation.Target{URL: s.URL, Allow: fetchLoopback}
}

// asked is what a responder was sent.
type asked struct {
	Method, Path, Type, Accept, Agent string
	Request                           []byte
}

// fetchResponder answers everything with answer, except by the methods refused.
func fetchResponder(t *testing.T, answer []byte, refused map[string]int) (
	revocation.Target, func() []asked,
) {
	t.Helper()
	var mu sync.Mutex
	var log []asked
	target := fetchServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodGet {
			body, _ = base64.StdEncoding.DecodeString(r.URL.Path[strings.Index(r.URL.Path[1:], "/")+2:])
		}
		mu.Lock()
		log = append(log, asked{r.Method, r.URL.Path, r.Header.Get("Content-Type"),
			r.Header.Get("Accept"), r.UserAgent(), body})
		mu.Unlock()
		if status := refused[r.Method]; status != 0 {
			w.WriteHeader(status)
			return
		}
		w.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = w.Write(answer)
	})
	return target, func() []asked {
		mu.Lock()
		defer mu.Unlock()
		return append([]asked(nil), log...)
	}
}

// awkward is a request whose base64 holds "+", "/" and "=".
var awkward = []byte{0xfb, 0xef, 0xff, 0xfe, 0x3f, 0xbf, 0x01}

func TestOC8GetOrPost(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte{0x30}, 200)
	tests := []struct {
		name    string
		path    string
		request []byte
		want    []string // methods
		refused map[string]int
	}{
		{name: "short_by_get", path: "/ocsp", request: awkward, want: []string{"GET"}},
		{name: "slash_at_the_end", path: "/ocsp/", request: awkward, want: []string{"GET"}},
		{name: "long_by_post", path: "/ocsp", request: long, want: []string{"POST"}},
		{name: "query_by_post", path: "/ocsp?ca=1", request: awkward, want: []string{"POST"}},
		{name: "get_not_allowed", path: "/ocsp", request: awkward, want: []string{"GET", "POST"},
			refused: map[string]int{"GET": http.StatusMethodNotAllowed}},
		{name: "get_not_found", path: "/ocsp", request: awkward, want: []string{"GET", "POST"},
			refused: map[string]int{"GET": http.StatusNotFound}},
		{name: "get_bad_request", path: "/ocsp", request: awkward, want: []string{"GET", "POST"},
			refused: map[string]int{"GET": http.StatusBadRequest}},
		{name: "get_not_implemented", path: "/ocsp", request: awkward, want: []string{"GET", "POST"},
			refused: map[string]int{"GET": http.StatusNotImplemented}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target, log := fetchResponder(t, []byte("answer"), tt.refused)
			target.URL += tt.path
			got, err := newFetcher(t, revocation.FetchConfig{}).OCSP(fetchContext(t), target, tt.request)
			if err != nil || string(got) != "answer" {
				t.Fatalf("OCSP() = %q, %v", got, err)
			}
			var methods []string
			for _, a := range log() {
				methods = append(methods, a.Method)
				want := asked{Method: a.Method, Path: a.Path, Request: tt.request,
					Accept: "application/ocsp-response", Agent: "gatehouse"}
				if a.Method == "POST" {
					want.Type = "application/ocsp-request"
				}
				if diff := cmp.Diff(want, a); diff != "" || !strings.HasPrefix(a.Path, "/ocsp") ||
					strings.HasPrefix(a.Path, "/ocsp//") {
					t.Errorf("the responder got %q (-want +got):\n%s", a.Path, diff)
				}
			}
			if diff := cmp.Diff(tt.want, methods); diff != "" {
				t.Errorf("methods (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOC8GetWholeAddressUpTo255Bytes(t *testing.T) {
	t.Parallel()
	target, log := fetchResponder(t, []byte("answer"), nil)
	f := newFetcher(t, revocation.FetchConfig{})
	const wantBoundary = 255
	base := target.URL + "/o" // then "/" and base64 of 96 bytes, 128 characters without padding
	room := wantBoundary - len(base) - len("/") - 128
	request := bytes.Repeat([]byte{0x30, 0x03, 0x02}, 32)
	for i, want := range []string{"GET", "POST"} {
		target.URL = base + strings.Repeat("o", room+i)
		if _, err := f.OCSP(fetchContext(t), target, request); err != nil {
			t.Fatal(err)
		}
		all := log()
		if got := all[len(all)-1].Method; got != want {
			t.Errorf("%d bytes of address: got %s, want %s", wantBoundary+i, got, want)
		}
	}
}

func TestOC8RemembersWhoRefusesGet(t *testing.T) {
	t.Parallel()
	target, log := fetchResponder(t, []byte("answer"), map[string]int{"GET": 405})
	target.URL += "/ocsp"
	f := newFetcher(t, revocation.FetchConfig{})
	for range 3 {
		if _, err := f.OCSP(fetchContext(t), target, awkward); err != nil {
			t.Fatal(err)
		}
	}
	var methods []string
	for _, a := range log() {
		methods = append(methods, a.Method)
	}
	if diff := cmp.Diff([]string{"GET", "POST", "POST", "POST"}, methods); diff != "" {
		t.Errorf("methods (-want +got):\n%s", diff)
	}
}

func TestOC8RefusedByGetAndPost(t *testing.T) {
	t.Parallel()
	target, log := fetchResponder(t, nil, map[string]int{"GET": 404, "POST": 404})
	target.URL += "/ocsp"
	_, err := newFetcher(t, revocation.FetchConfig{}).OCSP(fetchContext(t), target, awkward)
	var failed *revocation.FetchError
	if !errors.As(err, &failed) || failed.Stage != revocation.StageHTTP || failed.Status != 404 {
		t.Errorf("got %v, want a FetchError of HTTP status 404", err)
	}
	if n := len(log()); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestOC9AddressesThatAreNotAsked(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, url, want string }{
		{"ldap", "ldap://ca.example/cn=ca", "only http and https"},
		{"file", "file:///etc/passwd", "only http and https"},
		{"no_scheme", "ca.example/ocsp", "only http and https"},
		{"no_host", "http:///ocsp", "without a host"},
		{"port_alone", "http://:80/ocsp", "without a host"},
		{"opaque", "http:ca.example", "without a host"},
		{"user", "http://anna:hunter2@ca.example/", "with a user"},
		{"malformed", "http://anna:hunter2@ca.example/%zz", "malformed"},
		{"control_characters", "http://ca.example/\r\nHost: x", "malformed"},
		{"long", "http://ca.example/" + strings.Repeat("o", 2048), "longer than 2 KiB"},
		{"empty", "", "only http and https"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFetcher(t, revocation.FetchConfig{})
			_, err := f.OCSP(fetchContext(t), revocation.Target{URL: tt.url}, awkward)
			var failed *revocation.FetchError
			if !errors.As(err, &failed) || failed.Stage != revocation.StageAddress ||
				!strings.Contains(failed.Detail, tt.want) {
				t.Fatalf("OCSP(%q): got %v, want %q", tt.url, err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a password: %v", err)
			}
			_, _, _, crlErr := f.CRL(fetchContext(t), revocation.Target{URL: tt.url}, revocation.Validators{})
			if crlErr == nil || crlErr.Error() != err.Error() {
				t.Errorf("CRL(%q): got %v, want %v", tt.url, crlErr, err)
			}
			if got := f.Responders(); len(got) != 0 {
				t.Errorf("it is held for a responder: %+v", got)
			}
		})
	}
}

func TestOC19FetchCRL(t *testing.T) {
	t.Parallel()
	der := []byte("\x30\x03der")
	var conditions []string
	target := fetchServer(t, func(w http.ResponseWriter, r *http.Request) {
		conditions = append(conditions, r.Header.Get("If-None-Match")+" "+r.Header.Get("If-Modified-Since"))
		switch {
		case r.Header.Get("If-None-Match") == `"1"`:
			w.WriteHeader(http.StatusNotModified)
		case r.URL.Path == "/pem":
			_ = pem.Encode(w, &pem.Block{Type: "X509 CRL", Bytes: der})
		default:
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Last-Modified", "Wed, 01 Jul 2026 12:00:00 GMT")
			_, _ = w.Write(der)
		}
	})
	f := newFetcher(t, revocation.FetchConfig{})
	want := revocation.Validators{ETag: `"1"`, LastModified: "Wed, 01 Jul 2026 12:00:00 GMT"}

	got, v, same, err := f.CRL(fetchContext(t), target, revocation.Validators{})
	if err != nil || same || !bytes.Equal(got, der) || v != want {
		t.Errorf("first: got %q, %+v, %v, %v", got, v, same, err)
	}
	got, v, same, err = f.CRL(fetchContext(t), target, v)
	if err != nil || !same || got != nil || v != want {
		t.Errorf("again: got %q, %+v, %v, %v; want it not modified", got, v, same, err)
	}
	target.URL += "/pem"
	got, v, same, err = f.CRL(fetchContext(t), target, revocation.Validators{})
	if err != nil || same || !bytes.Equal(got, der) || v != (revocation.Validators{}) {
		t.Errorf("PEM: got %q, %+v, %v, %v", got, v, same, err)
	}
	if diff := cmp.Diff([]string{" ", want.ETag + " " + want.LastModified, " "}, conditions); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
}

// fetchTLS is an https server and those who vouch for it.
func fetchTLS(t *testing.T, h http.HandlerFunc) (revocation.Target, *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return revocation.Target{URL: s.URL, Allow: fetchLoopback}, roots
}

func TestOC8OverTLS(t *testing.T) {
	t.Parallel()
	target, roots := fetchTLS(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("answer"))
	})
	got, err := newFetcher(t, revocation.FetchConfig{Roots: roots}).OCSP(fetchContext(t), target, awkward)
	if err != nil || string(got) != "answer" {
		t.Errorf("OCSP() = %q, %v", got, err)
	}
	_, err = newFetcher(t, revocation.FetchConfig{}).OCSP(fetchContext(t), target, awkward)
	var failed *revocation.FetchError
	if !errors.As(err, &failed) || failed.Stage != revocation.StageTLS {
		t.Errorf("unknown issuer: got %v, want a failure of TLS", err)
	}
}
