package webui

import (
	"net/http"

	"gatehouse/authcore/policy"
	"gatehouse/webui/websession"
)

// A moreView is who is signed in, and what this is.
type moreView struct {
	Sessions    []sessionRow
	Others      bool // those of other people are listed too
	Version     string
	Fingerprint string
}

// A sessionRow is a session in the list.
type sessionRow struct {
	websession.Session
	Own bool // the one that looks
}

func (p *pages) more(w http.ResponseWriter, _ *http.Request, who person) {
	s := p.api.Status()
	v := moreView{Version: s.Version, Fingerprint: p.Fingerprint, Others: who.may(policy.RoleAdmin)}
	for _, session := range p.sessions.List() {
		if v.Others || session.Account == who.Session.Account {
			v.Sessions = append(v.Sessions, sessionRow{session, session.ID == who.Session.ID})
		}
	}
	p.render(w, who, "more", view{Title: "More", Tab: "more", Node: s.Node, Body: v})
}

// revoke ends a session: one's own, and an admin anybody's.
func (p *pages) revoke(w http.ResponseWriter, r *http.Request, who person) {
	id := r.PostFormValue("id")
	for _, session := range p.sessions.List() {
		if session.ID == id && (session.Account == who.Session.Account || who.may(policy.RoleAdmin)) {
			p.sessions.Revoke(id)
		}
	}
	redirect(w, r, "/more")
}
