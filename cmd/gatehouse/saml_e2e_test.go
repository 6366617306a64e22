//go:build e2e

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// An idp is the finished program as an identity provider with one app, wiki, and a browser that has
// the demo user's certificate.
type idp struct {
	*rig
	host string // of the sign-in listener
	log  *os.File
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	r := newRig(t, "")
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	i := &idp{rig: r, host: freePort(t, "tcp"), log: log}
	r.write("gatehouse.yaml", fmt.Sprintf("schema: 1\nlisten: {auth: %q, acct: \"\", ui: \"\", metrics: %q, sso: %q}\n",
		r.auth, r.metrics, i.host))
	if err := os.MkdirAll(filepath.Join(r.config, "saml", "wiki"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.write("saml/idp.yaml", fmt.Sprintf("entity_id: https://sso.demo.example/saml\nhost: %q\nca: [demo]\n", i.host))
	return i
}

// app registers the app by its metadata, and makes its first pair.
func (i *idp) app(metadata []byte, more string) {
	i.t.Helper()
	i.write("saml/wiki/app.yaml", "name: Wiki\nactivated: true\nname_id: username\nattributes: {uid: username, mail: email}\n"+more)
	i.write("saml/wiki/sp-metadata.xml", string(metadata))
	i.start(i.log)
	i.status()
	i.saml("activate", "wiki")
	i.until("activated", 20*time.Second, func() error {
		return exec.Command(i.program, "saml", "status", "--state", i.state).Run()
	})
}

// saml runs a command that changes pairs.
func (i *idp) saml(args ...string) {
	i.t.Helper()
	execute(i.t, nil, append(append([]string{i.program, "saml"}, args...), "--yes", "--config", i.config, "--state", i.state)...)
}

// shows waits until saml status says text.
func (i *idp) shows(text string) {
	i.t.Helper()
	i.until("saml status says "+text, 20*time.Second, func() error {
		out, err := exec.Command(i.program, "saml", "status", "--state", i.state).CombinedOutput()
		if err == nil && !bytes.Contains(out, []byte(text)) {
			err = fmt.Errorf("it says\n%s", out)
		}
		return err
	})
}

// logged waits until a line of the log has all of the words.
func (i *idp) logged(words ...string) {
	i.t.Helper()
	i.until(fmt.Sprintf("logged with %q", words), 5*time.Second, func() error {
		log, err := os.ReadFile(i.log.Name())
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(log)) {
			if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
				return nil
			}
		}
		return errors.New("not yet")
	})
}

// metadata exports ours, once the gateway has noticed what ready says.
func (i *idp) metadata(ready func(xml string) bool) string {
	i.t.Helper()
	var out []byte
	i.until("metadata as it should be", 20*time.Second, func() (err error) {
		out, err = exec.Command(i.program, "saml", "metadata", "wiki", "--state", i.state).Output()
		if err == nil && !ready(string(out)) {
			err = errors.New("not yet")
		}
		return err
	})
	return string(out)
}

func signingKeys(n int) func(string) bool {
	return func(xml string) bool { return strings.Count(xml, `<md:KeyDescriptor use="signing">`) == n }
}

// refusals are those of people: without certificate, and suspended, at the web as at the Wi-Fi.
func (i *idp) refusals(private string) {
	i.t.Helper()
	page := i.newBrowser(false)
	page.client.CheckRedirect = nil
	response, err := page.client.Get(private)
	p := page.read(response, err)
	if p.status != http.StatusForbidden || !strings.Contains(p.body, "Your browser showed no certificate") ||
		!strings.Contains(p.body, "Back to Wiki") || !strings.Contains(p.header.Get("Content-Security-Policy"), "default-src 'none'") {
		i.t.Errorf("without a certificate: %d %v\n%s", p.status, p.header, p.body)
	}
	users, err := filepath.Glob(filepath.Join(i.config, "users", "*.yaml"))
	if err != nil || len(users) != 1 {
		i.t.Fatalf("users: %v %v", users, err)
	}
	text, err := os.ReadFile(users[0])
	if err != nil {
		i.t.Fatal(err)
	}
	i.write("users/"+filepath.Base(users[0]), strings.Replace(string(text), "username: demo", "username: demo\n  state: suspended", 1))
	i.until("suspended", 20*time.Second, func() error {
		if err := i.signIn(5 * time.Second); err == nil {
			return errors.New("still let in by RADIUS")
		}
		return nil
	})
	b := i.newBrowser(true)
	response, err = b.client.Get(private)
	if p := b.read(response, err); p.status != http.StatusForbidden || !strings.Contains(p.body, "user_suspended") {
		i.t.Errorf("a suspended user at the web: %d\n%s", p.status, p.body)
	}
	i.until("logged with the same reason at both doors", 5*time.Second, func() error {
		log, err := os.ReadFile(i.log.Name())
		if err == nil && strings.Count(string(log), `"reason":"user_suspended"`) < 2 {
			err = errors.New("not yet")
		}
		return err
	})
	for _, address := range []string{"/saml/nothing/start", "/saml/wiki/sso", "/saml/wiki/sso?SAMLRequest=%3Cscript%3Ealert(1)", "/"} {
		response, err := b.client.Get("https://" + i.host + address)
		p := b.read(response, err)
		if p.status < 400 || strings.Contains(p.body, "alert(1)") || p.header.Get("Cache-Control") != "no-store" {
			i.t.Errorf("%s: %d\n%s", address, p.status, p.body)
		}
	}
}

// verifyAnswer has xmlsec1 verify both signatures of an answer by the certificate that the gateway
// exports, and demands RSA-SHA256.
func verifyAnswer(t *testing.T, i *idp, answer []byte) {
	t.Helper()
	dir := t.TempDir()
	certificate := filepath.Join(dir, "certificate.pem")
	execute(t, nil, i.program, "saml", "export", "wiki", "--state", i.state, "-o", certificate)
	file := filepath.Join(dir, "answer.xml")
	if err := os.WriteFile(file, answer, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{"Response", "Assertion"} {
		space := "urn:oasis:names:tc:SAML:2.0:protocol"
		if node == "Assertion" {
			space = "urn:oasis:names:tc:SAML:2.0:assertion"
		}
		out, err := exec.Command("xmlsec1", "--verify", "--enabled-key-data", "rsa,x509", "--pubkey-cert-pem", certificate,
			"--id-attr:ID", space+":"+node,
			"--node-xpath", "//*[local-name()='"+node+"']/*[local-name()='Signature']", file).CombinedOutput()
		if err != nil {
			t.Errorf("xmlsec1 on the %s: %v\n%s", node, err, out)
		}
	}
	if bytes.Count(answer, []byte("xmldsig-more#rsa-sha256")) != 2 || bytes.Contains(answer, []byte("rsa-sha1")) {
		t.Error("not signed twice with RSA-SHA256")
	}
}
