package load_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
)

// waiting is effects for warnings: the deletions that wait.
func waiting(problems load.Problems) []string {
	var out []string
	for _, p := range problems {
		if p.Severity == load.Warning && p.Effect != "" {
			out = append(out, p.File+" of "+p.Object+" "+string(p.Effect))
		}
	}
	return out
}

// TestDeletionsWait deletes objects that are in force, with and without waiting.
func TestDeletionsWait(t *testing.T) {
	all := base(t)
	last, _ := seal(t, all.fs(), nil)
	drop := func(s string, parts ...string) string {
		for _, p := range parts {
			s = strings.TrimSpace(strings.Replace(s+" ", p+" ", "", 1))
		}
		return s
	}
	for _, tt := range []struct {
		name   string
		change []string
		waits  []string
		live   string // while it waits; "": all
		after  string
	}{
		{"CA", []string{"ca/second.pem", "-", "ca/second.yaml", "-"}, []string{"ca/second.pem of ca/second kept"},
			"", drop(baseLive, "ca/second", "radius/other[second]")},
		{"CA_and_who_names_it", []string{"ca/second.pem", "-", "ca/second.yaml", "-", "radius/other.yaml", "-"},
			[]string{"ca/second.pem of ca/second kept", "radius/other.yaml of radius/other kept"},
			"", drop(baseLive, "ca/second", "radius/other[second]")},
		{"credential", []string{"server/spare/key.pem", "-", "server/spare/certificate.pem", "-"},
			[]string{"server/spare/certificate.pem of server/spare kept"}, "", drop(baseLive, "server/spare")},
		{"server", []string{"radius/branch.yaml", "-"}, []string{"radius/branch.yaml of radius/branch kept"},
			"", drop(baseLive, "radius/branch[acme]")},
		{"users", []string{"users/more.csv", "-"}, []string{"users/more.csv of users/more.csv kept"},
			"", drop(baseLive, "users/more.csv(1)")},
		{"all_users", []string{"users/more.csv", "-", "users/staff.yaml", "-"},
			[]string{"users/more.csv of users/more.csv kept", "users/staff.yaml of users/staff.yaml kept"}, "", baseLive},
		{"server_renamed", []string{"radius/other.yaml", "-", "radius/b.yaml", all["radius/other.yaml"]},
			[]string{"radius/other.yaml of radius/other kept"}, "",
			strings.Replace(drop(baseLive, "radius/other[second]"), "radius/branch", "radius/b[second] radius/branch", 1)},
		{"users_moved", []string{"users/more.csv", "-", "users/a.csv", all["users/more.csv"]},
			[]string{"users/more.csv of users/more.csv kept"}, "",
			strings.Replace(drop(baseLive, "users/more.csv(1)"), "users/staff", "users/a.csv(1) users/staff", 1)},
		{"users_beside_a_change", []string{"users/more.csv", "-", "users/staff.yaml", "- {username: anna}\n"},
			[]string{"users/more.csv of users/more.csv kept"}, strings.Replace(baseLive, "staff.yaml(2)", "staff.yaml(1)", 1),
			strings.Replace(drop(baseLive, "users/more.csv(1)"), "staff.yaml(2)", "staff.yaml(1)", 1)},
		{"everything", deleteAll(all), []string{
			"ca/acme.pem of ca/acme kept", "ca/second.pem of ca/second kept", "radius/branch.yaml of radius/branch kept",
			"radius/other.yaml of radius/other kept", "server/main/certificate.pem of server/main kept",
			"server/spare/certificate.pem of server/spare kept", "users/more.csv of users/more.csv kept",
			"users/staff.yaml of users/staff.yaml kept"}, "", baseLive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.live == "" {
				tt.live = baseLive
			}
			held, problems := sealHolding(t, all.with(tt.change...), last, func(string) bool { return true })
			if diff := cmp.Diff(tt.live, describe(held.Draft())); diff != "" {
				t.Errorf("while it waits (-want +got)\n%s\n%v", diff, problems)
			}
			if diff := cmp.Diff(tt.waits, waiting(problems)); diff != "" {
				t.Errorf("said (-want +got)\n%s", diff)
			}
			after, problems := sealHolding(t, all.with(tt.change...), held, func(string) bool { return false })
			if diff := cmp.Diff(tt.after, describe(after.Draft())); diff != "" || len(waiting(problems)) > 0 {
				t.Errorf("afterwards (-want +got)\n%s\n%v", diff, problems)
			}
		})
	}
}

func sealHolding(
	t *testing.T, f tree, last *snapshot.Snapshot, hold func(string) bool,
) (*snapshot.Snapshot, load.Problems) {
	t.Helper()
	d, problems := load.Load(f.fs(), load.Options{Now: now, LastGood: last, Hold: hold})
	if d == nil {
		t.Fatalf("nothing goes live: %v", problems)
	}
	if d.Users == nil {
		users, err := identity.NewMemory(d.UserSets)
		if err != nil {
			t.Fatal(err)
		}
		d.Users = users
	}
	s, err := d.Seal(1)
	if err != nil {
		t.Fatal(err)
	}
	return s, problems
}

// Part of an object that is deleted changes it as a whole, mostly for the laxer: a CA without its
// scope may vouch for anyone, one without its list has withdrawn nothing.
func TestDeletedParts(t *testing.T) {
	ca := newCRLCA(t, "acme")
	f := base(t).with("policy.yaml", "revocation: {ocsp: off, grace: 1h}\n",
		"ca/acme.pem", ca.pem(), "ca/acme.crl", string(ca.list(t, now.Add(time.Hour))),
		"ca/acme.yaml", "scope: {domains: [acme.example]}\n")
	last, _ := seal(t, f.fs(), nil)
	for _, tt := range []struct {
		file   string
		object string
		isLast func(*snapshot.Snapshot) bool
	}{
		{"ca/acme.yaml", "ca/acme", func(s *snapshot.Snapshot) bool { return len(s.CA("acme").Scope.Domains) == 1 }},
		{"ca/acme.crl", "ca/acme.crl", func(s *snapshot.Snapshot) bool { return len(s.CA("acme").Lists) == 1 }},
		{"policy.yaml", "policy", func(s *snapshot.Snapshot) bool { return s.Policy().Revocation.Grace > 0 }},
	} {
		if !tt.isLast(last) {
			t.Fatalf("%s is not in force", tt.file)
		}
		var asked []string
		held, problems := sealHolding(t, f.with(tt.file, "-"), last, func(object string) bool {
			asked = append(asked, object)
			return true
		})
		if !tt.isLast(held) || !slices.Equal(asked, []string{tt.object}) || len(waiting(problems)) != 1 {
			t.Errorf("%s: asked for %q, said %v", tt.file, asked, waiting(problems))
		}
		after, _ := sealHolding(t, f.with(tt.file, "-"), held, nil)
		if tt.isLast(after) {
			t.Errorf("%s: deleted, and still in force", tt.file)
		}
	}
	// What a folder holds that cannot be read is kept without asking, its lists too.
	d, problems := load.Load(blocked{f.fs(), []string{"ca"}}, load.Options{Now: now, LastGood: last,
		Hold: func(object string) bool { t.Errorf("asked for %s", object); return true }})
	if d == nil || len(d.CAs) != 2 || len(d.CAs[0].Lists) != 1 {
		t.Errorf("an unreadable folder: %v", problems)
	}
}
