package appliance

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/saml"
	"gatehouse/authcore/snapshot"
	"gatehouse/webui"
)

// signInCrowd is how many browsers may be connected at once.
const signInCrowd = 256

// A signIn answers the sign-in listener.
type signIn struct {
	appliance *Appliance
	own       tls.Certificate // where saml/idp.yaml names none
	memory    saml.RequestMemory

	mu   sync.Mutex // guards what follows
	of   *snapshot.Snapshot
	apps map[string]*webui.SignInApp
}

// bindSignIn makes the sign-in listener.
func (a *Appliance) bindSignIn() error {
	addr := a.config.Boot.Listen.SSO
	if addr == "" {
		return nil
	}
	own, err := a.webCertificate()
	if err != nil {
		return err
	}
	s := &signIn{appliance: a, own: own}
	a.sso, err = a.listen("listen.sso", addr, signInCrowd, webui.NewSignInServer(webui.SignIn{
		App: s.app, Decide: s.decide, Done: s.done, Certificate: s.certificate,
		Now: func() (time.Time, bool) { return a.clock.Now() },
	}))
	return err
}

// certificate is that of saml/idp.yaml, as it is now.
func (s *signIn) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if sn := s.appliance.holder.Load(); sn != nil && sn.IDP() != nil && len(sn.IDP().TLS.Certificate) > 0 {
		return &sn.IDP().TLS, nil
	}
	return &s.own, nil
}

// app returns an activated app with the provider that answers for it in the Snapshot in force.
func (s *signIn) app(name string) (*webui.SignInApp, error) {
	sn := s.appliance.holder.Load()
	if sn == nil || sn.App(name) == nil || !sn.App(name).Activated {
		return nil, webui.ErrNotFound
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of != sn {
		s.of, s.apps = sn, map[string]*webui.SignInApp{}
	}
	if app := s.apps[name]; app != nil {
		return app, nil
	}
	app, err := s.make(sn, sn.App(name))
	if err == nil {
		s.apps[name] = app
	}
	return app, err
}

// make makes the provider of an app. Who cannot be signed in is told so, and why.
func (s *signIn) make(sn *snapshot.Snapshot, app *snapshot.App) (*webui.SignInApp, error) {
	if sn.IDP() == nil {
		return nil, fmt.Errorf("%w: signing in is not set up here", webui.ErrRefused)
	}
	provider, err := identityProvider(sn.IDP(), app, &s.memory)
	if err != nil {
		return nil, fmt.Errorf("%w: nobody can sign in to this application yet", webui.ErrRefused)
	}
	return &webui.SignInApp{Name: app.Name, Label: app.Label(), Provider: provider}, nil
}

var errNoPair = errors.New("the app has no active certificate and key")

// identityProvider is what we are to an app.
func identityProvider(idp *snapshot.IDP, app *snapshot.App, memory *saml.RequestMemory) (*saml.IdentityProvider, error) {
	active, ok := app.Pairs.Signer()
	if !ok {
		return nil, errNoPair
	}
	config := saml.Config{
		EntityID: idp.EntityID, SSO: webui.SignInURL(idp.Host, app.Name, "sso"), Provider: app.SP,
		NameID: app.NameID, Attributes: app.Attributes, Sign: app.Sign, WantSignedRequests: app.WantSignedRequests,
		Active: saml.Pair{Certificate: active.Certificate, Key: active.Key},
		Memory: memory, Rand: rand.Reader,
	}
	for _, certificate := range app.Pairs.SigningCertificates() {
		if !certificate.Equal(active.Certificate) {
			config.Others = append(config.Others, certificate)
		}
	}
	return saml.New(config)
}

// decide is the one decision, about whoever is at the door of an app.
func (s *signIn) decide(_ context.Context, a webui.SignInAttempt) webui.SignInDecision {
	d := evaluate(s.appliance.auth.Decider(), authcore.Query{App: a.App, Chain: a.Chain})
	explanation, _ := audit.Explain(d.Reason)
	return webui.SignInDecision{
		Accepted: d.Accepted(), User: d.User, Reason: d.Reason, Sentence: explanation.Sentence,
		NextStep: explanation.NextStep, Decision: &d,
	}
}

// done tells how a sign-in ended: one event each, in the same log as those of RADIUS.
func (s *signIn) done(end webui.SignInEnd) {
	a := s.appliance
	now := a.config.Now()
	e := audit.Event{
		Time: now, Result: audit.Reject, Reason: audit.SAMLRequestInvalid, Detail: audit.Printable(end.Refusal),
		Server: "saml/" + end.Attempt.App, NAS: hostOf(end.Attempt.Source), Method: audit.MethodSAMLCert,
		TLSVersion: tlsVersion(end.Attempt.TLSVersion), Duration: now.Sub(end.Started), Rounds: 1,
		Generation: a.generation(), Ladder: audit.CertificateLadder(),
	}
	d, decided := end.Decision.(*authcore.Decision)
	if decided {
		describe(&e, d)
	}
	if end.Skew.Abs() > time.Minute {
		e.Detail += fmt.Sprintf(" (the application's clock is %v off)", end.Skew.Round(time.Second))
	}
	switch {
	case end.Accepted && decided:
		e.Result, e.Reason = audit.Accept, audit.Accepted
		a.auth.Decider().Commit(d, e)
	case decided && d.Accepted(): // and then the answer failed
		e.Reason, e.Detail = audit.SAMLRequestInvalid, audit.Printable(end.Refusal)
		a.sink.Record(e)
	default:
		a.sink.Record(e)
	}
}

// describe takes over what the decision says.
func describe(e *audit.Event, d *authcore.Decision) {
	e.Reason, e.Ladder, e.CertSHA256, e.CA = d.Reason, d.Ladder, d.CertSHA256, d.CA
	if d.Detail != "" {
		e.Detail = d.Detail
	}
	e.OCSP, e.OCSPSource, e.OCSPAge = d.Standing.Status, d.Standing.Source, d.Standing.Age
	e.Generation = max(e.Generation, d.Generation)
	if d.User != nil {
		e.User = audit.Printable(d.User.Username)
	}
}

// hostOf is the address without the port.
func hostOf(source string) string {
	host, _, err := net.SplitHostPort(source)
	if err != nil {
		return ""
	}
	return host
}

// tlsVersion is the version as the log has it.
func tlsVersion(v uint16) string {
	switch v {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return ""
}
