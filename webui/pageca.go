package webui

import (
	"fmt"
	"net/http"
	"strings"

	"gatehouse/authcore/policy"
)

// caMarks are the lights of the certificates of CAs.
var caMarks = map[string]mark{
	"valid": {"ok", "valid"}, "expiring": {"warn", "expires soon"},
	"expired": {"bad", "expired"}, "not_yet_valid": {"bad", "not yet valid"},
}

// A caView is a CA on a page.
type caView struct {
	CA
	Mark    mark
	Servers []string // that use it
	Apps    bool     // whether it opens web applications
	Roots   []caBranch
	Strays  []caBranch
	May     bool // change it
	Managed string
	News    *radiusNews
	Last    []CAPerson // who chains to it
	More    int        // that are not shown
}

// A caBranch is a certificate in the tree.
type caBranch struct {
	CACertificate
	Mark  mark
	Below []caBranch
}

func branches(list []CACertificate) (out []caBranch) {
	for _, c := range list {
		out = append(out, caBranch{c, caMarks[c.State], branches(c.Issued)})
	}
	return out
}

func (p *pages) caViewOf(ca CA, who person) caView {
	v := caView{CA: ca, Mark: radiusMarks[ca.State], Roots: branches(ca.Anchors), Strays: branches(ca.Lost), Managed: p.api.CAs.Managed()}
	for _, name := range ca.UsedBy {
		if name == SignInOfApps {
			v.Apps = true
		} else {
			v.Servers = append(v.Servers, name)
		}
	}
	v.May = v.Managed == "" && who.may(policy.RoleAdmin)
	return v
}

// SignInOfApps is what CA.UsedBy calls the sign-in to web applications.
const SignInOfApps = "saml/idp"

// A caList is the list of CAs.
type caList struct {
	Rows    []caView
	May     bool
	Managed string
	News    *radiusNews
}

func (p *pages) cas(w http.ResponseWriter, _ *http.Request, who person) { p.showCAs(w, who, view{}) }

func (p *pages) showCAs(w http.ResponseWriter, who person, v view) {
	body := caList{Managed: p.api.CAs.Managed(), News: p.news.tell(who)}
	body.May = body.Managed == "" && who.may(policy.RoleAdmin)
	for _, ca := range p.api.CAs.List() {
		body.Rows = append(body.Rows, p.caViewOf(ca, who))
	}
	v.Title, v.Tab, v.Body = "CA chains", "setup", body
	p.render(w, who, "cas", v)
}

func (p *pages) oneCA(w http.ResponseWriter, r *http.Request, who person) {
	p.showCA(w, r, who, view{})
}

func (p *pages) showCA(w http.ResponseWriter, r *http.Request, who person, v view) {
	ca, err := p.api.ca(r.PathValue("name"))
	if err != nil {
		p.fail(w, who, "No such CA", err)
		return
	}
	body := p.caViewOf(ca, who)
	body.News, body.Last = p.news.tell(who), p.api.CAs.People(ca.Name)
	body.More = max(0, len(body.Last)-maxCAPeople)
	body.Last = body.Last[:len(body.Last)-body.More]
	v.Title, v.Tab, v.Body = ca.Name, "setup", body
	p.render(w, who, "ca", v)
}

// uploadCA takes a new CA.
func (p *pages) uploadCA(w http.ResponseWriter, r *http.Request, who person) {
	err := r.ParseMultipartForm(maxCAUpload)
	var uploads []CAUpload
	if err == nil {
		uploads, err = readCAFiles(r)
	} else {
		err = fmt.Errorf("%w: reading the form: %w", ErrInvalid, err)
	}
	if err == nil && len(uploads) != 1 {
		err = fmt.Errorf("%w: choose the file with the CA's certificates", ErrInvalid)
	}
	if err == nil {
		var saved CASaved
		if saved, err = p.api.CAs.Put(uploads[0], "account "+who.Name); err == nil {
			name := uploads[0].Name
			p.news.keep(who, savedNews("The CA "+name+" is saved", RADIUSSaved{Generation: saved.Generation}))
			redirect(w, r, "/setup/ca/"+name)
			return
		}
	}
	p.showCAs(w, who, view{Status: statusOf(err), Error: said(err)})
}

// replaceCA takes another file for a CA.
func (p *pages) replaceCA(w http.ResponseWriter, r *http.Request, who person) {
	data, err := uploaded(w, r, "file", "text")
	if err == nil && len(strings.TrimSpace(string(data))) == 0 {
		err = fmt.Errorf("%w: choose the file that takes its place", ErrInvalid)
	}
	if err == nil {
		var saved CASaved
		name := r.PathValue("name")
		if saved, err = p.api.CAs.Put(CAUpload{Name: name, PEM: string(data), Replace: true}, "account "+who.Name); err == nil {
			p.news.keep(who, savedNews("The CA "+name+" is replaced", RADIUSSaved{Generation: saved.Generation}))
			redirect(w, r, "/setup/ca/"+name)
			return
		}
	}
	p.showCA(w, r, who, view{Status: statusOf(err), Error: said(err)})
}

// removeCA removes one.
func (p *pages) removeCA(w http.ResponseWriter, r *http.Request, who person) {
	name := r.PathValue("name")
	saved, err := p.api.CAs.Delete(name, "account "+who.Name)
	if err != nil {
		p.showCA(w, r, who, view{Status: statusOf(err), Error: said(err)})
		return
	}
	p.news.keep(who, savedNews("The CA "+name+" is removed", RADIUSSaved{Generation: saved.Generation}))
	redirect(w, r, "/setup/ca")
}

func (p *pages) downloadCA(w http.ResponseWriter, r *http.Request, _ person) { p.api.caPEM(w, r) }
