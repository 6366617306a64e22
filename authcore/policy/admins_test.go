package policy_test

import (
	"strings"
	"testing"

	"gatehouse/authcore/policy"
)

// TestScopes: admin is everything, the others are themselves alone.
func TestScopes(t *testing.T) {
	for has, want := range map[string]string{
		"": "", "read": "read", "bundle": "bundle", "bundle read": "read bundle", "admin": "read bundle admin",
		"other": "", "admins": "",
	} {
		token := policy.Token{}
		for _, s := range strings.Split(has, " ") {
			token.Scopes = append(token.Scopes, policy.TokenScope(s))
		}
		var may []string
		for _, scope := range []policy.TokenScope{"", policy.ScopeRead, policy.ScopeBundle, policy.ScopeAdmin} {
			if token.May(scope) {
				may = append(may, string(scope))
			}
		}
		if got := strings.Join(may, " "); got != want {
			t.Errorf("with %q one may %q, want %q", has, got, want)
		}
	}
}
