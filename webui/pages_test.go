package webui_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/saml/pair"
	"gatehouse/webui"
)

// roleTable says who may see which page. A page that is missing here fails the test: decide first.
var roleTable = map[string]policy.Role{
	"GET /static/": "", "GET /sign-in": "", "POST /sign-in": "", "GET /first-boot": "", "POST /first-boot": "",
	"POST /sign-out": "viewer", "GET /{$}": "viewer",
	"GET /sign-ins": "viewer", "GET /sign-ins/stream": "viewer", "GET /sign-ins/{id}": "viewer",
	"GET /check": "tech", "POST /check/certificate": "tech", "GET /check/clock": "viewer", "POST /check/clock": "tech", "GET /check/ap": "viewer", "POST /check/ap": "admin", "GET /check/ap/{name}/{client}": "viewer",
	"GET /check/ap/{name}/{client}/stream": "viewer", "GET /check/ocsp": "viewer", "POST /check/ocsp": "tech",
	"GET /setup": "viewer", "GET /setup/config": "viewer", "POST /setup/config/bundle": "admin",
	"GET /setup/config/contents": "viewer", "GET /setup/config/changes": "viewer",
	"GET /setup/config/pushes/{sha256}": "viewer", "POST /setup/config/rollback": "admin",
	"GET /setup/users": "viewer",
	"GET /setup/ca":    "viewer", "POST /setup/ca": "admin", "GET /setup/ca/{name}": "viewer", "GET /setup/ca/{name}/chain.pem": "viewer",
	"POST /setup/ca/{name}": "admin", "POST /setup/ca/{name}/remove": "admin",
	"GET /setup/radius": "viewer", "GET /setup/add-radius": "admin", "POST /setup/add-radius": "admin",
	"GET /setup/radius/{name}": "viewer", "POST /setup/radius/{name}": "admin", "POST /setup/radius/{name}/remove": "admin",
	"GET /setup/saml": "viewer", "GET /setup/saml/{app}": "viewer", "GET /setup/saml/{app}/certificate.pem": "viewer",
	"GET /setup/saml/{app}/metadata.xml": "viewer", "POST /setup/saml/{app}/compare": "tech",
	"POST /setup/saml/{app}/do/{action}": "admin", "GET /setup/saml/{app}/do/{action}": "admin", "POST /setup/saml/{app}/test": "tech", "POST /setup/saml/{app}/pair": "admin",
	"GET /setup/onboard": "tech", "POST /setup/onboard": "tech", "GET /people": "viewer", "GET /people/{device}": "viewer",
	"GET /more": "viewer", "POST /more/revoke": "viewer", "POST /more/support": "tech",
	"POST /more/theme": "viewer", "POST /more/password": "viewer",
}

// at returns a request for a pattern of the table.
func at(pattern string) visit {
	method, path, _ := strings.Cut(pattern, " ")
	path = strings.NewReplacer("{sha256}", strings.Repeat("ab", 32), "{app}", "wiki", "{action}", "activate",
		"{id}", "2", "{device}", "windows", "{name}", "wifi", "{client}", "ap1", "{$}", "").Replace(path)
	if path == "/api/v1/users" {
		path += "?name=alice"
	}
	return visit{method: method, path: path}
}

func isStream(pattern string) bool { return strings.HasSuffix(pattern, "/stream") }

func TestEveryPageHasItsRole(t *testing.T) {
	t.Parallel()
	_, pages := webui.RolesOf(newHouse(t).config)
	if diff := cmp.Diff(roleTable, pages); diff != "" {
		t.Errorf("pages (-want +got)\n%s", diff)
	}
}

// TestEveryPageAsksForASession walks the table without one, and with one that never was.
func TestEveryPageAsksForASession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, pages := webui.RolesOf(h.config)
	for pattern, role := range pages {
		for _, cookie := range []string{"", "made up", strings.Repeat("A", 43)} {
			v := at(pattern)
			v.cookie = cookie
			w := h.do(v)
			if strings.HasSuffix(pattern, "/first-boot") {
				continue // for nobody, once there are accounts
			}
			if toSignIn := w.Code == 303 && strings.HasPrefix(w.Header().Get("Location"), "/sign-in"); toSignIn != (role != "") {
				t.Errorf("%s with the cookie %q: got %d to %q", pattern, cookie, w.Code, w.Header().Get("Location"))
			}
		}
	}
}

// TestEveryRouteAsksForItsRole walks pages and API with a session of every role.
func TestEveryRouteAsksForItsRole(t *testing.T) {
	t.Parallel()
	ranks := map[policy.Role]int{"viewer": 1, "tech": 2, "admin": 3}
	for name, rank := range ranks {
		h := newHouse(t)
		api, pages := webui.RolesOf(h.config)
		for _, table := range []map[string]policy.Role{api, pages} {
			for pattern, role := range table {
				if role == "" || isStream(pattern) {
					continue
				}
				v := at(pattern)
				v.cookie = h.signIn(string(name))
				w := h.do(v)
				if refused := w.Code == http.StatusForbidden; refused != (rank < ranks[role]) {
					t.Errorf("%s as %s: got %d %s", pattern, name, w.Code, w.Body)
				}
				if w.Code == http.StatusUnauthorized || w.Code == http.StatusInternalServerError {
					t.Errorf("%s as %s: got %d %s", pattern, name, w.Code, w.Body)
				}
			}
		}
	}
}

// TestEveryChangeRefusesOtherOrigins sends what other sites can have a browser send.
func TestEveryChangeRefusesOtherOrigins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	api, pages := webui.RolesOf(h.config)
	access := webui.AccessOf(h.config)
	cookie := h.signIn("admin")
	for _, table := range []map[string]policy.Role{api, pages} {
		for pattern := range table {
			if strings.HasPrefix(pattern, "GET ") || access[pattern] == "local" {
				continue
			}
			for _, header := range []http.Header{
				{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}}, {"Origin": {"null"}},
			} {
				v := at(pattern)
				v.cookie, v.header = cookie, header
				if w := h.do(v); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "another site") {
					t.Errorf("%s with %v: got %d %s", pattern, header, w.Code, w.Body)
				}
			}
		}
	}
	if w := h.do(visit{path: "/more", cookie: cookie}); w.Code != 200 {
		t.Errorf("after all that the session is gone: got %d", w.Code)
	}
}

// TestEveryRouteRefusesOtherHosts asks by names that are none of the gateway's, as after DNS
// rebinding, and by those that are.
func TestEveryRouteRefusesOtherHosts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	api, pages := webui.RolesOf(h.config)
	cookie := h.signIn("admin")
	for _, table := range []map[string]policy.Role{api, pages} {
		for pattern := range table {
			v := at(pattern)
			v.cookie, v.host = cookie, "evil.example:8443"
			if w := h.do(v); w.Code != http.StatusMisdirectedRequest {
				t.Errorf("%s: got %d %s, want 421", pattern, w.Code, w.Body)
			}
		}
	}
	for host, want := range map[string]int{
		"gw.example": 200, "GW.EXAMPLE:8443": 200, "gw.example.": 200, "192.0.2.1:8443": 200, "[2001:db8::1]:8443": 200,
		"localhost": 200, "evil.local": 421, "gw.example.evil.example": 421, "": 200,
	} {
		if w := h.do(visit{path: "/more", cookie: cookie, host: host}); w.Code != want {
			t.Errorf("host %q: got %d, want %d", host, w.Code, want)
		}
	}
	if w := h.do(visit{path: "/livez", host: "anything.example"}); w.Code != 200 {
		t.Errorf("a monitor that knows another name: got %d, want 200", w.Code)
	}
}

const wantPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// TestEveryPageCarriesTheHeaders and is well-formed, with nothing in it that the policy forbids.
func TestEveryPageCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, pages := webui.RolesOf(h.config)
	cookie := h.signIn("admin")
	for pattern := range pages {
		if !strings.HasPrefix(pattern, "GET ") || isStream(pattern) || pattern == "GET /static/" ||
			pattern == "GET /first-boot" || isDownload(pattern) {
			continue
		}
		v := at(pattern)
		v.cookie = cookie
		w := h.do(v)
		for key, want := range map[string]string{
			"Content-Security-Policy": wantPolicy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
		} {
			if got := w.Header().Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", pattern, key, got, want)
			}
		}
		if w.Header().Get("Permissions-Policy") == "" || w.Header().Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: %v", pattern, w.Header())
		}
		if err := wellFormed(w.Body.String()); err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

// wellFormed reads a page as strictly as HTML allows, and looks for what the policy forbids.
func wellFormed(page string) error {
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		name, source := start.Name.Local, ""
		for _, a := range start.Attr {
			key := strings.ToLower(a.Name.Local)
			if strings.HasPrefix(key, "on") || key == "style" || key == "srcdoc" || strings.HasPrefix(a.Value, "javascript:") && key != "value" {
				return fmt.Errorf("<%s %s=%q>", name, key, a.Value)
			}
			if key == "src" {
				source = a.Value
			}
		}
		if name == "script" && !strings.HasPrefix(source, "/static/") || name == "style" || name == "img" {
			return fmt.Errorf("<%s src=%q>", name, source)
		}
	}
}

// hostile is what strangers may call themselves.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "a\u202egnp.exe\u2066", "x\x00\x1b[31m\r\ndata: y\n\nevent: row",
	strings.Repeat("ü漢", 800), "javascript:alert(1)", "{{.Secret}}", "'; DROP", `\u202e`,
}

// hostileDecisions has every text that a stranger may choose.
func hostileDecisions() decisions {
	var d decisions
	for i, text := range hostile {
		l := audit.CertificateLadder()
		l.Pass(audit.StepClient, text)
		l.Fail(audit.StepUser, text)
		d = append(d, audit.Entry{ID: uint64(i + 1), Event: audit.Event{
			Time: time.Date(2026, 5, 4, 11, 59, 0, 0, time.UTC), Result: audit.Reject, Reason: audit.UserUnknown,
			Server: text, Client: text, NAS: text, Station: text, User: text, OuterIdentity: text, CA: text, Detail: text,
			OCSP: text, OCSPSource: text, CertSHA256: text, Ladder: l,
		}})
	}
	return d
}

// TestNamesFromTheAirAreHarmless shows them on every page that has names.
func TestNamesFromTheAirAreHarmless(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.Decisions = hostileDecisions()
		c.Backend.TestCertificate = func([]byte, string) ([]webui.CertTest, error) {
			return []webui.CertTest{{Server: hostile[0], User: hostile[1], Detail: hostile[2], Sentence: hostile[3], CA: hostile[4]}}, nil
		}
		c.Backend.Status = func() webui.Status { return hostileStatus(hostile[0] + hostile[2] + hostile[4]) }
		c.Backend.SAML = hostileApps(hostile[0] + hostile[2] + hostile[4])
		c.Backend.Bundles.State = func() webui.Bundle { return hostileStatus(hostile[1] + hostile[3]).Bundle }
		hostileBundles(&c.Backend.Bundles, hostile[0]+hostile[2]+hostile[4])
		c.Backend.Validities = func() []webui.Validity {
			return []webui.Validity{{Kind: hostile[0], Name: hostile[1], Subject: hostile[2] + hostile[3], NotAfter: time.Now().Add(time.Hour)}}
		}
		c.Backend.FindUser = func(string) (webui.User, error) { return userCalled(hostile[0] + hostile[2] + hostile[4]), nil }
		c.Backend.CAs = hostileCAs(hostile[0] + hostile[2] + hostile[4])
		c.Backend.RADIUS = hostileServers(hostile[0] + hostile[2] + hostile[3] + hostile[8])
	})
	visits := []visit{
		{path: "/"}, {path: "/sign-ins"}, {path: "/check"}, {path: "/check/clock?off_by=9d"}, {path: "/check/ocsp"}, {path: "/check/ap"}, {path: "/check/ap/wifi/ap1"}, {path: "/setup"}, {path: "/setup/config"}, {path: "/more"},
		{path: "/setup/users?q=" + url.QueryEscape(hostile[1])}, {path: "/setup/radius"}, {path: "/setup/add-radius"}, {path: "/setup/radius/wifi"},
		{path: "/sign-ins?q=" + url.QueryEscape(hostile[1]) + "&reason=" + url.QueryEscape(hostile[0])},
		{path: "/sign-in?next=" + url.QueryEscape(hostile[1])},
		{method: "POST", path: "/sign-in", form: url.Values{"username": {hostile[0]}, "password": {"x"}}},
	}
	for i := range hostile {
		visits = append(visits, visit{path: fmt.Sprintf("/sign-ins/%d", i+1)})
	}
	_, all := webui.RolesOf(h.config)
	for pattern := range all { // those to come too
		if v := at(pattern); v.method == "GET" && !isStream(pattern) && !isDownload(pattern) {
			visits = append(visits, v)
		}
	}
	for _, role := range []string{"viewer", "admin"} { // who see different pages
		cookie := h.signIn(role)
		for _, v := range visits {
			v.cookie, v.header = cookie, http.Header{"User-Agent": {hostile[1]}}
			checkHarmless(t, role+" "+v.path, h.do(v).Body.String())
		}
	}
	w := h.do(certificateForm(t, h.signIn("admin"), hostile[0]+"</textarea><script>alert(1)</script>", "-----BEGIN"))
	checkHarmless(t, "/check/certificate", w.Body.String())
	if !strings.Contains(w.Body.String(), "Would be") {
		t.Errorf("no answer on the page: %s", w.Body)
	}
}

// isDownload reports whether what a page hands out is no page.
func isDownload(pattern string) bool {
	return strings.HasSuffix(pattern, ".pem") || strings.HasSuffix(pattern, ".xml") || pattern == "GET /static/"
}

// hostileBundles has text wherever what is in a bundle has any.
func hostileBundles(b *webui.Bundles, text string) {
	version := webui.BundleVersion{Name: text, BundleID: text, SHA256: text, Signer: webui.BundleKey{Name: text, ID: text}}
	b.Contents = func(string) (*webui.BundleContents, error) {
		return &webui.BundleContents{Version: &version, Objects: []webui.BundleObject{{Path: text, Kind: text, SHA256: text, Fingerprint: text}}}, nil
	}
	b.Changes = func(string, string) (*webui.BundleChanges, error) {
		change := []webui.BundleChange{{Op: text, Kind: text, Name: text, Of: text, Text: text}}
		return &webui.BundleChanges{From: version, To: version, NotCompared: text, Changes: change, AccessChanged: 1, Access: change,
			Objects: []webui.BundleFileChange{{Op: text, Path: text, Kind: text}}}, nil
	}
}

// hostileApps has text wherever an app has any but its name, which is that of a directory.
func hostileApps(text string) webui.SAML {
	part := pair.PartStatus{State: pair.State(text), Colour: pair.Colour(text), Text: text}
	facts := pair.Facts{SHA256: text, First: text, Last: text, Subject: text}
	app := webui.SAMLApp{Name: "wiki", Label: text, Reason: text, EntityID: text, ACS: []string{text}, IDPEntityID: text, SignIn: text,
		Start: text, MetadataURL: text, Signs: text, Downloaded: text, Warning: text, Consequent: []string{text}, Changed: true,
		Pairs: pair.Status{Certificate: part, Key: part, Pairs: []pair.SlotStatus{{Role: pair.Role(text), Certificate: part, Key: part, Facts: &facts}}},
		Can:   map[string]string{"activate": text, "promote": ""}}
	saml := apps()
	saml.Apps = func() []webui.SAMLApp { return []webui.SAMLApp{app} }
	return saml
}

func checkHarmless(t *testing.T, name, page string) {
	t.Helper()
	if at := strings.IndexAny(page, "\u202e\u2066\x00\x1b"); at >= 0 {
		t.Errorf("%s has control or bidi characters in it: %q", name, page[max(0, at-80):at+3])
	}
	if err := wellFormed(page); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if len(page) > 256<<10 {
		t.Errorf("%s has %d bytes", name, len(page))
	}
}

// hostileStatus has text wherever a status has any.
func hostileStatus(text string) webui.Status {
	version := webui.BundleVersion{Name: text, BundleID: text, SHA256: text, Signer: webui.BundleKey{Name: text, ID: text},
		Arrived: text, Changelog: text, Failed: text}
	problems := []webui.Problem{{File: text, Line: 1, Severity: "error", Text: text, Remedy: text}}
	return webui.Status{
		Node: text, Version: text, Detail: text, Reason: text,
		Configuration: webui.Configuration{Servers: []string{text}, Problems: problems},
		Bundle: webui.Bundle{InForce: &version, Kept: []webui.BundleVersion{version}, Trying: text, Problem: text, Damaged: text,
			Refused: &webui.BundleRefusal{Code: text, Text: text, File: text, BundleID: text, SHA256: text, Problems: problems},
			Ignored: []string{text}, Waiting: []string{text}, Strays: []string{text}, Keys: []webui.BundleKey{{Name: text, ID: text}}},
		Clock:    webui.Clock{Why: text, Problem: text, Hints: []webui.ClockHint{{Source: text}}},
		Expiring: []webui.Expiring{{Kind: text, Name: text, Text: text, Remedy: text}},
	}
}

// certificateForm pastes text into the page that checks certificates.
func certificateForm(t *testing.T, cookie, server, text string) visit {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for key, value := range map[string]string{"server": server, "pem": text} {
		if err := w.WriteField(key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return visit{method: "POST", path: "/check/certificate", cookie: cookie, body: b.String(),
		header: http.Header{"Content-Type": {w.FormDataContentType()}}}
}

// TestCheckKeepsNoKey pastes a private key with the certificate: it goes nowhere.
func TestCheckKeepsNoKey(t *testing.T) {
	t.Parallel()
	var got string
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.TestCertificate = func(data []byte, _ string) ([]webui.CertTest, error) {
			got = string(data)
			return nil, nil
		}
	})
	const secret = "MIIEvQIBADANBgkq"
	text := "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n"
	w := h.do(certificateForm(t, h.signIn("tech"), "", text))
	if strings.Contains(w.Body.String(), secret) || strings.Contains(got, secret) {
		t.Errorf("the key went on:\n%s\n%s", got, w.Body)
	}
	if w.Code != 200 || !strings.Contains(got, "BEGIN CERTIFICATE") {
		t.Errorf("the certificate did not: got %d\n%s", w.Code, got)
	}
}

// TestSecretsAreOnNoPage looks for the hashes of passwords on every page.
func TestSecretsAreOnNoPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cookie := h.signIn("admin")
	_, pages := webui.RolesOf(h.config)
	for pattern := range pages {
		if isStream(pattern) || !strings.HasPrefix(pattern, "GET ") {
			continue
		}
		v := at(pattern)
		v.cookie = cookie
		page := h.do(v).Body.String()
		if strings.Contains(page, "argon2id") || strings.Contains(page, password) || strings.Contains(page, cookie) {
			t.Errorf("%s shows a secret", pattern)
		}
	}
}

func TestSignInsAreFiltered(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *webui.Config) {
		event := func(user, station string, r audit.Reason) audit.Event {
			return audit.Event{Time: time.Unix(1, 0), Result: audit.Reject, Reason: r, User: user, Station: station,
				Detail: "certificate of " + strings.ToUpper(user)}
		}
		c.Backend.Decisions = decisions{
			{ID: 1, Event: event("alice", "02-AB-CD-EF-00-01", audit.CertExpired)},
			{ID: 2, Event: event("bob", "02-AB-CD-EF-00-02", audit.UserSuspended)},
		}
	})
	cookie := h.signIn("tech")
	for query, want := range map[string]string{
		"": "alice bob", "?q=ALI": "alice", "?q=certificate+of+b": "bob", "?q=02:ab:cd:ef:00:02": "bob", "?q=02abcdef00": "alice bob", "?q=-02": "bob",
		"?reason=cert_expired": "alice", "?q=bob&reason=cert_expired": "", "?q=carol": "",
	} {
		page := h.do(visit{path: "/sign-ins" + query, cookie: cookie}).Body.String()
		var got []string
		for _, name := range []string{"alice", "bob"} {
			if strings.Contains(page, "<strong>"+name+"</strong>") {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
}

// TestOneSignInSaysWhatToDo opens the failed step, and has all of it as text.
func TestOneSignInSaysWhatToDo(t *testing.T) {
	t.Parallel()
	ladder := audit.CertificateLadder()
	ladder.Pass(audit.StepClient, "ap1")
	ladder.Fail(audit.StepDates, "ended on 3 May")
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.Decisions = decisions{{ID: 1, Event: audit.Event{Time: time.Unix(1, 0), Result: audit.Reject, User: "alice",
			Reason: audit.CertExpired, Station: "02-AB", Ladder: ladder}}}
	})
	cookie := h.signIn("tech")
	page := h.do(visit{path: "/sign-ins/1", cookie: cookie}).Body.String()
	explanation, _ := audit.Explain(audit.CertExpired)
	for _, want := range []string{"Rejected", explanation.Sentence, explanation.NextStep, "<details open>", "ended on 3 May",
		"Dates: failed", "User: not run", "/sign-ins?q=02-AB"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	for _, path := range []string{"/sign-ins/2", "/sign-ins/0", "/sign-ins/x", "/sign-ins/-1", "/sign-ins/99999999999999999999"} {
		if w := h.do(visit{path: path, cookie: cookie}); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, w.Code)
		}
	}
}

// TestSignInStream sends rows as they are on the page, each in one line.
func TestSignInStream(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *webui.Config) { c.Backend.Decisions = hostileDecisions() })
	cookie := h.signIn("viewer")
	server := httptest.NewServer(h.handler)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/sign-ins/stream?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "__Host-gatehouse", Value: cookie})
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	scanner := bufio.NewScanner(response.Body)
	rows, events := 0, 0
	for rows < len(hostile) && scanner.Scan() {
		line := scanner.Text()
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			rows++
			checkHarmless(t, "row", data)
		}
		if strings.HasPrefix(line, "event: row") {
			events++
		}
	}
	if rows != len(hostile) || events != rows {
		t.Errorf("got %d rows in %d events, want %d", rows, events, len(hostile))
	}
}

// TestUploadOfABundle brings one as a browser does, and others that are not whole.
func TestUploadOfABundle(t *testing.T) {
	t.Parallel()
	var archive, signature string
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.Bundles.Push = func(r io.Reader, s []byte) (string, error) {
			data, err := io.ReadAll(r)
			archive, signature = string(data), string(s)
			return strings.Repeat("ab", 32), err
		}
	})
	cookie := h.signIn("admin")
	for _, tt := range []struct {
		name  string
		parts [][2]string
		want  int
	}{
		{"whole", [][2]string{{"signature", "SIG"}, {"archive", "ARCHIVE"}}, 303},
		{"no_archive", [][2]string{{"signature", "SIG"}}, 400},
		{"no_signature", [][2]string{{"archive", "ARCHIVE"}}, 400},
		{"empty_signature", [][2]string{{"signature", ""}, {"archive", "ARCHIVE"}}, 400},
		{"long_signature", [][2]string{{"signature", strings.Repeat("x", 17<<10)}, {"archive", "ARCHIVE"}}, 400},
		{"wrong_order", [][2]string{{"archive", "ARCHIVE"}, {"signature", "SIG"}}, 400},
	} {
		archive, signature = "", ""
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for _, part := range tt.parts {
			f, err := w.CreateFormFile(part[0], part[0])
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(f, part[1]) // to memory
		}
		_ = w.Close()
		got := h.do(visit{method: "POST", path: "/setup/config/bundle", cookie: cookie, body: b.String(),
			header: http.Header{"Content-Type": {w.FormDataContentType()}}})
		if got.Code != tt.want || (archive == "ARCHIVE" && signature == "SIG") != (tt.want == 303) {
			t.Errorf("%s: got %d %q %q %s, want %d", tt.name, got.Code, archive, signature, got.Body, tt.want)
		}
	}
}

// TestRollbackNeedsAReason and says who asked.
func TestRollbackNeedsAReason(t *testing.T) {
	t.Parallel()
	var got []webui.BundleRollback
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.Bundles.RollBack = func(o webui.BundleRollback) error { got = append(got, o); return nil }
	})
	cookie := h.signIn("admin")
	for reason, want := range map[string]int{"": 400, "  ": 400, strings.Repeat("x", 501): 400, "the new one is wrong": 303} {
		w := h.do(visit{method: "POST", path: "/setup/config/rollback", cookie: cookie,
			form: url.Values{"to": {"7-abcdef01"}, "reason": {reason}}})
		if w.Code != want {
			t.Errorf("reason %q: got %d, want %d", reason, w.Code, want)
		}
	}
	want := []webui.BundleRollback{{To: "7-abcdef01", Reason: "the new one is wrong", By: "account admin"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rollbacks (-want +got)\n%s", diff)
	}
}

// TestSA14LinkActsOnNothing: a GET acts on nothing. A POST asks what follows first, and says why something cannot be done.
func TestSA14LinkActsOnNothing(t *testing.T) {
	t.Parallel()
	var done []webui.SAMLChange
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.SAML.Apps = func() []webui.SAMLApp {
			return []webui.SAMLApp{{Name: "wiki", Label: "Wiki", Can: map[string]string{"regenerate": "", "promote": "nothing waits"}, Entails: map[string][]string{"regenerate": {"the service provider needs it"}}}}
		}
		c.Backend.SAML.Change = func(_ string, change webui.SAMLChange) (webui.SAMLApp, error) {
			if !change.Confirm {
				return webui.SAMLApp{}, fmt.Errorf("%w: metadata changes", webui.ErrRefused)
			}
			done = append(done, change)
			return webui.SAMLApp{}, nil
		}
	})
	cookie := h.signIn("admin")
	do := func(action, confirm string) *httptest.ResponseRecorder {
		return h.do(visit{method: "POST", path: "/setup/saml/wiki/do/" + action, cookie: cookie, form: url.Values{"confirm": {confirm}}})
	}
	if w := do("regenerate", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "Metadata changes.") || len(done) > 0 {
		t.Errorf("unconfirmed: got %d, done %v", w.Code, done)
	}
	for range 2 { // SA-14: the link of a notice, which mail scanners follow too
		w := h.do(visit{path: "/setup/saml/wiki/do/regenerate", cookie: cookie})
		if w.Code != 200 || !strings.Contains(w.Body.String(), "The service provider needs it.") || len(done) > 0 {
			t.Errorf("a look at the link: got %d, done %v", w.Code, done)
		}
	}
	if w := h.do(visit{path: "/setup/saml/wiki/do/promote", cookie: cookie}); w.Code != http.StatusConflict || len(done) > 0 {
		t.Errorf("a look at what cannot be done: got %d, done %v", w.Code, done)
	}
	if w := do("regenerate", "yes"); w.Code != 303 || len(done) != 1 || done[0].Action != pair.ActionRegenerate {
		t.Errorf("confirmed: got %d, done %v", w.Code, done)
	}
	if w := do("promote", ""); w.Code != http.StatusConflict || len(done) != 1 {
		t.Errorf("what cannot be done: got %d, done %v", w.Code, done)
	}
	for _, action := range []string{"pair", "everything"} {
		if w := do(action, "yes"); w.Code != http.StatusNotFound || len(done) != 1 {
			t.Errorf("%s: got %d, done %v", action, w.Code, done)
		}
	}
	if page := h.do(visit{path: "/setup/saml/wiki", cookie: cookie}).Body.String(); !strings.Contains(page, "nothing waits") {
		t.Errorf("the page does not say why: %s", page)
	}
}
