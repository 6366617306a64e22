package webui

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"gatehouse/authcore/policy"
)

const (
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	// maxForm bounds a form without a file, in bytes.
	maxForm = 64 << 10
	// bundleUpload alone takes more.
	bundleUpload = "/setup/config/bundle"
)

// pages are what people see, over the same Backend as the API.
type pages struct {
	*entry
	api       *api
	assets    map[string]*asset
	templates map[string]*template.Template // by the name of the page
	news      news
	quiet     bool // they are for viewers
}

// newPages returns nil if there are none.
func newPages(e *entry, a *api) *pages {
	if e == nil {
		return nil
	}
	p := &pages{entry: e, api: a}
	var err error
	if p.assets, err = readAssets(staticFiles); err != nil {
		panic("webui: the embedded assets: " + err.Error()) // tests have read them
	}
	if p.templates, err = p.parse(pageFiles); err != nil {
		panic("webui: the embedded pages: " + err.Error()) // likewise
	}
	return p
}

// parse reads every page, each with the frame and the parts around it.
func (p *pages) parse(fsys fs.FS) (map[string]*template.Template, error) {
	common, err := template.New("frame.html").Funcs(template.FuncMap{
		"clean": clean, "advice": advice, "standing": standing, "when": func(t time.Time) template.HTML { return when(t, p.Now()) },
		"asset": func(name string) (string, error) {
			if a, ok := p.assets[name]; ok {
				return a.address, nil
			}
			return "", fmt.Errorf("no asset %q", name)
		},
		"lines": func(text string) []string {
			return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
		},
		"pairs": func(fingerprint string) []string { return strings.Split(fingerprint, ":") },
		"short": func(hash string) string { return clean(hash[:min(len(hash), 8)]) },
	}).ParseFS(fsys, "templates/admin/frame.html", "templates/admin/parts.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(fsys, "templates/admin/*.html")
	if err != nil {
		return nil, err
	}
	all := map[string]*template.Template{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "frame" || name == "parts" {
			continue
		}
		one, err := common.Clone()
		if err == nil {
			one, err = one.ParseFS(fsys, file)
		}
		if err != nil {
			return nil, err
		}
		all[name] = one
	}
	return all, nil
}

// A view is what a page shows.
type view struct {
	Title  string
	Tab    string // of the bar that the page belongs to
	Status int    // 0: 200
	Body   any
	Error  string // what was refused, told above the page

	// What follows is filled in when it is rendered.
	Node   string
	Offset int // minutes that the gateway's time zone is ahead of UTC
	Person person
}

// render writes a page, all of it or none.
func (p *pages) render(w http.ResponseWriter, who person, name string, v view) {
	_, offset := p.Now().Zone()
	v.Person, v.Offset = who, offset/60
	if v.Node == "" && who.Role != "" {
		v.Node = p.api.Status().Node
	}
	var b bytes.Buffer
	page, ok := p.templates[name]
	if !ok || page.Execute(&b, v) != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store")
	if v.Status != 0 {
		w.WriteHeader(v.Status)
	}
	_, _ = w.Write(b.Bytes()) // the client is gone: nobody to tell
}

// A pageHandler answers somebody who is signed in.
type pageHandler func(w http.ResponseWriter, r *http.Request, who person)

// guard lets people with a role through, and others to the page where they sign in.
func (p *pages) guard(role policy.Role, next pageHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := p.person(r)
		switch {
		case !ok && p.FirstBoot.isOpen():
			redirect(w, r, "/first-boot")
		case !ok && r.Method == http.MethodGet && r.URL.Path != "/":
			redirect(w, r, "/sign-in?next="+url.QueryEscape(r.URL.RequestURI()))
		case !ok:
			redirect(w, r, "/sign-in")
		case !who.may(role):
			p.render(w, who, "message", view{Title: "Not for your role", Status: http.StatusForbidden,
				Error: fmt.Sprintf("This needs the role %s; you have the role %s.", role, who.Role)})
		default:
			if r.URL.Path != bundleUpload {
				r.Body = http.MaxBytesReader(w, r.Body, maxSAMLUpload+maxForm)
			}
			next(w, r, who)
		}
	}
}

// redirect has the browser get another page (RFC 9110 §15.4.4).
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// fail shows what went wrong, above a way back.
func (p *pages) fail(w http.ResponseWriter, who person, title string, err error) {
	status := http.StatusInternalServerError
	for target, code := range map[error]int{ErrNotFound: http.StatusNotFound, ErrInvalid: http.StatusBadRequest,
		ErrRefused: http.StatusConflict, errTooLarge: http.StatusRequestEntityTooLarge} {
		if errors.Is(err, target) {
			status = code
		}
	}
	p.render(w, who, "message", view{Title: title, Status: status, Error: said(err)})
}
