package appliance_test

import (
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"gatehouse/appliance/control"
	"gatehouse/authcore/pki/lab"
	"gatehouse/sync/load"
)

// TestNothingSaysASecret plants secrets wherever one may stand, lets sign-ins succeed and fail,
// breaks files around them, and then reads all that anybody is told, at debug level.
func TestNothingSaysASecret(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	planted := map[string]string{
		"shared secret": sharedSecret, "secret of a file": "planted-in-a-file-7a1",
		"coa secret": "planted-for-coa-7b2", "nt_hash": "8846f7eaee8fb117ad06bdd830b7586c",
		"totp":          "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
		"password":      "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"broken secret": "planted-in-a-broken-line-7c3", "wrong key": "planted-behind-a-typo-7d4",
		"wrong hash": "planted-password-in-the-clear-7e5", "wrong totp": "planted-totp-7f6!",
		"secret as a list": "planted-in-a-list-7a7",
	}
	s.write("radius/ap.secret", planted["secret of a file"]+"\n")
	s.write("radius/wifi.yaml", fmt.Sprintf(`authentication: {method: passwordless, ca: [acme]}
clients:
  - {name: ap1, address: 127.0.0.0/8, secret: %q, coa: {secret: %q}}
  - {name: ap2, address: 192.0.2.0/24, secret_file: ap.secret}
`, sharedSecret, planted["coa secret"]))
	s.write("users/staff.yaml", fmt.Sprintf(`- username: alice
  email: alice@acme.example
  password: %q
  nt_hash: %q
  totp: %q
`, planted["password"], planted["nt_hash"], planted["totp"]))
	s.start()

	for what, key := range s.keysOf(t) {
		planted[what] = key
	}
	if ok, output := s.eapol(station{leaf: s.user(lab.UserOptions{Identity: "nobody@acme.example"})}); ok {
		t.Fatalf("nobody got in\n%s", tail(output))
	}
	s.decision()
	s.radclient("auth", planted["wrong key"], "User-Name = alice, Message-Authenticator = 0x00")

	// Files broken right where the secrets stand, and a key where a certificate belongs.
	serverKey := must(os.ReadFile(s.dir + "/server/ecdsa/key.pem"))(t)
	s.write("server/swapped/certificate.pem", string(serverKey))
	s.write("server/swapped/key.pem", string(must(os.ReadFile(s.dir+"/server/ecdsa/certificate.pem"))(t)))
	s.write("radius/broken.yaml", fmt.Sprintf("clients:\n  - {name: x, address: 10.0.0.1, secret: \"%s\n", planted["broken secret"]))
	s.write("radius/typo.yaml", fmt.Sprintf(`authentication: {method: passwordless, ca: [acme]}
clients:
  - {name: y, address: 10.0.0.2, secrett: %s}
  - {name: z, address: 10.0.0.3, secret: [%s]}
`, planted["wrong key"], planted["secret as a list"]))
	s.write("users/wrong.yaml", fmt.Sprintf("- {username: bob, password: %s, nt_hash: %s, totp: \"%s\"}\n",
		planted["wrong hash"], planted["wrong hash"], planted["wrong totp"]))
	s.reload()

	told := map[string]string{"log": s.log.String(), "metrics": s.scrape()}
	for _, path := range []string{"/api/v1/status", "/api/v1/decisions", "/api/v1/users?name=alice"} {
		told[path] = s.ask(http.MethodGet, path, "")
	}
	told["cert test"] = s.ask(http.MethodPost, "/api/v1/certificates/test?"+url.Values{"server": {"wifi"}}.Encode(),
		string(s.user(lab.UserOptions{}).CertificatePEM()))
	draft, problems := load.Load(os.DirFS(s.dir), load.Options{Now: s.clock.Now()})
	told["problems"] = fmt.Sprintf("%+v", problems)
	for _, server := range draft.Servers { // as somebody who hunts a fault would print it
		told["server "+server.Name] = fmt.Sprintf("%v %+v %#v", *server, *server, *server)
	}
	for _, want := range []string{"broken.yaml", "typo.yaml", "wrong.yaml", "swapped"} {
		if !strings.Contains(told["log"], want) || !strings.Contains(told["problems"], want) {
			t.Errorf("nothing is said about %s, so the test shows nothing", want)
		}
	}
	block, _ := pem.Decode(serverKey)
	planted["server key"] = strings.Split(string(serverKey), "\n")[1]
	planted["server key, hex"] = hex.EncodeToString(block.Bytes[len(block.Bytes)-40:])
	for face, text := range told {
		for what, secret := range planted {
			if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
				t.Errorf("%s: the %s is in it", face, what)
			}
		}
	}
}

// keysOf signs alice in and returns the keys that her device derived, in hex, as halves: a
// dump may break a line between them.
func (s *site) keysOf(t *testing.T) map[string]string {
	t.Helper()
	st := s.alice()
	st.args = []string{"-r", "0"}
	ok, output := s.eapol(st)
	if d := s.decision(); !ok || d.Result != "accept" {
		t.Fatalf("got %+v\n%s", d, tail(output))
	}
	keys := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(.*[Kk]ey.*|.*PMK.*) - hexdump\(len=(\d+)\): ([0-9a-f ]+)$`).FindAllStringSubmatch(output, -1) {
		key := strings.ReplaceAll(m[3], " ", "")
		if len(key) >= 64 {
			keys[m[1]+", first half"], keys[m[1]+", second half"] = key[:32], key[32:64]
		}
	}
	if len(keys) == 0 {
		t.Fatalf("eapol_test shows no keys\n%s", output)
	}
	return keys
}

// ask asks over the control socket.
func (s *site) ask(method, path, body string) string {
	s.t.Helper()
	request := must(http.NewRequest(method, "http://gatehouse"+path, strings.NewReader(body)))(s.t)
	response := must(control.Client(s.state).Do(request))(s.t)
	defer func() { _ = response.Body.Close() }()
	text := string(must(io.ReadAll(response.Body))(s.t))
	if response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s %s", path, response.Status, text)
	}
	return text
}
