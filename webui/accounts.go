package webui

import (
	"net/http"
	"strings"
)

// Accounts is what the API asks about those who may sign in to the pages. Its functions are safe
// for concurrent use.
type Accounts struct {
	// List returns the accounts in force.
	List func() []Account
	// SetPassword keeps the hash of another password of an account, whoever by is. Errors:
	// ErrNotFound, ErrRefused, ErrInvalid.
	SetPassword func(name, hash, by string) (PasswordSet, error)
}

// An Account is somebody who may sign in to the pages.
type Account struct {
	Username string `json:"username"`
	Role     string `json:"role"`
	Source   string `json:"source"` // admins.yaml, or first boot: made on the device
}

// A NewPassword is one that is chosen for somebody.
type NewPassword struct {
	New string `json:"new"`
}

// A PasswordSet is what became of a NewPassword.
type PasswordSet struct {
	Account string `json:"account"`
	// InForce says that it counts already; otherwise it is written, and waits for the configuration.
	InForce    bool   `json:"in_force"`
	Generation uint64 `json:"generation,omitempty"` // of the configuration that has it; 0: none has to
	Ended      int    `json:"ended"`                // sessions of the account
}

func (a *api) listAccounts(w http.ResponseWriter, _ *http.Request) { writeJSON(w, a.Accounts.List()) }

// setPassword sets anybody's, without the one of before: whoever is at the device is never locked
// out. The sessions of the account end at once, and not with the next request of their browsers.
func (a *api) setPassword(w http.ResponseWriter, r *http.Request, _ *person) {
	var c NewPassword
	if !readChange(w, r, &c) {
		return
	}
	if problem := passwordProblem(c.New); problem != "" {
		fail(w, &refusal{http.StatusBadRequest, problem})
		return
	}
	hash, err := a.entry.hasher.make(r.Context(), c.New)
	if err != nil {
		fail(w, &refusal{http.StatusServiceUnavailable, err.Error()})
		return
	}
	set, err := a.Accounts.SetPassword(r.PathValue("name"), hash, who(r))
	if err == nil {
		set.Ended = a.entry.end(nil, func(s Session) bool { return strings.EqualFold(s.Account, set.Account) }).Ended
	}
	answer(w)(set, err)
}
