package webui

import (
	"net/http"
	"strings"

	"gatehouse/authcore/policy"
)

// themeCookie keeps the colours that somebody has chosen for a browser.
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

// changePassword changes the password of the account that was made at first boot. Whoever has
// found a browser open does not know the one of now, and guesses as slowly as at the door.
func (p *pages) changePassword(w http.ResponseWriter, r *http.Request, who person) {
	refuse := func(status int, why string) {
		p.showMore(w, who, view{Status: status, Error: why}, moreView{})
	}
	if !p.FirstBoot.owns(who.Name) {
		refuse(http.StatusConflict, "This account stands in admins.yaml: its password is changed there.")
		return
	}
	held := []string{"account/" + strings.ToLower(who.Name), sourceOf(r)}
	if wait := p.backoff.Wait(held...); wait > 0 {
		refuse(http.StatusTooManyRequests, "Too many wrong tries: wait a little, then try again.")
		return
	}
	password := r.PostFormValue("password")
	problem := passwordProblem(password)
	if problem == "" && password != r.PostFormValue("again") {
		problem = "The new password and its repetition differ."
	}
	if problem != "" {
		refuse(http.StatusBadRequest, problem)
		return
	}
	account, _ := p.account(who.Name)
	right, err := p.hasher.check(r.Context(), string(account.Password), r.PostFormValue("now"))
	switch {
	case err != nil:
		refuse(http.StatusServiceUnavailable, said(err))
	case !right:
		p.backoff.Failed(held...)
		refuse(http.StatusForbidden, "This is not the password that you have now.")
	default:
		p.backoff.Succeeded(held...)
		p.keepPassword(w, r, account, password)
	}
}

// keepPassword ends every session of the account, and begins another one here.
func (p *pages) keepPassword(w http.ResponseWriter, r *http.Request, account policy.Account, password string) {
	hash, err := p.hasher.make(r.Context(), password)
	if err == nil {
		err = p.FirstBoot.Change(hash)
	}
	if err != nil {
		who, _ := p.person(r)
		p.fail(w, who, "The password was not changed", err)
		return
	}
	account.Password = policy.Secret(hash)
	p.begin(w, r, account)
	redirect(w, r, "/more?done=password")
}
