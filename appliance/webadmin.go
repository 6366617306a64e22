package appliance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"gatehouse/authcore/policy"
	"gatehouse/webui"
	"gatehouse/webui/websession"
)

// Files of the state directory, and the name of the account that is made at first boot.
const (
	SetupCodeFile  = "setup-code"
	firstAdminFile = "admin"
	firstAdminName = "admin"

	maxFirstAdmin = 4 << 10 // bytes
)

// errSetupOver is told to who comes second.
var errSetupOver = errors.New("the set-up is over: somebody has made the account")

// A firstAdmin is the account that is made on the device itself, at its first boot, by whoever
// knows the set-up code. It counts as long as admins.yaml in force names no administrator: who
// manages the gateway from elsewhere need not know that it is there.
//
//	no account anywhere → code counts → account made
//	                         │ ten wrong ones, or admins.yaml names somebody: no code counts
type firstAdmin struct {
	dir         string // the state directory
	logger      *slog.Logger
	console     *slog.Logger // told the code, which crosses no network
	fingerprint string
	accounts    func() []policy.Account // of admins.yaml in force
	setup       websession.Setup

	mu      sync.Mutex
	account *policy.Account // nil: none was made
	spent   bool            // no code counts in this run
}

// firstAdminJSON is the form of the file.
type firstAdminJSON struct {
	Username string `json:"username"`
	Password string `json:"password"` // argon2id hash
}

// open reads the account, if there is one. With a file that cannot be used there is none, and no
// code counts either, or somebody else could take its owner's place; people go on signing in to
// the network.
func (f *firstAdmin) open() {
	name := filepath.Join(f.dir, firstAdminFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var stored firstAdminJSON
	if err == nil && len(data) > maxFirstAdmin {
		err = errors.New("it is too long")
	}
	if err == nil {
		err = json.Unmarshal(data, &stored)
	}
	if err == nil && (stored.Username == "" || stored.Password == "") {
		err = errors.New("it names no account")
	}
	if err != nil {
		f.spent = true
		f.logger.Error("the first account cannot be read: remove the file and restart to set up again",
			"file", name, "err", err)
		return
	}
	f.account = &policy.Account{Username: stored.Username, Password: policy.Secret(stored.Password),
		Role: policy.RoleAdmin}
}

// people returns the accounts in force.
func (f *firstAdmin) people() []policy.Account {
	accounts := f.accounts()
	f.mu.Lock()
	own := f.account
	f.mu.Unlock()
	if own == nil {
		return accounts
	}
	for _, a := range accounts {
		if a.Role == policy.RoleAdmin || strings.EqualFold(a.Username, own.Username) {
			return accounts
		}
	}
	return append(accounts[:len(accounts):len(accounts)], *own)
}

// review has the code count while nobody has an account, and nothing count once somebody has.
func (f *firstAdmin) review() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	needed := f.account == nil && len(f.accounts()) == 0 && !f.spent
	switch {
	case needed == f.setup.Open():
	case needed:
		f.begin()
	default:
		f.end()
	}
}

// begin has a code count: the one that was made before a restart, or a new one. f.mu is held.
func (f *firstAdmin) begin() {
	name := filepath.Join(f.dir, SetupCodeFile)
	data, err := os.ReadFile(name)
	code := strings.TrimSpace(string(data))
	if err != nil || len(code) != len(websession.NewSetupCode()) {
		code = websession.NewSetupCode()
		if err := (lastGood{name}).replace([]byte(code + "\n")); err != nil {
			f.logger.Error("set-up code not kept", "file", name, "err", err)
			return
		}
		f.console.Warn("nobody has an account: set up with this code", "code", code, "fingerprint", f.fingerprint)
	}
	f.setup.Begin(code)
}

// end has no code count any more. f.mu is held.
func (f *firstAdmin) end() {
	f.setup.End()
	if err := removeQuietly(filepath.Join(f.dir, SetupCodeFile)); err != nil {
		f.logger.Warn("set-up code not removed", "err", err)
	}
}

// check reports whether code is the one. The last of too many wrong ones ends the set-up until the
// next start.
func (f *firstAdmin) check(code string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.setup.Open() {
		return false
	}
	if f.setup.Check(code) {
		return true
	}
	if !f.setup.Open() {
		f.spent = true
		f.end()
		f.logger.Error("too many wrong set-up codes: none counts until the next start")
	}
	return false
}

// finish keeps the account and ends the set-up.
func (f *firstAdmin) finish(hash string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.setup.Open() || f.account != nil {
		return fmt.Errorf("%w: %w", webui.ErrRefused, errSetupOver)
	}
	if err := f.keep(hash); err != nil {
		return err
	}
	f.end()
	f.logger.Info("account made with the set-up code", "account", firstAdminName)
	return nil
}

// isOwn reports whether the account is in force.
func (f *firstAdmin) isOwn() bool {
	f.mu.Lock()
	own := f.account
	f.mu.Unlock()
	accounts := f.people()
	return own != nil && len(accounts) > 0 && string(accounts[len(accounts)-1].Password) == string(own.Password)
}

// change keeps another password of the account.
func (f *firstAdmin) change(hash string) error {
	if !f.isOwn() {
		return fmt.Errorf("%w: the account is not the one that was made here", webui.ErrRefused)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.keep(hash); err != nil {
		return err
	}
	f.logger.Warn("password of the first account changed", "account", firstAdminName)
	return nil
}

// keep writes the account down. f.mu is held.
func (f *firstAdmin) keep(hash string) error {
	data, err := json.Marshal(firstAdminJSON{firstAdminName, hash})
	if err != nil {
		return err
	}
	if err := (lastGood{filepath.Join(f.dir, firstAdminFile)}).replace(append(data, '\n')); err != nil {
		return fmt.Errorf("keeping the account: %w", err)
	}
	f.account = &policy.Account{Username: firstAdminName, Password: policy.Secret(hash), Role: policy.RoleAdmin}
	return nil
}

// webPeople says to the pages who may sign in. The certificate is that of the listener, in DER.
func (a *Appliance) webPeople(certificate []byte) webui.People {
	f := &firstAdmin{dir: a.config.StateDir, logger: a.config.Logger.With("part", "webui"),
		console:     a.console.With("part", "webui"),
		fingerprint: Fingerprint(sha256.Sum256(certificate)), accounts: a.accounts}
	f.open()
	a.firstAdmin = f
	return webui.People{
		Accounts: f.people, Hosts: a.webHosts(), Fingerprint: f.fingerprint, Now: a.config.Now,
		FirstBoot: webui.FirstBoot{Open: f.setup.Open, Check: f.check, Finish: f.finish, Account: firstAdminName,
			Own: f.isOwn, Change: f.change},
	}
}

// Fingerprint is a SHA-256 as browsers show it.
func Fingerprint(sum [sha256.Size]byte) string {
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	pairs := make([]string, 0, sha256.Size)
	for i := 0; i < len(digits); i += 2 {
		pairs = append(pairs, digits[i:i+2])
	}
	return strings.Join(pairs, ":")
}

// accounts returns those of admins.yaml in force.
func (a *Appliance) accounts() []policy.Account {
	if sn := a.holder.Load(); sn != nil {
		return sn.Admins().Accounts
	}
	return nil
}

// webHosts returns the names that the pages answer to.
func (a *Appliance) webHosts() []string {
	names, _ := webNames()
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	if u, err := url.Parse(a.config.Boot.Node.URL); err == nil && u.Hostname() != "" {
		names = append(names, strings.ToLower(u.Hostname()))
	}
	return names
}
