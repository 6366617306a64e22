package webui

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/webui/websession"
)

// People says who may sign in to the pages. Its functions are safe for concurrent use. The zero
// value is nobody, and no pages.
type People struct {
	// Accounts returns those in force, whose passwords are hashes. Nobody writes to what it
	// returns. Nil: there are no pages.
	Accounts func() []policy.Account
	// Hosts are the names by which the gateway is reached, in lower case; addresses and localhost
	// always count.
	Hosts []string
	// FirstBoot makes the first account. Its zero value makes none.
	FirstBoot FirstBoot
	// Sessions are those who are signed in, also for the control socket. Nil: NewServer has its own.
	Sessions *websession.Sessions
	// Fingerprint is the SHA-256 of the certificate of the listener, to be compared by people.
	Fingerprint string
	Now         func() time.Time // nil: time.Now
}

// FirstBoot is how the first account of a gateway is made: by whoever knows the set-up code. Its
// functions are safe for concurrent use.
type FirstBoot struct {
	// Open reports whether a code counts. Nil: none ever does.
	Open func() bool
	// Check reports whether code is the one; too many wrong ones end the set-up.
	Check func(code string) bool
	// Finish keeps the hash of the account's password and ends the set-up.
	Finish func(hash string) error
	// Own reports whether that account is in force, so that its password is changed in the pages; nil:
	// it never is. Change keeps another hash of its password. Errors: ErrRefused.
	Own    func() bool
	Change func(hash string) error
	// Account is what the account is called.
	Account string
}

// isOpen reports whether the first account can be made now.
func (f FirstBoot) isOpen() bool { return f.Open != nil && f.Open() }

// owns reports whether the account of that name is the first one, and no other.
func (f FirstBoot) owns(name string) bool {
	return f.Own != nil && f.Change != nil && f.Own() && strings.EqualFold(name, f.Account)
}

// cookieName binds the cookie to this host, HTTPS and every path (RFC 6265bis §4.1.3.2).
const cookieName = "__Host-gatehouse"

// roleRanks orders the roles: who may do more may do what is below.
var roleRanks = map[policy.Role]int{policy.RoleViewer: 1, policy.RoleTech: 2, policy.RoleAdmin: 3}

// A person is somebody who is signed in.
type person struct {
	Name    string
	Role    policy.Role
	Session websession.Session
	Theme   string // of their browser
}

// may reports whether the person may do what needs a role. Nobody may do what needs none.
func (p person) may(role policy.Role) bool {
	return roleRanks[role] > 0 && roleRanks[p.Role] >= roleRanks[role]
}

// Tech is for templates: it reports whether the person may press what needs the role tech.
func (p person) Tech() bool { return p.may(policy.RoleTech) }

// An entry is who is signed in, and how that came.
type entry struct {
	People
	sessions *websession.Sessions
	backoff  *websession.Backoff
	hasher   *hasher

	mu     sync.Mutex
	hashes map[string][sha256.Size]byte // by account, of the hash that its sessions were begun with
}

// newEntry returns nil if there are no pages.
func newEntry(p People) *entry {
	if p.Accounts == nil {
		return nil
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Sessions == nil {
		p.Sessions = websession.New(p.Now)
	}
	return &entry{People: p, sessions: p.Sessions, backoff: websession.NewBackoff(p.Now),
		hasher: newHasher(), hashes: map[string][sha256.Size]byte{}}
}

// newConsole returns what the control socket knows of who is signed in: it lets nobody in. It is
// nil if there are no pages.
func newConsole(p People) *entry {
	if p.Sessions == nil {
		return nil
	}
	return &entry{People: p, sessions: p.Sessions, hasher: newHasher()}
}

// person returns who sent r. Their role is that of the account in force, and a password that was
// changed ends the session.
func (e *entry) person(r *http.Request) (person, bool) {
	if e == nil {
		return person{}, false
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return person{}, false
	}
	session, ok := e.sessions.Find(cookie.Value)
	if !ok {
		return person{}, false
	}
	account, ok := e.account(session.Account)
	if !ok || !e.isCurrent(account) {
		e.sessions.EndAll(session.Account)
		return person{}, false
	}
	return person{Name: account.Username, Role: account.Role, Session: session, Theme: themeOf(r)}, true
}

// account finds one by its name, whose case does not count.
func (e *entry) account(name string) (policy.Account, bool) {
	for _, a := range e.Accounts() {
		if strings.EqualFold(a.Username, name) {
			return a, true
		}
	}
	return policy.Account{}, false
}

// isCurrent reports whether the account's sessions were begun with the password that it has.
func (e *entry) isCurrent(a policy.Account) bool {
	now := sha256.Sum256(a.Password)
	e.mu.Lock()
	defer e.mu.Unlock()
	then, ok := e.hashes[a.Username]
	return ok && subtle.ConstantTimeCompare(now[:], then[:]) == 1
}

// begin starts a session of an account and hands its cookie out.
func (e *entry) begin(w http.ResponseWriter, r *http.Request, a policy.Account) {
	if !e.isCurrent(a) {
		e.sessions.EndAll(a.Username)
	}
	e.mu.Lock()
	e.hashes[a.Username] = sha256.Sum256(a.Password)
	e.mu.Unlock()
	if old, err := r.Cookie(cookieName); err == nil {
		e.sessions.End(old.Value)
	}
	token := e.sessions.Start(a.Username, strings.TrimPrefix(sourceOf(r), "address/"), r.UserAgent())
	setCookie(w, token, 0)
}

// setCookie hands out a session, or with a negative age takes the cookie back.
func setCookie(w http.ResponseWriter, token string, age int) {
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: token, Path: "/", MaxAge: age,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}
