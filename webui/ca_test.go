package webui_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/webui"
)

// chainOf is a certificate called name, and one below it.
func chainOf(name string) webui.CACertificate {
	moment := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	c := webui.CACertificate{Name: name, Subject: "CN=" + name, Issuer: "CN=" + name, Serial: "1a", SubjectKeyID: "0102", AuthorityKeyID: "0102",
		NotBefore: moment.AddDate(-1, 0, 0), NotAfter: moment.AddDate(2, 0, 0), State: "valid", Key: "ECDSA P-256",
		SHA256: strings.Repeat("ab", 32), Issued: []webui.CACertificate{}}
	below := c
	below.Name, below.Subject, below.State = name+" issuing", "CN="+name+" issuing", "expiring"
	c.Issued = []webui.CACertificate{below}
	return c
}

// casOf is one CA in which everything is called text.
func casOf(text string) webui.CAs {
	ca := webui.CA{Name: "wifi", State: webui.RADIUSInForce, Anchors: []webui.CACertificate{chainOf(text)}, Lost: []webui.CACertificate{chainOf(text)},
		UsedBy: []string{"wifi", webui.SignInOfApps}, Domains: []string{text}, Groups: []string{text}, OCSP: "require", Grace: "72h0m0s", People: 3,
		Issues: []webui.Problem{{File: "ca/wifi.pem", Severity: "warning", Object: "ca/wifi", Text: text, Remedy: text}}}
	return webui.CAs{
		List: func() []webui.CA { return []webui.CA{ca} }, Managed: func() string { return "" },
		PEM: func(name string) ([]byte, error) {
			if name != ca.Name {
				return nil, fmt.Errorf("%w: no such CA", webui.ErrNotFound)
			}
			return []byte("-----BEGIN CERTIFICATE-----\n"), nil
		},
		People: func(string) []webui.CAPerson {
			people := make([]webui.CAPerson, 120)
			for i := range people {
				people[i] = webui.CAPerson{User: text, Seen: time.Unix(1, 0), ID: uint64(200 - i)}
			}
			return people
		},
		Put:    func(webui.CAUpload, string) (webui.CASaved, error) { return webui.CASaved{Generation: 7, CA: &ca}, nil },
		Delete: func(string, string) (webui.CASaved, error) { return webui.CASaved{Generation: 8}, nil },
	}
}

func cas() webui.CAs                   { return casOf("Acme root") }
func hostileCAs(text string) webui.CAs { return casOf(text) }

// TestPeopleOfACA are told a hundred at a time.
func TestPeopleOfACA(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	page := h.do(visit{path: "/setup/ca/wifi", cookie: h.signIn("tech")}).Body.String()
	if n := strings.Count(page, `href="/sign-ins/`); n != 100 || !strings.Contains(page, "And 20 more") || !strings.Contains(page, "<strong>Acme root</strong>") {
		t.Errorf("%d people on the page:\n%s", n, page)
	}
	for query, want := range map[string]int{"": 100, "?limit=7": 7, "?limit=0": 0, "?limit=999999999999": 120} {
		got := answer(webui.NewLocal(h.config), "GET", "/api/v1/ca/wifi/users"+query, "10.0.0.1:1")
		var people webui.CAPeople
		if err := json.Unmarshal(got.Body.Bytes(), &people); err != nil || people.Count != 120 || len(people.Users) != want {
			t.Errorf("%q: %d of %d, %v", query, len(people.Users), people.Count, err)
		}
	}
	if got := answer(webui.NewLocal(h.config), "GET", "/api/v1/ca/nobody/users", "10.0.0.1:1"); got.Code != http.StatusNotFound {
		t.Errorf("of no CA: %d", got.Code)
	}
}

// caForm returns an upload of a CA in the field of a form.
func caForm(t *testing.T, path, cookie, field, file, content string, more ...string) visit {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(more); i += 2 {
		_ = form.WriteField(more[i], more[i+1]) // a Buffer takes everything
	}
	part, err := form.CreateFormFile(field, file)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte(content))
	_ = form.Close()
	return visit{method: "POST", path: path, cookie: cookie, body: body.String(), header: http.Header{"Content-Type": {form.FormDataContentType()}}}
}

// TestCAPages uploads, replaces and removes a CA, and is told of refusals.
func TestCAPages(t *testing.T) {
	t.Parallel()
	var puts []webui.CAUpload
	var by []string
	refuse := false
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.CAs.Put = func(u webui.CAUpload, who string) (webui.CASaved, error) {
			if refuse {
				return webui.CASaved{}, fmt.Errorf("%w: a leaf is no CA", webui.ErrInvalid)
			}
			puts, by = append(puts, u), append(by, who)
			return webui.CASaved{Generation: 7}, nil
		}
		c.Backend.CAs.Delete = func(string, string) (webui.CASaved, error) {
			return webui.CASaved{}, fmt.Errorf("%w: people are believed by this CA at wifi: take it off there first", webui.ErrRefused)
		}
	})
	cookie := h.signIn("admin")
	page := func(path string) string { return h.do(visit{path: path, cookie: cookie}).Body.String() }
	for _, want := range []string{"Acme root", "/setup/ca/wifi", "web applications"} {
		if !strings.Contains(page("/setup/ca"), want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	one := page("/setup/ca/wifi")
	for _, want := range []string{"Acme root issuing", "expires soon", "Nobody is believed through these", "CN=Acme root", "ECDSA P-256", "cannot be removed while"} {
		if !strings.Contains(one, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if w := h.do(caForm(t, "/setup/ca", cookie, "ca_file", "Acme Root.PEM", "the file", "ca_name", "")); w.Code != 303 || w.Header().Get("Location") != "/setup/ca/acme-root" {
		t.Errorf("upload: %d %q %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	if w := h.do(caForm(t, "/setup/ca/wifi", cookie, "file", "x.pem", "another file")); w.Code != 303 {
		t.Errorf("replace: %d %s", w.Code, w.Body)
	}
	want := []webui.CAUpload{{Name: "acme-root", PEM: "the file"}, {Name: "wifi", PEM: "another file", Replace: true}}
	if fmt.Sprint(puts) != fmt.Sprint(want) || fmt.Sprint(by) != "[account admin account admin]" {
		t.Errorf("put %+v by %v", puts, by)
	}
	if got := page("/setup/ca/wifi"); !strings.Contains(got, "is replaced: live, generation 7") {
		t.Error("nothing is told of the replacement")
	}
	refuse = true
	for _, v := range []visit{caForm(t, "/setup/ca", cookie, "ca_file", "a.pem", "x"), caForm(t, "/setup/ca/wifi", cookie, "file", "a.pem", "x")} {
		if w := h.do(v); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "leaf is no CA") {
			t.Errorf("%s: %d %s", v.path, w.Code, w.Body)
		}
	}
	if w := h.do(caForm(t, "/setup/ca", cookie, "ca_file", "a.pem", "")); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "Choose the file") {
		t.Errorf("no file: %d %s", w.Code, w.Body)
	}
	if w := h.do(visit{method: "POST", path: "/setup/ca/wifi/remove", cookie: cookie}); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "take it off there first") {
		t.Errorf("remove: %d %s", w.Code, w.Body)
	}
	if w := h.do(visit{path: "/setup/ca/nothing", cookie: cookie}); w.Code != http.StatusNotFound {
		t.Errorf("no such CA: %d", w.Code)
	}
}
