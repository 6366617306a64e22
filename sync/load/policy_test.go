package load_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
)

// whole loads the golden directory in which everything is written out.
func whole(t *testing.T) *snapshot.Draft {
	t.Helper()
	d, problems := load.Load(os.DirFS(filepath.Join(golden, "good", "whole")), load.Options{Now: now})
	if d == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	return d
}

// Every key of policy.yaml written out with its default is policy.Default.
func TestPolicyDefaults(t *testing.T) {
	want := policy.Default()
	want.Revocation.OCSP = policy.OCSPOff
	want.Groups.Priority = []string{"guests"}
	if diff := cmp.Diff(want, whole(t).Policy, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPolicyValues(t *testing.T) {
	f := minimal(t).with("smtp.txt", "hush\n", "policy.yaml", `
eap: {methods: [peap], tls_min: "1.3", tls_max: 1.3, fragment_size: 100, session_lifetime: 0s, reject_delay: 2s, ca_hints: true, post_quantum: true}
identity: {order: [san_dns, cn], fold_local_part: false, require_client_auth: false, allow_eap_over_lan: false}
revocation: {ocsp: prefer, no_responder: crl, intermediates: strict, order: [crl], budget: 1s, nonce: true, max_age: 1h, grace: 2h, skew: 0s}
clock: {when_unsure: accept_cached}
password: {totp_separator: "+", lockout: {after: 3, for: 1h}}
notices: {days: [7], webhook: "https://hooks.example/x", smtp: {address: "mail.example:587", from: g@acme.example, to: [it@acme.example], username: g, password_file: smtp.txt}}
groups: {priority: [b, a]}
allow_empty: true
`)
	want := policy.Policy{
		EAP: policy.EAP{Methods: []policy.EAPMethod{"peap"}, TLSMin: 0x0304, TLSMax: 0x0304, FragmentSize: 100,
			RejectDelay: 2 * time.Second, CAHints: true, PostQuantum: true},
		Identity: policy.Identity{Order: []policy.NameKind{"san_dns", "cn"}},
		Revocation: policy.Revocation{OCSP: "prefer", NoResponder: "crl", Intermediates: "strict", Order: []string{"crl"},
			Budget: time.Second, Nonce: true, MaxAge: time.Hour, Grace: 2 * time.Hour},
		Clock:    policy.Clock{WhenUnsure: "accept_cached"},
		Password: policy.Password{TOTPSeparator: "+", LockoutAfter: 3, LockoutFor: time.Hour},
		Notices: policy.Notices{Days: []int{7}, Webhook: "https://hooks.example/x", SMTP: policy.SMTP{
			Address: "mail.example:587", From: "g@acme.example", To: []string{"it@acme.example"},
			Username: "g", Password: policy.Secret("hush")}},
		Groups: policy.Groups{Priority: []string{"b", "a"}}, AllowEmpty: true,
	}
	d, problems := load.Load(f.fs(), load.Options{Now: now})
	if d == nil || problems.HasErrors() {
		t.Fatal(problems)
	}
	if diff := cmp.Diff(want, d.Policy); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestServerValues(t *testing.T) {
	d := whole(t)
	want := []*policy.Server{
		{
			Name: "branch-wifi", Method: policy.Passwordless, CAs: []string{"acme", "globex"}, MFA: policy.MFANone,
			Clients: []policy.Client{
				{Name: "ap-floor1", Prefix: netip.MustParsePrefix("192.0.2.0/24"), Secret: policy.Secret("golden-secret-0001"),
					MessageAuthenticator: policy.MARequire, CoAPort: 3799},
				{Name: "ap-lobby", Prefix: netip.MustParsePrefix("192.0.2.7/32"), Secret: policy.Secret("the secret of the lobby"),
					MessageAuthenticator: policy.MAAuto},
				{Name: "ap-six", Prefix: netip.MustParsePrefix("2001:db8::/64"), Secret: policy.Secret("golden-secret-0002"),
					MessageAuthenticator: policy.MARequire},
				{Name: "head-office-proxy", MessageAuthenticator: policy.MARequire, TLSSAN: "proxy.example"},
			},
			Groups: []string{"staff"},
			Reply: []policy.ReplyRule{
				{Groups: []string{"guests"}, VLAN: "30", Attributes: []policy.Attribute{
					{Name: "Filter-Id", Type: 11, Value: []byte("guest")},
					{Name: "Session-Timeout", Type: 27, Value: []byte{0, 0, 0x0e, 0x10}}}},
				{VLAN: "staff-net"},
			},
		},
		{
			Name: "guest-wifi", Match: policy.Match{SSID: []string{"Guests"}}, Method: policy.Passwordless,
			CAs: []string{"globex"}, MFA: policy.MFANone,
			Clients: []policy.Client{{Name: "ap-floor1", Prefix: netip.MustParsePrefix("192.0.2.0/24"),
				Secret: policy.Secret("golden-secret-0001"), MessageAuthenticator: policy.MARequire}},
		},
	}
	prefixes := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(want, d.Servers, cmpopts.EquateEmpty(), prefixes); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCAValues(t *testing.T) {
	d := whole(t)
	acme, globex := d.CAs[0], d.CAs[1]
	if len(acme.Anchors) != 1 || acme.Name != "acme" {
		t.Errorf("CA %+v", acme.CA)
	}
	if diff := cmp.Diff(policy.Scope{Domains: []string{"acme.example"}}, acme.Scope, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	want := d.Policy.Revocation
	want.Grace, want.AllowAddresses = 72*time.Hour, []string{"10.0.0.0/8"}
	if diff := cmp.Diff(want, acme.Revocation); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(d.Policy.Revocation, globex.Revocation); diff != "" {
		t.Errorf("without a key of its own (-want +got)\n%s", diff)
	}
}

func TestUserValues(t *testing.T) {
	hash := "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
	f := minimal(t).with("users/all.yaml", `
- username: anna2
  email: Anna2@acme.example
  aliases: [a2@acme.example, anna2@corp.acme.example]
  name: Anna Zwei
  groups: [staff, admins, staff]
  state: suspended
  password: "`+hash+`"
  nt_hash: 8846F7EAEE8FB117AD06BDD830B7586C
  totp: JBSWY3DPEHPK3PXPJBSWY3DP
  vlan: 30
`)
	d, problems := load.Load(f.fs(), load.Options{Now: now})
	if d == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	want := identity.User{
		Username: "anna2", Email: "Anna2@acme.example",
		Aliases: []string{"a2@acme.example", "anna2@corp.acme.example"}, Name: "Anna Zwei",
		Groups: []string{"admins", "staff"}, State: identity.Suspended, VLAN: "30",
		Password: policy.Secret(hash), NTHash: policy.Secret("8846f7eaee8fb117ad06bdd830b7586c"),
		TOTP: policy.Secret("JBSWY3DPEHPK3PXPJBSWY3DP"), Source: "users/all.yaml",
	}
	for range 2 { // a Set is re-readable
		for u, err := range d.UserSets[0].All() {
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, *u); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
	}
}

// TestAZ2ConflictsAreListed: a user whom two rules fit, with no priority between them.
func TestAZ2ConflictsAreListed(t *testing.T) {
	f := minimal(t).with(
		"users/more.yaml", "- {username: x, groups: [guests, staff]}\n- {username: y, groups: [guests, staff]}\n",
		"radius/branch.yaml", minimal(t)["radius/branch.yaml"]+
			"reply:\n- {groups: [guests], vlan: 1}\n- {groups: [staff], vlan: 2}\n- {vlan: 3}\n")
	_, problems := load.Load(f.fs(), load.Options{Now: now})
	want := `radius/branch.yaml:8:12: warning: users in the groups "guests" and "staff", such as "x", get the rule for ` +
		`the first of these — say in policy.yaml, groups: {priority: […]}, which group counts`
	if len(problems) != 1 || problems[0].String() != want {
		t.Errorf("%v", problems)
	}
	f = f.with("policy.yaml", f["policy.yaml"]+"groups: {priority: [staff]}\n")
	if _, problems := load.Load(f.fs(), load.Options{Now: now}); len(problems) > 0 {
		t.Errorf("with a priority: %v", problems)
	}
}

// TestRP15ShortSecret: a warning below 12 characters, none at 12.
func TestRP15ShortSecret(t *testing.T) {
	for secret, n := range map[string]int{"elevenchars": 1, "twelve chars": 0} {
		f := minimal(t).with("radius/branch.yaml", "authentication: {ca: [acme]}\nclients:\n"+
			"- {name: a, address: 192.0.2.1, secret: "+secret+"}\n")
		if d, problems := load.Load(f.fs(), load.Options{Now: now}); d == nil || len(problems) != n {
			t.Errorf("%q: %v", secret, problems)
		}
	}
}

// TestRevocationWarnings: about rules that can never be met.
func TestRevocationWarnings(t *testing.T) {
	for name, tt := range map[string]struct {
		change []string
		want   []string
	}{
		"default":         {[]string{"policy.yaml", "-"}, nil},
		"no responder":    {[]string{"policy.yaml", "revocation: {no_responder: responder}"}, []string{"ca/acme.pem:1"}},
		"said for the CA": {[]string{"ca/acme.yaml", "revocation:\n  ocsp: require\n  no_responder: responder"}, []string{"ca/acme.yaml:3"}},
		"with one": {[]string{"policy.yaml", "revocation: {no_responder: responder}",
			"ca/acme.yaml", "revocation: {responder: \"http://ocsp.acme.example\"}"}, nil},
		"a list for nobody": {[]string{"policy.yaml", "revocation: {order: [ocsp]}",
			"ca/acme.yaml", "revocation: {crl: \"http://crl.acme.example\"}"}, []string{"ca/acme.yaml:1"}},
		"off": {[]string{"policy.yaml", "revocation: {ocsp: off, no_responder: responder}"}, nil},
	} {
		d, problems := load.Load(minimal(t).with(tt.change...).fs(), load.Options{Now: now})
		var got []string
		for _, p := range problems {
			if p.Severity != load.Warning {
				t.Errorf("%s: %v", name, p)
			}
			got = append(got, p.File+":"+string(rune('0'+max(1, p.Line))))
		}
		if diff := cmp.Diff(tt.want, got); d == nil || diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestUsersWithoutAddress: a warning only where nothing but addresses is looked for.
func TestUsersWithoutAddress(t *testing.T) {
	f := minimal(t).with("users/more.csv", "username\nzoe\n")
	for order, n := range map[string]int{"[san_email]": 1, "[san_email, cn]": 0, "[san_dns]": 0} {
		f := f.with("policy.yaml", f["policy.yaml"]+"identity: {order: "+order+"}\n")
		if d, problems := load.Load(f.fs(), load.Options{Now: now}); d == nil || len(problems) != n {
			t.Errorf("%s: %v", order, problems)
		}
	}
}
