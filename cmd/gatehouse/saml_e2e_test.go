//go:build e2e

package main

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
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

// newBrowser returns one that follows redirects and keeps cookies; with the demo user's certificate,
// if it is to have one.
func (i *idp) newBrowser(certificate bool) *browser {
	i.t.Helper()
	config := &tls.Config{InsecureSkipVerify: true}
	if certificate {
		config.Certificates = []tls.Certificate{*i.device.Certificate}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		i.t.Fatal(err)
	}
	return &browser{t: i.t, client: &http.Client{Jar: jar, Timeout: 20 * time.Second,
		Transport: &http.Transport{TLSClientConfig: config}}}
}

// A browser is a person's, without scripts: forms that would send themselves are sent by hand.
type browser struct {
	t      testing.TB
	client *http.Client
	answer []byte // the last SAMLResponse, decoded
}

// A page is what a browser ends up on.
type page struct {
	status int
	url    string
	header http.Header
	body   string
}

// open follows redirects, and forms with a SAMLResponse, until there is a page.
func (b *browser) open(address string) page {
	b.t.Helper()
	response, err := b.client.Get(address)
	for range 5 {
		p := b.read(response, err)
		form, ok := formOf(p.body)
		if !ok {
			return p
		}
		if text := form.values.Get("SAMLResponse"); text != "" {
			if b.answer, err = base64.StdEncoding.DecodeString(text); err != nil {
				b.t.Fatal(err)
			}
		}
		response, err = b.client.PostForm(form.action, form.values)
	}
	b.t.Fatalf("%s: no end of forms", address)
	return page{}
}

func (b *browser) read(response *http.Response, err error) page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		b.t.Fatal(err)
	}
	return page{response.StatusCode, response.Request.URL.String(), response.Header, string(body)}
}

type form struct {
	action string
	values url.Values
}

var (
	formPattern  = regexp.MustCompile(`(?is)<form[^>]*\saction="([^"]*)"[^>]*>(.*?)</form>`)
	inputPattern = regexp.MustCompile(`(?is)<input[^>]*>`)
	namePattern  = regexp.MustCompile(`(?is)\sname="([^"]*)"`)
	valuePattern = regexp.MustCompile(`(?is)\svalue="([^"]*)"`)
)

// formOf returns the form of a page that carries a SAML message on.
func formOf(body string) (form, bool) {
	m := formPattern.FindStringSubmatch(body)
	if m == nil || !strings.Contains(m[2], "SAMLResponse") && !strings.Contains(m[2], "SAMLRequest") {
		return form{}, false
	}
	f := form{action: html.UnescapeString(m[1]), values: url.Values{}}
	for _, input := range inputPattern.FindAllString(m[2], -1) {
		name, value := namePattern.FindStringSubmatch(input), valuePattern.FindStringSubmatch(input)
		if name != nil && value != nil {
			f.values.Set(name[1], html.UnescapeString(value[1]))
		}
	}
	return f, true
}

// apache runs Apache with a configuration that knows DIR and ADDRESS, until the test ends.
type apache struct {
	t       testing.TB
	dir     string
	address string
	config  string
	cmd     *exec.Cmd
}

const apacheConfig = `ServerRoot "DIR"
ServerName 127.0.0.1
PidFile "DIR/pid"
ErrorLog "DIR/error.log"
LogLevel info
DocumentRoot "DIR/www"
Listen ADDRESS
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
User nobody
Group nogroup
`

func newApache(t testing.TB, more string) *apache {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp")
	if err != nil {
		t.Fatal(err)
	}
	a := &apache{t: t, dir: dir, address: freePort(t.(*testing.T), "tcp"), config: apacheConfig + more}
	t.Cleanup(func() { a.stop(); _ = os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o755), os.MkdirAll(filepath.Join(dir, "www", "private"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"www/index.html", "www/private/index.html"} {
		a.write(name, "behind the door")
	}
	return a
}

func (a *apache) write(name, content string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(content), 0o644); err != nil {
		a.t.Fatal(err)
	}
}

func (a *apache) fill(text string) string {
	return strings.NewReplacer("DIR", a.dir, "ADDRESS", a.address).Replace(text)
}

func (a *apache) start() {
	a.t.Helper()
	a.write("httpd.conf", a.fill(a.config))
	a.cmd = exec.Command("apache2", "-DFOREGROUND", "-f", filepath.Join(a.dir, "httpd.conf"))
	var out bytes.Buffer
	a.cmd.Stdout, a.cmd.Stderr = &out, &out
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := a.cmd.Start(); err != nil {
		a.t.Fatalf("apache2, of apache2: %v", err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + a.address + "/")
		if err == nil {
			_ = response.Body.Close()
			return
		}
		if time.Now().After(end) {
			a.t.Fatalf("apache does not answer: %v\n%s\n%s", err, out.String(), a.log())
		}
	}
}

func (a *apache) stop() {
	if a.cmd != nil && a.cmd.Process != nil {
		_ = a.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = a.cmd.Wait()                          // how does not matter
		a.cmd = nil
	}
}

func (a *apache) restart() { a.t.Helper(); a.stop(); a.start() }

func (a *apache) log() string {
	data, err := os.ReadFile(filepath.Join(a.dir, "error.log"))
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}

const mellonConfig = `LoadModule auth_mellon_module /usr/lib/apache2/modules/mod_auth_mellon.so
<Location />
	MellonEnable info
	MellonEndpointPath /mellon
	MellonSPPrivateKeyFile DIR/sp.key
	MellonSPCertFile DIR/sp.pem
	MellonIdPMetadataFile DIR/idp.xml
</Location>
<Location /private>
	AuthType Mellon
	MellonEnable auth
	Require valid-user
	Header always set X-Signed-In "%{MELLON_uid}e"
	Header always set X-Mail "%{MELLON_mail}e"
</Location>
`

// newMellon is an Apache with mod_auth_mellon, and its metadata.
func newMellon(t testing.TB) (*apache, []byte) {
	t.Helper()
	a := newApache(t, mellonConfig)
	execute(t.(*testing.T), nil, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=wiki",
		"-keyout", filepath.Join(a.dir, "sp.key"), "-out", filepath.Join(a.dir, "sp.pem"))
	if err := os.Chmod(filepath.Join(a.dir, "sp.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	certificate, err := os.ReadFile(filepath.Join(a.dir, "sp.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return a, a.metadata(certificate)
}

// metadata is what mod_auth_mellon says of itself: it needs ours first, so it is written down here.
func (a *apache) metadata(certificate []byte) []byte {
	body := strings.Join(strings.Split(strings.TrimSpace(string(certificate)), "\n")[1:], "")
	body = strings.Split(body, "-----END")[0]
	return []byte(a.fill(`<?xml version="1.0"?>
<EntityDescriptor entityID="http://ADDRESS/mellon/metadata" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">
 <SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
  <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + body + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
  <AssertionConsumerService index="0" isDefault="true" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="http://ADDRESS/mellon/postResponse"/>
 </SPSSODescriptor>
</EntityDescriptor>
`))
}

// signedIn demands that the browser ends behind the door, as whom.
func (a *apache) signedIn(b *browser, how, address string) {
	a.t.Helper()
	p := b.open(address)
	if p.status != http.StatusOK || p.header.Get("X-Signed-In") != "demo" {
		a.t.Fatalf("%s: %d at %s as %q\n%.600s\n%s", how, p.status, p.url, p.header.Get("X-Signed-In"), p.body, a.log())
	}
}

// TestE2ESAMLMellon signs a person in at mod_auth_mellon, started there and here, before, during and
// after a rotation; reproduces what goes wrong when only one side has the new certificate; and
// looks at who is refused.
func TestE2ESAMLMellon(t *testing.T) {
	i := newIDP(t)
	sp, metadata := newMellon(t)
	i.app(metadata, "")
	private := "http://" + sp.address + "/private/"
	start := "https://" + i.host + "/saml/wiki/start?RelayState=" + url.QueryEscape(private)
	sp.write("idp.xml", i.metadata(signingKeys(1)))
	sp.start()
	b := i.newBrowser(true)
	sp.signedIn(b, "started at the application", private)
	verifyAnswer(t, i, b.answer)
	sp.signedIn(i.newBrowser(true), "started here", start)

	i.saml("regenerate", "wiki")
	both := i.metadata(signingKeys(2))
	sp.signedIn(i.newBrowser(true), "with next waiting, and the old metadata", private)
	i.saml("promote", "wiki")
	i.until("promoted", 20*time.Second, func() error {
		out, err := exec.Command(i.program, "saml", "status", "--state", i.state).Output()
		if err == nil && !bytes.Contains(out, []byte("previous")) {
			err = errors.New("not yet")
		}
		return err
	})
	if p := i.newBrowser(true).open(private); p.header.Get("X-Signed-In") != "" || !strings.Contains(sp.log(), "Lasso error") {
		t.Errorf("signed in with a certificate that the application does not have: %d\n%s", p.status, sp.log())
	}
	sp.write("idp.xml", both)
	sp.restart()
	sp.signedIn(i.newBrowser(true), "with both certificates", private)
	i.saml("retire", "wiki")
	sp.write("idp.xml", i.metadata(signingKeys(1)))
	sp.restart()
	sp.signedIn(i.newBrowser(true), "after the rotation", private)
	sp.signedIn(i.newBrowser(true), "started here after the rotation", start)

	i.refusals(private)
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
