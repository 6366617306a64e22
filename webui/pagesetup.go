package webui

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"gatehouse/authcore/policy"
)

// A setupView is the list of what can be set up.
type setupView struct {
	Bundle  *BundleVersion // in force; nil: loose files count
	Apps    int
	Servers int
}

func (p *pages) setup(w http.ResponseWriter, _ *http.Request, who person) {
	v := setupView{Bundle: p.api.Bundles.State().InForce, Apps: len(p.api.SAML.Apps())}
	for _, s := range p.api.RADIUS.List() {
		if s.State != RADIUSLeftOut {
			v.Servers++
		}
	}
	p.render(w, who, "setup", view{Title: "Setup", Tab: "setup", Body: v})
}

// A configView says which configuration is in force.
type configView struct {
	Bundle        Bundle
	Configuration Configuration
	May           bool // upload and roll back
	Heartbeat     *Heartbeat
	Serials       map[string]uint64 // of the versions that are kept, by name
}

func (p *pages) config(w http.ResponseWriter, _ *http.Request, who person) {
	p.showConfig(w, who, view{})
}

func (p *pages) showConfig(w http.ResponseWriter, who person, v view) {
	s := p.api.Status()
	v.Title, v.Tab, v.Node = "Configuration", "setup", s.Node
	serials := map[string]uint64{}
	for _, kept := range s.Bundle.Kept {
		serials[kept.Name] = kept.Serial
	}
	v.Body = configView{s.Bundle, s.Configuration, who.may(policy.RoleAdmin), s.Heartbeat, serials}
	p.render(w, who, "config", v)
}

// rollBackForm goes back to a version of before.
func (p *pages) rollBackForm(w http.ResponseWriter, r *http.Request, who person) {
	order := BundleRollback{To: r.PostFormValue("to"), Reason: strings.TrimSpace(r.PostFormValue("reason")),
		By: "account " + who.Name}
	switch {
	case order.Reason == "":
		p.showConfig(w, who, view{Status: http.StatusBadRequest,
			Error: "Say why: whoever reads the log will ask."})
		return
	case len(order.Reason) > maxReason:
		p.showConfig(w, who, view{Status: http.StatusBadRequest, Error: "The reason is too long."})
		return
	}
	extendForTrial(w)
	if err := p.api.Bundles.RollBack(order); err != nil {
		p.showConfig(w, who, view{Status: http.StatusConflict, Error: said(err)})
		return
	}
	redirect(w, r, "/setup/config")
}

const maxReason = 500 // bytes

// uploadBundle stores a bundle that somebody brings on a phone or a stick. Its parts are read as
// they come: the signature has to come first, as in the form.
func (p *pages) uploadBundle(w http.ResponseWriter, r *http.Request, who person) {
	hash, err := p.storeBundle(w, r)
	if err != nil {
		p.showConfig(w, who, view{Status: http.StatusBadRequest, Error: said(err)})
		return
	}
	redirect(w, r, "/setup/config/pushes/"+hash)
}

func (p *pages) storeBundle(w http.ResponseWriter, r *http.Request) (hash string, err error) {
	select {
	case p.api.pushes <- struct{}{}:
		defer func() { <-p.api.pushes }()
	default:
		return "", errPushing
	}
	body := &slowReader{body: http.MaxBytesReader(w, r.Body, maxBundle+maxForm), control: http.NewResponseController(w)}
	r.Body = io.NopCloser(body)
	parts, err := r.MultipartReader()
	if err != nil {
		return "", fmt.Errorf("%w: reading the form: %w", ErrInvalid, err)
	}
	signature, err := readPart(parts, "signature", maxSignature)
	if err != nil {
		return "", err
	}
	archive, err := parts.NextPart()
	if err != nil || archive.FormName() != "archive" || archive.FileName() == "" {
		return "", fmt.Errorf("%w: the bundle is missing: choose the file that ends in .tar.gz", ErrInvalid)
	}
	if hash, err = p.api.Bundles.Push(archive, signature); err != nil {
		if broken := body.whyBroken(); broken != nil {
			err = broken
		}
	}
	return hash, err
}

// pushedPage tells what became of a bundle that was uploaded.
func (p *pages) pushedPage(w http.ResponseWriter, r *http.Request, who person) {
	push, ok := p.api.Bundles.Pushed(r.PathValue("sha256"))
	if !ok {
		p.fail(w, who, "No such bundle", fmt.Errorf("%w: no such bundle was brought, or it was long ago", ErrNotFound))
		return
	}
	p.render(w, who, "pushed", view{Title: "The bundle that was brought", Tab: "setup", Body: newPushed(push)})
}

// A pushedView is a BundlePush to be shown.
type pushedView struct {
	BundlePush
	mark
	Waiting bool // it is worth looking again
}

func newPushed(b BundlePush) pushedView {
	marks := map[string]mark{
		PushPending: {"off", "Waiting"}, PushTrying: {"off", "On trial"}, PushApplied: {"ok", "In force"},
		PushUnchanged: {"ok", "In force already"}, PushRefused: {"bad", "Refused"}, PushRolledBack: {"bad", "Taken back"},
	}
	return pushedView{b, marks[b.State], b.State == PushPending || b.State == PushTrying}
}
