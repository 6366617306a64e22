package load_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/policy"
	"gatehouse/sync/load"
)

const (
	argonHash  = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$vUeT8lCaN6wnTdWLEDPAQMl5KvzjGmHbQ1zJrBkMPQ0"
	bcryptHash = "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
)

// goodAdmins is an admins.yaml of one account and one token, "ab…".
var goodAdmins = `
accounts: [{username: anna, password: "` + argonHash + `", role: admin}]
tokens: [{name: ci, sha256: ` + strings.Repeat("ab", 32) + `, scopes: [bundle, read]}]
`

func TestAdminValues(t *testing.T) {
	s, problems := seal(t, minimal(t).with("admins.yaml", goodAdmins).fs(), nil)
	want := &policy.Admins{
		Accounts: []policy.Account{{Username: "anna", Password: policy.Secret(argonHash), Role: policy.RoleAdmin}},
		Tokens:   []policy.Token{{Name: "ci", Scopes: []policy.TokenScope{policy.ScopeBundle, policy.ScopeRead}}},
	}
	for i := range want.Tokens[0].SHA256 {
		want.Tokens[0].SHA256[i] = 0xab
	}
	if diff := cmp.Diff(want, s.Admins()); diff != "" || len(problems) > 0 {
		t.Errorf("(-want +got)\n%s\n%v", diff, problems)
	}
	if text := fmt.Sprintf("%v %+v", s.Admins().Accounts, s.Admins().Accounts); strings.Contains(text, "argon2id") {
		t.Errorf("a hash is shown: %s", text)
	}
	s, _ = seal(t, minimal(t).fs(), nil)
	if !s.Admins().IsEmpty() {
		t.Error("somebody manages the gateway without an admins.yaml")
	}
}

// TestAdminHashes: what can be no hash, or would keep a small device busy, is refused.
func TestAdminHashes(t *testing.T) {
	const salt, sum = "c29tZXNhbHRzb21lc2FsdA", "vUeT8lCaN6wnTdWLEDPAQMl5KvzjGmHbQ1zJrBkMPQ0"
	for hash, ok := range map[string]bool{
		argonHash:  true,
		bcryptHash: true,
		"":         false,
		"letmein":  false,
		"$argon2id$v=19$m=131072,t=64,p=1$" + salt + "$" + sum:    true,
		"$argon2id$v=19$m=131073,t=2,p=1$" + salt + "$" + sum:     false,
		"$argon2id$v=19$m=19456,t=65,p=1$" + salt + "$" + sum:     false,
		"$argon2id$v=19$m=4294967296,t=2,p=1$" + salt + "$" + sum: false,
		"$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + sum:      false,
		"$argon2id$v=19$m=19456,t=2,p=256$" + salt + "$" + sum:    false,
		"$argon2id$v=19$m=7,t=2,p=1$" + salt + "$" + sum:          false,
		"$argon2id$v=19$m=019456,t=2,p=1$" + salt + "$" + sum:     false,
		"$argon2id$v=19$t=2,m=19456,p=1$" + salt + "$" + sum:      false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "=$" + sum:     false,
		"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$" + sum:            false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$aGFzaA":      false,
		"$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + sum:       false,
		"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + sum:      false,
		strings.Replace(bcryptHash, "$12$", "$17$", 1):            false,
		strings.Replace(bcryptHash, "$12$", "$03$", 1):            false,
		strings.Replace(bcryptHash, "$12$", "$1x$", 1):            false,
		strings.Replace(bcryptHash, "$12$", "$12a", 1):            false,
		bcryptHash[1:]: false,
	} {
		f := minimal(t).with("admins.yaml", "accounts: [{username: anna, role: viewer, password: '"+hash+"'}]\n")
		d, problems := load.Load(f.fs(), load.Options{Now: now})
		if got := !problems.HasErrors() && len(d.Admins.Accounts) == 1; got != ok {
			t.Errorf("%q is taken: %t, want %t\n%v", hash, got, ok, problems)
		}
		if hash != "" && strings.Contains(fmt.Sprint(problems), hash) {
			t.Errorf("the problem quotes %q: %v", hash, problems)
		}
	}
}

// TestAdminsBounds: no more than can be looked at in every call.
func TestAdminsBounds(t *testing.T) {
	var accounts, tokens strings.Builder
	for i := range 257 {
		fmt.Fprintf(&accounts, "\n- {username: u%d, role: viewer, password: %q}", i, argonHash)
		fmt.Fprintf(&tokens, "\n- {name: t%d, sha256: '%064x', scopes: [read]}", i, i)
	}
	f := minimal(t).with("admins.yaml", "accounts:"+accounts.String()+"\ntokens:"+tokens.String()+"\n")
	_, problems := load.Load(f.fs(), load.Options{Now: now})
	want := []string{"admins.yaml:2:1: more than 256 accounts", "admins.yaml:260:1: more than 256 tokens"}
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestLastGoodAdmins: a broken admins.yaml lets in whom the last good one did, and nobody else.
func TestLastGoodAdmins(t *testing.T) {
	with := minimal(t).with("admins.yaml", goodAdmins)
	last, _ := seal(t, with.fs(), nil)
	without, _ := seal(t, minimal(t).fs(), nil)
	broken := strings.Replace(goodAdmins, "role: admin", "role: root", 1)
	for _, tt := range []struct {
		name, content string
		had           bool
		hold          bool
		effects       []string
		waits         []string
		tokens        int
		object        string
	}{
		{name: "broken", content: broken, had: true, effects: []string{"admins kept"}, tokens: 1, object: "kept"},
		{name: "no YAML", content: "[", had: true, effects: []string{"admins kept"}, tokens: 1, object: "kept"},
		{name: "broken from the first", content: broken, effects: []string{"admins left_out"}},
		{name: "deleted", content: "-", had: true},
		{name: "deleted a moment ago", content: "-", had: true, hold: true, tokens: 1, object: "kept",
			waits: []string{"admins.yaml of admins kept"}},
		{name: "never there", content: "-", hold: true},
		{name: "emptied", content: "tokens: []\n", had: true, hold: true, object: "admins.yaml"},
		{name: "good", content: goodAdmins, tokens: 1, object: "admins.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opt := load.Options{Now: now, LastGood: without, Hold: func(string) bool { return tt.hold }}
			if tt.had {
				opt.LastGood = last
			}
			d, objects, problems := load.LoadObjects(with.with("admins.yaml", tt.content).fs(), opt)
			if diff := cmp.Diff(tt.effects, effects(problems)); diff != "" {
				t.Errorf("effects (-want +got)\n%s\n%v", diff, problems)
			}
			if diff := cmp.Diff(tt.waits, waiting(problems)); diff != "" {
				t.Errorf("waiting (-want +got)\n%s\n%v", diff, problems)
			}
			if len(d.Admins.Tokens) != tt.tokens || len(d.Admins.Accounts) != tt.tokens {
				t.Errorf("%d tokens and %d accounts, want %d of each", len(d.Admins.Tokens), len(d.Admins.Accounts), tt.tokens)
			}
			got := ""
			if o, ok := objects["admins"]; ok && o.Kept {
				got = "kept"
			} else if ok {
				got = strings.Join(slices.Sorted(maps.Keys(o.Files)), " ")
			}
			if got != tt.object {
				t.Errorf("the object is %q, want %q", got, tt.object)
			}
		})
	}
}

// A folder in the place of the file is no deletion.
func TestUnreadableAdminsKeepLastGood(t *testing.T) {
	with := minimal(t).with("admins.yaml", goodAdmins)
	last, _ := seal(t, with.fs(), nil)
	d, problems := load.Load(blocked{with.fs(), []string{"admins.yaml"}}, load.Options{Now: now, LastGood: last})
	if len(d.Admins.Tokens) != 1 || !slices.Equal(effects(problems), []string{"admins kept"}) {
		t.Errorf("%+v, %v", d.Admins, problems)
	}
}

// TestDiffAdmins: every change is one of a secret, for the whole file travels as one.
func TestDiffAdmins(t *testing.T) {
	before := mustLoad(t, minimal(t).with("admins.yaml", goodAdmins))
	after := mustLoad(t, minimal(t).with("admins.yaml", `
accounts:
- {username: anna, password: "`+bcryptHash+`", role: tech}
- {username: bert, password: "`+bcryptHash+`", role: viewer}
tokens:
- {name: ci, sha256: `+strings.Repeat("cd", 32)+`, scopes: [bundle]}
`))
	changes, err := load.Diff(before, after)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.String())
		if !c.Secret {
			t.Errorf("%s counts where secrets have not been opened", c)
		}
	}
	want := []string{"account anna: role: admin → tech", "account anna: password changed", "+ account bert",
		"token ci: scopes: [bundle, read] → [bundle]", "token ci: token changed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
