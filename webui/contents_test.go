package webui_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/webui"
)

var (
	serial41 = webui.BundleVersion{Name: "000041-abcdef01", BundleID: "emea", Serial: 41, SHA256: "abcdef0123", Signer: webui.BundleKey{Name: "fleet", ID: "AB12"}, Since: time.Unix(1, 0)}
	serial42 = webui.BundleVersion{Name: "000042-12345678", BundleID: "emea", Serial: 42, SHA256: "1234567890", Signer: webui.BundleKey{Name: "fleet", ID: "AB12"}, Since: time.Unix(2, 0), InForce: true, Before: "000041-abcdef01"}
)

// withContents is a gateway with two versions, of which the second holds and changes what it is given.
func withContents(contents webui.BundleContents, changes webui.BundleChanges) func(*webui.Config) {
	return func(c *webui.Config) {
		status := c.Backend.Status()
		status.Bundle = webui.Bundle{InForce: &serial42, Kept: []webui.BundleVersion{serial42, serial41}}
		status.Configuration.Generation = 2
		c.Backend.Status = func() webui.Status { return status }
		c.Backend.Bundles.Contents = func(string) (*webui.BundleContents, error) { return &contents, nil }
		c.Backend.Bundles.Changes = func(string, string) (*webui.BundleChanges, error) { own := changes; return &own, nil }
	}
}

// page returns the page as a person with that role gets it.
func (h *house) page(role, path string) string {
	h.t.Helper()
	w := h.do(visit{path: path, cookie: h.signIn(role)})
	if w.Code != http.StatusOK {
		h.t.Fatalf("%s: got %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// TestConfigLeadsToContents and to the changes, of what is in force and of what was.
// TestContentsReadNoBody: what is asked for stands in the address, and a body that comes with it is
// neither read nor put into files.
func TestContentsReadNoBody(t *testing.T) {
	t.Parallel()
	h := webui.NewLocal(config())
	for _, path := range []string{"/api/v1/bundle/contents", "/api/v1/bundle/changes"} {
		body := &countedReader{}
		r := httptest.NewRequest("GET", path, body)
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK || body.n > 0 {
			t.Errorf("%s: %d, and %d bytes were read", path, w.Code, body.n)
		}
	}
}

// A countedReader never ends.
type countedReader struct{ n int }

func (c *countedReader) Read(p []byte) (int, error) {
	if c.n > 1<<20 {
		return 0, io.ErrUnexpectedEOF
	}
	c.n += len(p)
	return len(p), nil
}

func TestConfigLeadsToContents(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withContents(webui.BundleContents{}, webui.BundleChanges{}))
	page := h.page("viewer", "/setup/config")
	for _, want := range []string{`href="/setup/config/contents">What is in it`, `href="/setup/config/changes">What changed against serial 41`,
		`href="/setup/config/contents?version=000041-abcdef01"`, `href="/setup/config/changes?to=000042-12345678"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "changes?to=000041") {
		t.Error("it leads to changes against nothing")
	}
}

// TestContentsPage says of a secret that it is there.
func TestContentsPage(t *testing.T) {
	t.Parallel()
	contents := webui.BundleContents{Version: &serial42, Secrets: 3, Objects: []webui.BundleObject{
		{Path: "ca/acme.pem", Kind: "CA chain", Size: 1234, SHA256: "aabbccddee", Fingerprint: "99887766aa"},
		{Path: "server/main/key.pem", Kind: "key of a server certificate", Encrypted: true, Secret: true, Fingerprint: "99887766aa"},
		{Path: "radius/<script>.yaml", Kind: "RADIUS server", Secret: true},
	}}
	for i := range 500 {
		contents.Objects = append(contents.Objects, webui.BundleObject{Path: fmt.Sprintf("users/%d.csv", i), Kind: "users file"})
	}
	page := newHouse(t, withContents(contents, webui.BundleChanges{})).page("viewer", "/setup/config/contents")
	for _, want := range []string{"What is in serial 42", "<code>aabbccdd</code>", "1234 bytes", "<small>certificate 99887766",
		"key of a server certificate · encrypted · no hash, it could give a secret away", "fits certificate 99887766", "RADIUS server · no hash, it could give a secret away",
		"radius/&lt;script&gt;.yaml", "And 303 more", "Secrets that came encrypted: 3"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "aabbccddee") || strings.Contains(page, "users/197.csv") {
		t.Error("the page shows too much")
	}
}

func TestContentsPageOfLooseFiles(t *testing.T) {
	t.Parallel()
	loose := webui.BundleContents{Objects: []webui.BundleObject{{Path: "policy.yaml", Kind: "policy", Secret: true}}}
	page := newHouse(t, withContents(loose, webui.BundleChanges{})).page("viewer", "/setup/config/contents")
	if !strings.Contains(page, "What is in force") || !strings.Contains(page, "Loose files") || strings.Contains(page, "Signed by") {
		t.Errorf("got %s", page)
	}
}

var someChanges = webui.BundleChanges{From: serial41, To: serial42, MoreObjects: 7, MoreChanges: 1234,
	Objects: []webui.BundleFileChange{{Op: "added", Path: "ca/second.pem", Kind: "CA chain"}},
	Changes: []webui.BundleChange{{Op: "added", Kind: "CA", Name: "second"},
		{Op: "changed", Kind: "client", Name: "ap1<b>", Of: "wifi", Text: "secret changed", Secret: true}},
	Access:        []webui.BundleChange{{Op: "added", Kind: "account", Name: "mallory"}},
	AccessChanged: 1, Users: webui.BundleUserChanges{Added: 12, Changed: 5, Secrets: 2}}

// TestChangesPage names accounts to administrators alone.
func TestChangesPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withContents(webui.BundleContents{}, someChanges))
	for role, want := range map[string]string{"viewer": "1 changed: administrators see which", "tech": "1 changed: administrators see which", "admin": "account mallory"} {
		page := h.page(role, "/setup/config/changes")
		for _, want := range []string{want, "From serial 41 to 42", "CA second", "ap1&lt;b&gt;", "secret changed", "And 1234 more", "And 7 more", "2 of them in a secret",
			`href="/setup/config/contents?version=000042-12345678"`} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", role, want)
			}
		}
		if role != "admin" && strings.Contains(page, "mallory") {
			t.Errorf("%s is told the name of an account", role)
		}
	}
}

func TestChangesPageOfNoChange(t *testing.T) {
	t.Parallel()
	same := newHouse(t, withContents(webui.BundleContents{}, webui.BundleChanges{From: serial41, To: serial42})).page("viewer", "/setup/config/changes")
	large := newHouse(t, withContents(webui.BundleContents{}, webui.BundleChanges{From: serial41, To: serial42, NotCompared: "serial 42 is large"})).page("viewer", "/setup/config/changes")
	if !strings.Contains(same, "Nothing is different") || !strings.Contains(large, "Only files were compared: serial 42 is large.") {
		t.Errorf("got %s and %s", same, large)
	}
}

// TestChangesNameAccountsToFew: a program is told their number, whatever its token may do.
func TestChangesNameAccountsToFew(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withContents(webui.BundleContents{}, someChanges))
	got := map[string]webui.BundleChanges{}
	read := func(who string, body []byte) {
		var c webui.BundleChanges
		if err := json.Unmarshal(body, &c); err != nil {
			t.Fatalf("%s: %v in %s", who, err, body)
		}
		got[who] = c
	}
	for _, role := range []string{"viewer", "tech", "admin"} {
		read(role, []byte(h.page(role, "/api/v1/bundle/changes")))
	}
	c := holders()
	withContents(webui.BundleContents{}, someChanges)(&c)
	read("console", call(webui.NewLocal(c), "GET /api/v1/bundle/changes", "", "").Body.Bytes())
	for _, token := range []string{"bundle", "admin"} {
		read("token "+token, call(webui.NewServer(c).Handler, "GET /api/v1/bundle/changes", "Bearer ght_"+token, "10.0.0.1:1").Body.Bytes())
	}
	for who, c := range got {
		if named := len(c.Access) > 0; named != (who == "admin" || who == "console") || c.AccessChanged != 1 || len(c.Changes) != 2 {
			t.Errorf("%s: got %+v", who, c)
		}
	}
}

// TestChangesHideAddressesFromViewers: who is written to about certificates is nobody else's business.
func TestChangesHideAddressesFromViewers(t *testing.T) {
	t.Parallel()
	changes := webui.BundleChanges{From: serial41, To: serial42, Changes: []webui.BundleChange{
		{Op: "changed", Kind: "policy", Text: "notices.smtp.to: [anna@acme.example] → [bert@acme.example]"},
		{Op: "changed", Kind: "app", Name: "wiki", Text: "notify: [carla@acme.example] → none"},
		{Op: "changed", Kind: "policy", Text: "eap.tls_min: 1.2 → 1.3"}}}
	h := newHouse(t, withContents(webui.BundleContents{}, changes))
	for _, path := range []string{"/setup/config/changes", "/api/v1/bundle/changes"} {
		for _, role := range []string{"viewer", "tech", "viewer"} {
			page := h.page(role, path)
			if told := strings.Contains(page, "@acme.example"); told != (role != "viewer") {
				t.Errorf("%s as %s: addresses %v", path, role, told)
			}
			if !strings.Contains(page, "notices.smtp.to") || !strings.Contains(page, "eap.tls_min: 1.2 → 1.3") {
				t.Errorf("%s as %s: got %s", path, role, page)
			}
		}
	}
}

// TestContentsAreAskedByName, and what is not there is not found.
func TestContentsAreAskedByName(t *testing.T) {
	t.Parallel()
	var asked []string
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.Bundles.Contents = func(version string) (*webui.BundleContents, error) {
			asked = append(asked, version)
			return nil, fmt.Errorf("%w: no such version is kept here", webui.ErrNotFound)
		}
		c.Backend.Bundles.Changes = func(from, to string) (*webui.BundleChanges, error) {
			asked = append(asked, from+" "+to)
			return nil, fmt.Errorf("%w: serial 42 is damaged", webui.ErrRefused)
		}
	})
	cookie := h.signIn("viewer")
	for path, want := range map[string]int{
		"/setup/config/contents?version=41": 404, "/api/v1/bundle/contents?version=41": 404,
		"/setup/config/changes?from=40&to=41": 409, "/api/v1/bundle/changes?from=40&to=41": 409,
	} {
		if w := h.do(visit{path: path, cookie: cookie}); w.Code != want {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
	if len(asked) != 4 {
		t.Errorf("asked %q", asked)
	}
	for _, a := range asked {
		if a != "41" && a != "40 41" {
			t.Errorf("asked %q", asked)
		}
	}
}
