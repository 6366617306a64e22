package load_test

import (
	"strings"
	"testing"

	"gatehouse/authcore/identity"
	"gatehouse/sync/load"
)

// FuzzLoad puts one odd file into a good directory: whatever it holds, there is no panic, what
// goes live can be sealed, and every problem names a place.
func FuzzLoad(f *testing.F) {
	all := minimal(f)
	paths := []string{"policy.yaml", "radius/branch.yaml", "radius/x.yaml", "ca/acme.pem", "ca/acme.yaml",
		"ca/x.pem", "server/main/certificate.pem", "server/main/key.pem", "users/staff.yaml",
		"users/x.jsonl", "users/x.csv", "radius/secret.txt"}
	for i, path := range paths {
		f.Add(uint(i), all[path])
	}
	f.Add(uint(0), "eap: {methods: [tls]}\nnotices: {smtp: {password_file: policy.yaml}}\n")
	f.Add(uint(2), "authentication: {ca: [acme]}\nclients:\n- {name: x, tls: {san: y}}\n")
	f.Add(uint(2), "reply: [{vlan: 3, attributes: {Filter-Id: [x]}}]\nclients: [{secret_file: secret.txt}]")
	f.Add(uint(4), "scope: {domains: [acme.example]}\nrevocation: {grace: 72h}\n")
	f.Add(uint(9), `{"username": "x", "aliases": ["y@z.example"], "vlan": 7}`)
	f.Add(uint(10), "username,aliases\n\"x\ny\",a@b.example; c@d.example\n")
	f.Fuzz(func(t *testing.T, which uint, content string) {
		dir, path := all.fs(), paths[which%uint(len(paths))]
		d, problems := load.Load(all.with(path, content).fs(), load.Options{Now: now})
		for _, p := range problems {
			if p.File == "" || p.Text == "" || p.Severity == "" || strings.ContainsAny(p.String(), "\n\x00") {
				t.Errorf("problem %q of %s = %q", p, path, content)
			}
			if p.Severity == load.Error && p.Effect == "" && d != nil {
				t.Errorf("an error without effect: %q", p)
			}
		}
		if d == nil {
			return
		}
		users, err := identity.NewMemory(d.UserSets)
		if err != nil {
			t.Fatalf("indexing: %v", err)
		}
		d.Users = users
		last, err := d.Seal(1)
		if err != nil {
			t.Fatalf("sealing: %v", err)
		}
		if d, _ := load.Load(dir, load.Options{Now: now, LastGood: last}); d == nil {
			t.Error("the good directory does not load over that")
		}
	})
}

// FuzzUsers reads odd files of users of every form.
func FuzzUsers(f *testing.F) {
	for _, s := range []string{
		"- username: x\n  groups: [a]\n", "{\"username\": \"x\", \"aliases\": [\"a@b.example\"]}\n{}\n",
		"username,email\nx,\"a@b.example\"\n", "\ufeffusername\r\nx\r\n", "[{username: x}]", "{\"a\": [[{\"b\": 1}]]}",
		"username,vlan\nx,30\n\"", "- {username: \"\\u0000\"}\n",
	} {
		f.Add(s)
	}
	all := minimal(f)
	f.Fuzz(func(t *testing.T, content string) {
		for _, file := range []string{"users/x.yaml", "users/x.jsonl", "users/x.csv"} {
			d, problems := load.Load(all.with(file, content).fs(), load.Options{Now: now})
			if d == nil {
				t.Fatalf("%s took everything down: %v", file, problems)
			}
			if _, err := identity.NewMemory(d.UserSets); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
	})
}
