package load_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/load"
)

// TestDiffCounting counts users, and says of everything else what Diff says.
func TestDiffCounting(t *testing.T) {
	base := minimal(t).with("radius/branch.yaml", twoClients, "users/staff.yaml", threeUsers)
	for name, tt := range map[string]struct {
		with []string
		want load.UserCounts
	}{
		"nothing":    {nil, load.UserCounts{}},
		"other_form": {[]string{"users/staff.yaml", "-", "users/people.yaml", threeUsers}, load.UserCounts{}},
		"other_file": {[]string{"radius/branch.yaml", strings.Replace(twoClients, "30", "31", 1)}, load.UserCounts{}},
		"added":      {[]string{"users/more.csv", "username\nzoe\nyan\n"}, load.UserCounts{Added: 2}},
		"removed":    {[]string{"users/staff.yaml", strings.Join(strings.SplitAfter(threeUsers, "\n")[:2], "")}, load.UserCounts{Removed: 1}},
		"renamed":    {[]string{"users/staff.yaml", strings.Replace(threeUsers, "carol,", "dave,", 1)}, load.UserCounts{Added: 1, Removed: 1}},
		"state":      {[]string{"users/staff.yaml", strings.Replace(threeUsers, "groups: [staff]", "groups: [staff], state: suspended", 1)}, load.UserCounts{Changed: 1}},
		"groups":     {[]string{"users/staff.yaml", strings.Replace(threeUsers, "[staff]", "[st, aff]", 1)}, load.UserCounts{Changed: 1}},
		"list_moved": {[]string{"users/staff.yaml", strings.Replace(threeUsers, "groups: [staff]", "aliases: [staff@acme.example]", 1)}, load.UserCounts{Changed: 1}},
		"secret":     {[]string{"users/staff.yaml", strings.Replace(threeUsers, "3PXPJBSWY3DP", "3PXPJBSWY3DQ", 1)}, load.UserCounts{Changed: 1, Secrets: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := mustLoad(t, base), mustLoad(t, base.with(tt.with...))
			changes, users, err := load.DiffCounting(a, b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, users); diff != "" {
				t.Errorf("users (-want +got)\n%s", diff)
			}
			all, err := load.Diff(a, b)
			if err != nil {
				t.Fatal(err)
			}
			var rest []load.Change
			for _, c := range all {
				if c.Kind != "user" {
					rest = append(rest, c)
				}
			}
			if diff := cmp.Diff(rest, changes); diff != "" {
				t.Errorf("changes (-want +got)\n%s", diff)
			}
		})
	}
}
