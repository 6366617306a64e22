package webui

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/saml"
)

const (
	// maxReading bounds the requests that are read at once: the costliest that is acceptable takes 8 MB
	// and 10 ms, and anybody may send it.
	maxReading  = 4
	readingWait = 5 * time.Second
)

// signInTimeout ends the waiting for a decision, which may wait for a responder itself.
const signInTimeout = 15 * time.Second

// A SignIn is what the sign-in listener asks: everything about SAML but its messages on the wire.
// Its functions are safe for concurrent use.
type SignIn struct {
	// App returns the activated app of that name. Errors: ErrNotFound, ErrRefused with a sentence
	// for people why nobody can sign in to it.
	App func(name string) (*SignInApp, error)
	// Decide judges who is there by the certificates that the browser showed and has proved to have.
	Decide func(ctx context.Context, a SignInAttempt) SignInDecision
	// Done is told how a sign-in ended, once for each. A decision alone is none: the answer may fail.
	Done func(SignInEnd)
	// Now tells the time by which messages are dated, and whether it is believed.
	Now func() (time.Time, bool)
	// Certificate returns the listener's certificate for a handshake.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// A SignInApp is an app that people sign in to.
type SignInApp struct {
	Name, Label string
	Provider    *saml.IdentityProvider
}

// A SignInAttempt is somebody at the door of an app.
type SignInAttempt struct {
	App        string
	Chain      []*x509.Certificate // as presented, leaf first
	Source     string              // address
	TLSVersion uint16
}

// A SignInDecision is the answer to a SignInAttempt.
type SignInDecision struct {
	Accepted           bool
	User               *identity.User // of an accept
	Reason             audit.Reason
	Sentence, NextStep string
	Decision           any // for Done
}

// A SignInEnd is how a sign-in ended.
type SignInEnd struct {
	Attempt  SignInAttempt
	Decision any           // of Decide; nil: it did not come to one
	Accepted bool          // the browser was handed an assertion
	Refusal  string        // of the request, for the log; empty: the decision says it
	Skew     time.Duration // the service provider's clock minus ours
	Started  time.Time
}

// A signInServer answers browsers.
type signInServer struct {
	SignIn
	turns chan struct{} // a token for each request that is being read or answered
}

// NewSignInServer returns the server of listen.sso. Browsers are asked for a certificate, and the
// decision verifies it: one without must reach the page that says what to do.
func NewSignInServer(s SignIn) *http.Server {
	return &http.Server{
		Handler:           (&signInServer{s, make(chan struct{}, maxReading)}).handler(),
		ReadTimeout:       readTimeout,
		ReadHeaderTimeout: readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    40 << 10, // a redirect carries the whole request in its query
		TLSConfig: &tls.Config{
			GetCertificate: s.Certificate, MinVersion: tls.VersionTLS12,
			ClientAuth:             tls.RequestClientCert,
			SessionTicketsDisabled: true, // whoever signs in proves it now
		},
	}
}

func (s *signInServer) handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /saml/{app}/sso", s.redirect)
	m.HandleFunc("POST /saml/{app}/sso", s.post)
	m.HandleFunc("GET /saml/{app}/start", s.start)
	m.HandleFunc("GET /saml/{app}/metadata.xml", s.metadata)
	m.HandleFunc("GET /saml/reset", s.reset)
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.page(w, http.StatusNotFound, signInPage{Title: "Nothing here",
			Sentence: "This address signs people in to web applications.",
			NextStep: "Open the application itself; it brings you here."})
	})
	return signInHeaders(m)
}

// turn waits until fewer than maxReading requests are being read or answered. What waits for a
// responder meanwhile holds nobody up. The error is ErrRefused.
func (s *signInServer) turn(ctx context.Context) (release func(), err error) {
	timeout := time.NewTimer(readingWait)
	defer timeout.Stop()
	select {
	case s.turns <- struct{}{}:
		return func() { <-s.turns }, nil
	case <-ctx.Done():
	case <-timeout.C:
	}
	return nil, fmt.Errorf("%w: too many people sign in at once", ErrRefused)
}

// redirect answers a request that came by HTTP-Redirect, post one that came by HTTP-POST.
func (s *signInServer) redirect(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, func(p *saml.IdentityProvider, now time.Time) (*saml.AuthnRequest, error) {
		return p.Redirect(r.URL.RawQuery, now)
	})
}

func (s *signInServer) post(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, saml.MaxPOSTBytes)
	err := r.ParseForm()
	s.answer(w, r, func(p *saml.IdentityProvider, now time.Time) (*saml.AuthnRequest, error) {
		if err != nil {
			return nil, &saml.RefusedError{Reason: saml.Oversized}
		}
		return p.POST(r.PostForm.Get("SAMLRequest"), r.PostForm.Get("RelayState"), now)
	})
}

// A visit is one request of a browser for an app.
type visit struct {
	*signInServer
	ctx     context.Context // of the browser's request
	w       http.ResponseWriter
	app     *SignInApp
	attempt SignInAttempt
	now     time.Time
}

// answer reads the service provider's request, decides about the person, and takes the answer back.
func (s *signInServer) answer(w http.ResponseWriter, r *http.Request, read func(*saml.IdentityProvider, time.Time) (*saml.AuthnRequest, error)) {
	v, ok := s.visit(w, r)
	if !ok {
		return
	}
	var request *saml.AuthnRequest
	err := v.inTurn(func() (err error) {
		request, err = read(v.app.Provider, v.now)
		return err
	})
	if err != nil {
		v.refuse(err)
		return
	}
	if d, ok := v.decide(r, request); ok {
		v.finish(d, request, func() (*saml.Response, error) {
			return v.app.Provider.Respond(request, v.subject(d), v.now)
		})
	}
}

// inTurn does what costs much.
func (v *visit) inTurn(do func() error) error {
	release, err := v.turn(v.ctx)
	if err != nil {
		return err
	}
	defer release()
	return do()
}

// start signs in whom no service provider has sent (IdP-initiated).
func (s *signInServer) start(w http.ResponseWriter, r *http.Request) {
	v, ok := s.visit(w, r)
	if !ok {
		return
	}
	if d, ok := v.decide(r, nil); ok {
		v.finish(d, nil, func() (*saml.Response, error) {
			return v.app.Provider.Start(v.subject(d), r.URL.Query().Get("RelayState"), v.now)
		})
	}
}

func (v *visit) subject(d SignInDecision) saml.Subject {
	return saml.Subject{User: d.User, AuthnInstant: v.now, NotAfter: v.attempt.Chain[0].NotAfter}
}

// visit finds the app, and out whether anything can be signed now.
func (s *signInServer) visit(w http.ResponseWriter, r *http.Request) (*visit, bool) {
	app, err := s.App(r.PathValue("app"))
	if err != nil {
		page := signInPage{Title: "No such application", Sentence: "Nobody signs in to an application here by that name.",
			NextStep: "Open the application itself, or ask your administrator for its address."}
		status := http.StatusNotFound
		if errors.Is(err, ErrRefused) {
			status, page.Title = http.StatusServiceUnavailable, "Not ready"
			page.Sentence = strings.TrimPrefix(err.Error(), ErrRefused.Error()+": ")
			page.NextStep = "Ask your administrator: gatehouse saml status shows what is missing."
		}
		s.page(w, status, page)
		return nil, false
	}
	now, sure := s.Now()
	if !sure {
		s.page(w, http.StatusServiceUnavailable, signInPage{App: app.Label, Title: "The clock is not right",
			Sentence: "This gateway does not know what time it is, so it cannot sign anybody in.",
			NextStep: "Ask your administrator to set its clock; gatehouse clock says more."})
		return nil, false
	}
	v := &visit{signInServer: s, ctx: r.Context(), w: w, app: app, now: now,
		attempt: SignInAttempt{App: app.Name, Source: r.RemoteAddr}}
	if r.TLS != nil {
		v.attempt.Chain, v.attempt.TLSVersion = r.TLS.PeerCertificates, r.TLS.Version
	}
	return v, true
}

// refuse ends a visit whose request is not in order: at the application where there is one to
// answer, else on a page that repeats nothing of what was sent.
func (v *visit) refuse(err error) {
	var refused *saml.RefusedError
	if !errors.As(err, &refused) {
		v.fail(err)
		return
	}
	v.Done(SignInEnd{Attempt: v.attempt, Refusal: refused.Error(), Skew: refused.Skew, Started: v.now})
	page := signInPage{App: v.app.Label, Title: "The application's request was refused",
		Sentence: refused.Reason.Sentence(), NextStep: refused.Reason.Remedy(), Code: string(refused.Reason)}
	if refused.Request == nil {
		v.page(v.w, http.StatusBadRequest, page)
		return
	}
	v.back(refused.Request, refused.Status(), page, http.StatusBadRequest)
}

// back shows a page with the way back to the application, which is told that it did not work.
func (v *visit) back(request *saml.AuthnRequest, status saml.Status, page signInPage, code int) {
	response, err := v.app.Provider.Refuse(request, status, v.now)
	if err != nil {
		v.fail(err)
		return
	}
	form := response.Form()
	page.Form = &form
	v.page(v.w, code, page)
}

// decide judges the person. One without a certificate gets the page that says what to do.
func (v *visit) decide(r *http.Request, request *saml.AuthnRequest) (SignInDecision, bool) {
	if len(v.attempt.Chain) == 0 && request != nil && request.IsPassive {
		v.Done(SignInEnd{Attempt: v.attempt, Refusal: "no certificate, and nobody may be asked", Started: v.now})
		v.submit(request, saml.StatusNoPassive)
		return SignInDecision{}, false
	}
	ctx, cancel := context.WithTimeout(r.Context(), signInTimeout)
	defer cancel()
	d := v.Decide(ctx, v.attempt)
	if d.Accepted {
		return d, true
	}
	v.Done(SignInEnd{Attempt: v.attempt, Decision: d.Decision, Started: v.now})
	page := signInPage{App: v.app.Label, Title: "You were not signed in", Sentence: d.Sentence,
		NextStep: d.NextStep, Code: string(d.Reason)}
	if len(v.attempt.Chain) == 0 {
		page.Title, page.Missing = "Your browser showed no certificate", true
		page.Sentence = "You sign in here with the certificate that opens the Wi-Fi."
		page.NextStep = ""
	}
	if request == nil {
		v.page(v.w, http.StatusForbidden, page)
		return d, false
	}
	status := saml.StatusAuthnFailed
	if d.Reason == audit.UserNotInGroup || d.Reason == audit.UserSuspended || d.Reason == audit.CAOutOfScope {
		status = saml.StatusRequestDenied
	}
	v.back(request, status, page, http.StatusForbidden)
	return d, false
}

// submit takes an error to the application without a page that anybody reads.
func (v *visit) submit(request *saml.AuthnRequest, status saml.Status) {
	response, err := v.app.Provider.Refuse(request, status, v.now)
	if err != nil {
		v.fail(err)
		return
	}
	v.send(response, signInPage{App: v.app.Label, Title: "Back to " + v.app.Label})
}

// finish takes the assertion to the application.
func (v *visit) finish(d SignInDecision, request *saml.AuthnRequest, sign func() (*saml.Response, error)) {
	var response *saml.Response
	err := v.inTurn(func() (err error) {
		response, err = sign()
		return err
	})
	end := SignInEnd{Attempt: v.attempt, Decision: d.Decision, Started: v.now}
	if request != nil {
		end.Skew = request.Skew
	}
	var refused *saml.RefusedError
	switch {
	case errors.As(err, &refused):
		v.refuse(refused)
		return
	case err != nil:
		end.Refusal = err.Error()
		v.Done(end)
		v.fail(err)
		return
	}
	end.Accepted = true
	v.Done(end)
	v.send(response, signInPage{App: v.app.Label, Title: "Signing in to " + v.app.Label})
}

// fail says that it is our fault, or that there are too many.
func (v *visit) fail(err error) {
	if errors.Is(err, ErrRefused) {
		v.w.Header().Set("Retry-After", "5")
		v.page(v.w, http.StatusServiceUnavailable, signInPage{App: v.app.Label, Title: "Too many people at once",
			Sentence: "This gateway is busy signing others in.", NextStep: "Try again in a few seconds."})
		return
	}
	v.page(v.w, http.StatusInternalServerError, signInPage{App: v.app.Label, Title: "Something went wrong here",
		Sentence: "The gateway could not make the answer.", NextStep: "Ask your administrator to look at its log."})
}

func (s *signInServer) metadata(w http.ResponseWriter, r *http.Request) {
	app, err := s.App(r.PathValue("app"))
	if err != nil {
		http.Error(w, "no such app", http.StatusNotFound)
		return
	}
	data, etag := app.Provider.Metadata()
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", "application/samlmetadata+xml; charset=utf-8")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-metadata.xml"`, app.Name))
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(data) // the client is gone: nobody to tell
}

// SignInURL returns the address at host of what an app has there: sso, start or metadata.xml.
func SignInURL(host, app, what string) string {
	return (&url.URL{Scheme: "https", Host: host, Path: "/saml/" + app + "/" + what}).String()
}
