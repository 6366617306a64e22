package webui

import (
	"fmt"
	"net/http"

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

func (p *pages) samlApps(w http.ResponseWriter, _ *http.Request, who person) {
	var rows []samlRow
	for _, a := range p.api.SAML.Apps() {
		rows = append(rows, newSAMLRow(a))
	}
	p.render(w, who, "saml", view{Title: "SAML apps", Tab: "setup", Body: rows})
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
	{pair.ActionRetire, samlAction{Path: "retire", Label: "Retire the previous pair"}},
	{pair.ActionDiscard, samlAction{Path: "discard", Label: "Discard the next pair"}},
}

func (p *pages) samlApp(w http.ResponseWriter, r *http.Request, who person) {
	p.showSAML(w, r, who, view{}, samlView{})
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
	for _, s := range app.Pairs.Pairs {
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

// changeSAML carries out an action: at once if nothing follows from it, otherwise once it was
// confirmed.
func (p *pages) changeSAML(w http.ResponseWriter, r *http.Request, who person) {
	app, ok := p.appOf(r)
	action, known := samlActions[r.PathValue("action")]
	if !ok || !known || action == pair.ActionUpload {
		p.fail(w, who, "No such action", fmt.Errorf("%w: no such app or action", ErrNotFound))
		return
	}
	change := SAMLChange{Action: action, Confirm: r.PostFormValue("confirm") == "yes"}
	_, err := p.api.SAML.Change(app.Name, change)
	switch {
	case err == nil:
		redirect(w, r, "/setup/saml/"+app.Name)
	case !change.Confirm && app.Can[string(action)] == "":
		ask := samlConfirm{App: app.Name, Text: said(err)}
		for _, b := range samlButtons {
			if b.action == action {
				ask.samlAction = b.samlAction
			}
		}
		p.render(w, who, "samlconfirm", view{Title: ask.Label + "?", Tab: "setup", Body: ask})
	default:
		p.showSAML(w, r, who, view{Status: http.StatusConflict, Error: said(err)}, samlView{})
	}
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
	body := samlView{Damage: LintSAML(data).Findings}
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
