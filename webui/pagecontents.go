package webui

import (
	"fmt"
	"net/http"

	"gatehouse/authcore/policy"
)

// maxObjects is how many files a page lists; the API has them all.
const maxObjects = 200

// A contentsView is what a version consists of.
type contentsView struct {
	*BundleContents
	More int // objects that are not shown
}

// contents shows what is in force, or in a version that is kept.
func (p *pages) contents(w http.ResponseWriter, r *http.Request, who person) {
	c, err := p.api.Bundles.Contents(r.URL.Query().Get("version"))
	if err != nil {
		p.fail(w, who, "What is in it", err)
		return
	}
	v := contentsView{c, max(0, len(c.Objects)-maxObjects)}
	c.Objects = c.Objects[:len(c.Objects)-v.More]
	title := "What is in force"
	if c.Version != nil {
		title = fmt.Sprintf("What is in serial %d", c.Version.Serial)
	}
	p.render(w, who, "contents", view{Title: title, Tab: "setup", Body: v})
}

// changes shows what a version changes against the one before it.
func (p *pages) changes(w http.ResponseWriter, r *http.Request, who person) {
	query := r.URL.Query()
	c, err := p.api.Bundles.Changes(query.Get("from"), query.Get("to"))
	if err != nil {
		p.fail(w, who, "What changed", err)
		return
	}
	if !who.may(policy.RoleAdmin) {
		c.Access = nil
	}
	p.render(w, who, "changes", view{Title: fmt.Sprintf("From serial %d to %d", c.From.Serial, c.To.Serial),
		Tab: "setup", Body: c})
}
