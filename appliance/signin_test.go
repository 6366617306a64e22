package appliance_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crewjam/saml"

	"gatehouse/appliance"
	"gatehouse/appliance/control"
	"gatehouse/authcore/pki/lab"
	"gatehouse/webui"
)

// withApp gives s an activated app, wiki, with a pair, and a sign-in listener.
func withApp(s *site) *site {
	s.t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(s.t)
	s.boot.Listen.SSO = l.Addr().String()
	if err := l.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.boot.Node.URL = "https://oslo-1.example:8443"
	s.watched = true
	s.write("saml/idp.yaml", fmt.Sprintf("entity_id: https://sso.acme.example/saml\nhost: %q\nca: [acme]\n", s.boot.Listen.SSO))
	s.write("saml/wiki/app.yaml", "name: Wiki\nactivated: true\nentity_id: https://wiki.acme.example/sp\n"+
		"acs: [https://wiki.acme.example/acs]\nname_id: username\n")
	s.change("wiki", webui.SAMLChange{Action: appliance.SAMLActivate})
	return s
}

// change changes the pairs of an app on the disk.
func (s *site) change(app string, c webui.SAMLChange) {
	s.t.Helper()
	c.Confirm = true
	if _, err := appliance.ChangeApp(s.dir, s.state, app, c, s.clock.Now()); err != nil {
		s.t.Fatal(err)
	}
}

// browse opens an address of the sign-in listener, with a certificate or without.
func (s *site) browse(path string, leaf *lab.Leaf) (*http.Response, string) {
	s.t.Helper()
	return s.readPage(s.certified(leaf).Get("https://" + s.boot.Listen.SSO + path))
}

// browseForm sends a form there.
func (s *site) browseForm(path string, form url.Values, leaf *lab.Leaf) (*http.Response, string) {
	s.t.Helper()
	return s.readPage(s.certified(leaf).PostForm("https://"+s.boot.Listen.SSO+path, form))
}

func (s *site) certified(leaf *lab.Leaf) *http.Client {
	s.t.Helper()
	config := &tls.Config{InsecureSkipVerify: true}
	if leaf != nil {
		config.Certificates = []tls.Certificate{must(tls.X509KeyPair(leaf.CertificatePEM(), leaf.KeyPEM()))(s.t)}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: 30 * time.Second}
}

func (s *site) readPage(response *http.Response, err error) (*http.Response, string) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	return response, string(must(io.ReadAll(response.Body))(s.t))
}

// api asks the API over the control socket.
func (s *site) api(method, path, body string) (int, http.Header, []byte) {
	s.t.Helper()
	client := control.Client(s.state)
	request := must(http.NewRequest(method, "http://gatehouse"+path, strings.NewReader(body)))(s.t)
	response := must(client.Do(request))(s.t)
	defer response.Body.Close()
	return response.StatusCode, response.Header, must(io.ReadAll(response.Body))(s.t)
}

func (s *site) app() webui.SAMLApp {
	s.t.Helper()
	_, _, body := s.api("GET", "/api/v1/saml/apps", "")
	var apps []webui.SAMLApp
	if err := json.Unmarshal(body, &apps); err != nil || len(apps) != 1 {
		s.t.Fatalf("%v: %s", err, body)
	}
	return apps[0]
}

var responsePattern = regexp.MustCompile(`name="SAMLResponse" value="([^"]*)"`)

func responseOf(t testing.TB, page string) []byte {
	t.Helper()
	m := responsePattern.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no answer on the page:\n%s", page)
	}
	return must(base64.StdEncoding.DecodeString(html.UnescapeString(m[1])))(t)
}

// TestRevokedAtTheWeb signs in at the web, and is refused there as at the Wi-Fi, with the same
// reason, once the certificate is revoked.
func TestRevokedAtTheWeb(t *testing.T) {
	t.Parallel()
	s, r := newOCSPSite(t, "")
	withApp(s).start()
	leaf := s.user(lab.UserOptions{})
	response, page := s.browse("/saml/wiki/start", leaf)
	if answer := responseOf(t, page); response.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte(">alice<")) {
		t.Fatalf("%d\n%s", response.StatusCode, answer)
	}
	if d := s.decision(); d.Result != "accept" || d.Method != "saml-cert" || d.Server != "saml/wiki" || d.User != "alice" || d.OCSP != "good" {
		t.Errorf("accepted: %+v", d)
	}
	r.revoke(leaf)
	purge(s)
	response, page = s.browse("/saml/wiki/start", leaf)
	if response.StatusCode != http.StatusForbidden || !strings.Contains(page, "cert_revoked") {
		t.Errorf("%d\n%s", response.StatusCode, page)
	}
	web := s.decision()
	s.eapol(station{leaf: leaf})
	wifi := s.decision()
	if s.wantRevoked(web); web.Reason != "cert_revoked" || web.Reason != wifi.Reason || web.OCSP != wifi.OCSP {
		t.Errorf("at the web %+v, at the Wi-Fi %+v", web, wifi)
	}
}

func TestSA09DownloadByTheAPI(t *testing.T) {
	t.Parallel()
	s := withApp(newSite(t)).start()
	status, header, body := s.api("GET", "/api/v1/saml/apps/wiki/certificate.pem", "")
	if status != http.StatusOK || header.Get("Content-Disposition") != `attachment; filename="certificate.pem"` ||
		bytes.Count(body, []byte("-----BEGIN")) != 1 || bytes.Contains(body, []byte("KEY")) || bytes.Contains(body, []byte("\r")) ||
		!bytes.HasSuffix(body, []byte("-----END CERTIFICATE-----\n")) {
		t.Errorf("%d %v\n%s", status, header, body)
	}
}

// TestSA12MetadataChanged tells that the metadata has changed since it was exported, until it is again.
func TestSA12MetadataChanged(t *testing.T) {
	t.Parallel()
	s := withApp(newSite(t)).start()
	if s.app().Changed {
		t.Error("changed although it was never exported")
	}
	export := func() string {
		status, _, body := s.api("GET", "/api/v1/saml/apps/wiki/metadata.xml", "")
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		return string(body)
	}
	before := export()
	s.change("wiki", webui.SAMLChange{Action: appliance.SAMLRegenerate})
	s.eventually("told that it has changed", func() bool { return s.app().Changed })
	if response, served := s.browse("/saml/wiki/metadata.xml", nil); response.StatusCode != http.StatusOK ||
		strings.Count(served, `use="signing"`) != 2 || served == before || strings.Contains(served, "validUntil") {
		t.Errorf("%d\n%s", response.StatusCode, served)
	}
	export()
	if s.app().Changed {
		t.Error("still changed after the export")
	}
}

// TestSA13NoticesOfPairs tells of a pair that ends at 60, 30, 7 days and a day, each once.
func TestSA13NoticesOfPairs(t *testing.T) {
	t.Parallel()
	s := withApp(newSite(t))
	s.write("policy.yaml", "revocation: {ocsp: off}\neap: {reject_delay: 500ms}\n")
	s.start()
	count := func() int { return strings.Count(s.log.String(), `"part":"notice","kind":"saml","name":"wiki"`) }
	const day = 24 * time.Hour
	if n := count(); n != 0 {
		t.Fatalf("%d notices of a new pair", n)
	}
	s.believeClock()
	for i, left := range []time.Duration{59 * day, 29 * day, 6 * day, 20 * time.Hour} {
		facts := s.app().Pairs.Pairs[0].Facts
		s.clock.move(facts.NotAfter.Sub(s.clock.Now()) - left)
		s.believeClock()
		s.write("users/more.yaml", fmt.Sprintf("- {username: u%d}\n", i)) // a change has the notices looked at
		s.eventually(fmt.Sprintf("noticed %d times", i+1), func() bool { return count() == i+1 })
	}
	// SA-14: with a link to the page that regenerates, which acts on nothing by itself.
	if !strings.Contains(s.log.String(), "https://oslo-1.example:8443/setup/saml/wiki/do/regenerate") {
		t.Error("no link to the page that mends it")
	}
}

// TestSA19NothingIsCached looks at every answer of the sign-in listener, and at what reset tells.
func TestSA19NothingIsCached(t *testing.T) {
	t.Parallel()
	s := withApp(newSite(t)).start()
	for _, path := range []string{"/saml/wiki/start", "/saml/wiki/sso", "/saml/nothing/start", "/saml/reset", "/"} {
		response, _ := s.browse(path, s.user(lab.UserOptions{}))
		if got := response.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		if csp := response.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: %q", path, csp)
		}
	}
	response, page := s.browse("/saml/reset", nil)
	if response.Header.Get("Clear-Site-Data") != `"cookies", "cache"` || !strings.Contains(page, "private window") {
		t.Errorf("reset: %v\n%s", response.Header, page)
	}
}

// TestSA21KeysStayHere looks for the private key of a pair in everything that can be asked for.
func TestSA21KeysStayHere(t *testing.T) {
	t.Parallel()
	s := withApp(newSite(t)).start()
	s.change("wiki", webui.SAMLChange{Action: appliance.SAMLRegenerate})
	s.eventually("next in force", func() bool { return len(s.app().Pairs.Pairs) == 2 })
	var lines []string
	for _, name := range []string{"key.pem", "next/key.pem"} {
		// The first eight lines hold what the certificate says too.
		for _, line := range strings.Split(string(must(os.ReadFile(filepath.Join(s.dir, "saml/wiki", name)))(t)), "\n")[9:] {
			if len(line) == 64 {
				lines = append(lines, line)
			}
		}
	}
	seen := s.scrape()
	for _, path := range []string{"status", "saml/apps", "saml/apps/wiki/certificate.pem", "saml/apps/wiki/certificate.pem?role=next",
		"saml/apps/wiki/metadata.xml", "bundle", "saml/apps/wiki/key.pem"} {
		_, _, body := s.api("GET", "/api/v1/"+path, "")
		seen += string(body)
	}
	for _, path := range []string{"start", "metadata.xml", "sso", "key.pem"} {
		_, page := s.browse("/saml/wiki/"+path, s.user(lab.UserOptions{}))
		seen += page
	}
	_, _, body := s.api("POST", "/api/v1/saml/apps/wiki/compare", string(must(os.ReadFile(filepath.Join(s.dir, "saml/wiki/key.pem")))(t)))
	seen += string(body)
	_, _, body = s.api("POST", "/api/v1/saml/apps/wiki/lint", string(must(os.ReadFile(filepath.Join(s.dir, "saml/wiki/key.pem")))(t)))
	seen += string(body)
	_, _, body = s.api("POST", "/api/v1/saml/apps/wiki/pair", `{"key": `+string(must(json.Marshal(lines[0]))(t))+`}`)
	seen += string(body) + s.log.String()
	if len(lines) < 30 {
		t.Fatalf("only %d lines of keys", len(lines))
	}
	for _, line := range lines {
		if strings.Contains(seen, line) || strings.Contains(seen, line[:32]) {
			t.Fatal("a line of a private key is to be seen")
		}
	}
}

// TestSignInWhileTheClockIsUnsure signs nothing that nobody would believe.
func TestSignInWhileTheClockIsUnsure(t *testing.T) {
	t.Parallel()
	s := withApp(newSite(t)).start().believeClock()
	s.clock.move(-48 * time.Hour)
	s.eventually("unsure", func() bool { return !s.appliance.Status().Clock.Sure })
	if response, page := s.browse("/saml/wiki/start", nil); response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(page, "clock") {
		t.Errorf("%d\n%s", response.StatusCode, page)
	}
}

// cpuTime is what this process has used: here, the browser as well.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSignIn is a person at an app with a signed request by redirect: a TLS handshake with the
// certificate, the decision, and both signatures.
func BenchmarkSignIn(b *testing.B) {
	s := withApp(newSite(b))
	key := must(rsa.GenerateKey(rand.Reader, 2048))(b)
	s.start()
	metadata := &saml.EntityDescriptor{}
	_, served := s.browse("/saml/wiki/metadata.xml", nil)
	if err := xml.Unmarshal([]byte(served), metadata); err != nil {
		b.Fatal(err)
	}
	sp := saml.ServiceProvider{EntityID: "https://wiki.acme.example/sp", Key: key, IDPMetadata: metadata,
		AcsURL: *must(url.Parse("https://wiki.acme.example/acs"))(b), MetadataURL: *must(url.Parse("https://wiki.acme.example/sp"))(b)}
	leaf := s.user(lab.UserOptions{})
	config := &tls.Config{InsecureSkipVerify: true,
		Certificates: []tls.Certificate{must(tls.X509KeyPair(leaf.CertificatePEM(), leaf.KeyPEM()))(b)}}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	before := cpuTime(b)
	for b.Loop() {
		u := must(sp.MakeRedirectAuthenticationRequest(""))(b)
		response := must(client.Get(u.String()))(b)
		page := must(io.ReadAll(response.Body))(b)
		if response.Body.Close(); response.StatusCode != http.StatusOK || !bytes.Contains(page, []byte("SAMLResponse")) {
			b.Fatalf("%d\n%s", response.StatusCode, page)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sign-ins/s")
}
