package webui

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/authcore/policy"
)

// maxCode bounds what is shown again of a set-up code, in bytes.
const maxCode = 32

// An entryView is what the pages show that are for nobody yet.
type entryView struct {
	Next, Username, Account, Fingerprint string
	Code                                 string // as it was typed
}

func (p *pages) signInForm(w http.ResponseWriter, r *http.Request) {
	if p.FirstBoot.isOpen() {
		redirect(w, r, "/first-boot")
		return
	}
	p.showSignIn(w, r, view{Body: entryView{Next: localPath(r.URL.Query().Get("next"))}})
}

func (p *pages) showSignIn(w http.ResponseWriter, r *http.Request, v view) {
	body, _ := v.Body.(entryView)
	body.Fingerprint = p.Fingerprint
	v.Title, v.Body = "Sign in", body
	p.render(w, person{Theme: themeOf(r)}, "signin", v)
}

// signIn checks a password, unless its account or its address has to wait.
func (p *pages) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	name, password := strings.TrimSpace(r.PostFormValue("username")), r.PostFormValue("password")
	body := entryView{Next: localPath(r.PostFormValue("next")), Username: name}
	held := []string{"account/" + strings.ToLower(name[:min(len(name), maxName)]), sourceOf(r)}
	if wait := p.backoff.Wait(held...); wait > 0 {
		p.showWait(w, r, body, wait)
		return
	}
	account, found := p.account(name)
	if !found { // as much work as for one that there is
		for _, a := range p.Accounts() {
			account.Password = a.Password
			break
		}
	}
	right, err := p.hasher.check(r.Context(), string(account.Password), password)
	switch {
	case err != nil:
		p.showSignIn(w, r, view{Body: body, Status: http.StatusServiceUnavailable, Error: said(err)})
	case !right || !found:
		p.backoff.Failed(held...)
		p.showSignIn(w, r, view{Body: body, Status: http.StatusUnauthorized,
			Error: "No account has this name and this password."})
	default:
		p.backoff.Succeeded(held...)
		p.begin(w, r, account)
		redirect(w, r, body.Next)
	}
}

const maxName = 64 // bytes, of an account

func (p *pages) showWait(w http.ResponseWriter, r *http.Request, body entryView, wait time.Duration) {
	seconds := int64((wait + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", fmt.Sprint(seconds))
	p.showSignIn(w, r, view{Body: body, Status: http.StatusTooManyRequests,
		Error: fmt.Sprintf("Too many wrong tries: wait %d seconds, then try again.", seconds)})
}

// localPath returns next if it is a path of ours, and the first page otherwise: a link must not
// lead elsewhere by way of a sign-in.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsFunc(next, func(c rune) bool { return c <= ' ' || c == '\\' || c > '~' }) {
		return "/"
	}
	return next
}

func (p *pages) signOut(w http.ResponseWriter, r *http.Request, _ person) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		p.sessions.End(cookie.Value)
	}
	setCookie(w, "", -1)
	redirect(w, r, "/sign-in")
}

func (p *pages) firstBootForm(w http.ResponseWriter, r *http.Request) {
	if !p.FirstBoot.isOpen() {
		redirect(w, r, "/sign-in")
		return
	}
	p.showFirstBoot(w, r, view{}, "")
}

// showFirstBoot shows the code again to who typed it: a mistake with the password costs no second
// typing.
func (p *pages) showFirstBoot(w http.ResponseWriter, r *http.Request, v view, code string) {
	v.Title, v.Body = "Set up this gateway", entryView{Account: p.FirstBoot.Account, Fingerprint: p.Fingerprint,
		Code: clean(code[:min(len(code), maxCode)])}
	p.render(w, person{Theme: themeOf(r)}, "firstboot", v)
}

// firstBoot makes the first account for whoever knows the code.
func (p *pages) firstBoot(w http.ResponseWriter, r *http.Request) {
	if !p.FirstBoot.isOpen() {
		redirect(w, r, "/sign-in")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	password, code := r.PostFormValue("password"), r.PostFormValue("code")
	if problem := passwordProblem(password); problem != "" {
		p.showFirstBoot(w, r, view{Status: http.StatusBadRequest, Error: problem}, code)
		return
	}
	if password != r.PostFormValue("again") {
		p.showFirstBoot(w, r, view{Status: http.StatusBadRequest, Error: "These were two different passwords. Type the same one twice."}, code)
		return
	}
	if !p.FirstBoot.Check(code) {
		v := view{Status: http.StatusUnauthorized, Error: "This is not the set-up code. Read it again: gatehouse setup-code, at the device."}
		if !p.FirstBoot.isOpen() {
			v.Error = "This was not the set-up code, for the last time: restart the gateway for a new one."
		}
		p.showFirstBoot(w, r, v, code)
		return
	}
	hash, err := p.hasher.make(r.Context(), password)
	if err == nil {
		err = p.FirstBoot.Finish(hash)
	}
	if err != nil {
		p.showFirstBoot(w, r, view{Status: http.StatusInternalServerError, Error: said(err)}, code)
		return
	}
	p.begin(w, r, policy.Account{Username: p.FirstBoot.Account, Password: policy.Secret(hash), Role: policy.RoleAdmin})
	redirect(w, r, "/")
}
