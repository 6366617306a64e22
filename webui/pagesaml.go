package webui

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/saml/pair"
)

// colourMarks are the lights of pairs.
var colourMarks = map[pair.Colour]string{pair.Green: "ok", pair.Amber: "warn", pair.Red: "bad", pair.Grey: "off"}

func partMark(p pair.PartStatus) mark { return mark{colourMarks[p.Colour], p.Text} }

// A samlRow is an app in the list.
type samlRow struct {
	SAMLApp
	Certificate, Key mark
}

func newSAMLRow(a SAMLApp) samlRow {
	return samlRow{a, partMark(a.Pairs.Certificate), partMark(a.Pairs.Key)}
}

// A samlList is the list of apps, and what service providers show when something is wrong.
type samlList struct {
	Apps   []samlRow
	Advice []pair.Advice
}

func (p *pages) samlApps(w http.ResponseWriter, _ *http.Request, who person) {
	body := samlList{Advice: pair.Advices()}
	for _, a := range p.api.SAML.Apps() {
		body.Apps = append(body.Apps, newSAMLRow(a))
	}
	p.render(w, who, "saml", view{Title: "SAML apps", Tab: "setup", Body: body})
}

// A samlView is one app.
type samlView struct {
	samlRow
	Slots    []samlSlot
	Actions  []samlAction
	Unable   []samlAction  // with why
	May      bool          // change pairs
	MayAsk   bool          // compare and look for damage
	Compared []string      // what came of a comparison
	Damage   pair.Findings // that copying did to what was compared
	Copies   []samlCopy    // of it, without the damage
	Trial    *samlTrial    // a test that was asked for
	Saved    pair.Role     // the pair that was just saved, to be handed over; "": none was
}

// A samlCopy is a certificate in a form in which service providers ask for it.
type samlCopy struct{ ID, Label, Text string }

// A samlTrial is a SAMLTrial to be shown.
type samlTrial struct {
	mark
	SAMLTrial
	Rungs []rung
}

// A samlSlot is a pair in the table.
type samlSlot struct {
	pair.SlotStatus
	CertificateMark, KeyMark mark
}

// A samlAction is something that may be done to the pairs of an app.
type samlAction struct{ Path, Label, Why string }

// samlButtons are the actions in the order of their buttons.
var samlButtons = []struct {
	action pair.Action
	samlAction
}{
	{pair.ActionActivate, samlAction{Path: "activate", Label: "Activate"}},
	{pair.ActionPromote, samlAction{Path: "promote", Label: "Promote the next pair"}},
	{pair.ActionRegenerate, samlAction{Path: "regenerate", Label: "Regenerate"}},
	{pair.ActionCompromised, samlAction{Path: "regenerate-compromised", Label: "Regenerate: others may know the key"}},
	{pair.ActionRetire, samlAction{Path: "retire", Label: "Retire the previous pair"}},
	{pair.ActionDiscard, samlAction{Path: "discard", Label: "Discard the next pair"}},
}

func (p *pages) samlApp(w http.ResponseWriter, r *http.Request, who person) {
	p.showSAML(w, r, who, view{}, samlView{Saved: pair.Role(r.URL.Query().Get("saved"))})
}

// appOf finds the app that a path names.
func (p *pages) appOf(r *http.Request) (SAMLApp, bool) {
	for _, a := range p.api.SAML.Apps() {
		if a.Name == r.PathValue("app") {
			return a, true
		}
	}
	return SAMLApp{}, false
}

func (p *pages) showSAML(w http.ResponseWriter, r *http.Request, who person, v view, body samlView) {
	app, ok := p.appOf(r)
	if !ok {
		p.fail(w, who, "No such app", fmt.Errorf("%w: no app in force has that name", ErrNotFound))
		return
	}
	body.samlRow, body.May, body.MayAsk = newSAMLRow(app), who.may(policy.RoleAdmin), who.may(policy.RoleTech)
	saved := body.Saved
	body.Saved = ""
	for _, s := range app.Pairs.Pairs {
		if s.Role == saved && s.Facts != nil {
			body.Saved = saved
		}
		body.Slots = append(body.Slots, samlSlot{s, partMark(s.Certificate), partMark(s.Key)})
	}
	for _, b := range samlButtons {
		one := b.samlAction
		if one.Why = app.Can[string(b.action)]; one.Why == "" {
			body.Actions = append(body.Actions, one)
		} else {
			body.Unable = append(body.Unable, one)
		}
	}
	v.Title, v.Tab, v.Body = app.Label, "setup", body
	if v.Title == "" {
		v.Title = app.Name
	}
	p.render(w, who, "samlapp", v)
}

// A samlConfirm asks whether somebody knows what follows.
type samlConfirm struct {
	App, Text string
	samlAction
}

// askSAML says what an action entails, and offers it. It changes nothing: notices link here, and
// mail scanners follow links.
func (p *pages) askSAML(w http.ResponseWriter, r *http.Request, who person) {
	app, ok := p.appOf(r)
	action, known := pageAction(r.PathValue("action"))
	if !ok || !known {
		p.fail(w, who, "No such action", fmt.Errorf("%w: no such app or action", ErrNotFound))
		return
	}
	if why := app.Can[string(action)]; why != "" {
		p.showSAML(w, r, who, view{Status: http.StatusConflict, Error: sentence(why)}, samlView{})
		return
	}
	text := strings.Join(app.Entails[string(action)], "; ")
	if text == "" {
		text = "nothing else follows from it"
	}
	p.confirmSAML(w, who, app, action, text)
}

// confirmSAML asks whether somebody knows what follows.
func (p *pages) confirmSAML(w http.ResponseWriter, who person, app SAMLApp, action pair.Action, text string) {
	ask := samlConfirm{App: app.Name, Text: sentence(text)}
	for _, b := range samlButtons {
		if b.action == action {
			ask.samlAction = b.samlAction
		}
	}
	p.render(w, who, "samlconfirm", view{Title: ask.Label + "?", Tab: "setup", Body: ask})
}

// changeSAML carries out an action: at once if nothing follows from it, otherwise once it was
// confirmed.
func (p *pages) changeSAML(w http.ResponseWriter, r *http.Request, who person) {
	app, ok := p.appOf(r)
	action, known := pageAction(r.PathValue("action"))
	if !ok || !known {
		p.fail(w, who, "No such action", fmt.Errorf("%w: no such app or action", ErrNotFound))
		return
	}
	change := SAMLChange{Action: action, Confirm: r.PostFormValue("confirm") == "yes"}
	after, err := p.api.SAML.Change(app.Name, change)
	switch {
	case err == nil:
		redirect(w, r, "/setup/saml/"+app.Name+savedQuery(app, after))
	case !change.Confirm && app.Can[string(action)] == "":
		p.confirmSAML(w, who, app, action, said(err))
	default:
		p.showSAML(w, r, who, view{Status: http.StatusConflict, Error: said(err)}, samlView{})
	}
}

// pageAction finds what a button does.
func pageAction(name string) (pair.Action, bool) {
	for _, b := range samlButtons {
		if b.Path == name {
			return b.action, true
		}
	}
	return "", false
}

// savedQuery names the pair that a change brought, whose certificate somebody has to hand over now.
func savedQuery(before, after SAMLApp) string {
	known := map[string]bool{}
	for _, s := range before.Pairs.Pairs {
		if s.Facts != nil {
			known[s.Facts.SHA256] = true
		}
	}
	for _, s := range after.Pairs.Pairs {
		if s.Facts != nil && !known[s.Facts.SHA256] {
			return "?saved=" + url.QueryEscape(string(s.Role))
		}
	}
	return ""
}

// uploadPair takes a certificate, a key, or both. What is missing of a pair is waited for; a key is
// never shown again.
func (p *pages) uploadPair(w http.ResponseWriter, r *http.Request, who person) {
	app, ok := p.appOf(r)
	if !ok {
		p.fail(w, who, "No such app", fmt.Errorf("%w: no app in force has that name", ErrNotFound))
		return
	}
	certificate, err1 := uploaded(w, r, "certificate", "certificate_text")
	key, err2 := uploaded(w, r, "key", "key_text")
	if err1 != nil && err2 != nil {
		p.showSAML(w, r, who, view{Status: http.StatusBadRequest, Error: said(err1)}, samlView{})
		return
	}
	after, err := p.api.SAML.Change(app.Name, SAMLChange{Action: pair.ActionUpload, Confirm: true,
		Certificate: string(certificate), Key: string(key)})
	if err != nil {
		p.showSAML(w, r, who, view{Status: http.StatusConflict, Error: said(err)}, samlView{})
		return
	}
	redirect(w, r, "/setup/saml/"+app.Name+savedQuery(app, after))
}

// rehearseSAML shows what the app would be told about whoever has a certificate.
func (p *pages) rehearseSAML(w http.ResponseWriter, r *http.Request, who person) {
	data, err := uploaded(w, r, "file", "text")
	var trial SAMLTrial
	if err == nil {
		data, err = withoutKeys(data)
	}
	if err == nil {
		trial, err = p.api.SAML.Rehearse(r.PathValue("app"), data)
	}
	if err != nil {
		p.showSAML(w, r, who, view{Status: http.StatusBadRequest, Error: said(err)}, samlView{})
		return
	}
	shown := samlTrial{mark{"bad", "Would be refused"}, trial, rungs(trial.Ladder)}
	if trial.Accepted {
		shown.mark = mark{"ok", "Would be signed in as " + trial.User}
	}
	p.showSAML(w, r, who, view{}, samlView{Trial: &shown})
}

// compareSAML says how what a service provider has stands to what the app has, and what copying
// did to it.
func (p *pages) compareSAML(w http.ResponseWriter, r *http.Request, who person) {
	data, err := uploaded(w, r, "file", "text")
	var found *pair.Comparison
	if err == nil {
		found, err = p.api.SAML.Compare(r.PathValue("app"), data)
	}
	if err != nil {
		p.showSAML(w, r, who, view{Status: http.StatusBadRequest, Error: said(err)}, samlView{})
		return
	}
	lint := LintSAML(data)
	body := samlView{Damage: lint.Findings}
	if c := lint.Copies; c != nil {
		body.Copies = []samlCopy{{"copy-pem", "As a file (PEM)", c.PEM}, {"copy-line", "In one line", c.OneLine},
			{"copy-xml", "As metadata has it (XML)", c.KeyDescriptor}}
	}
	for i, c := range found.Certificates {
		text := c.String()
		if len(found.Certificates) > 1 {
			text = fmt.Sprintf("Certificate %d: %s", i+1, text)
		}
		body.Compared = append(body.Compared, text)
	}
	if len(body.Compared) == 0 {
		body.Compared = []string{"there is no certificate in that text"}
	}
	p.showSAML(w, r, who, view{}, body)
}

func (p *pages) samlCertificate(w http.ResponseWriter, r *http.Request, _ person) {
	p.api.samlCertificate(w, r)
}

func (p *pages) samlMetadata(w http.ResponseWriter, r *http.Request, _ person) {
	p.api.samlMetadata(w, r)
}
