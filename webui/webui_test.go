package webui_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/saml/pair"
	"gatehouse/webui"
)

// decisions is a list of decisions that never grows.
type decisions []audit.Entry

func (d decisions) After(id uint64, limit int) []audit.Entry {
	var out []audit.Entry
	for _, e := range d {
		if e.ID > id && len(out) < limit {
			out = append(out, e)
		}
	}
	return out
}

func (d decisions) Last() uint64 { return uint64(len(d)) }

func (d decisions) Wait(ctx context.Context, id uint64) error {
	if id < d.Last() {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func config() webui.Config {
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	return webui.Config{
		Live: ok, Ready: ok,
		Backend: webui.Backend{
			Status: func() webui.Status { return webui.Status{Ready: true, Node: "oslo-1"} },
			Decisions: decisions{
				{ID: 1, Event: audit.Event{Result: audit.Accept, Reason: audit.Accepted}},
				{ID: 2, Event: audit.Event{Result: audit.Reject, Reason: audit.UserUnknown}},
			},
			TestCertificate: func(c []byte, server string) ([]webui.CertTest, error) {
				if server == "nowhere" {
					return nil, fmt.Errorf("%w: no server", webui.ErrNotFound)
				}
				return []webui.CertTest{{Server: string(c)}}, nil
			},
			FindUser: findUser,
			Clock:    func() webui.Clock { return webui.Clock{Sure: true, Why: "it agrees"} },

			ResetClock: func() error { return nil },
			Validities: func() []webui.Validity { return nil },
			OCSP:       ocsp(),
			AskTime: func(context.Context, string) (webui.TimeAnswer, error) {
				return webui.TimeAnswer{Address: "192.0.2.9:123", Offset: -90 * time.Second, Stratum: 2}, nil
			},
			Bundles: bundles(),
			SAML:    apps(),
			Onboard: onboardings,
			Support: func(context.Context) ([]byte, error) { return []byte("an archive"), nil },
			RADIUS:  radiusServers(),
			CAs:     cas(),
			Accounts: webui.Accounts{
				List: func() []webui.Account {
					return []webui.Account{{Username: "anna", Role: "admin", Source: "admins.yaml"}}
				},
				SetPassword: func(name, _, _ string) (webui.PasswordSet, error) {
					if name != "anna" {
						return webui.PasswordSet{}, fmt.Errorf("%w: no account", webui.ErrNotFound)
					}
					return webui.PasswordSet{Account: name, InForce: true, Generation: 2}, nil
				},
			},
		},
	}
}

// apps knows one app, in which everything may be done.
func apps() webui.SAML {
	return webui.SAML{
		Apps:        func() []webui.SAMLApp { return []webui.SAMLApp{{Name: "wiki"}} },
		Change:      func(app string, _ webui.SAMLChange) (webui.SAMLApp, error) { return webui.SAMLApp{Name: app}, nil },
		Certificate: func(string, pair.Role) ([]byte, error) { return []byte("PEM"), nil },
		Metadata:    func(string) ([]byte, string, error) { return []byte("XML"), `"1"`, nil },
		Compare:     func(string, []byte) (*pair.Comparison, error) { return &pair.Comparison{}, nil },
		Rehearse:    func(string, []byte) (webui.SAMLTrial, error) { return webui.SAMLTrial{}, nil },
	}
}

// TestAnswersCarryTheHeaders that keep browsers from doing anything with them, refusals too.
func TestAnswersCarryTheHeaders(t *testing.T) {
	t.Parallel()
	h := webui.NewServer(config()).Handler
	for _, path := range []string{"/livez", "/api/v1/status", "/nowhere"} {
		got := answer(h, "GET", path, "10.0.0.1:1").Header()
		if csp := got.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("%s: Content-Security-Policy is %q", path, csp)
		}
		if got.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestWebListenerAnswersPrivateSourcesOnly(t *testing.T) {
	t.Parallel()
	open := config()
	open.Anyone = true
	for source, want := range map[string]int{
		"192.168.1.9:1": 200, "10.1.2.3:1": 200, "127.0.0.1:1": 200, "[::1]:1": 200,
		"[fe80::1]:1": 200, "[fd00::1]:1": 200, "[::ffff:10.0.0.1]:1": 200,
		"192.0.2.1:1": 403, "[2001:db8::1]:1": 403, "[::ffff:192.0.2.1]:1": 403, "nonsense": 403,
	} {
		if got := answer(webui.NewServer(config()).Handler, "GET", "/livez", source).Code; got != want {
			t.Errorf("from %s: got %d, want %d", source, got, want)
		}
		if got := answer(webui.NewServer(open).Handler, "GET", "/livez", source).Code; got != 200 {
			t.Errorf("from %s with an address named: got %d, want 200", source, got)
		}
	}
}

func TestAPI(t *testing.T) {
	t.Parallel()
	local := webui.NewLocal(config())
	for _, tt := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/api/v1/status", "", 200, `"node":"oslo-1"`},
		{"GET", "/api/v1/decisions?after=1", "", 200, `[{"id":2,`},
		{"GET", "/api/v1/decisions?after=9", "", 200, `[]`},
		{"GET", "/api/v1/decisions?limit=1", "", 200, `"reason":"accepted"`},
		{"GET", "/api/v1/decisions?after=-1", "", 400, "after is no number"},
		{"GET", "/api/v1/decisions?limit=x", "", 400, "limit is no number"},
		{"POST", "/api/v1/certificates/test?server=wifi", "PEM", 200, `[{"server":"PEM"`},
		{"POST", "/api/v1/certificates/test?server=nowhere", "PEM", 404, "no server"},
		{"POST", "/api/v1/certificates/test", strings.Repeat("x", 300<<10), 400, "more than 256 KiB"},
		{"GET", "/api/v1/certificates/test", "", 405, ""},
		{"GET", "/api/v1/users?name=alice", "", 200, `"username":"alice"`},
		{"GET", "/api/v1/users", "", 400, "name is missing"},
		{"GET", "/api/v1/clock", "", 200, `"sure":true,"why":"it agrees"`},
		{"POST", "/api/v1/clock/reset", "", 200, `"sure":true`},
		{"GET", "/api/v1/clock/reset", "", 405, ""},
	} {
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
		w := httptest.NewRecorder()
		local.ServeHTTP(w, r)
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s: got %d %s, want %d with %s", tt.method, tt.path, w.Code, w.Body, tt.code, tt.want)
		}
	}
}

// TestStream reads decisions as they come, and leaves.
func TestStream(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(webui.NewLocal(config()))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/v1/decisions/stream?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var reasons []string
	scanner := bufio.NewScanner(response.Body)
	for len(reasons) < 2 && scanner.Scan() {
		if data, ok := strings.CutPrefix(scanner.Text(), "data: "); ok {
			var e struct{ Reason string }
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatalf("%v: %s", err, data)
			}
			reasons = append(reasons, e.Reason)
		}
	}
	if got := strings.Join(reasons, " "); got != "accepted user_unknown" {
		t.Errorf("got %q, want both decisions in order", got)
	}
}

// TestStreamsAreBounded asks for one more than there may be, and for one once another has ended.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(webui.NewLocal(config()))
	defer server.Close()
	open := func(ctx context.Context) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/v1/decisions/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 8 {
		response := open(ctx)
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("got %s, want 200", response.Status)
		}
	}
	response := open(ctx)
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusTooManyRequests || !strings.Contains(string(body), `"error":"too many streams`) {
		t.Errorf("one too many: got %s %s, %v, want 429", response.Status, body, err)
	}
	_ = response.Body.Close()
	cancel()
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		response := open(t.Context())
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no room, although nobody reads any more")
		}
	}
}

func answer(h http.Handler, method, path, source string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr = source
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
