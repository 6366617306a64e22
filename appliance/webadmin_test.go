package appliance_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

// A browser keeps cookies and follows where pages lead.
type browser struct {
	s      *site
	client *http.Client
}

func (s *site) browser() *browser {
	s.t.Helper()
	jar := must(cookiejar.New(nil))(s.t)
	return &browser{s, &http.Client{Jar: jar, Transport: &http.Transport{ // the certificate is the device's own
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}}
}

// get and post return the path where it ended, and the page.
func (b *browser) get(path string) (string, string) {
	return b.read(b.client.Get("https://" + b.s.appliance.WebAddr() + path))
}

func (b *browser) post(path string, form url.Values) (string, string) {
	return b.read(b.client.PostForm("https://"+b.s.appliance.WebAddr()+path, form))
}

func (b *browser) read(r *http.Response, err error) (string, string) {
	b.s.t.Helper()
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	return r.Request.URL.Path, string(must(io.ReadAll(r.Body))(b.s.t))
}

// code returns the set-up code in the state directory, "" if there is none.
func (s *site) code() string {
	data, err := os.ReadFile(filepath.Join(s.state, "setup-code"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

const ownersPassword = "correct horse battery"

func (b *browser) setUp(code string) string {
	path, _ := b.post("/first-boot", url.Values{"code": {code}, "password": {ownersPassword}, "again": {ownersPassword}})
	return path
}

// awaitSetUp waits until a code counts: its file is there a moment before.
func (s *site) awaitSetUp() {
	s.t.Helper()
	b := s.browser()
	s.eventually("waiting for its set-up", func() bool {
		path, _ := b.get("/first-boot")
		return path == "/first-boot" && s.code() != ""
	})
}

// TestFirstAccount is made with the code, keeps over a restart, and the code is gone.
func TestFirstAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	s.awaitSetUp()
	code := s.code()
	if got := strings.Count(s.log.String(), code); got != 1 {
		t.Errorf("the code is in the log %d times, want once", got)
	}
	for name, want := range map[string]os.FileMode{"setup-code": 0o600} {
		if info, err := os.Stat(filepath.Join(s.state, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	s.write("users/more.yaml", "- {username: bob}\n")
	s.reload()
	if s.code() != code {
		t.Errorf("after a reload the code is %q, want %q", s.code(), code)
	}
	b := s.browser()
	if path, _ := b.get("/"); path != "/first-boot" {
		t.Errorf("without an account: at %s", path)
	}
	if path := b.setUp("AAAAA-AAAAA"); path != "/first-boot" {
		t.Errorf("with a wrong code: at %s", path)
	}
	if path := b.setUp(strings.ToLower(code)); path != "/" {
		t.Errorf("with the code: at %s", path)
	}
	if path, page := b.get("/"); path != "/" || !strings.Contains(page, "Serving") {
		t.Errorf("set up: at %s: %s", path, page)
	}
	if s.code() != "" {
		t.Error("the code is still there")
	}
	info, err := os.Stat(filepath.Join(s.state, "admin"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("admin: %v, %v", info, err)
	}
	if log := s.log.String(); strings.Contains(log, ownersPassword) || strings.Contains(log, "argon2id") {
		t.Error("the password or its hash is in the log")
	}
	second := s.browser()
	if path := second.setUp(code); path != "/sign-in" {
		t.Errorf("a second set-up: at %s", path)
	}
	if path, _ := second.post("/sign-in", url.Values{"username": {"admin"}, "password": {ownersPassword}}); path != "/" {
		t.Errorf("signing in: at %s", path)
	}
}

// TestFirstAccountGivesWay to administrators that admins.yaml names, in either order.
func TestFirstAccountGivesWay(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	s.awaitSetUp()
	// A cheap hash of the password of the owner.
	s.write("admins.yaml", "accounts: [{username: vera, role: viewer, password: '"+cheapHash(ownersPassword)+"'}]\n")
	s.reload()
	s.eventually("set up by admins.yaml", func() bool { return s.code() == "" })
	b := s.browser()
	if path, _ := b.get("/"); path != "/sign-in" {
		t.Errorf("with an account in admins.yaml: at %s", path)
	}
	if path, _ := b.post("/sign-in", url.Values{"username": {"vera"}, "password": {ownersPassword}}); path != "/" {
		t.Errorf("signing in: at %s", path)
	}
	s.write("admins.yaml", "tokens: []\n")
	s.reload()
	s.awaitSetUp()
	if path, _ := b.get("/"); path != "/first-boot" {
		t.Errorf("after the account was removed: at %s", path)
	}
	if path := b.setUp(s.code()); path != "/" {
		t.Fatalf("with the code: at %s", path)
	}
	s.write("admins.yaml", "accounts: [{username: anna, role: admin, password: '"+cheapHash("another password")+"'}]\n")
	s.reload()
	if path, _ := b.get("/"); path != "/sign-in" {
		t.Errorf("with an administrator in admins.yaml: at %s", path)
	}
}

// TestFirstAccountChangesItsPassword, which counts at once, everywhere, and after a restart.
func TestFirstAccountChangesItsPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	s.awaitSetUp()
	here, there := s.browser(), s.browser()
	here.setUp(s.code())
	there.post("/sign-in", url.Values{"username": {"admin"}, "password": {ownersPassword}})
	const other = "another horse battery"
	path, page := here.post("/more/password", url.Values{"now": {ownersPassword}, "password": {other}, "again": {other}})
	if path != "/more" || !strings.Contains(page, "The password was changed") {
		t.Fatalf("at %s: %s", path, page)
	}
	if path, _ := there.get("/"); path != "/sign-in" {
		t.Errorf("another browser is at %s", path)
	}
	if path, _ := there.post("/sign-in", url.Values{"username": {"admin"}, "password": {other}}); path != "/" {
		t.Errorf("with the new password: at %s", path)
	}
	data := must(os.ReadFile(filepath.Join(s.state, "admin")))(t)
	if !strings.Contains(string(data), "$argon2id$") || strings.Contains(s.log.String(), other) {
		t.Errorf("kept as %.40s, or the log has it", data)
	}
	// Somebody whom admins.yaml names by the same name is not this account.
	s.write("admins.yaml", "accounts: [{username: admin, role: admin, password: '"+cheapHash(other)+"'}]\n")
	s.reload()
	there.post("/sign-in", url.Values{"username": {"admin"}, "password": {other}})
	if _, page := there.post("/more/password", url.Values{"now": {other}, "password": {ownersPassword}, "again": {ownersPassword}}); !strings.Contains(page, "admins.yaml") {
		t.Errorf("an account of admins.yaml: %s", page)
	}
	if after := must(os.ReadFile(filepath.Join(s.state, "admin")))(t); string(after) != string(data) {
		t.Error("it changed the first account")
	}
}

// TestSetupCodeIsGuessedAtTenTimes, and then there is none until the next start.
func TestSetupCodeIsGuessedAtTenTimes(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	s.awaitSetUp()
	code, b := s.code(), s.browser()
	for range 10 {
		b.setUp("AAAAA-AAAAA")
	}
	if path := b.setUp(code); path == "/" || s.code() != "" {
		t.Errorf("the eleventh: at %s, the code is %q", path, s.code())
	}
	s.write("users/more.yaml", "- {username: bob}\n")
	s.reload()
	if s.code() != "" {
		t.Error("a reload makes another code")
	}
}

// TestDamagedFirstAccount lets nobody in, and the network goes on.
func TestDamagedFirstAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := os.WriteFile(filepath.Join(s.state, "admin"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.accept(s.alice())
	if path, _ := s.browser().get("/"); path != "/sign-in" || s.code() != "" {
		t.Errorf("at %s, the code is %q", path, s.code())
	}
}

// cheapHash is a hash that costs next to nothing.
func cheapHash(password string) string {
	salt, b64 := []byte("a salt of its own"), base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", b64(salt), b64(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32)))
}
