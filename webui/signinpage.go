package webui

import (
	"crypto/rand"
	"encoding/base64"
	"html/template"
	"net/http"

	"gatehouse/authcore/saml"
)

// A signInPage is what people see.
type signInPage struct {
	App, Title, Sentence, NextStep, Code string
	Missing                              bool       // there was no certificate
	Form                                 *saml.Form // the way to the application
	Auto                                 bool       // the form is sent by itself
	Nonce                                string
}

var signInTemplate = template.Must(template.New("signin").Funcs(template.FuncMap{"advice": advice}).Parse(signInHTML))

// send shows the page with a form that sends itself, or by a button where there is no script.
func (v *visit) send(response *saml.Response, page signInPage) {
	form := response.Form()
	page.Form, page.Auto = &form, true
	v.page(v.w, http.StatusOK, page)
}

func (s *signInServer) page(w http.ResponseWriter, status int, page signInPage) {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	page.Nonce = base64.RawStdEncoding.EncodeToString(nonce[:])
	policy := "default-src 'none'; style-src 'nonce-" + page.Nonce + "'; frame-ancestors 'none'; base-uri 'none'; form-action "
	if page.Form == nil {
		policy += "'none'"
	} else {
		policy += page.Form.Allow
	}
	if page.Auto {
		policy += "; script-src 'nonce-" + page.Nonce + "'"
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = signInTemplate.Execute(w, page) // the client is gone: nobody to tell
}

// signInHeaders are those of every answer. Nothing of a sign-in may stay in a cache. There is no
// Cross-Origin-Opener-Policy: it would cut the page off from the window that opened it, and
// applications that sign people in by a popup wait for that window to come back to them.
func signInHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "strict-origin") // some applications refuse forms of an unknown origin
		next.ServeHTTP(w, r)
	})
}

// reset has the browser forget everything about this host: half of all trouble with signing in is
// what a browser remembers.
func (s *signInServer) reset(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Clear-Site-Data", `"cookies", "cache"`)
	w.Header().Set("Connection", "close") // the next connection asks for a certificate again
	s.page(w, http.StatusOK, signInPage{Title: "You are signed out here",
		Sentence: "This browser has forgotten its cookies and its cache of this host and of all others of the same domain.",
		NextStep: "Applications may keep you signed in: sign out there too. To choose another certificate, " +
			"close all windows of the browser, or try a private window."})
}
