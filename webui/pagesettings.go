package webui

import (
	"errors"
	"net/http"
)

// themeCookie keeps the colours that somebody has chosen for a browser. They are kept nowhere else
// and so are in neither the API nor a command: another browser has another screen.
const themeCookie = "__Host-gatehouse-theme"

// themeOf returns light or dark, or "": as the device has it.
func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

func (p *pages) setTheme(w http.ResponseWriter, r *http.Request, _ person) {
	cookie := &http.Cookie{Name: themeCookie, Value: r.PostFormValue("theme"), Path: "/", MaxAge: 365 * 24 * 3600,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if cookie.Value != "light" && cookie.Value != "dark" {
		cookie.Value, cookie.MaxAge = "", -1
	}
	http.SetCookie(w, cookie)
	redirect(w, r, "/more")
}

// changePassword changes one's own.
func (p *pages) changePassword(w http.ResponseWriter, r *http.Request, who person) {
	c := PasswordChange{Current: r.PostFormValue("now"), New: r.PostFormValue("password")}
	err := error(errDiffer)
	if c.New == r.PostFormValue("again") || passwordProblem(c.New) != "" {
		_, err = p.entry.changePassword(w, r, who, c)
	}
	var no *refusal
	switch {
	case errors.As(err, &no):
		p.showMore(w, who, view{Status: no.status, Error: said(err)}, moreView{})
	case err != nil:
		p.fail(w, who, "The password was not changed", err)
	default:
		redirect(w, r, "/more?done=password")
	}
}

// errDiffer is told to who typed something else the second time.
var errDiffer = &refusal{http.StatusBadRequest, "the new password and its repetition differ"}
