package webui

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/authcore/onboard"
)

// An onboardView is the form for a person's device.
type onboardView struct {
	Order  OnboardOrder
	Device string
	Guides []onboard.Guide
}

func guides() []onboard.Guide {
	var list []onboard.Guide
	for _, d := range onboard.Devices() {
		list = append(list, onboard.GuideFor(d))
	}
	return list
}

// onboardForm takes the name of a person from the address, for links from other pages.
func (p *pages) onboardForm(w http.ResponseWriter, r *http.Request, who person) {
	o := OnboardOrder{Identity: r.URL.Query().Get("user"), SSID: r.URL.Query().Get("ssid")}
	p.showOnboard(w, who, view{}, onboardView{Order: o})
}

func (p *pages) showOnboard(w http.ResponseWriter, who person, v view, body onboardView) {
	body.Guides = guides()
	v.Title, v.Tab, v.Body = "A person's device", "setup", body
	p.render(w, who, "onboard", v)
}

// onboardPerson answers with the files, which are kept nowhere.
func (p *pages) onboardPerson(w http.ResponseWriter, r *http.Request, who person) {
	body, files, err := p.onboarding(w, r)
	if err != nil {
		p.showOnboard(w, who, view{Status: http.StatusBadRequest, Error: said(err)}, body)
		return
	}
	if len(files) == 1 {
		download(w, files[0].Type, files[0].Name, files[0].Data)
		return
	}
	archive, err := zipped(files)
	if err != nil {
		p.fail(w, who, "No files", err)
		return
	}
	download(w, "application/zip", "wifi.zip", archive)
}

// onboarding reads the form, and has the files made that it asks for.
func (p *pages) onboarding(w http.ResponseWriter, r *http.Request) (onboardView, []onboard.File, error) {
	var body onboardView
	r.Body = http.MaxBytesReader(w, r.Body, maxOnboard)
	if err := r.ParseMultipartForm(maxOnboard); err != nil { // all of it stays in memory
		return body, nil, fmt.Errorf("%w: reading the form: %w", ErrInvalid, err)
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }() // nothing was written
	body.Device = r.PostFormValue("device")
	o := &body.Order
	*o = OnboardOrder{SSID: r.PostFormValue("ssid"), Identity: strings.TrimSpace(r.PostFormValue("identity")),
		CA: r.PostFormValue("ca"), Machine: r.PostFormValue("machine") != "", For: []string{body.Device}}
	key, err := readKey(r)
	if err != nil {
		return body, nil, err
	}
	order := *o
	order.PKCS12 = key
	made, err := p.api.Onboard(order)
	if err != nil {
		return body, nil, err
	}
	if body.Device == string(onboard.Apple) { // the one file is all that the device wants
		for _, f := range made.Files {
			if strings.HasSuffix(f.Name, ".mobileconfig") {
				return body, []onboard.File{f}, nil
			}
		}
	}
	return body, made.Files, nil
}

// zipped puts files into one, which every system opens by itself.
func zipped(files []onboard.File) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.Create(f.Name)
		if err == nil {
			_, err = w.Write(f.Data)
		}
		if err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("packing the files: %w", err)
	}
	return b.Bytes(), nil
}

// people are the pages that are given to those who connect.
func (p *pages) people(w http.ResponseWriter, _ *http.Request, who person) {
	p.render(w, who, "people", view{Title: "Connecting for the first time", Tab: "setup", Body: guides()})
}

func (p *pages) guide(w http.ResponseWriter, r *http.Request, who person) {
	d, ok := onboard.ParseDevice(r.PathValue("device"))
	if !ok {
		p.fail(w, who, "No such page", fmt.Errorf("%w: there is no guide for such a device", ErrNotFound))
		return
	}
	g := onboard.GuideFor(d)
	p.render(w, who, "guide", view{Title: g.Title, Tab: "setup", Body: g})
}
