package webui_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/policy"
	"gatehouse/webui"
)

// accessTable says who may call what. A route that is missing here fails the test: decide first.
var accessTable = map[string]string{
	"GET /livez":                         "public",
	"GET /readyz":                        "public",
	"GET /healthz":                       "public",
	"GET /api/v1/status":                 "read",
	"GET /api/v1/openapi.yaml":           "read",
	"POST /api/v1/support":               "admin",
	"GET /api/v1/decisions":              "read",
	"GET /api/v1/decisions/stream":       "read",
	"POST /api/v1/certificates/test":     "read",
	"GET /api/v1/users":                  "read",
	"GET /api/v1/clock":                  "read",
	"GET /api/v1/clock/flips":            "read",
	"POST /api/v1/clock/ask":             "admin",
	"GET /api/v1/clients/seen":           "read",
	"POST /api/v1/clock/reset":           "admin",
	"GET /api/v1/ocsp":                   "read",
	"POST /api/v1/ocsp/check":            "admin",
	"POST /api/v1/ocsp/purge":            "admin",
	"GET /api/v1/bundle":                 "bundle",
	"GET /api/v1/bundle/contents":        "bundle",
	"GET /api/v1/bundle/changes":         "bundle",
	"PUT /api/v1/bundle":                 "bundle",
	"GET /api/v1/bundle/pushes/{sha256}": "bundle",
	"POST /api/v1/bundle/rollback":       "admin",
	"POST /api/v1/bundle/trust/reset":    "local",

	"GET /api/v1/licences":                 "read",
	"GET /api/v1/sessions":                 "admin",
	"DELETE /api/v1/sessions":              "admin",
	"DELETE /api/v1/sessions/{id}":         "admin",
	"POST /api/v1/password":                "admin",
	"GET /api/v1/accounts":                 "admin",
	"PUT /api/v1/accounts/{name}/password": "local",

	"GET /api/v1/radius":                            "read",
	"GET /api/v1/radius/{name}":                     "read",
	"PUT /api/v1/radius/{name}":                     "admin",
	"DELETE /api/v1/radius/{name}":                  "admin",
	"POST /api/v1/radius/{name}/clients":            "admin",
	"DELETE /api/v1/radius/{name}/clients/{client}": "admin",
	"GET /api/v1/ca":                                "read",
	"GET /api/v1/ca/{name}/users":                   "read",
	"GET /api/v1/ca/{name}":                         "read",
	"GET /api/v1/ca/{name}/chain.pem":               "read",
	"PUT /api/v1/ca/{name}":                         "admin",
	"DELETE /api/v1/ca/{name}":                      "admin",
	"POST /api/v1/onboard":                          "read",

	"GET /api/v1/saml/apps":                       "read",
	"GET /api/v1/saml/apps/{app}/certificate.pem": "read",
	"GET /api/v1/saml/apps/{app}/metadata.xml":    "read",
	"POST /api/v1/saml/apps/{app}/compare":        "read",
	"POST /api/v1/saml/apps/{app}/lint":           "read",
	"POST /api/v1/saml/apps/{app}/test":           "read",
	"POST /api/v1/saml/apps/{app}/{action}":       "admin",
}

// holders returns a Config that knows a token for each set of scopes, called as they are joined:
// "read", "bundle", "admin" and "read+bundle".
func holders() webui.Config {
	c := config()
	tokens := []policy.Token{}
	for _, name := range []string{"read", "bundle", "admin", "read+bundle"} {
		t := policy.Token{Name: name, SHA256: sha256.Sum256([]byte("ght_" + name))}
		for _, s := range strings.Split(name, "+") {
			t.Scopes = append(t.Scopes, policy.TokenScope(s))
		}
		tokens = append(tokens, t)
	}
	c.Tokens = func() []policy.Token { return tokens }
	return c
}

// call asks for a route of the table with an Authorization header, "" being none, from an address.
func call(h http.Handler, pattern, authorization, source string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(pattern, " ")
	path = strings.NewReplacer("{sha256}", strings.Repeat("ab", 32), "{app}", "wiki", "{action}", "activate",
		"{name}", "wifi", "{client}", "ap1").Replace(path)
	if path == "/api/v1/users" {
		path += "?name=alice"
	}
	r := httptest.NewRequest(method, path, strings.NewReader("{}"))
	r.RemoteAddr = source
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// letIn reports whether the answer is that of the handler, whatever it makes of an empty body.
func letIn(code int) bool {
	return code != http.StatusUnauthorized && code != http.StatusForbidden && code != http.StatusTooManyRequests
}

func TestEveryRouteHasItsAccess(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(accessTable, webui.AccessOf(config())); diff != "" {
		t.Errorf("routes (-want +got)\n%s", diff)
	}
}

// TestEveryRouteAsksForItsScope walks the table: without a token, with a wrong one, with one that
// may less, and with one that may just enough.
func TestEveryRouteAsksForItsScope(t *testing.T) {
	t.Parallel()
	enough := map[string][]string{
		"public": {"", "wrong", "read", "bundle", "admin", "read+bundle"},
		"read":   {"read", "admin", "read+bundle"}, "bundle": {"bundle", "admin", "read+bundle"},
		"admin": {"admin"}, "local": nil,
	}
	for pattern, access := range webui.AccessOf(config()) {
		c := holders()
		h := webui.NewServer(c).Handler // each with a table of wrong tokens of its own
		for _, token := range []string{"", "wrong", "read", "bundle", "admin", "read+bundle"} {
			authorization := ""
			if token != "" {
				authorization = "Bearer ght_" + token
			}
			w := call(h, pattern, authorization, "10.0.0.1:1")
			want := http.StatusForbidden
			switch {
			case access == "local":
				want = http.StatusNotFound
			case slices.Contains(enough[access], token):
				if !letIn(w.Code) {
					t.Errorf("%s with %q: got %d %s, want to be let in", pattern, token, w.Code, w.Body)
				}
				continue
			case token == "" || token == "wrong":
				want = http.StatusUnauthorized
			}
			if w.Code != want {
				t.Errorf("%s with %q: got %d %s, want %d", pattern, token, w.Code, w.Body, want)
			}
			challenge := w.Header().Get("WWW-Authenticate")
			if want != http.StatusNotFound && !strings.HasPrefix(challenge, `Bearer realm="gatehouse"`) {
				t.Errorf("%s with %q: the challenge is %q", pattern, token, challenge)
			}
			if want == http.StatusForbidden && (!strings.HasSuffix(challenge, `scope="`+access+`"`) ||
				!strings.Contains(w.Body.String(), `lacks the scope `+access)) {
				t.Errorf("%s with %q: %q and %s do not name the scope", pattern, token, challenge, w.Body)
			}
		}
		if access != "public" {
			c.Tokens = nil
			w := call(webui.NewServer(c).Handler, pattern, "Bearer ght_admin", "10.0.0.1:1")
			if letIn(w.Code) && access != "local" {
				t.Errorf("%s: let in although there are no tokens: %d", pattern, w.Code)
			}
		}
		if w := call(webui.NewLocal(c), pattern, "", ""); !letIn(w.Code) || w.Code == http.StatusNotFound {
			t.Errorf("%s on the control socket: got %d %s", pattern, w.Code, w.Body)
		}
	}
}

// TestAuthorizationHeaders: one token, sent as RFC 6750 §2.1 has it, and nothing else.
func TestAuthorizationHeaders(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]int{
		"Bearer ght_read": 200, "bearer ght_read": 200, "Bearer   ght_read ": 200,
		"Bearer": 401, "Bearer ": 401, "Basic ght_read": 401, "ght_read": 401, "Bearer ght_rea": 401,
		"Bearer ght_readx": 401, "Bearer GHT_READ": 401, "Bearer ght_read, Bearer ght_read": 401,
		"Bearer " + strings.Repeat("x", 10_000): 401,
	} {
		if w := call(webui.NewServer(holders()).Handler, "GET /api/v1/status", header, "10.0.0.1:1"); w.Code != want {
			t.Errorf("%.40q: got %d, want %d", header, w.Code, want)
		}
	}
	r := httptest.NewRequest("GET", "/api/v1/status", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header["Authorization"] = []string{"Bearer ght_read", "Bearer ght_admin"}
	w := httptest.NewRecorder()
	webui.NewServer(holders()).Handler.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("two headers: got %d", w.Code)
	}
	hash := sha256.Sum256([]byte("ght_read"))
	if w := call(webui.NewServer(holders()).Handler, "GET /api/v1/status", fmt.Sprintf("Bearer %x", hash), "10.0.0.1:1"); w.Code != 401 {
		t.Errorf("the hash opens what the token does: %d", w.Code)
	}
}

// TestTokensChangeAtOnce: what counts is what is in force now.
func TestTokensChangeAtOnce(t *testing.T) {
	t.Parallel()
	c := holders()
	all, tokens := c.Tokens(), []policy.Token(nil)
	c.Tokens = func() []policy.Token { return tokens }
	h := webui.NewServer(c).Handler
	for _, want := range []int{401, 200, 401} {
		if w := call(h, "GET /api/v1/status", "Bearer ght_read", "10.0.0.1:1"); w.Code != want {
			t.Errorf("with %d tokens: got %d, want %d", len(tokens), w.Code, want)
		}
		if tokens == nil {
			tokens = all
		} else {
			tokens = nil
		}
	}
}

// TestGuessersWait: by address, a right token too, and for no longer than is said.
func TestGuessersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := webui.NewServer(holders()).Handler
		status := func(token, source string) *httptest.ResponseRecorder {
			return call(h, "GET /api/v1/status", "Bearer ght_"+token, source)
		}
		for i := range 3 {
			if w := status(fmt.Sprint("guess", i), "10.0.0.1:1"); w.Code != http.StatusUnauthorized {
				t.Errorf("guess %d: got %d", i, w.Code)
			}
		}
		for _, token := range []string{"guess9", "read"} {
			w := status(token, "10.0.0.1:2")
			if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" ||
				!strings.Contains(w.Body.String(), `"error":"too many wrong tokens`) {
				t.Errorf("%s: got %d %s, Retry-After %q", token, w.Code, w.Body, w.Header().Get("Retry-After"))
			}
		}
		for _, other := range []string{"10.0.0.2:1", "[fd00::1]:1"} {
			if w := status("read", other); w.Code != http.StatusOK {
				t.Errorf("from %s: got %d", other, w.Code)
			}
		}
		time.Sleep(time.Second) // of the bubble's clock
		if w := status("read", "10.0.0.1:1"); w.Code != http.StatusOK {
			t.Errorf("after the pause: got %d", w.Code)
		}
		// A right token is no licence to guess on.
		status("guess10", "10.0.0.1:1")
		if w := status("read", "10.0.0.1:1"); w.Header().Get("Retry-After") != "2" {
			t.Errorf("the pause does not grow: %d, %q", w.Code, w.Header().Get("Retry-After"))
		}
	})
}

// TestGuessersChangeTheirAddress: as far as one may choose it oneself.
func TestGuessersChangeTheirAddress(t *testing.T) {
	for _, tt := range []struct {
		name    string
		sources []string
		want    int
	}{
		{"one_network", []string{"[fd00::1]:1", "[fd00::2]:1", "[fd00::ffff:1]:1", "[fd00::4]:1"}, 429},
		{"mapped", []string{"10.0.0.1:1", "[::ffff:10.0.0.1]:1", "10.0.0.1:2", "10.0.0.1:3"}, 429},
		{"two_networks", []string{"[fd00::1]:1", "[fd00:0:0:1::1]:1", "[fd00:0:0:2::1]:1", "[fd00::1]:1"}, 401},
		{"zone", []string{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", "[fe80::2]:1", "[fe80::1%eth0]:1"}, 429},
	} {
		synctest.Test(t, func(t *testing.T) { // in which no time passes
			h := webui.NewServer(holders()).Handler
			last := 0
			for i, source := range tt.sources {
				last = call(h, "GET /api/v1/status", fmt.Sprint("Bearer guess", i), source).Code
			}
			if last != tt.want {
				t.Errorf("%s: got %d, want %d", tt.name, last, tt.want)
			}
		})
	}
}

// TestForgottenJob sends one old token for ever, and locks out nobody.
func TestForgottenJob(t *testing.T) {
	t.Parallel()
	h := webui.NewServer(holders()).Handler
	for range 100 {
		if w := call(h, "GET /api/v1/status", "Bearer of-last-year", "10.0.0.1:1"); w.Code != http.StatusUnauthorized {
			t.Fatalf("got %d", w.Code)
		}
	}
	if w := call(h, "PUT /api/v1/bundle", "Bearer ght_bundle", "10.0.0.1:1"); !letIn(w.Code) {
		t.Errorf("a neighbour is locked out: %d", w.Code)
	}
}
