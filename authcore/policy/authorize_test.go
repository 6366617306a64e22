package policy_test

import (
	"testing"

	"gatehouse/authcore/policy"

	"github.com/google/go-cmp/cmp"
)

func TestCV15Admission(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		server, user  []string
		wantAdmission bool
	}{
		{"no_groups_everybody", nil, nil, true},
		{"member", []string{"staff", "admins"}, []string{"guests", "admins"}, true},
		{"not_member", []string{"staff"}, []string{"guests"}, false},
		{"no_groups_of_user", []string{"staff"}, nil, false},
		{"names_are_exact", []string{"staff"}, []string{"Staff"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, got := policy.Authorize(&policy.Server{Groups: tt.server}, policy.Subject{Groups: tt.user}, nil)
			if got != tt.wantAdmission {
				t.Errorf("Authorize: got %v, want %v", got, tt.wantAdmission)
			}
		})
	}
	if _, got := policy.Authorize(nil, policy.Subject{}, nil); got {
		t.Error("Authorize(nil): got admitted")
	}
}

func TestAZ2ReplyRule(t *testing.T) {
	t.Parallel()
	filter := func(s string) []policy.Attribute {
		return []policy.Attribute{{Name: "Filter-Id", Type: 11, Value: []byte(s)}}
	}
	rules := []policy.ReplyRule{
		{VLAN: "1", Attributes: filter("everybody")},
		{Groups: []string{"guests"}, VLAN: "30", Attributes: filter("guest")},
		{Groups: []string{"staff", "contractors"}, VLAN: "20"},
		{Groups: []string{"staff"}, VLAN: "21"},
	}
	tests := []struct {
		name     string
		rules    []policy.ReplyRule
		user     policy.Subject
		priority []string
		want     policy.Outcome
	}{
		{"no_rules", nil, policy.Subject{}, nil, policy.Outcome{Rule: "no reply rule applies"}},
		{"everybody_comes_last", rules, policy.Subject{Groups: []string{"guests"}}, nil,
			policy.Outcome{VLAN: "30", Attributes: filter("guest"), Rule: "reply rule 2 (group guests)"}},
		{"everybody", rules, policy.Subject{Groups: []string{"other"}}, nil,
			policy.Outcome{VLAN: "1", Attributes: filter("everybody"), Rule: "reply rule 1 (everybody)"}},
		{"nobody_matches", rules[1:], policy.Subject{Groups: []string{"other"}}, nil,
			policy.Outcome{Rule: "no reply rule applies"}},
		{"order_of_file", rules, policy.Subject{Groups: []string{"staff", "guests"}}, nil,
			policy.Outcome{VLAN: "30", Attributes: filter("guest"), Rule: "reply rule 2 (group guests)"}},
		{"priority_first", rules, policy.Subject{Groups: []string{"guests", "staff"}}, []string{"staff", "guests"},
			policy.Outcome{VLAN: "20", Rule: "reply rule 3 (group staff)"}},
		{"best_group_of_rule", rules, policy.Subject{Groups: []string{"contractors", "staff", "guests"}}, []string{"x", "contractors", "staff"},
			policy.Outcome{VLAN: "20", Rule: "reply rule 3 (group contractors)"}},
		{"prioritised_before_others", rules, policy.Subject{Groups: []string{"guests", "staff"}}, []string{"staff"},
			policy.Outcome{VLAN: "20", Rule: "reply rule 3 (group staff)"}},
		{"same_group_order_of_file", rules[2:], policy.Subject{Groups: []string{"staff"}}, []string{"staff"},
			policy.Outcome{VLAN: "20", Rule: "reply rule 1 (group staff)"}},
		{"own_vlan_wins", rules, policy.Subject{Groups: []string{"guests"}, VLAN: "99"}, nil,
			policy.Outcome{VLAN: "99", Attributes: filter("guest"), Rule: "the user's own vlan; reply rule 2 (group guests)"}},
		{"own_vlan_alone", nil, policy.Subject{VLAN: "99"}, nil,
			policy.Outcome{VLAN: "99", Rule: "the user's own vlan; no reply rule applies"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := policy.Authorize(&policy.Server{Reply: tt.rules}, tt.user, tt.priority)
			if diff := cmp.Diff(tt.want, got); diff != "" || !ok {
				t.Errorf("Authorize: admitted %v (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func TestCV9InScope(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		scope  policy.Scope
		email  string
		groups []string
		want   bool
	}{
		{"anyone", policy.Scope{}, "", nil, true},
		{"domain", policy.Scope{Domains: []string{"acme.example"}}, "a@acme.example", nil, true},
		{"domain_case", policy.Scope{Domains: []string{"acme.example"}}, "a@ACME.Example", nil, true},
		{"second_domain", policy.Scope{Domains: []string{"x.example", "acme.example"}}, "a@acme.example", nil, true},
		{"other_domain", policy.Scope{Domains: []string{"acme.example"}}, "a@evil.example", nil, false},
		{"domain_below", policy.Scope{Domains: []string{"acme.example"}}, "a@eu.acme.example", nil, false},
		{"suffix", policy.Scope{Domains: []string{"acme.example"}}, "a@evilacme.example", nil, false},
		{"domain_as_local_part", policy.Scope{Domains: []string{"acme.example"}}, "acme.example@evil.example", nil, false},
		{"two_ats", policy.Scope{Domains: []string{"acme.example"}}, "a@acme.example@evil.example", nil, false},
		{"no_email", policy.Scope{Domains: []string{"acme.example"}}, "", nil, false},
		{"no_domain", policy.Scope{Domains: []string{"acme.example", ""}}, "a@", nil, false},
		{"group", policy.Scope{Groups: []string{"staff"}}, "", []string{"staff"}, true},
		{"other_group", policy.Scope{Groups: []string{"staff"}}, "", []string{"guests"}, false},
		{"both_needed", policy.Scope{Domains: []string{"acme.example"}, Groups: []string{"staff"}}, "a@acme.example", nil, false},
		{"both", policy.Scope{Domains: []string{"acme.example"}, Groups: []string{"staff"}}, "a@acme.example", []string{"staff"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := policy.InScope(tt.scope, tt.email, tt.groups); got != tt.want {
				t.Errorf("InScope(%+v, %q, %q): got %v, want %v", tt.scope, tt.email, tt.groups, got, tt.want)
			}
		})
	}
}
