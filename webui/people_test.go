package webui_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"gatehouse/authcore/policy"
	"gatehouse/webui"
)

const password = "correct horse battery"

// quickHash is a hash that costs next to nothing.
func quickHash(password string) policy.Secret {
	salt := []byte("a salt of its own")
	b64 := base64.RawStdEncoding.EncodeToString
	return policy.Secret(fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", b64(salt),
		b64(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32))))
}

// A house is a web server that people sign in to.
type house struct {
	t        *testing.T
	config   webui.Config
	accounts []policy.Account
	now      time.Time
	handler  http.Handler
}

// newHouse returns one with an account for each role, called after it.
func newHouse(t *testing.T, change ...func(*webui.Config)) *house {
	h := &house{t: t, config: config(), now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	for _, role := range []policy.Role{policy.RoleViewer, policy.RoleTech, policy.RoleAdmin} {
		h.accounts = append(h.accounts, policy.Account{Username: string(role), Password: quickHash(password), Role: role})
	}
	h.config.People = webui.People{
		Accounts: func() []policy.Account { return h.accounts },
		Hosts:    []string{"gw.example"}, Fingerprint: "AA:BB", Now: func() time.Time { return h.now },
	}
	for _, c := range change {
		c(&h.config)
	}
	h.handler = webui.NewServer(h.config).Handler
	return h
}

// A visit is one request of a browser.
type visit struct {
	method, path, cookie, host, source string

	form   url.Values
	body   string // instead of a form
	header http.Header
}

func (h *house) do(v visit) *httptest.ResponseRecorder {
	h.t.Helper()
	if v.method == "" {
		v.method = "GET"
	}
	r := httptest.NewRequest(v.method, v.path, strings.NewReader(v.body+v.form.Encode()))
	for key, values := range v.header {
		r.Header[key] = values
	}
	if v.method == "POST" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Host, r.RemoteAddr = "gw.example:8443", "10.0.0.1:1"
	if v.host != "" {
		r.Host = v.host
	}
	if v.source != "" {
		r.RemoteAddr = v.source
	}
	if v.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-gatehouse", Value: v.cookie})
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func (h *house) try(account, password string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.do(visit{method: "POST", path: "/sign-in", form: url.Values{"username": {account}, "password": {password}}})
}

// signIn returns the cookie of an account.
func (h *house) signIn(account string) string {
	h.t.Helper()
	w := h.try(account, password)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) != 1 {
		h.t.Fatalf("signing in as %s: got %d %s", account, w.Code, w.Body)
	}
	return cookies[0].Value
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.do(visit{path: "/sign-ins?q=alice"})
	if to := w.Header().Get("Location"); w.Code != 303 || to != "/sign-in?next=%2Fsign-ins%3Fq%3Dalice" {
		t.Errorf("without a session: got %d to %q", w.Code, to)
	}
	w = h.do(visit{method: "POST", path: "/sign-in",
		form: url.Values{"username": {"ADMIN"}, "password": {password}, "next": {"/sign-ins?q=alice"}}})
	if to := w.Header().Get("Location"); w.Code != 303 || to != "/sign-ins?q=alice" {
		t.Errorf("signed in: got %d to %q", w.Code, to)
	}
	c := w.Result().Cookies()[0]
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || len(c.Value) != 43 {
		t.Errorf("the cookie is %v", c)
	}
	if w := h.do(visit{path: "/", cookie: c.Value}); w.Code != 200 || !strings.Contains(w.Body.String(), "oslo-1") {
		t.Errorf("with the cookie: got %d %s", w.Code, w.Body)
	}
	if w := h.do(visit{method: "POST", path: "/sign-out", cookie: c.Value}); w.Code != 303 || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("signing out: got %d %v", w.Code, w.Result().Cookies())
	}
	if w := h.do(visit{path: "/", cookie: c.Value}); w.Code != 303 {
		t.Errorf("signed out: got %d", w.Code)
	}
}

func TestSignInTakesBcrypt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	h.accounts[0].Password = hash
	h.signIn("viewer")
	if w := h.try("viewer", "another"); w.Code != http.StatusUnauthorized {
		t.Errorf("another password: got %d", w.Code)
	}
}

// TestSignInLeadsNowhereElse gives places of strangers to go on to.
func TestSignInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example",
		"javascript:alert(1)", "evil", "", "/a\r\nSet-Cookie: x=y"} {
		w := h.do(visit{method: "POST", path: "/sign-in",
			form: url.Values{"username": {"admin"}, "password": {password}, "next": {next}}})
		if to := w.Header().Get("Location"); to != "/" {
			t.Errorf("next %q: got %q, want /", next, to)
		}
	}
}

// TestWrongPasswordsMakeWait guesses at one account from many addresses, then at many accounts
// from one.
func TestWrongPasswordsMakeWait(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	guess := func(account, password, source string) int {
		return h.do(visit{method: "POST", path: "/sign-in", source: source,
			form: url.Values{"username": {account}, "password": {password}}}).Code
	}
	for i := range 3 {
		if got := guess("admin", "wrong", fmt.Sprintf("10.1.0.%d:1", i)); got != 401 {
			t.Errorf("guess %d: got %d, want 401", i, got)
		}
	}
	if got := guess("Admin", password, "10.1.0.9:1"); got != 429 {
		t.Errorf("the right one during the pause: got %d, want 429", got)
	}
	for i := range 3 {
		guess(fmt.Sprintf("nobody%d", i), "wrong", "10.2.0.1:1")
	}
	if got := guess("viewer", password, "10.2.0.1:1"); got != 429 {
		t.Errorf("another account from there: got %d, want 429", got)
	}
	h.now = h.now.Add(time.Minute)
	if got := guess("admin", password, "10.1.0.9:1"); got != 303 {
		t.Errorf("after the pause: got %d, want 303", got)
	}
}

// TestSessionsFollowTheAccounts changes what is in force under people who are signed in.
func TestSessionsFollowTheAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cookie := h.signIn("admin")
	h.accounts[2].Role = policy.RoleViewer
	if w := h.do(visit{path: "/check", cookie: cookie}); w.Code != http.StatusForbidden {
		t.Errorf("with less of a role: got %d, want 403", w.Code)
	}
	h.accounts[2].Password = quickHash("a new password of theirs")
	if w := h.do(visit{path: "/", cookie: cookie}); w.Code != 303 {
		t.Errorf("with another password: got %d, want 303", w.Code)
	}
	cookie = h.signIn("tech")
	h.accounts = h.accounts[:1]
	if w := h.do(visit{path: "/", cookie: cookie}); w.Code != 303 {
		t.Errorf("without an account: got %d, want 303", w.Code)
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cookie := h.signIn("viewer")
	h.now = h.now.Add(31 * time.Minute)
	if w := h.do(visit{path: "/", cookie: cookie}); w.Code != 303 {
		t.Errorf("after half an hour of nothing: got %d, want 303", w.Code)
	}
}

// TestRevoke lets people end their own sessions, and an administrator those of all.
func TestRevoke(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	viewer, admin := h.signIn("viewer"), h.signIn("admin")
	page := func(cookie string) string { return h.do(visit{path: "/more", cookie: cookie}).Body.String() }
	_, id, _ := strings.Cut(page(admin), `name="id" value="`)
	id, _, _ = strings.Cut(id, `"`)
	if id == "" || strings.Contains(page(viewer), ">admin<") {
		t.Fatalf("the viewer sees the sessions of others, or the admin does not: %s", page(viewer))
	}
	tech := h.signIn("tech")
	h.do(visit{method: "POST", path: "/more/revoke", cookie: tech, form: url.Values{"id": {id}}})
	if w := h.do(visit{path: "/", cookie: viewer}); w.Code != 200 {
		t.Errorf("revoked by tech: got %d, want 200", w.Code)
	}
	h.do(visit{method: "POST", path: "/more/revoke", cookie: admin, form: url.Values{"id": {id}}})
	if w := h.do(visit{path: "/", cookie: viewer}); w.Code != 303 {
		t.Errorf("revoked by admin: got %d, want 303", w.Code)
	}
}

// TestFirstBoot makes the first account, once.
func TestFirstBoot(t *testing.T) {
	t.Parallel()
	open, made := true, ""
	var h *house
	h = newHouse(t, func(c *webui.Config) {
		c.People.FirstBoot = webui.FirstBoot{
			Open: func() bool { return open }, Account: "owner",
			Check: func(code string) bool { return open && code == "ABCDE-FGHIJ" },
			Finish: func(hash string) error {
				open, made = false, hash
				h.accounts = append(h.accounts, policy.Account{Username: "owner", Password: policy.Secret(hash), Role: policy.RoleAdmin})
				return nil
			},
		}
	})
	h.accounts = nil
	if to := h.do(visit{path: "/"}).Header().Get("Location"); to != "/first-boot" {
		t.Errorf("without anybody: to %q", to)
	}
	if to := h.do(visit{path: "/sign-in"}).Header().Get("Location"); to != "/first-boot" {
		t.Errorf("the sign-in, without anybody: to %q", to)
	}
	if page := h.do(visit{path: "/first-boot"}).Body.String(); !strings.Contains(page, "AA:<wbr/>BB") {
		t.Errorf("the page shows no fingerprint: %s", page)
	}
	for _, tt := range []struct {
		name, code, password, again string
		want                        int
	}{
		{"wrong_code", "AAAAA-AAAAA", password, password, 401},
		{"short", "ABCDE-FGHIJ", "short", "short", 400},
		{"two_passwords", "ABCDE-FGHIJ", password, password + "!", 400},
		{"right", "ABCDE-FGHIJ", password, password, 303},
		{"second", "ABCDE-FGHIJ", password, password, 303}, // to the sign-in
	} {
		before := made
		w := h.do(visit{method: "POST", path: "/first-boot",
			form: url.Values{"code": {tt.code}, "password": {tt.password}, "again": {tt.again}}})
		if w.Code != tt.want || (made != before) != (tt.name == "right") {
			t.Errorf("%s: got %d, made %t, want %d", tt.name, w.Code, made != before, tt.want)
		}
		if keeps := strings.Contains(w.Body.String(), `value="`+tt.code+`"`); keeps != (tt.want >= 400) {
			t.Errorf("%s: the code is there again: %t", tt.name, keeps)
		}
		if tt.name == "right" {
			if w := h.do(visit{path: "/", cookie: w.Result().Cookies()[0].Value}); w.Code != 200 {
				t.Errorf("after that: got %d, want 200", w.Code)
			}
		}
		if tt.name == "second" && (w.Header().Get("Location") != "/sign-in" || len(w.Result().Cookies()) > 0) {
			t.Errorf("second: %v", w.Header())
		}
	}
	if !strings.HasPrefix(made, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %q", made)
	}
	if w := h.try("owner", password); w.Code != 303 {
		t.Errorf("signing in after that: got %d", w.Code)
	}
}
