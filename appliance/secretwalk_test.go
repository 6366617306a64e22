package appliance_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// A walker is somebody who asks everything of a running gateway, and keeps all that is told.
type walker struct {
	*site
	contract *contract
	client   *http.Client
	token    string
	planted  map[string]string // by what they are
	told     map[string]string // by who told it
	met      map[string]bool   // routes of the API
}

// TestNoAnswerHoldsASecret plants secrets of every kind in a gateway, signs people in, and reads
// all that it answers, to whomever, and all that it sends to a collector. On the way every answer
// of the API is held to its contract.
func TestNoAnswerHoldsASecret(t *testing.T) {
	t.Parallel()
	collector := newCollector(t)
	w := newWalker(t, collector.address)
	w.start()
	w.awaitSetUp()
	w.plant("set-up code", w.code())
	w.form("/first-boot", url.Values{"code": {"AAAAA-AAAAA"}, "password": {w.planted["password"]}, "again": {w.planted["password"]}})
	w.crawl("strangers")
	w.form("/first-boot", url.Values{"code": {w.code()}, "password": {w.planted["password"]}, "again": {w.planted["password"]}})
	w.plant("hash of the first account", w.hashOfFirstAccount())
	w.planted["session"] = w.session()
	w.signPeopleIn()
	w.breakThings()
	w.askAPI()
	w.askForms()
	w.crawl("admin")
	w.told["metrics"] = w.scrape()
	for _, path := range []string{"/saml/wiki/start", "/saml/wiki/metadata.xml", "/saml/none/sso", "/saml/reset", "/saml/wiki/sso?SAMLRequest=x", "/"} {
		_, w.told["sign-in "+path] = w.browse(path, nil)
	}
	w.eventually("heard by the collector", func() bool { return strings.Contains(collector.text(), "account made with the set-up code") })
	w.told["syslog"] = collector.text()
	w.told["log"] = strings.ReplaceAll(w.log.String(), w.planted["set-up code"], "") // where its owner reads it, once
	w.check()
}

func newWalker(t *testing.T, collector string) *walker {
	t.Helper()
	w := &walker{site: withApp(newSite(t)), contract: readContract(t), planted: map[string]string{}, told: map[string]string{}, met: map[string]bool{}}
	w.boot.Log.Syslog, w.boot.Log.Level = "udp://"+collector, "debug"
	w.boot.Fleet.Pull.URL = "https://127.0.0.1:1/{id}.tar.gz?X-Amz-Signature=" + w.plant("permission to fetch", "planted-permission-1a")
	w.boot.Fleet.Pull.Interval = time.Hour
	w.boot.Fleet.Heartbeat.URL = "https://127.0.0.1:1/" + w.plant("path of the heartbeat", "planted-heartbeat-1b")
	w.boot.Fleet.Heartbeat.Interval = time.Hour
	w.client = &http.Client{Jar: must(cookiejar.New(nil))(t), Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 30 * time.Second}
	t.Cleanup(w.client.CloseIdleConnections)
	w.plant("password", "planted password of the owner")
	w.token = w.plant("token", "ght_planted-token-2b")
	w.write("admins.yaml", fmt.Sprintf("tokens: [{name: ci, scopes: [admin], sha256: %q}]\n",
		w.plant("hash of the token", fmt.Sprintf("%x", sha256.Sum256([]byte(w.token))))))
	w.write("radius/ap.txt", w.plant("secret of a file", "planted-in-a-file-3c")+"\n")
	w.write("radius/wifi.yaml", fmt.Sprintf(`authentication: {method: passwordless, ca: [acme]}
clients:
  - {name: ap1, address: 127.0.0.0/8, secret: %q, coa: {secret: %q}}
  - {name: ap2, address: 192.0.2.0/24, secret_file: ap.txt}
`, w.plant("shared secret", sharedSecret), w.plant("CoA secret", "planted-for-coa-4d")))
	w.write("users/staff.yaml", fmt.Sprintf("- {username: alice, email: alice@acme.example, password: %q, nt_hash: %q, totp: %q}\n",
		w.plant("hash of a user", "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"),
		w.plant("nt_hash", "8846f7eaee8fb117ad06bdd830b7586c"), w.plant("TOTP seed", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")))
	w.write("smtp.txt", w.plant("SMTP password", "planted-smtp-5e")+"\n")
	w.write("policy.yaml", fmt.Sprintf(`revocation: {ocsp: off}
notices:
  webhook: "http://127.0.0.1:1/%s?token=%s"
  smtp: {address: "127.0.0.1:1", from: gw@acme.example, to: [ops@acme.example], username: gw, password_file: smtp.txt}
`, w.plant("path of the webhook", "planted-path-6f"), w.plant("token of the webhook", "planted-webhook-7a")))
	for _, file := range []string{"server/ecdsa/key.pem", "saml/wiki/key.pem"} {
		w.plantKey(file, must(os.ReadFile(w.dir+"/"+file))(t))
	}
	return w
}

func (w *walker) plant(what, secret string) string { w.planted[what] = secret; return secret }

// plantKey plants the lines of a key in PEM. Of an EC key, whose public half everybody sees, the
// first.
func (w *walker) plantKey(what string, key []byte) {
	lines := strings.Split(strings.TrimSpace(string(key)), "\n")
	lines = lines[1 : len(lines)-1]
	if len(lines) < 5 {
		w.plant(what, lines[0])
		return
	}
	for i := 8; i < len(lines); i++ { // behind the modulus
		w.plant(fmt.Sprintf("%s, line %d", what, i), lines[i])
	}
}

func (w *walker) hashOfFirstAccount() string {
	var account struct{ Password string }
	if err := json.Unmarshal(must(os.ReadFile(w.state+"/admin"))(w.t), &account); err != nil || account.Password == "" {
		w.t.Fatalf("no first account: %v", err)
	}
	return account.Password
}

func (w *walker) base() *url.URL {
	return must(url.Parse("https://" + w.appliance.WebAddr() + "/"))(w.t)
}

func (w *walker) session() string {
	for _, c := range w.client.Jar.Cookies(w.base()) {
		if c.Name == "__Host-gatehouse" {
			return c.Value
		}
	}
	w.t.Fatal("nobody is signed in")
	return ""
}

// signPeopleIn has a person in by the Wi-Fi and by the web, and another one not.
func (w *walker) signPeopleIn() {
	w.signIn(w.device("1.3"), "accepted", false)
	leaf := w.user(lab.UserOptions{})
	w.plantKey("key of a person", leaf.KeyPEM())
	w.browse("/saml/wiki/start", leaf)
	w.decision()
	stranger := w.device("1.3")
	certificate := w.user(lab.UserOptions{Identity: "nobody@acme.example"}).TLS()
	stranger.Certificate = &certificate
	w.signIn(stranger, "user_unknown", false)
}

// breakThings makes findings, right where secrets stand.
func (w *walker) breakThings() {
	w.write("radius/broken.yaml", "clients:\n  - {name: x, address: 10.0.0.1, secret: \""+w.plant("secret in a broken line", "planted-broken-8b")+"\n")
	w.write("radius/typo.yaml", "clients: [{name: y, address: 10.0.0.2, secrett: "+w.plant("secret behind a typo", "planted-typo-9c")+"}]\n")
	w.reload()
}

// tell keeps an answer: what is packed in it, and its headers but for the cookie that was asked for.
func (w *walker) tell(who string, r *http.Response) []byte {
	w.t.Helper()
	defer func() { _ = r.Body.Close() }() // it was only read
	body := must(io.ReadAll(r.Body))(w.t)
	header := r.Header.Clone()
	header.Del("Set-Cookie")
	text := fmt.Sprint(header) + string(body)
	if packed, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
		archive := tar.NewReader(packed)
		for {
			h, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			text += must(h.Name, err)(w.t) + "\n" + string(must(io.ReadAll(archive))(w.t))
		}
	}
	w.told[who] = text
	if r.StatusCode >= 500 {
		w.t.Errorf("%s: %s %s", who, r.Status, body)
	}
	if h := r.Header; h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" ||
		h.Get("Cross-Origin-Opener-Policy") != "same-origin" || h.Get("Permissions-Policy") == "" ||
		!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Strict-Transport-Security") != "" {
		w.t.Errorf("%s: the headers are %v", who, h)
	}
	return body
}

// askAPI asks every route of the API, with a token, for what there is and for what there is not.
func (w *walker) askAPI() {
	w.t.Helper()
	certificate := string(w.user(lab.UserOptions{}).CertificatePEM())
	key, _ := json.Marshal(map[string]any{"key": w.planted["shared secret"], "certificate": "planted", "confirm": true})
	order, _ := json.Marshal(map[string]string{"ssid": "Branch", "ca": string(w.serverCA.CertificatePEM())})
	bodies := map[string][]string{
		"POST /api/v1/certificates/test": {certificate, "no certificate"}, "POST /api/v1/ocsp/check": {certificate, "none"},
		"POST /api/v1/ocsp/purge": {`{"all": true}`, `{}`, "{"}, "POST /api/v1/clock/reset": {""}, "POST /api/v1/clock/ask": {`{"sever": "x"}`, "{"}, "POST /api/v1/support": {""},
		"POST /api/v1/bundle/rollback":         {`{"to": "loose", "reason": "a test"}`, `{"to": "7-abcdef01", "reason": "a test"}`, `{}`},
		"POST /api/v1/saml/apps/{app}/compare": {certificate, "none"}, "POST /api/v1/saml/apps/{app}/lint": {certificate, "none"},
		"POST /api/v1/saml/apps/{app}/test":     {certificate, "none"},
		"POST /api/v1/saml/apps/{app}/{action}": {`{}`, string(key)},
		"PUT /api/v1/bundle":                    {"no archive"},
		"PUT /api/v1/radius/{name}":             {`{"secret": "x"}`, "{"}, "POST /api/v1/radius/{name}/clients": {`{"name": "x"}`, "{"},
		"DELETE /api/v1/radius/{name}/clients/{client}": {""}, "DELETE /api/v1/radius/{name}": {""},
		"DELETE /api/v1/sessions": {""}, "DELETE /api/v1/sessions/{id}": {""},
		"POST /api/v1/password": {fmt.Sprintf(`{"current": %q, "new": %q}`, w.planted["password"], w.planted["password"]), "{"},
		"POST /api/v1/onboard":  {string(order), `{"ssid": ""}`, "{"},
		"PUT /api/v1/ca/{name}": {string(key)}, "DELETE /api/v1/ca/{name}": {""},
	}
	for path, operations := range w.contract.paths {
		for method := range operations {
			pattern := strings.ToUpper(method) + " " + path
			if strings.HasSuffix(path, "/stream") || forConsole[pattern] {
				continue
			}
			asked, ok := bodies[pattern]
			if !ok && method != "get" {
				w.t.Errorf("%s: nobody asks it: give it a body in askAPI", pattern)
			}
			if method == "get" {
				asked = []string{""}
			}
			for i, body := range asked {
				for _, app := range []string{"wiki", "nowhere"} {
					if app == "wiki" || strings.Contains(path, "{app}") {
						w.askOne(pattern, app, body, i)
					}
				}
			}
		}
	}
}

func (w *walker) askOne(pattern, app, body string, i int) {
	w.t.Helper()
	method, path, _ := strings.Cut(pattern, " ")
	address := strings.NewReplacer("{app}", app, "{action}", "pair", "{name}", nameFor(method, path), "{client}", "nobody", "{id}", "none", "{sha256}", strings.Repeat("ab", 32)).Replace(path)
	if query, ok := map[string]string{"/api/v1/users": "?name=alice", "/api/v1/clock/flips": "?off_by=-3h"}[path]; ok {
		address += query
	}
	if method == http.MethodDelete && path == "/api/v1/sessions" { // the walk goes on in its own
		address += "?account=nobody"
	}
	r := must(http.NewRequest(method, strings.TrimSuffix(w.base().String(), "/")+address, strings.NewReader(body)))(w.t)
	r.Header.Set("Authorization", "Bearer "+w.token)
	response := must(w.client.Do(r))(w.t)
	who := fmt.Sprintf("%s %s, body %d", method, address, i)
	answer := w.tell(who, response)
	if err := w.contract.check(method, path, response.StatusCode, response.Header.Get("Content-Type"), answer); err != nil {
		w.t.Errorf("%s: %v", who, err)
	}
	if response.StatusCode < 300 {
		w.met[pattern] = true
	}
}

// askForms sends what people send by the pages.
func (w *walker) askForms() {
	for path, form := range map[string]url.Values{
		"/sign-in": {"username": {"admin"}, "password": {"wrong"}}, "/more/support": {},
		"/more/password":           {"now": {w.planted["password"]}, "password": {"short"}, "again": {"short"}},
		"/setup/saml/wiki/do/none": {}, "/setup/saml/wiki/do/regenerate": {}, "/setup/config/rollback": {},
	} {
		w.form(path, form)
	}
}

func (w *walker) form(path string, form url.Values) {
	w.t.Helper()
	w.tell("form "+path, must(w.client.PostForm(strings.TrimSuffix(w.base().String(), "/")+path, form))(w.t))
}

// nameFor is what is asked for by name: what is there, and nothing that a change would take away.
func nameFor(method, path string) string {
	if method == http.MethodGet {
		if strings.HasPrefix(path, "/api/v1/ca/") {
			return "acme"
		}
		return "wifi"
	}
	return "nowhere"
}

var linkPattern = regexp.MustCompile(`(?:href|src)="(/[^"#]*)"`)

// crawl follows every link there is.
func (w *walker) crawl(as string) {
	w.t.Helper()
	queue, seen := []string{"/", "/first-boot", "/sign-in", "/livez", "/nowhere"}, map[string]bool{}
	for len(queue) > 0 && len(seen) < 300 {
		path := queue[0]
		if queue = queue[1:]; seen[path] {
			continue
		}
		seen[path] = true
		body := w.tell(as+" "+path, must(w.client.Get(strings.TrimSuffix(w.base().String(), "/")+path))(w.t))
		for _, m := range linkPattern.FindAllStringSubmatch(string(body), -1) {
			queue = append(queue, html.UnescapeString(m[1]))
		}
	}
	if as == "admin" && len(seen) < 15 {
		w.t.Errorf("only %d pages: %v", len(seen), slices.Sorted(maps.Keys(seen)))
	}
}

// check demands that nothing planted was told, and that the API has been asked for good.
func (w *walker) check() {
	w.t.Helper()
	for who, text := range w.told {
		for what, secret := range w.planted {
			if at := strings.Index(text, secret); at >= 0 {
				w.t.Errorf("%s: the %s is in it: …%.200s", who, what, text[max(0, at-100):])
			}
		}
	}
	for path, operations := range w.contract.paths {
		for method := range operations {
			pattern := strings.ToUpper(method) + " " + path
			if !w.met[pattern] && !neverGood[pattern] && !forConsole[pattern] {
				w.t.Errorf("%s never answered 2xx, so its answer is not held to the contract", pattern)
			}
		}
	}
}

// forConsole are routes that the web listener does not have.
var forConsole = map[string]bool{"POST /api/v1/bundle/trust/reset": true, "PUT /api/v1/accounts/{name}/password": true}

// neverGood are routes that have no good answer in this test: their own tests ask them.
var neverGood = map[string]bool{
	"GET /api/v1/decisions/stream": true, "PUT /api/v1/bundle": true, "POST /api/v1/password": true, // a token has none
	"POST /api/v1/clock/ask":    true, // there is no time server
	"PUT /api/v1/radius/{name}": true, "DELETE /api/v1/radius/{name}": true, "POST /api/v1/radius/{name}/clients": true,
	"DELETE /api/v1/radius/{name}/clients/{client}": true, "PUT /api/v1/ca/{name}": true, "DELETE /api/v1/ca/{name}": true,
	"GET /api/v1/bundle/pushes/{sha256}": true, "GET /api/v1/bundle/changes": true, "POST /api/v1/bundle/rollback": true, "POST /api/v1/saml/apps/{app}/{action}": true,
}

// A collector hears what is sent to it by UDP.
type collector struct {
	address string
	mu      sync.Mutex
	heard   strings.Builder
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	socket := must(net.ListenPacket("udp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = socket.Close() })
	c := &collector{address: socket.LocalAddr().String()}
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, _, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			c.mu.Lock()
			c.heard.Write(buffer[:n])
			c.mu.Unlock()
		}
	}()
	return c
}

func (c *collector) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard.String()
}
