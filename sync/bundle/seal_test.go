package bundle_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/bundle"
)

// References take the places of secrets, however those are written, and nothing else changes.
func TestSealEdits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ before, after, secret string }{
		"flow":          {`  - {name: a, secret: hunter2, address: 1.2.3.4}`, `  - {name: a, secret_ref: radius/x/a, address: 1.2.3.4}`, "hunter2"},
		"flow_last":     {`  - {name: a, secret: hunter2}`, `  - {name: a, secret_ref: radius/x/a}`, "hunter2"},
		"double_quotes": {`  - {name: a, secret: "hun}, \"ter2", address: x}`, `  - {name: a, secret_ref: radius/x/a, address: x}`, `hun}, "ter2`},
		"single_quotes": {`  - {name: a, secret: 'it''s # one'}  # why`, `  - {name: a, secret_ref: radius/x/a}  # why`, `it's # one`},
		"block":         {"  - name: a\n    secret: hunter2 # note\n    allow_pap: true", "  - name: a\n    secret_ref: radius/x/a # note\n    allow_pap: true", "hunter2"},
		"spaces_inside": {"  - name: a\n    secret: hunter 2\n", "  - name: a\n    secret_ref: radius/x/a\n", "hunter 2"},
		"first_key":     {"  - secret: hunter2\n    name: a", "  - secret_ref: radius/x/a\n    name: a", "hunter2"},
		"quoted_key":    {`  - {name: a, "secret": hunter2}`, `  - {name: a, secret_ref: radius/x/a}`, "hunter2"},
		"number":        {`  - {name: a, secret: 123456}`, `  - {name: a, secret_ref: radius/x/a}`, "123456"},
		"umlauts":       {`  - {name: a, x: "äöü", secret: "pässword"}`, `  - {name: a, x: "äöü", secret_ref: radius/x/a}`, "pässword"},
		"escapes":       {`  - {name: a, secret: "\x41\U0001F600"}`, `  - {name: a, secret_ref: radius/x/a}`, "A\U0001F600"},
		"odd_name":      {`  - {name: "ap one", secret: hunter2}`, `  - {name: "ap one", secret_ref: radius/x/client-1}`, "hunter2"},
		"crlf":          {"  - name: a\r\n    secret: hunter2\r\n", "  - name: a\r\n    secret_ref: radius/x/a\r\n", "hunter2"},
		"file":          {`  - {name: a, secret_file: a.txt}`, `  - {name: a, secret_ref: radius/x/a}`, "from the file"},
		"coa":           {`  - {name: a, secret_ref: radius/x/a, coa: {secret: hunter2}}`, `  - {name: a, secret_ref: radius/x/a, coa: {secret_ref: radius/x/a/coa}}`, "hunter2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := newIdentity(t)
			first := tree{"radius/x.yaml": "clients:\n  - {name: a, secret: hunter1}\n"}
			files := tree{"radius/x.yaml": "clients:\n" + tc.before, "radius/a.txt": "from the file\r\n"}
			if name == "coa" { // which refers to what was sealed before
				files["secrets/fleet.age"] = first.seal(t, id)["secrets/fleet.age"]
			}
			s, err := bundle.Seal(files.fs(), bundle.SealOptions{Identity: id,
				Recipients: map[string][]string{"fleet": {id.Recipient()}}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("clients:\n"+tc.after, string(s.Edits["radius/x.yaml"])); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got := secretsOf(t, files.apply(s), id)[s.Taken[0]]; got != tc.secret {
				t.Errorf("got the secret %q, want %q", got, tc.secret)
			}
			if removed := len(s.Remove) == 1 && s.Remove[0] == "radius/a.txt"; removed != (name == "file") {
				t.Errorf("got Remove %v", s.Remove)
			}
		})
	}
}

// secretsOf builds f and returns the values that id opens in it.
func secretsOf(t *testing.T, f tree, id *bundle.Identity) map[string]string {
	t.Helper()
	key := newKey(t)
	built := f.with("radius/a.txt", "-").build(t, bundle.BuildOptions{})
	b, err := verify(built.Archive, sign(t, key, built.Archive), trusting(key, id))
	if err != nil {
		t.Fatal(err)
	}
	return b.Secrets()
}

// A secret that is not written on one line is not touched, and said.
func TestSealRefusesWhatItCannotReplace(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	for name, text := range map[string]string{
		"literal":      "clients:\n  - name: a\n    secret: |\n      hunter2\n",
		"two_lines":    "clients:\n  - name: a\n    secret: hunter\n      2\n",
		"next_line":    "clients:\n  - name: a\n    secret:\n      hunter2\n",
		"file_missing": "clients:\n  - {name: a, secret_file: nowhere}\n",
		"file_above":   "clients:\n  - {name: a, secret_file: ../../etc/passwd}\n",
		"unknown_ref":  "clients:\n  - {name: a, secret_ref: radius/x/a}\n",
	} {
		s, err := bundle.Seal(tree{"radius/x.yaml": text}.fs(),
			bundle.SealOptions{Recipients: map[string][]string{"fleet": {id.Recipient()}}})
		e := bundle.AsError(err)
		if s != nil || e == nil || !strings.HasPrefix(e.Text, "radius/x.yaml:") || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: got %v, %v", name, s, err)
		}
	}
}

// Sealing what is sealed changes nothing, byte for byte; a new recipient, a new secret and a
// secret that is gone do.
func TestSealAgain(t *testing.T) {
	t.Parallel()
	recovery, gateway := newIdentity(t), newIdentity(t)
	src := minimal(t).seal(t, recovery)
	seal := func(f tree, opt bundle.SealOptions) *bundle.Sealing {
		t.Helper()
		opt.Identity = recovery
		s, err := bundle.Seal(f.fs(), opt)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := seal(src, bundle.SealOptions{}); s.Changed() {
		t.Errorf("got %v %v %v, want no change", s.Secrets, s.Edits, s.Remove)
	}
	if _, err := bundle.Seal(src.fs(), bundle.SealOptions{}); bundle.AsError(err) == nil {
		t.Errorf("without an identity: got %v", err)
	}
	if _, err := bundle.Seal(src.fs(), bundle.SealOptions{Identity: gateway}); bundle.AsError(err) == nil {
		t.Errorf("with an identity that opens nothing: got %v", err)
	}

	more := src.apply(seal(src, bundle.SealOptions{Recipients: map[string][]string{"oslo-1": {gateway.Recipient()}}}))
	if got := secretsOf(t, more, gateway)["radius/branch/ap-floor1"]; got != "golden-secret-0001" {
		t.Errorf("the new gateway got %q", got)
	}
	if s := seal(more, bundle.SealOptions{Recipients: map[string][]string{"oslo-1": {gateway.Recipient()}}}); s.Changed() {
		t.Errorf("the same recipient again: got %v %v", s.Secrets, s.Edits)
	}

	changed := more.with("radius/branch.yaml", strings.Replace(more["radius/branch.yaml"],
		"secret_ref: radius/branch/ap-floor1", `secret: "another one"`, 1))
	s := seal(changed, bundle.SealOptions{})
	if diff := cmp.Diff([]string{"radius/branch/ap-floor1"}, s.Taken); diff != "" {
		t.Errorf("taken (-want +got)\n%s", diff)
	}
	if changed = changed.apply(s); changed["radius/branch.yaml"] != more["radius/branch.yaml"] {
		t.Errorf("got %s", changed["radius/branch.yaml"])
	}
	for _, id := range []*bundle.Identity{recovery, gateway} {
		if got := secretsOf(t, changed, id)["radius/branch/ap-floor1"]; got != "another one" {
			t.Errorf("got %q", got)
		}
	}

	less := changed.with("radius/branch.yaml", "clients: []\n", "server/main/certificate.pem", "-")
	s = seal(less, bundle.SealOptions{})
	if diff := cmp.Diff([]string{"radius/branch/ap-floor1", "server/main/key.pem"}, s.Dropped); diff != "" {
		t.Errorf("dropped (-want +got)\n%s", diff)
	}
	gone := changed.with("secrets/oslo-1.recipients", "-")
	s = seal(gone, bundle.SealOptions{})
	if diff := cmp.Diff([]string{"secrets/oslo-1.age"}, s.Remove); diff != "" {
		t.Errorf("removed (-want +got)\n%s", diff)
	}
}

// Users with password hashes, keys and accounts travel as whole files.
func TestSealTakesFiles(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	files := minimal(t).with("users/staff.yaml", "- {username: a, nt_hash: 8846f7eaee8fb117ad06bdd830b7586c}\n",
		"admins.yaml", "accounts: []\n", "users/plain.csv", "username,password\na,\n",
		"saml/mail/next/key.pem", "k", "saml/mail/next/certificate.pem", "c")
	sealed := files.seal(t, id)
	for _, name := range []string{"users/staff.yaml", "admins.yaml", "server/main/key.pem", "saml/mail/next/key.pem"} {
		if _, there := sealed[name]; there {
			t.Errorf("%s is still in plain", name)
		}
	}
	if _, there := sealed["users/plain.csv"]; !there {
		t.Error("users without hashes were sealed")
	}
	key := newKey(t)
	built := sealed.build(t, bundle.BuildOptions{})
	b, err := verify(built.Archive, sign(t, key, built.Archive), trusting(key, id))
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, b.FS())["users/staff.yaml"]; got != files["users/staff.yaml"] {
		t.Errorf("got %q", got)
	}
	s, err := bundle.Seal(sealed.fs(), bundle.SealOptions{Identity: id, Forget: []string{"users/staff.yaml"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"users/staff.yaml"}, s.Dropped); diff != "" {
		t.Errorf("forgotten (-want +got)\n%s", diff)
	}
}
