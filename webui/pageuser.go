package webui

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

// A userView is the search for a user, and who was found.
type userView struct {
	Query string
	User  *User // nil: nobody was asked for, or found
	State mark
	Last  string // sentence about the last sign-in
	Mark  mark   // likewise
	Kinds []userNames
	// SignIns leads to his sign-ins; "": not for this role, which does not see his name.
	SignIns string
	Onboard string // leads to profiles for his devices; "": not for this role
}

// userNames are the names of one kind.
type userNames struct{ Kind, Names string }

// nameWords are what people call the kinds of names in certificates.
var nameWords = map[string]string{
	"san_email": "E-mail (alternative name)", "san_upn": "UPN (alternative name)", "san_dns": "DNS name (alternative name)",
	"dn_email": "E-mail (subject)", "cn": "Common name",
}

func (p *pages) users(w http.ResponseWriter, r *http.Request, who person) {
	body := userView{Query: strings.TrimSpace(r.URL.Query().Get("q"))}
	v := view{Title: "Users", Tab: "setup"}
	if body.Query != "" {
		u, err := p.api.FindUser(body.Query)
		if err != nil {
			v.Status, v.Error = statusOf(err), said(err)
		} else {
			body.show(u)
		}
	}
	if body.User != nil && who.may(policy.RoleTech) {
		body.SignIns = "/sign-ins" + signInFilter{Text: body.User.Username}.query()
		body.Onboard = "/setup/onboard?user=" + url.QueryEscape(body.User.Username)
	}
	v.Body = body
	p.render(w, who, "users", v)
}

// show fills in who was found.
func (v *userView) show(u User) {
	v.User, v.State = &u, mark{"ok", "active"}
	if u.State != "active" {
		v.State = mark{"bad", u.State}
	}
	for _, n := range u.Names {
		word := nameWords[n.Kind]
		if word == "" {
			word = n.Kind
		}
		if last := len(v.Kinds) - 1; last >= 0 && v.Kinds[last].Kind == word {
			v.Kinds[last].Names += ", " + n.Name
		} else {
			v.Kinds = append(v.Kinds, userNames{word, n.Name})
		}
	}
	if u.Last != nil {
		explanation, _ := audit.Explain(audit.Reason(u.Last.Reason))
		v.Last, v.Mark = sentence(explanation.Sentence), mark{"bad", "rejected"}
		if u.Last.Result == string(audit.Accept) {
			v.Mark = mark{"ok", "accepted"}
		}
	}
}
