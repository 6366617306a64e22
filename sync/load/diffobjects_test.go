package load_test

import (
	"iter"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// labPair returns a server credential made by ca, as two files of server/NAME/.
func labPair(t *testing.T, ca *lab.CA, name string) []string {
	t.Helper()
	leaf, err := ca.IssueServer(lab.ServerOptions{DNSNames: []string{"radius.acme.example"}, Options: lab.Options{Now: now}})
	if err != nil {
		t.Fatal(err)
	}
	return []string{"server/" + name + "/certificate.pem", string(leaf.CertificatePEM()), "server/" + name + "/key.pem", string(leaf.KeyPEM())}
}

var serialNumber = regexp.MustCompile(`serial [0-9a-f]+`)

// TestDiffNamesObjects changes an object of each kind, with new secrets everywhere, and reads what
// a person is told: names of objects and of settings, and never a secret.
func TestDiffNamesObjects(t *testing.T) {
	first, second := labCA(t, "First"), labCA(t, "Second")
	before := minimal(t).with(slices.Concat([]string{
		"ca/one.pem", string(first.CertificatePEM()), "ca/gone.pem", string(first.CertificatePEM()),
		"policy.yaml", "notices: {smtp: {address: \"m.example:25\", from: a@x.example, to: [b@x.example], password_file: p.txt}}\n",
		"p.txt", "golden-secret-smtp-1\n",
		"radius/branch.yaml", `authentication: {ca: [acme]}
clients: [{name: ap1, address: 192.0.2.0/24, secret: golden-secret-a1, coa: {secret: golden-secret-a2}}]
`, "radius/gone.yaml", `authentication: {ca: [acme]}
clients: [{name: ap9, address: 198.51.100.9, secret: golden-secret-a9}]
`, "users/staff.yaml", `- {username: alice, email: alice@acme.example, nt_hash: 8846f7eaee8fb117ad06bdd830b7586c}
- {username: bob, password: "` + golden1 + `", totp: JBSWY3DPEHPK3PXPJBSWY3DP}
`}, labPair(t, first, "changed"), labPair(t, first, "gone"))...)
	after := before.with(slices.Concat([]string{
		"ca/one.pem", string(second.CertificatePEM()), "ca/gone.pem", "-", "ca/new.pem", string(second.CertificatePEM()),
		"p.txt", "golden-secret-smtp-2\n",
		"radius/branch.yaml", `match: {ssid: [Office]}
authentication: {ca: [acme, one], method: passwordless}
clients: [{name: ap1, address: 192.0.2.0/25, secret: golden-secret-b1, allow_pap: true, coa: {secret: golden-secret-b2, port: 1700}}]
users: {groups: [staff]}
`, "radius/gone.yaml", "-",
		"users/staff.yaml", `- {username: alice, email: al@acme.example, nt_hash: 0cb6948805f797bf2a82807973b89537, vlan: "20", aliases: [a@acme.example]}
- {username: bob, password: "` + golden2 + `", totp: KRSXG5CTMVRXEZLUKRSXG5CT}
`, "server/gone/certificate.pem", "-", "server/gone/key.pem", "-"}, labPair(t, second, "changed"), labPair(t, second, "new"))...)
	got := differences(t, mustLoad(t, before), mustLoad(t, after))
	for i, line := range got {
		got[i] = serialNumber.ReplaceAllString(line, "serial N")
	}
	want := []string{
		"policy: notices.smtp.password changed",
		"- CA gone",
		"+ CA new",
		`CA one: certificate added: "Second" (serial N, issued by "CN=Second,O=Gatehouse lab")`,
		`CA one: certificate removed: "First" (serial N, issued by "CN=First,O=Gatehouse lab")`,
		`server credential changed: certificate changed: "radius.acme.example" (serial N, issued by "CN=Second,O=Gatehouse lab")`,
		"- server credential gone",
		"+ server credential new",
		"RADIUS server branch: match.ssid: none → [Office]",
		"RADIUS server branch: authentication.ca: [acme] → [acme, one]",
		"RADIUS server branch: users.groups: none → [staff]",
		"client ap1 of branch: address: 192.0.2.0/24 → 192.0.2.0/25",
		"client ap1 of branch: allow_pap: false → true",
		"client ap1 of branch: coa.port: 0 → 1700",
		"client ap1 of branch: secret changed",
		"client ap1 of branch: coa secret changed",
		"- RADIUS server gone",
		"user alice: email: alice@acme.example → al@acme.example",
		"user alice: aliases: none → [a@acme.example]",
		"user alice: vlan: none → 20",
		"user alice: nt_hash changed",
		"user bob: password changed",
		"user bob: totp changed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

const (
	golden1 = "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
	golden2 = "$2y$10$abcdefghijklmnopqrstuuIjZAgcfl7p92ldGxad68LJZdL17lhWy"
)

// TestDiffSeesEveryField changes one field after the other of each kind of object: Diff has one
// line for it, which names the object and, of a secret, says no more than that it has changed.
func TestDiffSeesEveryField(t *testing.T) {
	base := mustLoad(t, minimal(t))
	user := &identity.User{Username: "zoe", State: identity.Active}
	changed := *base
	ca, server, client, other := *base.CAs[0], *base.Servers[0], base.Servers[0].Clients[0], *user
	with := func(sets []identity.Set, u *identity.User) []identity.Set {
		return append(slices.Clone(sets), identity.Set{Source: "users/zoe.yaml",
			All: func() iter.Seq2[*identity.User, error] {
				return func(yield func(*identity.User, error) bool) { yield(u, nil) }
			}})
	}
	before := *base
	before.UserSets = with(base.UserSets, user)
	changed.UserSets = with(base.UserSets, &other)
	changed.CAs = []*snapshot.CA{&ca}
	changed.Servers = []*policy.Server{&server}
	server.Clients = []policy.Client{client}
	check := func(object string) func(string) {
		return func(field string) {
			got := differences(t, &before, &changed)
			if len(got) != 1 || !strings.HasPrefix(got[0], object+": ") || strings.Contains(got[0], "hush") {
				t.Errorf("%s.%s: got %q", object, field, got)
			}
		}
	}
	everyField(t, reflect.ValueOf(&ca.Scope).Elem(), "", nil, check("CA acme"))
	everyField(t, reflect.ValueOf(&ca.Revocation).Elem(), "", nil, check("CA acme"))
	everyField(t, reflect.ValueOf(&server).Elem(), "", []string{"Name", "Clients"}, check("RADIUS server branch"))
	everyField(t, reflect.ValueOf(&server.Clients[0]).Elem(), "", []string{"Name"}, check("client ap-floor1 of branch"))
	everyField(t, reflect.ValueOf(&other).Elem(), "", []string{"Username", "Source"}, check("user zoe"))
}

func labCA(t *testing.T, name string) *lab.CA {
	t.Helper()
	ca, err := lab.NewCA(lab.CAOptions{Name: name, Options: lab.Options{Now: now}})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// everyField calls change for each field of the struct v, in v itself, and puts it back after.
func everyField(t *testing.T, v reflect.Value, path string, skip []string, check func(path string)) {
	t.Helper()
	for i := range v.NumField() {
		f, name := v.Field(i), path+v.Type().Field(i).Name
		if slices.Contains(skip, name) {
			continue
		}
		before := reflect.New(f.Type()).Elem()
		before.Set(f)
		switch x := f.Addr().Interface().(type) {
		case *netip.Prefix:
			*x = netip.MustParsePrefix("203.0.113.0/24")
		case *policy.Match:
			everyField(t, f, name+".", skip, check)
			continue
		case *[]policy.ReplyRule:
			*x = append(slices.Clone(*x), policy.ReplyRule{VLAN: "99"})
		default:
			alter(t, name, f)
		}
		check(name)
		f.Set(before)
	}
}
