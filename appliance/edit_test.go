package appliance_test

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/appliance/confdir"
	"gatehouse/authcore/pki/lab"
	"gatehouse/webui"
)

const guestWiFi = `authentication: {method: passwordless, ca: [acme]}
clients: [{name: guest1, address: 192.0.2.0/24, secret: another secret of the tests}]
`

// TestEditIsInForce when it returns, deletions too, and the log says who and under which generation.
func TestEditIsInForce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.watched = true
	s.start()
	before := s.appliance.Report().Generation
	generation, err := s.appliance.Edit("account admin", confdir.Change{
		Write: []confdir.File{{Path: "radius/guest.yaml", Data: []byte(guestWiFi), Secret: true}}})
	if err != nil || generation <= before || s.appliance.Report().Generation != generation {
		t.Errorf("generation %d after %d, %v", generation, before, err)
	}
	for _, want := range []string{`"msg":"tested"`, `"by":"account admin"`, `"file":"radius/wifi.yaml"`} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if strings.Contains(s.log.String(), "another secret") {
		t.Error("a secret is in the log")
	}
	gone, err := s.appliance.Edit("console", confdir.Change{Remove: []string{"radius/guest.yaml"}})
	if err != nil || gone <= generation {
		t.Errorf("removed: generation %d after %d, %v", gone, generation, err)
	}
}

// TestEditRefused changes nothing, and says why in words.
func TestEditRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.watched = true
	s.start()
	before := s.appliance.Report().Generation
	_, err := s.appliance.Edit("console", confdir.Change{Remove: []string{"ca/acme.pem"}})
	if !errors.Is(err, webui.ErrInvalid) || !strings.Contains(err.Error(), "no CA is left") {
		t.Errorf("the last CA: %v", err)
	}
	if got := s.appliance.Report().Generation; got != before {
		t.Errorf("generation %d, want %d", got, before)
	}
	if err := os.Symlink("wifi.yaml", filepath.Join(s.dir, "radius", "other.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.appliance.Edit("console", confdir.Change{Remove: []string{"radius/other.yaml"}}); err == nil {
		t.Error("a link was removed")
	}
}

// TestEditIsManaged where loose files do not count: nothing is written, and head office is named.
func TestEditIsManaged(t *testing.T) {
	t.Parallel()
	unknown := newSite(t)
	if _, err := unknown.start().appliance.Edit("console", confdir.Change{}); !errors.Is(err, webui.ErrRefused) {
		t.Errorf("without a known directory: %v", err)
	}
	s, p := newSite(t), newPublisher(t)
	s.watched = true
	p.trust(s)
	office := headOffice(s)
	s.start()
	s.arrives(p, office, 1)
	s.applied("applied", 1)
	for method, body := range map[string]any{"PUT": webui.RADIUSChange{CAs: []string{"acme"}}, "DELETE": nil} {
		if code, text := s.asking(method, "/api/v1/radius/wifi", body, nil); code != 409 || !strings.Contains(text, "head office") {
			t.Errorf("%s under a bundle: got %d %s", method, code, text)
		}
	}
	if code, text := s.asking("GET", "/api/v1/radius/wifi", nil, nil); code != 200 || !strings.Contains(text, `"state":"in_force"`) {
		t.Errorf("looking at it: got %d %s", code, text)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "radius", "wifi.yaml")); err != nil {
		t.Errorf("the loose file: %v", err)
	}
}

// TestSavedOnThePage goes the way of an administrator: set up with the code, add a server with the
// file of a CA, read the secret that was made, and a laptop signs in by it.
func TestSavedOnThePage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.watched = true
	s.start()
	s.awaitSetUp()
	b := s.browser()
	if path := b.setUp(s.code()); path != "/" {
		t.Fatalf("set up: at %s", path)
	}
	other := must(lab.NewCA(lab.CAOptions{Name: "Other CA"}))(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, field := range [][2]string{{"name", "corp"}, {"was", ""}, {"client", "loop"}, {"address", "127.0.0.1"}, {"secret", ""},
		{"method", "passwordless"}, {"ssid", "corp"}} {
		if err := form.WriteField(field[0], field[1]); err != nil {
			t.Fatal(err)
		}
	}
	_, err := must(form.CreateFormFile("ca_file", "Other CA.pem"))(t).Write(other.CertificatePEM())
	if err = errors.Join(err, form.Close()); err != nil {
		t.Fatal(err)
	}
	path, page := b.read(b.client.Post("https://"+s.appliance.WebAddr()+"/setup/add-radius", form.FormDataContentType(), &body))
	told := regexp.MustCompile(`Secret of loop</dt><dd><code>([A-Z2-7]{26})</code>`).FindStringSubmatch(page)
	if path != "/setup/radius" || told == nil || !strings.Contains(page, "corp is saved: live, generation "+fmt.Sprint(s.appliance.Report().Generation)) {
		t.Fatalf("at %s: %s", path, page)
	}
	laptop := s.deviceOf(must(other.IssueUser(lab.UserOptions{Identity: "alice@acme.example"}))(t), 1)
	laptop.Secret, laptop.SSID = []byte(told[1]), "corp"
	s.signIn(laptop, "accepted", false)
	if _, page := b.get("/setup/radius/corp"); strings.Contains(page, told[1]) || !strings.Contains(page, "other-ca.pem") {
		t.Errorf("the server's page has its secret, or not its CA: %s", page)
	}
	if !strings.Contains(s.log.String(), `"by":"account admin"`) {
		t.Error("the log does not say who")
	}
}
