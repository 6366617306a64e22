package appliance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/control"
	"gatehouse/authcore/pki/lab"
	"gatehouse/webui"
)

// handWritten is a server as an administrator writes it.
const handWritten = `# Ask Kari before changing this.
authentication: {method: passwordless, ca: [acme]}   # no guests
clients:
  # ground floor
  - name: ap1   # by the lift
    address: 127.0.0.0/8
    secret_file: ap1.secret
    message_authenticator: require
  - {name: ap6, address: "::1", secret: 'a secret of the tests'}
users: {groups: []}
`

// newEdited is a site whose configuration is changed by API.
func newEdited(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.watched = true
	s.write("radius/wifi.yaml", handWritten)
	s.write("radius/ap1.secret", sharedSecret+"\n")
	return s.start()
}

// asking asks over the control socket, and decodes the answer into v unless that is nil.
func (s *site) asking(method, path string, body, v any) (int, string) {
	s.t.Helper()
	var text []byte
	if body != nil {
		text = must(json.Marshal(body))(s.t)
	}
	r := must(http.NewRequestWithContext(context.Background(), method, "http://gatehouse"+path, bytes.NewReader(text)))(s.t)
	response := must(control.Client(s.state).Do(r))(s.t)
	defer func() { _ = response.Body.Close() }()
	answer := must(io.ReadAll(response.Body))(s.t)
	if v != nil && response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(answer, v); err != nil {
			s.t.Fatalf("%s %s: %v: %s", method, path, err, answer)
		}
	}
	return response.StatusCode, string(answer)
}

func (s *site) read(name string) string {
	s.t.Helper()
	return string(must(os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name))))(s.t))
}

// TestRADIUSServerIsMade with a CA that comes along, is live when the answer comes, and lets
// people in by the secret that the answer tells once.
func TestRADIUSServerIsMade(t *testing.T) {
	t.Parallel()
	s := newEdited(t)
	other := must(lab.NewCA(lab.CAOptions{Name: "Other CA"}))(t)
	var saved webui.RADIUSSaved
	change := webui.RADIUSChange{Create: true, Method: "passwordless", SSID: []string{"corp", "two words"},
		Uploads: []webui.CAUpload{{Name: "other", PEM: string(other.CertificatePEM())}},
		Clients: []webui.RADIUSClientChange{{Name: "loop", Address: "127.0.0.1"}, {Name: "lab", Address: "192.0.2.0/24", Secret: "a secret of one's own"}}}
	if code, text := s.asking("PUT", "/api/v1/radius/corp", change, &saved); code != 200 {
		t.Fatalf("got %d %s", code, text)
	}
	secret := saved.Secrets["loop"]
	if len(secret) < 22 || len(saved.Secrets) != 1 || saved.Generation != s.appliance.Report().Generation {
		t.Errorf("saved: %+v, generation %d", saved, s.appliance.Report().Generation)
	}
	want := "# Made by the web interface or a command; it may be edited by hand.\nmatch:\n  ssid: [corp, \"two words\"]\n" +
		"authentication:\n  method: passwordless\n  ca: [other]\nclients:\n  - {name: loop, address: 127.0.0.1, secret: " + secret +
		"}\n  - {name: lab, address: 192.0.2.0/24, secret: \"a secret of one's own\"}\n"
	if diff := cmp.Diff(strings.ReplaceAll(want, "secret: "+secret, "secret: X"), strings.ReplaceAll(strings.ReplaceAll(s.read("radius/corp.yaml"), "\""+secret+"\"", "X"), secret, "X")); diff != "" {
		t.Errorf("the file (-want +got)\n%s", diff)
	}
	if info := must(os.Stat(filepath.Join(s.dir, "radius", "corp.yaml")))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %v", info.Mode())
	}
	for _, path := range []string{"/api/v1/radius", "/api/v1/radius/corp"} {
		if _, text := s.asking("GET", path, nil, nil); strings.Contains(text, secret) || !strings.Contains(text, `"secret_set":true`) {
			t.Errorf("%s: %s", path, text)
		}
	}
	if log := s.log.String(); strings.Contains(log, secret) || !strings.Contains(log, `"msg":"RADIUS server saved"`) || !strings.Contains(log, `"by":"console"`) {
		t.Error("the log has the secret, or not who saved what")
	}
	laptop := s.deviceOf(must(other.IssueUser(lab.UserOptions{Identity: "alice@acme.example"}))(t), 1)
	laptop.Secret, laptop.SSID = []byte(secret), "corp"
	s.signIn(laptop, "accepted", false)
	if got := s.log.decisions(); len(got) != 1 || got[0].Server != "corp" || got[0].Generation != saved.Generation {
		t.Errorf("decided %+v, want by corp of generation %d", got, saved.Generation)
	}
}

// TestRADIUSServerIsChanged and keeps its comments, its order and what nobody asked about.
func TestRADIUSServerIsChanged(t *testing.T) {
	t.Parallel()
	s := newEdited(t)
	var was webui.RADIUSServer
	s.asking("GET", "/api/v1/radius/wifi", nil, &was)
	change := webui.RADIUSChange{Version: was.Version, Method: "passwordless", CAs: []string{"acme"}, SSID: []string{},
		Clients: []webui.RADIUSClientChange{
			{Name: "lift", Was: "ap1", Address: "127.0.0.1", Secret: "a new secret: # of the tests"},
			{Name: "roof", Address: "192.0.2.7", Secret: "yet another one"},
			{Name: "ap6", Address: "::1"}}}
	if code, text := s.asking("PUT", "/api/v1/radius/wifi", change, nil); code != 200 {
		t.Fatalf("got %d %s", code, text)
	}
	want := strings.NewReplacer("name: ap1 ", "name: lift ", "127.0.0.0/8", "127.0.0.1",
		"    secret_file: ap1.secret\n", "", "message_authenticator: require\n", "message_authenticator: require\n    secret: \"a new secret: # of the tests\"\n",
		"'a secret of the tests'}\n", "'a secret of the tests'}\n  - {name: roof, address: 192.0.2.7, secret: \"yet another one\"}\n").Replace(handWritten)
	if diff := cmp.Diff(want, s.read("radius/wifi.yaml")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if code, text := s.asking("PUT", "/api/v1/radius/wifi", change, nil); code != 409 || !strings.Contains(text, "somebody else") {
		t.Errorf("on top of a change that was not seen: %d %s", code, text)
	}
	for _, step := range []struct{ method, path, body string }{
		{"DELETE", "/clients/roof", ""}, {"POST", "/clients", `{"name":"ap6","generate":true}`},
	} {
		var body any
		if step.body != "" {
			body = json.RawMessage(step.body)
		}
		if code, text := s.asking(step.method, "/api/v1/radius/wifi"+step.path, body, nil); code != 200 {
			t.Errorf("%s %s: %d %s", step.method, step.path, code, text)
		}
	}
	if got := s.read("radius/wifi.yaml"); strings.Contains(got, "roof") || strings.Contains(got, "'a secret of the tests'") {
		t.Errorf("after more changes:\n%s", got)
	}
}

// TestRADIUSServerRefusals change nothing, and say why.
func TestRADIUSServerRefusals(t *testing.T) {
	t.Parallel()
	s := newEdited(t)
	key := must(s.ca.IssueServer(lab.ServerOptions{DNSNames: []string{"x.example"}}))(t)
	client := `"clients":[{"name":"a","address":"192.0.2.1"}]`
	for _, tt := range []struct {
		name, method, path, body string
		code                     int
		want                     string
	}{
		{"no_ca", "PUT", "corp", `{"create":true,` + client + `}`, 400, "at least one CA"},
		{"no_such_ca", "PUT", "corp", `{"create":true,"ca":["acne"],` + client + `}`, 400, `there is no CA \"acne\"`},
		{"password", "PUT", "corp", `{"create":true,"method":"password",` + client + `}`, 400, "not available yet"},
		{"last_ca", "PUT", "wifi", `{"remove_ca":["acme"]}`, 400, "last CA of the server"},
		{"there_is_one", "PUT", "wifi", `{"create":true,"ca":["acme"]}`, 409, "already"},
		{"there_is_none", "PUT", "corp", `{"ca":["acme"]}`, 404, "no RADIUS server"},
		{"name", "PUT", "a%2Fb", `{"create":true,"ca":["acme"]}`, 400, "cannot be used"},
		{"hidden_name", "PUT", ".x", `{"create":true,"ca":["acme"]}`, 400, "cannot be used"},
		{"read_me", "PUT", "README", `{"create":true,"ca":["acme"]}`, 400, "cannot be used"},
		{"unknown_key", "PUT", "wifi", `{"clinets":[]}`, 400, "clinets"},
		{"overlap", "PUT", "corp", `{"create":true,"ca":["acme"],"clients":[{"name":"a","address":"127.0.0.0/8"}]}`, 400, "is the address of client"},
		{"no_address", "POST", "wifi/clients", `{"name":"new"}`, 400, "has no address"},
		{"client_there", "POST", "wifi/clients", `{"name":"ap1","create":true,"generate":true,"address":"192.0.2.1"}`, 409, "already"},
		{"no_client", "DELETE", "wifi/clients/nobody", ``, 404, "no client"},
		{"last_server", "DELETE", "wifi", ``, 400, "no RADIUS server is left"},
		{"unknown_server", "DELETE", "corp", ``, 404, "no RADIUS server"},
		{"ca_there", "PUT", "wifi", `{"ca_files":[{"name":"acme","pem":"x"}]}`, 409, "there is a CA"},
		{"ca_name", "PUT", "wifi", `{"ca_files":[{"name":"../x","pem":"x"}]}`, 400, "cannot be used"},
		{"ca_nonsense", "PUT", "wifi", `{"ca_files":[{"name":"new","pem":"x"}]}`, 400, "neither PEM nor DER"},
		{"ca_with_key", "PUT", "wifi", string(must(json.Marshal(webui.RADIUSChange{Uploads: []webui.CAUpload{
			{Name: "new", PEM: string(key.CertificatePEM()) + string(key.KeyPEM())}}}))(t)), 400, "private key"},
		{"no_ca_at_all", "PUT", "wifi", string(must(json.Marshal(webui.RADIUSChange{Uploads: []webui.CAUpload{
			{Name: "new", PEM: string(key.CertificatePEM())}}}))(t)), 400, "ca/new.pem"},
	} {
		var body any
		if tt.body != "" {
			body = json.RawMessage(tt.body)
		}
		if code, text := s.asking(tt.method, "/api/v1/radius/"+tt.path, body, nil); code != tt.code || !strings.Contains(text, tt.want) {
			t.Errorf("%s: got %d %s, want %d with %q", tt.name, code, text, tt.code, tt.want)
		}
	}
	if s.read("radius/wifi.yaml") != handWritten {
		t.Errorf("the file was changed:\n%s", s.read("radius/wifi.yaml"))
	}
	for _, kind := range []string{"radius", "ca"} {
		if files := must(os.ReadDir(filepath.Join(s.dir, kind)))(t); len(files) > 2 {
			t.Errorf("%s: %v", kind, files)
		}
	}
}

// TestRADIUSServerIsDeleted at once, and its CA's file with it when nobody else names it.
func TestRADIUSServerIsDeleted(t *testing.T) {
	t.Parallel()
	s := newEdited(t)
	other := must(lab.NewCA(lab.CAOptions{Name: "Other CA"}))(t)
	change := webui.RADIUSChange{Create: true, CAs: []string{"acme"}, Clients: []webui.RADIUSClientChange{{Name: "a", Address: "192.0.2.1"}},
		Uploads: []webui.CAUpload{{Name: "other", PEM: string(other.CertificatePEM())}}}
	if code, text := s.asking("PUT", "/api/v1/radius/corp", change, nil); code != 200 {
		t.Fatalf("got %d %s", code, text)
	}
	if code, text := s.asking("PUT", "/api/v1/radius/corp", webui.RADIUSChange{RemoveCAs: []string{"other"}}, nil); code != 200 {
		t.Errorf("its second CA: %d %s", code, text)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "ca", "other.pem")); !os.IsNotExist(err) {
		t.Errorf("nobody names the CA, and its file is there: %v", err)
	}
	var saved webui.RADIUSSaved
	if code, text := s.asking("DELETE", "/api/v1/radius/corp", nil, &saved); code != 200 || saved.Generation != s.appliance.Report().Generation {
		t.Errorf("got %d %s", code, text)
	}
	if _, text := s.asking("GET", "/api/v1/radius", nil, nil); strings.Contains(text, "corp") {
		t.Errorf("it is listed: %s", text)
	}
}

// TestRADIUSServerInQuarantine is listed with why, and is not written over.
func TestRADIUSServerInQuarantine(t *testing.T) {
	t.Parallel()
	s := newEdited(t)
	s.write("radius/new.yaml", "authentication: {ca: [acme]\n")
	s.write("radius/wifi.yaml", strings.Replace(handWritten, "clients:", "clinets:", 1))
	s.reload()
	states := map[string]string{}
	var list []webui.RADIUSServer
	s.asking("GET", "/api/v1/radius", nil, &list)
	for _, one := range list {
		if states[one.Name] = one.State; len(one.Problems) == 0 {
			t.Errorf("%s: nobody says why", one.Name)
		}
	}
	if diff := cmp.Diff(map[string]string{"new": "left_out", "wifi": "kept"}, states); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if code, text := s.asking("PUT", "/api/v1/radius/new", webui.RADIUSChange{CAs: []string{"acme"}}, nil); code != 409 || !strings.Contains(text, "by hand") {
		t.Errorf("got %d %s", code, text)
	}
	if code, text := s.asking("DELETE", "/api/v1/radius/new", nil, nil); code != 200 {
		t.Errorf("got %d %s", code, text)
	}
}
