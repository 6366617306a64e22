package webui

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"gatehouse/authcore/audit"
)

// A checkView is the page where a certificate is checked, with what came of it.
type checkView struct {
	Servers []string
	Server  string // that was asked about; "": all of them
	Results []certResult
}

// A certResult is a CertTest to be shown.
type certResult struct {
	CertTest
	mark
	Rungs []rung
}

func (p *pages) check(w http.ResponseWriter, _ *http.Request, who person) {
	p.showCheck(w, who, view{}, checkView{})
}

func (p *pages) showCheck(w http.ResponseWriter, who person, v view, body checkView) {
	body.Servers = p.api.Status().Configuration.Servers
	v.Title, v.Tab, v.Body = "Check a certificate", "check", body
	p.render(w, who, "check", v)
}

// checkCertificate decides about a certificate that was uploaded or pasted. It is kept nowhere.
func (p *pages) checkCertificate(w http.ResponseWriter, r *http.Request, who person) {
	body := checkView{}
	data, err := uploaded(w, r, "file", "pem")
	if err == nil {
		body.Server = r.PostFormValue("server")
		var tests []CertTest
		tests, err = p.api.testBrought(r, data, r.PostFormValue("password"), body.Server)
		for _, t := range tests {
			m := resultMark(t.Result)
			m.Word = "Would be " + strings.ToLower(m.Word)
			if t.Result == audit.Accept && t.User != "" {
				m.Word += " as " + clean(t.User)
			}
			body.Results = append(body.Results, certResult{t, m, rungs(t.Ladder)})
		}
	}
	v := view{}
	if err != nil {
		v.Status, v.Error = statusOf(err), said(err)
	}
	p.showCheck(w, who, v, body)
}

// errEmpty is told to who sends a form without what it is about.
var errEmpty = errors.New("choose a file, or paste its text")

// uploaded returns the content of a form's file or, if there is none, of its text.
func uploaded(w http.ResponseWriter, r *http.Request, file, text string) ([]byte, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload+maxForm)
	if err := r.ParseMultipartForm(maxUpload + maxForm); err != nil { // all of it stays in memory
		return nil, fmt.Errorf("%w: reading the form: %w", ErrInvalid, err)
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }() // nothing was written
	if f, _, err := r.FormFile(file); err == nil {
		defer func() { _ = f.Close() }() // it was read only
		data, err := io.ReadAll(f)
		if err != nil || len(data) > 0 {
			return data, err
		}
	}
	if data := strings.TrimSpace(r.PostFormValue(text)); data != "" {
		// Browsers send every line of a text area with a carriage return, which nobody typed.
		return []byte(strings.ReplaceAll(data, "\r\n", "\n") + "\n"), nil
	}
	return nil, fmt.Errorf("%w: %w", ErrInvalid, errEmpty)
}
