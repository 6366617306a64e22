package load_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
)

func mustLoad(t *testing.T, f tree) *snapshot.Draft {
	t.Helper()
	d, problems := load.Load(f.fs(), load.Options{Now: now})
	if d == nil || problems.HasErrors() {
		t.Fatal(problems)
	}
	return d
}

// differences returns the changes from a to b as lines.
func differences(t *testing.T, a, b *snapshot.Draft) []string {
	t.Helper()
	changes, err := load.Diff(a, b)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, c.String())
	}
	return lines
}

const twoClients = `authentication: {ca: [acme]}
clients:
  - {name: ap1, address: 192.0.2.0/24, secret: golden-secret-0001}
  - {name: ap2, address: 198.51.100.1, secret: golden-secret-0002, message_authenticator: auto}
users: {groups: [staff]}
reply: [{vlan: "30"}]
`

const threeUsers = `- {username: alice, email: alice@acme.example, groups: [staff]}
- {username: bob, email: bob@acme.example, state: suspended, totp: JBSWY3DPEHPK3PXPJBSWY3DP}
- {username: carol, email: carol@acme.example}
`

func TestDiff(t *testing.T) {
	base := minimal(t).with("radius/branch.yaml", twoClients, "users/staff.yaml", threeUsers,
		"policy.yaml", "revocation: {ocsp: require}\n")
	certificate := base["server/main/certificate.pem"]
	for name, tc := range map[string]struct {
		with []string
		want []string
	}{
		"nothing":       {nil, nil},
		"other_form":    {[]string{"policy.yaml", "# all as it is\neap: {tls_min: \"1.2\"}\n", "users/staff.yaml", "-", "users/people.yaml", threeUsers}, nil},
		"policy":        {[]string{"policy.yaml", "eap: {tls_min: \"1.3\", session_lifetime: 1h}\nallow_empty: true\n"}, []string{"policy: eap.tls_min: 1.2 → 1.3", "policy: eap.session_lifetime: 8h0m0s → 1h0m0s", "policy: allow_empty: false → true"}},
		"revocation":    {[]string{"policy.yaml", "revocation: {grace: 2h}\n"}, []string{"policy: revocation.grace: 0s → 2h0m0s"}},
		"webhook":       {[]string{"policy.yaml", "notices: {webhook: \"https://hooks.example/golden-secret\"}\n"}, []string{"policy: notices.webhook changed"}},
		"ca_settings":   {[]string{"ca/acme.yaml", "scope: {domains: [acme.example]}\nrevocation: {ocsp: prefer}\n"}, []string{"CA acme: scope.domains: none → [acme.example]", "CA acme: revocation.ocsp: require → prefer"}},
		"ca":            {[]string{"ca/second.pem", base["ca/acme.pem"]}, []string{"+ CA second"}},
		"credential":    {[]string{"server/second/certificate.pem", certificate, "server/second/key.pem", base["server/main/key.pem"]}, []string{"+ server credential second"}},
		"server":        {[]string{"radius/second.yaml", strings.ReplaceAll(strings.ReplaceAll(twoClients, "192.0.2.0", "203.0.113.0"), "198.51.100.1", "198.51.100.2")}, []string{"+ RADIUS server second"}},
		"server_method": {[]string{"radius/branch.yaml", strings.Replace(twoClients, "ca: [acme]", "ca: [acme], allow_password: true", 1)}, []string{"RADIUS server branch: authentication.allow_password: false → true"}},
		"reply":         {[]string{"radius/branch.yaml", strings.Replace(twoClients, "30", "31", 1)}, []string{"RADIUS server branch: reply changed"}},
		"client_secret": {[]string{"radius/branch.yaml", strings.Replace(twoClients, "secret-0001", "secret-0009", 1)}, []string{"client ap1 of branch: secret changed"}},
		"clients": {[]string{"radius/branch.yaml", strings.Replace(strings.Replace(twoClients, "ap1", "ap3", 1), "auto", "require", 1)},
			[]string{"- client ap1 of branch", "client ap2 of branch: message_authenticator: auto → require", "+ client ap3 of branch"}},
		"users": {[]string{"users/staff.yaml", strings.Replace(strings.Replace(strings.Replace(threeUsers, "groups: [staff]", "state: suspended", 1),
			"3PXPJBSWY3DP", "3PXPJBSWY3DQ", 1), "carol", "dave", 2)},
			[]string{"user alice: suspended", "user alice: groups: [staff] → none", "user bob: totp changed", "- user carol", "+ user dave"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := differences(t, mustLoad(t, base), mustLoad(t, base.with(tc.with...)))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if text := strings.Join(got, "\n"); strings.Contains(text, "golden-secret") || strings.Contains(text, "JBSWY") {
				t.Errorf("a secret is shown:\n%s", text)
			}
		})
	}
}

// Whatever is changed in the policy, Diff says so, and never says a secret.
func TestDiffSeesAllOfThePolicy(t *testing.T) {
	base := mustLoad(t, minimal(t))
	var walk func(path string, v reflect.Value, changed *snapshot.Draft)
	walk = func(path string, v reflect.Value, changed *snapshot.Draft) {
		if v.Kind() == reflect.Struct {
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i), changed)
			}
			return
		}
		switch path {
		case ".Revocation.Responder", ".Revocation.CRL", ".Revocation.AllowAddresses":
			return // of a CA only
		}
		before := reflect.New(v.Type()).Elem()
		before.Set(v)
		alter(t, path, v)
		if got := differences(t, base, changed); len(got) != 1 || strings.Contains(got[0], "hush") {
			t.Errorf("%s: got %q", path, got)
		}
		v.Set(before)
	}
	changed := *base
	walk("", reflect.ValueOf(&changed.Policy).Elem(), &changed)
	changed.Policy.Notices.SMTP.Password = policy.Secret("hush")
	if got := differences(t, base, &changed); len(got) != 1 || strings.Contains(got[0], "hush") {
		t.Errorf("got %q", got)
	}
}

// alter gives v another value.
func alter(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *policy.Secret:
		*x = policy.Secret("hush")
	case *time.Duration:
		*x += time.Second
	case *uint16:
		*x = 0x0304 + 0x0303 - *x
	default:
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int:
			v.SetInt(v.Int() + 1)
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Slice:
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		default:
			t.Fatalf("%s is of a kind that is not known here", path)
		}
	}
}
