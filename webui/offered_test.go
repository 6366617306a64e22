package webui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"gatehouse/authcore/policy"
	"gatehouse/webui"
)

var (
	linkAttribute = regexp.MustCompile(`<a [^>]*href="(/[^"#]*)"`)
	formAttribute = regexp.MustCompile(`<form method="post" action="(/[^"]*)"`)
)

// TestNobodyIsOfferedWhatIsRefused follows every link and presses every button that each role gets
// to see: what a person may not do is not on their pages.
func TestNobodyIsOfferedWhatIsRefused(t *testing.T) {
	t.Parallel()
	ranks := map[policy.Role]int{"viewer": 1, "tech": 2, "admin": 3}
	for role, rank := range ranks {
		h := newHouse(t)
		cookie := h.signIn(string(role))
		_, all := webui.RolesOf(h.config)
		offered := map[[2]string]string{} // method and path; where
		for pattern, needed := range all {
			v := at(pattern)
			if v.method != http.MethodGet || needed == "" || ranks[needed] > rank || isStream(pattern) || isDownload(pattern) {
				continue
			}
			v.cookie = cookie
			page := h.do(v).Body.String()
			for _, m := range linkAttribute.FindAllStringSubmatch(page, -1) {
				offered[[2]string{http.MethodGet, m[1]}] = pattern
			}
			for _, m := range formAttribute.FindAllStringSubmatch(page, -1) {
				offered[[2]string{http.MethodPost, m[1]}] = pattern
			}
		}
		if len(offered) < 10 {
			t.Errorf("%s is offered %d things only", role, len(offered))
		}
		for what, where := range offered {
			v := visit{method: what[0], path: strings.ReplaceAll(what[1], "&amp;", "&"), cookie: cookie}
			if v.path == "/sign-out" {
				continue // it would end the session
			}
			if w := h.do(v); w.Code == http.StatusForbidden {
				t.Errorf("%s is offered %s %s on %s, and refused", role, v.method, v.path, where)
			}
		}
	}
}
