package appliance

import (
	"fmt"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/saml"
	"gatehouse/webui"
)

// rehearseApp decides about a certificate as the sign-in listener would, without proof of possession,
// and reads the assertion that it would sign. Neither leaves a trace.
func (a *Appliance) rehearseApp(name string, certificate []byte) (webui.SAMLTrial, error) {
	sn, app, err := a.appNamed(name)
	if err != nil {
		return webui.SAMLTrial{}, err
	}
	chain, err := parseChain(certificate)
	if err != nil {
		return webui.SAMLTrial{}, fmt.Errorf("%w: %w", webui.ErrInvalid, err)
	}
	if !app.Activated || sn.IDP() == nil {
		return webui.SAMLTrial{}, fmt.Errorf("%w: nobody can sign in to app %s yet: gatehouse saml status says why", webui.ErrRefused, name)
	}
	d := evaluate(a.auth.Decider(), authcore.Query{App: name, Chain: chain})
	explanation, _ := audit.Explain(d.Reason)
	trial := webui.SAMLTrial{Accepted: d.Accepted(), Reason: d.Reason, Sentence: explanation.Sentence,
		NextStep: explanation.NextStep, Detail: d.Detail, Ladder: d.Ladder}
	if d.User != nil {
		trial.User = audit.Printable(d.User.Username)
	}
	if !trial.Accepted {
		return trial, nil
	}
	now, _ := a.clock.Now()
	provider, err := identityProvider(sn.IDP(), app, &saml.RequestMemory{})
	if err == nil {
		trial.Assertion, err = provider.Rehearse(saml.Subject{User: d.User, AuthnInstant: now, NotAfter: chain[0].NotAfter}, now)
	}
	if err != nil {
		trial.Problem = audit.Printable(err.Error())
	}
	return trial, nil
}
