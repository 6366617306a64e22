package webui_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/authcore/policy"
	"gatehouse/webui"
)

// TestThemeIsKept by the browser, and counts on every page, signed in or not.
func TestThemeIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cookie := h.signIn("viewer")
	set := func(theme string) *http.Cookie {
		w := h.do(visit{method: "POST", path: "/more/theme", cookie: cookie, form: url.Values{"theme": {theme}}})
		if w.Code != 303 || len(w.Result().Cookies()) != 1 {
			t.Fatalf("%q: got %d %v", theme, w.Code, w.Header())
		}
		return w.Result().Cookies()[0]
	}
	dark := set("dark")
	if dark.Value != "dark" || dark.MaxAge <= 0 || !dark.Secure || !dark.HttpOnly || dark.SameSite != http.SameSiteStrictMode {
		t.Errorf("the cookie is %v", dark)
	}
	for _, theme := range []string{"", "blue", `"><script>`} {
		if c := set(theme); c.MaxAge >= 0 {
			t.Errorf("%q: the cookie is %v", theme, c)
		}
	}
	for value, want := range map[string]string{"dark": `<html lang="en" data-theme="dark">`, "light": `data-theme="light"`,
		"blue": `<html lang="en">`, `"onload=x`: `<html lang="en">`} {
		for path, signedIn := range map[string]string{"/": cookie, "/more": cookie, "/sign-in": ""} {
			header := http.Header{"Cookie": {dark.Name + "=" + value}}
			if signedIn != "" {
				header.Add("Cookie", "__Host-gatehouse="+signedIn)
			}
			if page := h.do(visit{path: path, header: header}).Body.String(); !strings.Contains(page, want) {
				t.Errorf("%s with %q: %.120s", path, value, page)
			}
		}
	}
}

// TestOwnPassword is changed by who knows it, in the account that is kept here, and every other
// browser of it is signed out.
func TestOwnPassword(t *testing.T) {
	t.Parallel()
	const fresh = "a new and longer one"
	var h *house
	own, broken := true, false
	h = newHouse(t, func(c *webui.Config) {
		c.People.FirstBoot = webui.FirstBoot{Account: "admin", Own: func() bool { return own }, Change: func(hash string) error {
			if broken {
				return errors.New("the disk is full")
			}
			h.accounts[2].Password = policy.Secret(hash)
			return nil
		}}
	})
	here, there := h.signIn("admin"), h.signIn("admin")
	change := func(cookie, now, password, again string) (int, string, []*http.Cookie) {
		w := h.do(visit{method: "POST", path: "/more/password", cookie: cookie,
			form: url.Values{"now": {now}, "password": {password}, "again": {again}}})
		return w.Code, w.Body.String(), w.Result().Cookies()
	}
	for name, tt := range map[string]struct {
		now, password, again, want string
		code                       int
	}{
		"short":     {password, "short", "short", "fewer than 12", 400},
		"different": {password, fresh, fresh + "r", "differ", 400},
		"wrong":     {"not that", fresh, fresh, "not the password that you have", 403},
	} {
		if code, page, _ := change(here, tt.now, tt.password, tt.again); code != tt.code || !strings.Contains(page, tt.want) {
			t.Errorf("%s: got %d %s", name, code, page)
		}
	}
	if code, page, _ := change(h.signIn("viewer"), password, fresh, fresh); code != 409 || !strings.Contains(page, "admins.yaml") {
		t.Errorf("another account: got %d %s", code, page)
	}
	broken = true
	if code, page, _ := change(here, password, fresh, fresh); code != 500 || strings.Contains(page, fresh) {
		t.Errorf("it cannot be kept: got %d %s", code, page)
	}
	broken = false
	code, _, cookies := change(here, password, fresh, fresh)
	if code != 303 || len(cookies) != 1 {
		t.Fatalf("got %d %v", code, cookies)
	}
	for cookie, want := range map[string]int{here: 303, there: 303, cookies[0].Value: 200} {
		if w := h.do(visit{path: "/more", cookie: cookie}); w.Code != want {
			t.Errorf("after the change: got %d, want %d", w.Code, want)
		}
	}
	if w := h.try("admin", password); w.Code != 401 {
		t.Errorf("the old password: got %d", w.Code)
	}
	own = false
	if code, _, _ := change(cookies[0].Value, fresh, password, password); code != 409 {
		t.Errorf("no longer its own: got %d", code)
	}
}

// TestOwnPasswordIsNotGuessed from a browser that somebody left open.
func TestOwnPasswordIsNotGuessed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *webui.Config) {
		c.People.FirstBoot = webui.FirstBoot{Account: "admin", Own: func() bool { return true }, Change: func(string) error { return nil }}
	})
	cookie, last := h.signIn("admin"), 0
	for range 5 {
		last = h.do(visit{method: "POST", path: "/more/password", cookie: cookie, form: url.Values{"now": {"a guess"},
			"password": {"a new and longer one"}, "again": {"a new and longer one"}}}).Code
	}
	if last != 429 {
		t.Errorf("the fifth guess: got %d, want 429", last)
	}
}
