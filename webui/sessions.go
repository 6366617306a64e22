package webui

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/webui/websession"
)

// A Session is somebody who is signed in to the pages.
type Session struct {
	ID      string    `json:"id"` // names it; opens nothing
	Account string    `json:"account"`
	Source  string    `json:"source"` // the address it was begun from
	Agent   string    `json:"agent"`  // what the browser calls itself: text from a stranger
	Started time.Time `json:"started"`
	Seen    time.Time `json:"last_seen"`
	Own     bool      `json:"own"` // the one that asks
}

// SessionsEnded says how many sessions were ended.
type SessionsEnded struct {
	Ended int `json:"ended"`
}

// mayEnd reports whether who may see and end a session: those of their own account, and an admin
// anybody's. Nil is a program with the scope admin, or the console: anybody's.
func (e *entry) mayEnd(who *person, s websession.Session) bool {
	return who == nil || who.may(policy.RoleAdmin) || s.Account == who.Session.Account
}

// list returns the sessions that who may end, who was there last first.
func (e *entry) list(who *person) []Session {
	list := []Session{}
	for _, s := range e.sessions.List() {
		if e.mayEnd(who, s) {
			list = append(list, Session{ID: s.ID, Account: s.Account, Source: s.Source, Agent: s.Agent,
				Started: s.Started, Seen: s.Seen, Own: who != nil && s.ID == who.Session.ID})
		}
	}
	return list
}

// end ends those of the sessions that who may end, and returns how many there were.
func (e *entry) end(who *person, which func(Session) bool) (n SessionsEnded) {
	for _, s := range e.list(who) {
		if which(s) && e.sessions.Revoke(s.ID) {
			n.Ended++
		}
	}
	return n
}

// errNoPages is told where nobody can be signed in.
var errNoPages = fmt.Errorf("%w: nobody signs in here: listen.ui is off in gatehouse.yaml", ErrRefused)

// signedIn has next answer if there are pages to be signed in to.
func (a *api) signedIn(next func(w http.ResponseWriter, r *http.Request, who *person)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a.entry == nil {
			fail(w, errNoPages)
			return
		}
		c, _ := r.Context().Value(callerKey{}).(caller)
		next(w, r, c.person)
	}
}

func (a *api) listSessions(w http.ResponseWriter, _ *http.Request, who *person) {
	writeJSON(w, a.entry.list(who))
}

// endSession ends one. One that is not there, or is not theirs, is none that was ended: nobody
// learns which of the two.
func (a *api) endSession(w http.ResponseWriter, r *http.Request, who *person) {
	id := r.PathValue("id")
	writeJSON(w, a.entry.end(who, func(s Session) bool { return s.ID == id }))
}

// endSessions ends all but the one that asks, or of these those of one account.
func (a *api) endSessions(w http.ResponseWriter, r *http.Request, who *person) {
	account := r.URL.Query().Get("account")
	writeJSON(w, a.entry.end(who, func(s Session) bool {
		return !s.Own && (account == "" || strings.EqualFold(s.Account, account))
	}))
}

// A PasswordChange is the password that somebody has, and the one that is to be.
type PasswordChange struct {
	Current string `json:"current"`
	New     string `json:"new"`
}

// errNoOwnPassword is told to programs, which have a token, and to the console.
var errNoOwnPassword = fmt.Errorf("%w: this is the password of a person who is signed in; "+
	"set that of anybody on the device, with gatehouse admin password NAME", ErrRefused)

// changePassword changes one's own, as the page does.
func (a *api) changePassword(w http.ResponseWriter, r *http.Request, who *person) {
	if who == nil {
		fail(w, errNoOwnPassword)
		return
	}
	var c PasswordChange
	if !readChange(w, r, &c) {
		return
	}
	ended, err := a.entry.changePassword(w, r, *who, c)
	answer(w)(ended, err)
}

// A refusal is why something is not done that is none of the errors of a Backend.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// Why a password is not changed.
var (
	errElsewhere = &refusal{http.StatusConflict, "this account stands in admins.yaml: its password is changed there, " +
		"or on the device with gatehouse admin password"}
	errGuessing = &refusal{http.StatusTooManyRequests, "too many wrong tries: wait a little, then try again"}
	errNotNow   = &refusal{http.StatusForbidden, "this is not the password that you have now"}
)

// changePassword changes the password of the account that was made at first boot, and hands a new
// session out: every other one of the account ends. Whoever has found a browser open does not know
// the password of now, and guesses as slowly as at the door.
func (e *entry) changePassword(w http.ResponseWriter, r *http.Request, who person, c PasswordChange) (ended SessionsEnded, err error) {
	if !e.FirstBoot.owns(who.Name) {
		return ended, errElsewhere
	}
	held := []string{"account/" + strings.ToLower(who.Name), sourceOf(r)}
	if wait := e.backoff.Wait(held...); wait > 0 {
		setRetryAfter(w, wait)
		return ended, errGuessing
	}
	if problem := passwordProblem(c.New); problem != "" {
		return ended, &refusal{http.StatusBadRequest, problem}
	}
	account, _ := e.account(who.Name)
	right, err := e.hasher.check(r.Context(), string(account.Password), c.Current)
	if err != nil {
		return ended, &refusal{http.StatusServiceUnavailable, err.Error()}
	}
	if !right {
		e.backoff.Failed(held...)
		return ended, errNotNow
	}
	e.backoff.Succeeded(held...)
	hash, err := e.hasher.make(r.Context(), c.New)
	if err != nil {
		return ended, &refusal{http.StatusServiceUnavailable, err.Error()}
	}
	if err := e.FirstBoot.Change(hash); err != nil {
		return ended, fmt.Errorf("changing the password: %w", err)
	}
	ended = e.end(&who, func(s Session) bool { return !s.Own && s.Account == who.Session.Account })
	account.Password = policy.Secret(hash)
	e.begin(w, r, account)
	return ended, nil
}
