package appliance

import (
	"crypto/x509"
	"time"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/revocation"
)

// Forget is what `gatehouse ocsp purge` asks for, for tests.
func (a *Appliance) Forget(p revocation.Purge) (int, error) { return a.revocation.Forget(p) }

// KeptAnswers counts the answers that a restart would find, for tests.
func (a *Appliance) KeptAnswers() (n int, err error) {
	err = a.store.Answers().Walk(func(_, _ []byte) bool {
		n++
		return true
	})
	return n, err
}

// AcceptAgain takes the way of a sign-in from the decision on, for tests. It reports whether the
// chain was accepted.
func (a *Appliance) AcceptAgain(server string, chain []*x509.Certificate) bool {
	decider := a.auth.Decider()
	d := decider.Evaluate(authcore.Query{Server: server, Chain: chain, Wake: func() {}})
	if !d.Accepted() {
		return false
	}
	decider.Commit(&d, audit.Event{
		Time: time.Now(), Result: d.Result, Reason: d.Reason, Server: server, Client: "ap1",
		Station: "02-00-00-00-00-01", User: d.User.Username, Method: audit.MethodEAPTLS,
		OCSP: d.Standing.Status, OCSPSource: d.Standing.Source,
	})
	return true
}
