package appliance_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// A fact is one about people that viewers are not told.
type fact struct{ what, text string }

// TestViewersSeeNobodyInFull signs people in and refuses others, finds faults in users files, and
// reads every page, every answer of the API and both streams: a viewer is told nothing of whom it was
// in full, and a tech all of it.
func TestViewersSeeNobodyInFull(t *testing.T) {
	t.Parallel()
	s, _ := newOCSPSite(t, "")
	s.write("admins.yaml", fmt.Sprintf("accounts: [{username: vera, role: viewer, password: %[1]q}, {username: theo, role: tech, password: %[1]q}]\n",
		cheapHash(ownersPassword)))
	s.write("users/canaries.yaml", `- {username: zebulon, email: zebulon.pike@acme.example, aliases: [quagmire@acme.example], name: Ottoline Fanshawe}
- {username: philomena, email: philomena@acme.example, state: suspended}
`)
	s.start()
	canaries := s.flyCanaries()
	s.write("users/zz.yaml", "- {username: gwendolen, email: zebulon.pike@acme.example}\n")
	s.reload()
	var paths []string
	for path, operations := range readContract(t).paths {
		if _, ok := operations["get"]; ok && !strings.HasSuffix(path, "/stream") {
			paths = append(paths, strings.NewReplacer("{app}", "none", "{name}", nameFor("GET", path), "{sha256}", "none", "{id}", "none").Replace(path))
		}
	}
	viewer, tech := s.readAll("vera", paths), s.readAll("theo", paths)
	for _, c := range canaries {
		for where, text := range viewer {
			if at := strings.Index(strings.ToLower(text), strings.ToLower(c.text)); at >= 0 {
				t.Errorf("%s: %s is told in full: …%.160s", where, c.what, text[max(0, at-80):])
			}
		}
		told := false
		for _, text := range tech {
			told = told || strings.Contains(strings.ToLower(text), strings.ToLower(c.text))
		}
		if !told {
			t.Errorf("a tech is not told the %s %q: this test proves nothing of it", c.what, c.text)
		}
	}
	for _, where := range []string{"/sign-ins", "/setup/users?q=zebulon", "/check/ocsp"} {
		if !strings.Contains(viewer[where], "Names are shortened for viewers") || strings.Contains(tech[where], "Names are shortened") {
			t.Errorf("%s: a viewer is not told that names are shortened, or a tech is", where)
		}
	}
	if where := "/setup/ca/acme"; !strings.Contains(tech[where], "<strong>zebulon</strong>") || !strings.Contains(viewer[where], "<strong>ze…</strong>") {
		t.Errorf("%s does not say who chains to it", where)
	}
	for _, where := range []string{"/sign-ins?q=zebulon", "/sign-ins?q=02:00:5e:ab:cd:ef"} { // what is typed in full is found
		if !strings.Contains(viewer[where], "<strong>ze…</strong>") {
			t.Errorf("%s: a viewer does not find it", where)
		}
	}
}

// flyCanaries has people sign in whose names, devices and certificates are odd enough to be looked for.
func (s *site) flyCanaries() []fact {
	s.t.Helper()
	all := []fact{{"user name", "zebulon"}, {"e-mail address", "zebulon.pike@"}, {"alias", "quagmire"}, {"name", "Ottoline Fanshawe"},
		{"device", "AB-CD-EF"}, {"device elsewhere", "AB-CD-0"}, {"suspended user", "philomena"}, {"unknown user", "xanthippe"},
		{"common name", "hieronymus"}, {"name from the device", "balthasar"}, {"user in a finding", "gwendolen"}}
	for i, o := range []lab.UserOptions{
		{Identity: "zebulon.pike@acme.example"},
		{Identity: "philomena@acme.example"},
		{Identity: "xanthippe@acme.example", CommonName: "hieronymus"},
		{Identity: "zebulon.pike@acme.example", CommonName: "hieronymus", Options: lab.Options{
			NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(0, 0, -3)}},
	} {
		leaf := s.user(o)
		device := s.deviceOf(leaf, i)
		device.Identity = "balthasar@acme.example"
		if device.CallingStationID = "02-00-5E-AB-CD-EF"; i > 0 {
			device.CallingStationID = fmt.Sprintf("02-00-5E-AB-CD-0%d", i)
		}
		s.tryToSignIn(device)
		d := s.decision()
		all = append(all, fact{"certificate of " + d.Reason, fmt.Sprintf("%x", sha256.Sum256(leaf.Raw))[6:]})
		if i != 1 && i != 2 { // of whom nobody is told the number
			all = append(all, fact{"serial number of " + d.Reason, fmt.Sprintf("%x", leaf.Serial)[6:]})
		}
	}
	return all
}

// typed is what somebody is looking for, and so knows.
var typed = regexp.MustCompile(`name="q" maxlength="\d+" value="[^"]*"|[?]q=[^"]*"`)

// readAll returns what an account is told, by where: at paths and wherever links lead.
func (s *site) readAll(account string, paths []string) map[string]string {
	s.t.Helper()
	b, told := s.browser(), map[string]string{}
	if !s.enters(b, account, ownersPassword) {
		s.t.Fatalf("%s does not get in", account)
	}
	queue := []string{"/", "/setup/users?q=zebulon", "/setup/users?q=philomena@acme.example", "/sign-ins?q=zebulon",
		"/sign-ins?q=02:00:5e:ab:cd:ef", "/api/v1/users?name=zebulon", "/api/v1/clients/seen?address=127.0.0.1"}
	queue = append(queue, paths...)
	for len(queue) > 0 && len(told) < 300 {
		path := queue[0]
		if queue = queue[1:]; told[path] != "" {
			continue
		}
		_, page := b.get(path)
		told[path] = typed.ReplaceAllString(html.UnescapeString(page), "") + " "
		for _, m := range linkPattern.FindAllStringSubmatch(page, -1) {
			queue = append(queue, html.UnescapeString(m[1]))
		}
	}
	for _, path := range []string{"/sign-ins/stream?after=0", "/api/v1/decisions/stream?after=0"} {
		told[path] = b.hear(path, 4)
	}
	if unquoted, err := url.QueryUnescape(told["/sign-ins"]); err == nil {
		told["links of the sign-ins"] = unquoted
	}
	return told
}

// hear returns the first events of a stream.
func (b *browser) hear(path string, events int) string {
	b.s.t.Helper()
	r := must(b.client.Get("https://" + b.s.appliance.WebAddr() + path))(b.s.t)
	defer func() { _ = r.Body.Close() }() // it has no end
	var text strings.Builder
	for lines := bufio.NewScanner(r.Body); events > 0 && lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "data:") {
			events--
		}
	}
	return html.UnescapeString(text.String())
}
