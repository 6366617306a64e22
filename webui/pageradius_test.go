package webui_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/webui"
)

// hostileServers has text wherever a RADIUS server has any that strangers may have chosen.
func hostileServers(text string) webui.RADIUSServers {
	s := webui.RADIUSServer{Name: text, Primary: "Certificate", CAs: []string{text}, SSID: []string{text}, NASIdentifier: []string{text},
		State: webui.RADIUSKept, Problems: []webui.Problem{{File: text, Severity: "error", Text: text, Remedy: text}},
		Clients: []webui.RADIUSClient{{Name: text, Address: text}, {Name: text, TLS: text}}}
	r := radiusServers()
	r.List = func() []webui.RADIUSServer { return []webui.RADIUSServer{s} }
	r.Get = func(string) (webui.RADIUSServer, error) { return s, nil }
	r.CAs = func() []string { return []string{text} }
	return r
}

// A filled form has fields, of which some come several times, and files by field and name.
type filled struct {
	fields [][2]string
	files  map[string][2]string
}

func (f filled) visit(t *testing.T, path, cookie string) visit {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, field := range f.fields {
		if err := w.WriteField(field[0], field[1]); err != nil {
			t.Fatal(err)
		}
	}
	for field, file := range f.files {
		part, err := w.CreateFormFile(field, file[0])
		if err == nil {
			_, err = part.Write([]byte(file[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return visit{method: "POST", path: path, cookie: cookie, body: b.String(),
		header: http.Header{"Content-Type": {w.FormDataContentType()}}}
}

// recorded is a house that remembers the changes of RADIUS servers; refuse is what it says to them.
func recorded(t *testing.T, refuse error) (*house, *[]webui.RADIUSChange) {
	changes := &[]webui.RADIUSChange{}
	h := newHouse(t, func(c *webui.Config) {
		put := c.Backend.RADIUS.Put
		c.Backend.RADIUS.Put = func(name string, change webui.RADIUSChange) (webui.RADIUSSaved, error) {
			sort.Slice(change.Uploads, func(i, j int) bool { return change.Uploads[i].Name < change.Uploads[j].Name })
			*changes = append(*changes, change)
			if refuse != nil {
				return webui.RADIUSSaved{}, refuse
			}
			return put(name, change)
		}
	})
	return h, changes
}

// TestRADIUSServerIsAddedOnThePage with a file for its CA; the list tells of it, and of the secret
// that was made, once.
func TestRADIUSServerIsAddedOnThePage(t *testing.T) {
	t.Parallel()
	h, changes := recorded(t, nil)
	cookie := h.signIn("admin")
	form := filled{fields: [][2]string{{"name", " corp "}, {"was", ""}, {"client", "ap2"}, {"address", "192.0.2.9"}, {"secret", ""},
		{"method", "passwordless"}, {"ca", "acme"}, {"ssid", "one\r\n two words \r\n\r\n"}, {"nas_identifier", ""}},
		files: map[string][2]string{"ca_file": {`C:\My Files\Acme Root CA.crt`, "PEM"}}}
	w := h.do(form.visit(t, "/setup/add-radius", cookie))
	if w.Code != 303 || w.Header().Get("Location") != "/setup/radius" {
		t.Fatalf("got %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	want := []webui.RADIUSChange{{By: "account admin", Create: true, Method: "passwordless", CAs: []string{"acme"},
		SSID: []string{"one", "two words"}, NASIdentifier: []string{},
		Uploads: []webui.CAUpload{{Name: "acme-root-ca", PEM: "PEM"}},
		Clients: []webui.RADIUSClientChange{{Name: "ap2", Address: "192.0.2.9"}}}}
	if diff := cmp.Diff(want, *changes); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if other := h.do(visit{path: "/setup/radius", cookie: h.signIn("viewer")}).Body.String(); strings.Contains(other, "TOLDONCE") {
		t.Error("somebody else is told the secret")
	}
	first, second := h.do(visit{path: "/setup/radius", cookie: cookie}).Body.String(), h.do(visit{path: "/setup/radius", cookie: cookie}).Body.String()
	for _, text := range []string{"corp is saved: live, generation 7.", "Secret of ap2", "TOLDONCE"} {
		if !strings.Contains(first, text) || strings.Contains(second, text) {
			t.Errorf("%q: told %v, and again %v", text, strings.Contains(first, text), strings.Contains(second, text))
		}
	}
	for _, text := range []string{`<th scope="col">Primary authentication</th>`, `<span class="badge">Certificate</span>`, "<td>none</td>", "in force"} {
		if !strings.Contains(second, text) {
			t.Errorf("the list lacks %q", text)
		}
	}
}

// TestRADIUSServerIsChangedOnThePage: what was not touched is not asked for.
func TestRADIUSServerIsChangedOnThePage(t *testing.T) {
	t.Parallel()
	h, changes := recorded(t, nil)
	cookie := h.signIn("admin")
	fields := [][2]string{{"version", "abcd"}, {"method", "passwordless"}, {"ca", "acme"}, {"ca", "globalsign"}, {"ssid", "corp"}, {"nas_identifier", ""}}
	untouched := [][2]string{{"was", "ap1"}, {"client", "ap1"}, {"address", "192.0.2.0/24"}, {"secret", ""}}
	another := [][2]string{{"was", ""}, {"client", ""}, {"address", ""}, {"secret", ""}}
	base := webui.RADIUSChange{By: "account admin", Version: "abcd", Method: "passwordless", CAs: []string{"acme", "globalsign"}}
	for _, tt := range []struct {
		name   string
		fields [][2]string
		files  map[string][2]string
		back   string
		want   func(*webui.RADIUSChange)
	}{
		{"untouched", append(untouched, another...), map[string][2]string{"ca_file": {"", ""}}, "/setup/radius", func(*webui.RADIUSChange) {}},
		{"new_secret", append(untouched[:3:3], [2]string{"secret", "typed by hand"}), nil, "/setup/radius", func(c *webui.RADIUSChange) {
			c.Clients = []webui.RADIUSClientChange{{Was: "ap1", Name: "ap1", Address: "192.0.2.0/24", Secret: "typed by hand"}}
		}},
		{"generated", append(untouched[:4:4], [2]string{"generate", "ap1"}), nil, "/setup/radius", func(c *webui.RADIUSChange) {
			c.Clients = []webui.RADIUSClientChange{{Was: "ap1", Name: "ap1", Address: "192.0.2.0/24", Generate: true}}
		}},
		{"removed", append(untouched[:4:4], [2]string{"remove", "ap1"}), nil, "/setup/radius", func(c *webui.RADIUSChange) {
			c.Clients = []webui.RADIUSClientChange{{Was: "ap1", Name: "ap1", Address: "192.0.2.0/24", Remove: true}}
		}},
		{"replaced", untouched, map[string][2]string{"replace-acme": {"x.pem", "PEM"}}, "/setup/radius", func(c *webui.RADIUSChange) {
			c.Uploads = []webui.CAUpload{{Name: "acme", PEM: "PEM", Replace: true}}
		}},
		{"dropped", [][2]string{{"drop", "acme"}}, nil, "/setup/radius/wifi", func(c *webui.RADIUSChange) {
			*c = webui.RADIUSChange{By: "account admin", Version: "abcd", RemoveCAs: []string{"acme"}}
		}},
	} {
		*changes = nil
		w := h.do(filled{append(fields[:len(fields):len(fields)], tt.fields...), tt.files}.visit(t, "/setup/radius/wifi", cookie))
		if w.Code != 303 || w.Header().Get("Location") != tt.back {
			t.Errorf("%s: got %d to %q: %s", tt.name, w.Code, w.Header().Get("Location"), w.Body)
		}
		want := base
		tt.want(&want)
		if diff := cmp.Diff([]webui.RADIUSChange{want}, *changes); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
	if w := h.do(visit{method: "POST", path: "/setup/radius/wifi/remove", cookie: cookie}); w.Code != 303 {
		t.Errorf("removing: got %d", w.Code)
	}
	if page := h.do(visit{path: "/setup/radius", cookie: cookie}).Body.String(); !strings.Contains(page, "wifi is removed: live, generation 8.") {
		t.Error("nobody says that it is removed")
	}
}

// TestRADIUSFormComesBack when it is refused, with what was filled in but for secrets.
func TestRADIUSFormComesBack(t *testing.T) {
	t.Parallel()
	h, _ := recorded(t, fmt.Errorf("%w: a passwordless server needs at least one CA", webui.ErrInvalid))
	cookie := h.signIn("admin")
	for _, path := range []string{"/setup/add-radius", "/setup/radius/wifi"} {
		form := filled{fields: [][2]string{{"was", ""}, {"client", "ap-new"}, {"address", "198.51.100.1"}, {"secret", "typed by hand"},
			{"method", "password"}, {"ssid", "guests"}}}
		w := h.do(form.visit(t, path, cookie))
		page := w.Body.String()
		if w.Code != 400 || strings.Contains(page, "typed by hand") {
			t.Errorf("%s: got %d, and the secret comes back: %v", path, w.Code, strings.Contains(page, "typed by hand"))
		}
		for _, text := range []string{`role="alert"`, "A passwordless server needs at least one CA.", `value="ap-new"`, `value="198.51.100.1"`,
			`value="password" checked`, ">guests\n</textarea>"} {
			if !strings.Contains(page, text) {
				t.Errorf("%s: the page lacks %q", path, text)
			}
		}
		if err := wellFormed(page); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if w := h.do(filled{fields: [][2]string{{"was", ""}}}.visit(t, "/setup/add-radius", cookie)); w.Code != 400 {
		t.Errorf("half a form: got %d", w.Code)
	}
	big := filled{files: map[string][2]string{"ca_file": {"x.pem", strings.Repeat("x", 2<<20)}}}
	if w := h.do(big.visit(t, "/setup/add-radius", cookie)); w.Code != 400 {
		t.Errorf("a file of 2 MB: got %d", w.Code)
	}
}

// TestRADIUSFormOffersWhatThereIs: a person who may change it sees the six steps; others, and
// everybody while head office manages it, see how it is.
func TestRADIUSFormOffersWhatThereIs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	page := h.do(visit{path: "/setup/radius/wifi", cookie: h.signIn("admin")}).Body.String()
	for _, text := range []string{"Password <small>(not yet available)", "Passwordless", "Allow password authentication as an alternative method", `type="checkbox" disabled`,
		"Choose a file", `name="ca" value="acme" checked`, `name="ca" value="globalsign">`, "acme.pem", "Replace acme.pem", `href="/setup/ca/acme"`, "View full chain",
		`form="drop" name="drop" value="acme"`, "data-needs-ca", "data-save", `value="ap1"`, "over TLS, san proxy.example", `value="abcd"`} {
		if !strings.Contains(page, text) {
			t.Errorf("the form lacks %q", text)
		}
	}
	if strings.Contains(page, "data-save disabled") || strings.Contains(page, `data-save aria-describedby="why" disabled`) {
		t.Error("Save is off without JavaScript")
	}
	managed := newHouse(t, func(c *webui.Config) { c.Backend.RADIUS.Managed = func() string { return "managed by head office" } })
	for name, page := range map[string]string{
		"viewer":  h.do(visit{path: "/setup/radius/wifi", cookie: h.signIn("viewer")}).Body.String(),
		"managed": managed.do(visit{path: "/setup/radius/wifi", cookie: managed.signIn("admin")}).Body.String(),
	} {
		if strings.Contains(page, "<form") || !strings.Contains(page, "192.0.2.0/24") || !strings.Contains(page, "Certificate") {
			t.Errorf("%s: a form, or not how it is:\n%s", name, page)
		}
		if name == "managed" && !strings.Contains(page, "managed by head office") {
			t.Error("nobody says who manages it")
		}
	}
	if list := managed.do(visit{path: "/setup/radius", cookie: managed.signIn("admin")}).Body.String(); strings.Contains(list, "add-radius") {
		t.Error("what head office manages can be added to")
	}
}
