package webui_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/authcore/policy"
	"gatehouse/webui"
)

// leads finds what a page leads to: its links, and where its forms go.
var leads = regexp.MustCompile(`(?:<form method="(post|get)" action|href)="(/[^"]*)"`)

// TestNoPageLeadsWhereItsReaderIsRefused follows what each role is offered.
func TestNoPageLeadsWhereItsReaderIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, pages := webui.RolesOf(h.config)
	roles := []policy.Role{"", policy.RoleViewer, policy.RoleTech, policy.RoleAdmin} // each may what those before it may
	routes := http.NewServeMux()
	for pattern := range pages {
		routes.Handle(pattern, http.NotFoundHandler())
	}
	for i, role := range roles[1:3] {
		cookie, followed := h.signIn(string(role)), 0
		for pattern, needs := range pages {
			v := at(pattern)
			if v.method != "GET" || isStream(pattern) || isDownload(pattern) || slices.Index(roles, needs) > i+1 {
				continue
			}
			v.cookie = cookie
			for _, lead := range leads.FindAllStringSubmatch(h.do(v).Body.String(), -1) {
				r := httptest.NewRequest(strings.ToUpper(lead[1]), lead[2], nil)
				_, to := routes.Handler(r)
				followed++
				if to == "" {
					t.Errorf("%s: %s %s leads nowhere", pattern, r.Method, lead[2])
				} else if slices.Index(roles, pages[to]) > i+1 {
					t.Errorf("%s offers the role %s %s, which is for %s", pattern, role, to, pages[to])
				}
			}
		}
		if followed < 100 {
			t.Errorf("role %s: only %d leads were followed", role, followed)
		}
	}
}
