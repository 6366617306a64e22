package webui_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/authcore/policy"
	"gatehouse/webui"
	"gatehouse/webui/websession"
)

// sessionsOf returns what the API lists to the holder of a cookie.
func (h *house) sessionsOf(cookie string) (list []webui.Session) {
	h.t.Helper()
	w := h.do(visit{path: "/api/v1/sessions", cookie: cookie})
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != 200 {
		h.t.Fatalf("got %d %s: %v", w.Code, w.Body, err)
	}
	return list
}

// ended returns how many sessions a DELETE says to have ended.
func (h *house) ended(cookie, path string) int {
	h.t.Helper()
	w := h.do(visit{method: "DELETE", path: path, cookie: cookie})
	var answer webui.SessionsEnded
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
		h.t.Fatalf("DELETE %s: got %d %s: %v", path, w.Code, w.Body, err)
	}
	return answer.Ended
}

// isIn reports whether a cookie still opens anything.
func (h *house) isIn(cookie string) bool {
	return h.do(visit{path: "/more", cookie: cookie}).Code == 200
}

// TestSessionsAreSeen by who has them, and all of them by admins; no answer holds what opens one.
func TestSessionsAreSeen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	viewer, tech, admin := h.signIn("viewer"), h.signIn("tech"), h.signIn("admin")
	for cookie, want := range map[string]int{viewer: 1, tech: 1, admin: 3} {
		list, own := h.sessionsOf(cookie), 0
		for _, s := range list {
			if s.Own {
				own++
			}
			if s.ID == "" || s.Source != "10.0.0.1" || s.Started.IsZero() || strings.Contains(viewer+tech+admin, s.ID) {
				t.Errorf("got %+v", s)
			}
			if h.isIn(s.ID) {
				t.Error("the ID of a session opens it")
			}
		}
		if len(list) != want || own != 1 {
			t.Errorf("got %d sessions, of which %d are the own one, want %d: %+v", len(list), own, want, list)
		}
	}
}

// TestSessionsAreEnded by who has them, and by admins; to others they are not there.
func TestSessionsAreEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	here, there, admin := h.signIn("viewer"), h.signIn("viewer"), h.signIn("admin")
	id := func(account string, own bool) string {
		for _, s := range h.sessionsOf(admin) {
			if s.Account == account && s.Own == own {
				return s.ID
			}
		}
		t.Fatalf("no session of %s", account)
		return ""
	}
	if n := h.ended(here, "/api/v1/sessions/"+id("admin", true)); n != 0 || !h.isIn(admin) {
		t.Errorf("a viewer ended %d sessions of an admin", n)
	}
	if n := h.ended(here, "/api/v1/sessions?account=admin"); n != 0 || !h.isIn(admin) {
		t.Errorf("a viewer ended %d sessions of an account", n)
	}
	if n := h.ended(here, "/api/v1/sessions/nothing"); n != 0 {
		t.Errorf("one that is not there: %d", n)
	}
	if n := h.ended(here, "/api/v1/sessions"); n != 1 || h.isIn(there) || !h.isIn(here) || !h.isIn(admin) {
		t.Errorf("a viewer signed %d out elsewhere", n)
	}
	if n := h.ended(admin, "/api/v1/sessions/"+id("viewer", false)); n != 1 || h.isIn(here) {
		t.Errorf("an admin ended %d", n)
	}
	tech, viewer := h.signIn("tech"), h.signIn("viewer")
	if n := h.ended(admin, "/api/v1/sessions?account=TECH"); n != 1 || h.isIn(tech) || !h.isIn(viewer) || !h.isIn(admin) {
		t.Errorf("an admin ended %d of one account", n)
	}
	if n := h.ended(admin, "/api/v1/sessions"); n != 1 || h.isIn(viewer) || !h.isIn(admin) {
		t.Errorf("an admin ended %d others", n)
	}
	if n := h.ended(admin, "/api/v1/sessions/"+id("admin", true)); n != 1 || h.isIn(admin) {
		t.Errorf("the own one: %d", n)
	}
}

// postPassword changes the own password by the API.
func (h *house) postPassword(cookie, current, fresh string) *httptest.ResponseRecorder {
	h.t.Helper()
	body, err := json.Marshal(webui.PasswordChange{Current: current, New: fresh})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.do(visit{method: "POST", path: "/api/v1/password", cookie: cookie, body: string(body)})
}

// newOwnersHouse is one where the account admin was made at first boot.
func newOwnersHouse(t *testing.T, err *error) (h *house) {
	h = newHouse(t, func(c *webui.Config) {
		c.People.FirstBoot = webui.FirstBoot{Account: "admin", Own: func() bool { return true }, Change: func(hash string) error {
			if *err == nil {
				h.accounts[2].Password = policy.Secret(hash)
			}
			return *err
		}}
	})
	return h
}

// TestOwnPasswordByAPI is changed by the rules of the page.
func TestOwnPasswordByAPI(t *testing.T) {
	t.Parallel()
	const fresh = "a new and longer one"
	var broken error
	h := newOwnersHouse(t, &broken)
	here, there, viewer := h.signIn("admin"), h.signIn("admin"), h.signIn("viewer")
	for name, tt := range map[string]struct {
		cookie, current, fresh, want string
		code                         int
	}{
		"short":           {here, password, "short", "fewer than 12", 400},
		"long":            {here, password, strings.Repeat("x", 2000), "more than 1024", 400},
		"wrong":           {here, "not that", fresh, "not the password that you have", 403},
		"another account": {viewer, password, fresh, "gatehouse admin password", 409},
	} {
		if w := h.postPassword(tt.cookie, tt.current, tt.fresh); w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
	}
	for _, body := range []string{"", "{", `{"current": "x", "password": "y"}`} {
		if w := h.do(visit{method: "POST", path: "/api/v1/password", cookie: here, body: body}); w.Code != 400 {
			t.Errorf("%s: got %d %s", body, w.Code, w.Body)
		}
	}
	broken = errors.New("the disk is full")
	if w := h.postPassword(here, password, fresh); w.Code != 500 || strings.Contains(w.Body.String(), fresh) || !h.isIn(there) {
		t.Errorf("it cannot be kept: got %d %s", w.Code, w.Body)
	}
	broken = nil
	w := h.postPassword(here, password, fresh)
	cookies := w.Result().Cookies()
	if w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"ended":1}` || len(cookies) != 1 {
		t.Fatalf("got %d %s %v", w.Code, w.Body, cookies)
	}
	if h.isIn(here) || h.isIn(there) || !h.isIn(cookies[0].Value) || !h.isIn(viewer) {
		t.Error("not the sessions of the account ended, or others")
	}
	if h.try("admin", password).Code != 401 || h.try("admin", fresh).Code != 303 {
		t.Error("it is not the new password that counts")
	}
}

// TestOwnPasswordIsNotGuessedByAPI: page and API count the same tries, and say how long to wait.
func TestOwnPasswordIsNotGuessedByAPI(t *testing.T) {
	t.Parallel()
	var broken error
	h := newOwnersHouse(t, &broken)
	cookie := h.signIn("admin")
	for i := range 3 {
		if w := h.postPassword(cookie, "a guess", "a new and longer one"); w.Code != 403 {
			t.Fatalf("guess %d: got %d", i, w.Code)
		}
	}
	if w := h.postPassword(cookie, password, "a new and longer one"); w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("the right one meanwhile: got %d %v", w.Code, w.Header())
	}
	if w := h.try("admin", password); w.Code != 429 {
		t.Errorf("at the door meanwhile: got %d", w.Code)
	}
}

// TestProgramsAndSessions: a token sees all sessions, ends them, and has no password.
func TestProgramsAndSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *webui.Config) { c.Tokens = holders().Tokens })
	viewer, admin := h.signIn("viewer"), h.signIn("admin")
	ask := func(method, path string) *httptest.ResponseRecorder {
		// A cookie that comes with a token changes nothing.
		return h.do(visit{method: method, path: path, cookie: viewer, body: "{}", header: http.Header{"Authorization": {"Bearer ght_admin"}}})
	}
	w := ask("GET", "/api/v1/sessions")
	if strings.Count(w.Body.String(), `"id"`) != 2 || strings.Contains(w.Body.String(), `"own":true`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := ask("POST", "/api/v1/password"); w.Code != 409 || !strings.Contains(w.Body.String(), "gatehouse admin password NAME") {
		t.Errorf("a password: got %d %s", w.Code, w.Body)
	}
	if w := ask("PUT", "/api/v1/accounts/viewer/password"); w.Code != 404 {
		t.Errorf("anybody's password: got %d %s", w.Code, w.Body)
	}
	if w := ask("DELETE", "/api/v1/sessions"); !strings.Contains(w.Body.String(), `"ended":2`) || h.isIn(viewer) || h.isIn(admin) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// TestConsoleAndSessions: the control socket sees and ends those of the pages, and sets passwords.
func TestConsoleAndSessions(t *testing.T) {
	t.Parallel()
	sessions := websession.New(nil)
	h := newHouse(t, func(c *webui.Config) { c.People.Sessions, c.People.Now = sessions, nil })
	c := h.config
	c.Backend.Accounts.SetPassword = func(name, hash, by string) (webui.PasswordSet, error) {
		if name != "tech" || !strings.HasPrefix(hash, "$argon2id$") || by != "console" {
			t.Errorf("got %s %s %s", name, hash, by)
		}
		return webui.PasswordSet{Account: name, InForce: true}, nil
	}
	c.People = webui.People{Sessions: sessions}
	local := webui.NewLocal(c)
	ask := func(method, path, body string, code int, want string) {
		t.Helper()
		w := httptest.NewRecorder()
		local.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		if w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s: got %d %s, want %d %s", method, path, w.Code, w.Body, code, want)
		}
	}
	viewer, tech := h.signIn("viewer"), h.signIn("tech")
	ask("GET", "/api/v1/sessions", "", 200, `"account":"viewer"`)
	ask("PUT", "/api/v1/accounts/tech/password", `{"new": "short"}`, 400, "fewer than 12")
	ask("PUT", "/api/v1/accounts/tech/password", `{"new": "a new and longer one"}`, 200, `{"account":"tech","in_force":true,"ended":1}`)
	if h.isIn(tech) || !h.isIn(viewer) {
		t.Error("not the sessions of the account ended, or others")
	}
	ask("POST", "/api/v1/password", `{}`, 409, "gatehouse admin password NAME")
	ask("DELETE", "/api/v1/sessions", "", 200, `{"ended":1}`)
	if h.isIn(viewer) {
		t.Error("a session that the console ended goes on")
	}
	c.People = webui.People{}
	local = webui.NewLocal(c)
	ask("GET", "/api/v1/sessions", "", 409, "listen.ui is off")
	ask("PUT", "/api/v1/accounts/tech/password", `{"new": "a new and longer one"}`, 409, "listen.ui is off")
}

// TestLicencesAreServed as text, and are the file of the pages.
func TestLicencesAreServed(t *testing.T) {
	t.Parallel()
	want, err := webui.Licences()
	if err != nil || !strings.Contains(string(want), "Redistribution") {
		t.Fatalf("%v: %.100s", err, want)
	}
	h := newHouse(t)
	w := h.do(visit{path: "/api/v1/licences", cookie: h.signIn("viewer")})
	if w.Code != 200 || w.Body.String() != string(want) || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("got %d, %d bytes, want %d", w.Code, w.Body.Len(), len(want))
	}
}
