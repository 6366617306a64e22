package appliance_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/appliance"
)

// setPassword sets a password at the console.
func (s *site) setPassword(account, password string) (set appliance.PasswordSet, code int, text string) {
	s.t.Helper()
	code, text = s.asking(http.MethodPut, "/api/v1/accounts/"+url.PathEscape(account)+"/password", appliance.NewPassword{New: password}, &set)
	return set, code, text
}

// enters reports whether a password opens an account.
func (s *site) enters(b *browser, account, password string) bool {
	path, _ := b.post("/sign-in", url.Values{"username": {account}, "password": {password}})
	return path == "/"
}

const forgotten = "what they had forgotten"

// TestConsoleSetsPasswordOfFirstAccount, who has forgotten it, and signs their browsers out.
func TestConsoleSetsPasswordOfFirstAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	s.awaitSetUp()
	b := s.browser()
	b.setUp(s.code())
	var accounts []appliance.Account
	s.asking(http.MethodGet, "/api/v1/accounts", nil, &accounts)
	if len(accounts) != 1 || accounts[0] != (appliance.Account{Username: "admin", Role: "admin", Source: "first boot"}) {
		t.Errorf("the accounts are %+v", accounts)
	}
	var sessions []appliance.Session
	s.asking(http.MethodGet, "/api/v1/sessions", nil, &sessions)
	if len(sessions) != 1 || sessions[0].Account != "admin" || sessions[0].Own {
		t.Errorf("the sessions are %+v", sessions)
	}
	set, code, text := s.setPassword("ADMIN", forgotten)
	if want := (appliance.PasswordSet{Account: "admin", InForce: true, Ended: 1}); set != want {
		t.Errorf("got %d %s, want %+v", code, text, want)
	}
	if path, _ := b.get("/"); path != "/sign-in" {
		t.Errorf("the browser is at %s", path)
	}
	if s.enters(b, "admin", ownersPassword) || !s.enters(b, "admin", forgotten) {
		t.Error("it is not the new password that counts")
	}
	if _, code, text := s.setPassword("nobody", forgotten); code != 404 || !strings.Contains(text, `no account \"nobody\"`) {
		t.Errorf("nobody's: got %d %s", code, text)
	}
	var ended appliance.SessionsEnded
	s.asking(http.MethodDelete, "/api/v1/sessions?account=admin", nil, &ended)
	if path, _ := b.get("/"); path != "/sign-in" || ended.Ended != 1 {
		t.Errorf("ended %d, the browser is at %s", ended.Ended, path)
	}
	if log := s.log.String(); strings.Contains(log, forgotten) || strings.Contains(log, "argon2id") {
		t.Error("the password or its hash is in the log")
	}
}

// adminsByHand is admins.yaml as somebody wrote it.
func adminsByHand() string {
	return "# Ask Kari first.\naccounts:\n  - username: anna # of head office\n    role: admin\n    password: '" +
		cheapHash(ownersPassword) + "'\n  - {username: vera, role: viewer, password: '" + cheapHash(ownersPassword) + "'}\n"
}

// TestConsoleSetsPasswordInFile changes one value of admins.yaml, and that counts at once.
func TestConsoleSetsPasswordInFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.watched = true
	s.write("admins.yaml", adminsByHand())
	s.start()
	anna, vera := s.browser(), s.browser()
	if !s.enters(anna, "anna", ownersPassword) || !s.enters(vera, "vera", ownersPassword) {
		t.Fatal("nobody gets in")
	}
	set, code, text := s.setPassword("Anna", forgotten)
	if code != 200 || set.Account != "anna" || !set.InForce || set.Generation != 2 || set.Ended != 1 {
		t.Fatalf("got %d %s", code, text)
	}
	file := filepath.Join(s.dir, "admins.yaml")
	now := string(must(os.ReadFile(file))(t))
	before, after, _ := strings.Cut(now, "$argon2id$v=19$m=19456")
	if !strings.HasPrefix(before, "# Ask Kari first.\naccounts:\n  - username: anna # of head office\n    role: admin\n    password: ") ||
		!strings.HasSuffix(after, "  - {username: vera, role: viewer, password: '"+cheapHash(ownersPassword)+"'}\n") {
		t.Errorf("admins.yaml is\n%s", now)
	}
	if info := must(os.Stat(file))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("admins.yaml has mode %v", info.Mode().Perm())
	}
	if path, _ := anna.get("/"); path != "/sign-in" || s.enters(anna, "anna", ownersPassword) || !s.enters(anna, "anna", forgotten) {
		t.Errorf("anna is at %s, or gets in by the wrong password", path)
	}
	if path, _ := vera.get("/"); path != "/" {
		t.Errorf("vera is at %s", path)
	}
	if log := s.log.String(); !strings.Contains(log, `"msg":"password of an account set","part":"edit","by":"console"`) ||
		strings.Contains(log, forgotten) || strings.Contains(log, "argon2id") {
		t.Error("it is not in the log, or too much is")
	}
	s.write("admins.yaml", "accounts: [\n")
	if _, code, text := s.setPassword("anna", ownersPassword); code != 409 || strings.Contains(text, "argon2id") {
		t.Errorf("with a broken file: got %d %s", code, text)
	}
	s.write("admins.yaml", adminsByHand())
	s.eventually("read again", func() bool { return s.enters(anna, "anna", ownersPassword) })
}

// TestConsoleLeavesTheBundleAlone: what head office signed is not changed here, and the answer says
// what helps. The account of the device is not head office's.
func TestConsoleLeavesTheBundleAlone(t *testing.T) {
	t.Parallel()
	s, p := newSite(t), newPublisher(t)
	s.watched = true
	p.trust(s)
	office := headOffice(s)
	s.start()
	s.awaitSetUp()
	b := s.browser()
	b.setUp(s.code())
	s.arrives(p, office, 1)
	s.applied("applied", 1)
	if set, code, text := s.setPassword("admin", forgotten); code != 200 || !set.InForce || !s.enters(b, "admin", forgotten) {
		t.Errorf("the account of the device: got %d %s", code, text)
	}
	s.write("admins.yaml", adminsByHand())
	office.write("admins.yaml", adminsByHand())
	s.arrives(p, office, 2)
	s.applied("applied", 2)
	_, code, text := s.setPassword("anna", forgotten)
	if code != 409 || !strings.Contains(text, "managed by head office") || !strings.Contains(text, "gatehouse admin hash") {
		t.Errorf("an account of the bundle: got %d %s", code, text)
	}
	if got := string(must(os.ReadFile(filepath.Join(s.dir, "admins.yaml")))(t)); got != adminsByHand() {
		t.Errorf("the loose file is\n%s", got)
	}
}
