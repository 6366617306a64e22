package webui

import (
	"net/http"
	"time"

	"gatehouse/authcore/policy"
)

// A moreView is who is signed in, and what this is.
type moreView struct {
	Sessions    []Session
	Others      bool // those of other people are listed too
	Version     string
	Fingerprint string
	Started     time.Time
	Own         bool // the password is changed here
	Changed     bool // it just was
	MaySupport  bool
}

func (p *pages) more(w http.ResponseWriter, r *http.Request, who person) {
	p.showMore(w, who, view{}, moreView{Changed: r.URL.Query().Get("done") == "password"})
}

func (p *pages) showMore(w http.ResponseWriter, who person, out view, v moreView) {
	s := p.api.Status()
	v.Version, v.Started, v.Fingerprint, v.Others = s.Version, s.Started, p.Fingerprint, who.may(policy.RoleAdmin)
	v.Own, v.MaySupport = p.FirstBoot.owns(who.Name), who.may(policy.RoleTech)
	v.Sessions = p.list(&who)
	out.Title, out.Tab, out.Node, out.Body = "More", "more", s.Node, v
	p.render(w, who, "more", out)
}

// revoke ends a session: one's own, and an admin anybody's.
func (p *pages) revoke(w http.ResponseWriter, r *http.Request, who person) {
	id := r.PostFormValue("id")
	p.end(&who, func(s Session) bool { return s.ID == id })
	redirect(w, r, "/more")
}
