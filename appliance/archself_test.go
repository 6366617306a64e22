package appliance_test

import (
	"slices"
	"strings"
	"testing"
)

// TestArchCheckFindsBreaches shows that the walls can fail: each case is an import graph with
// one breach, held against the real tables.
func TestArchCheckFindsBreaches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		g    graph
		want string // part of the one finding; empty: none
	}{
		{"clean", graph{
			"gatehouse/cmd/gatehouse":      {"os", "gatehouse/appliance", "gatehouse/authcore/audit"},
			"gatehouse/appliance":          {"gatehouse/webui", "gatehouse/authcore"},
			"gatehouse/webui":              {"net/http", "gatehouse/authcore/audit"},
			"gatehouse/authcore":           {"gatehouse/authcore/eap", "gatehouse/authcore/audit"},
			"gatehouse/authcore/eap":       {"errors"},
			"gatehouse/authcore/audit":     {"time"},
			"gatehouse/authcore/radserver": {"net", "net/netip", "gatehouse/authcore/audit"},
		}, ""},
		{"std-directly", graph{"gatehouse/authcore": {"os"}}, "authcore: imports os:"},
		{"std-below", graph{"gatehouse/authcore": {"os/exec"}}, "authcore: imports os/exec:"},
		{"std-indirectly-is-fine", graph{"gatehouse/authcore": {"x"}, "x": {"os"}}, ""},
		{"netip-is-fine", graph{"gatehouse/authcore/policy": {"net/netip"}}, ""},
		{"net-is-not", graph{"gatehouse/authcore/policy": {"net"}}, "policy: imports net:"},
		{"ours-indirectly", graph{
			"gatehouse/authcore/radserver": {"gatehouse/authcore/policy"},
			"gatehouse/authcore/policy":    {"gatehouse/authcore/eap"},
			"gatehouse/authcore/eap":       {},
		}, "radserver: imports gatehouse/authcore/eap, through gatehouse/authcore/policy:"},
		{"badger-indirectly", graph{
			"gatehouse/authcore/revocation":    {"example.com/cache"},
			"example.com/cache":                {"github.com/dgraph-io/badger/v4"},
			"github.com/dgraph-io/badger/v4":   {"github.com/dgraph-io/badger/v4/y"},
			"github.com/dgraph-io/badger/v4/y": {},
		}, "through example.com/cache"},
		{"cmd-past-appliance", graph{"gatehouse/cmd/gatehouse": {"gatehouse/authcore/pki"}},
			"not on its short list"},
		{"upwards", graph{"gatehouse/sync/load": {"gatehouse/appliance/clock"}},
			"sync/load: imports gatehouse/appliance/clock"},
		{"leaf-to-walk", graph{"gatehouse/authcore/identity": {"gatehouse/authcore"}},
			"identity: imports gatehouse/authcore:"},
		{"second-user-of-appliance", graph{"gatehouse/packaging": {"gatehouse/appliance"}},
			"only cmd/gatehouse may"},
		{"second-yaml-user", graph{"gatehouse/sync/load": {"github.com/goccy/go-yaml/ast"}},
			"only sync/strictyaml may"},
		{"leaf-of-nobody", graph{"gatehouse/authcore/audit": {"gatehouse/authcore/policy"}},
			"audit: imports gatehouse/authcore/policy"},
		{"unknown-package", graph{"gatehouse/authcore/helpers": {}}, "is not in the table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := c.g.check(walls, directions, monopolies)
			if c.want == "" {
				if len(got) > 0 {
					t.Errorf("check: got %q, want nothing", got)
				}
				return
			}
			has := func(s string) bool { return strings.Contains(s, c.want) }
			if !slices.ContainsFunc(got, has) {
				t.Errorf("check: got %q, want a finding with %q", got, c.want)
			}
		})
	}
}

func TestArchCallsAreFound(t *testing.T) {
	t.Parallel()
	w := wall{calls: []string{"time.Now"}, why: "pure"}
	src := "package p\n\nimport \"time\"\n\nvar clock = time.Now\n"
	if got := mentions(t, "p.go", []byte(src), w); len(got) != 1 ||
		!strings.HasPrefix(got[0], "p.go:5:13: names time.Now") {
		t.Errorf("mentions: got %q, want the one in line 5", got)
	}
	if got := mentions(t, "p.go", []byte("package p\n\nvar now int\n"), w); len(got) > 0 {
		t.Errorf("mentions: got %q, want none", got)
	}
}
