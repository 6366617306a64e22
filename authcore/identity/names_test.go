package identity_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"

	"github.com/google/go-cmp/cmp"
)

func newCA(t testing.TB) *lab.CA {
	t.Helper()
	ca, err := lab.NewCA(lab.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func issue(t testing.TB, ca *lab.CA, o lab.UserOptions) *x509.Certificate {
	t.Helper()
	leaf, err := ca.IssueUser(o)
	if err != nil {
		t.Fatal(err)
	}
	if leaf.ParseError != nil {
		t.Fatal(leaf.ParseError)
	}
	return leaf.Certificate
}

var defaultOrder = policy.Default().Identity.Order

// show makes names short enough to compare at a glance: kind, space, value, key.
func show(names []identity.Name) []string {
	var out []string
	for _, n := range names {
		out = append(out, fmt.Sprintf("%s %d %s %s", n.Kind, n.Space, n.Value, n.Key))
	}
	return out
}

func TestCV10NamesInOrder(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	everything := lab.UserOptions{
		Identity: "Alice@Example.org", CommonName: "Alice", SubjectEmails: []string{"al@example.org"},
		Names: []lab.GeneralName{lab.UPN("Alice@corp"), lab.DNS("PC1.example.org")},
	}
	tests := []struct {
		name  string
		order []policy.NameKind
		user  lab.UserOptions
		want  []string
	}{
		{"email_san", defaultOrder, lab.UserOptions{Identity: "alice@example.org"},
			[]string{"san_email 2 alice@example.org alice@example.org"}},
		{"email_dn_with_empty_cn", defaultOrder, lab.UserOptions{Kind: lab.EmailDN, Identity: "Bob@example.org"},
			[]string{"dn_email 2 Bob@example.org bob@example.org"}},
		{"username_cn", defaultOrder, lab.UserOptions{Kind: lab.UsernameCN, Identity: "Carol"},
			[]string{"cn 1 Carol carol"}},
		{"upn", defaultOrder, lab.UserOptions{Kind: lab.UserUPN, Identity: "dave@CORP.example"},
			[]string{"san_upn 2 dave@CORP.example dave@corp.example"}},
		{"upn_without_at", defaultOrder, lab.UserOptions{Kind: lab.UserUPN, Identity: "dave"},
			[]string{"san_upn 1 dave dave"}},
		{"everything_by_default", defaultOrder, everything, []string{
			"san_email 2 Alice@Example.org alice@example.org", "san_upn 2 Alice@corp alice@corp",
			"dn_email 2 al@example.org al@example.org", "cn 1 Alice alice"}},
		{"other_order", []policy.NameKind{policy.CN, policy.SANUPN}, everything,
			[]string{"cn 1 Alice alice", "san_upn 2 Alice@corp alice@corp"}},
		{"email_in_subject_beside_another", defaultOrder,
			lab.UserOptions{Kind: lab.EmailDN, Identity: "a@x.example", Names: []lab.GeneralName{lab.Email("b@y.example")}},
			[]string{"san_email 2 b@y.example b@y.example", "dn_email 2 a@x.example a@x.example"}},
		{"utf8_address", defaultOrder, lab.UserOptions{Identity: "JÜRGEN@example.org"},
			[]string{"san_email 2 JÜRGEN@example.org jürgen@example.org"}},
		{"decomposed", defaultOrder, lab.UserOptions{Kind: lab.UsernameCN, Identity: "ju\u0308rgen"},
			[]string{"cn 1 jürgen jürgen"}},
		{"non_latin", defaultOrder, lab.UserOptions{Kind: lab.UsernameCN, Identity: "Борис"},
			[]string{"cn 1 Борис борис"}},
		{"cn_with_at_is_a_username", defaultOrder, lab.UserOptions{Kind: lab.UsernameCN, Identity: "a@example.org"},
			[]string{"cn 1 a@example.org a@example.org"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := identity.Names(issue(t, ca, tt.user), tt.order)
			if err != nil {
				t.Fatalf("Names: %v", err)
			}
			if diff := cmp.Diff(tt.want, show(got)); diff != "" {
				t.Errorf("Names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCV12UnsafeNamesAreRefused(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	tests := map[string]struct{ in, detail string }{
		"nul":                          {"alice\x00@example.org", "NUL"},
		"control":                      {"alice\n@example.org", "cannot be seen"},
		"bidi":                         {"alice\u202e@example.org", "cannot be seen"},
		"zero_width":                   {"al\u200bice@example.org", "cannot be seen"},
		"no_break_space":               {"alice\u00a0@example.org", "cannot be seen"},
		"unassigned":                   {"alice\u0378@example.org", "cannot be seen"},
		"invalid_utf8":                 {"alice\xff@example.org", "UTF-8"},
		"leading_space":                {" alice@example.org", "space"},
		"trailing_space":               {"alice@example.org ", "space"},
		"inner_space":                  {"ali ce@example.org", "space"},
		"trailing_dot":                 {"alice@example.org.", "dot"},
		"kelvin_sign":                  {"\u212aim@example.org", "only looks like"},
		"dotted_capital_i":             {"al\u0130ce@example.org", "only looks like"},
		"composed_to_dotted_capital_i": {"alI\u0307ce@example.org", "only looks like"},
		"mixed_scripts":                {"\u0430lice@example.org", "mixes Latin"}, // Cyrillic а
		"mixed_greek":                  {"alic\u03b5@example.org", "mixes Latin"},
		"two_ats":                      {"alice@evil@example.org", "not one address"},
		"no_domain":                    {"alice@", "proper domain"},
		"no_local_part":                {"@example.org", "not one address"},
		"empty_label":                  {"alice@example..org", "proper domain"},
		"too_long":                     {strings.Repeat("a", 250) + "@example.org", "too long"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leaf := issue(t, ca, lab.UserOptions{Kind: lab.UserUPN, Identity: tt.in, CommonName: "alice"})
			_, err := identity.Names(leaf, defaultOrder)
			checkError(t, err, audit.CertUnreadable, tt.detail)

			if name == "invalid_utf8" {
				return // crypto/x509 refuses it in a subject
			}
			// A common name is free text: it is left out, and matches nobody.
			leaf = issue(t, ca, lab.UserOptions{Kind: lab.UsernameCN, Identity: tt.in})
			got, err := identity.Names(leaf, []policy.NameKind{policy.CN})
			if strings.Contains(tt.detail, "domain") || strings.Contains(tt.detail, "address") || name == "inner_space" {
				return // fine for a username
			}
			if err == nil {
				t.Errorf("Names: got %v from the common name %q, want it left out", show(got), tt.in)
			}
		})
	}
}

func TestIdentityNoneSaysWhatWasLeftOut(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	_, err := identity.Names(issue(t, ca, lab.UserOptions{Kind: lab.UsernameCN, Identity: "Acme Inc."}), defaultOrder)
	checkError(t, err, audit.IdentityNone, `the common name "Acme Inc." ends with a dot`)
	_, err = identity.Names(issue(t, ca, lab.UserOptions{Kind: lab.UsernameCN}), defaultOrder)
	checkError(t, err, audit.IdentityNone, "none of san_email, san_upn, dn_email, cn is in the certificate")
	_, err = identity.Names(issue(t, ca, lab.UserOptions{Identity: "a@example.org"}), nil)
	checkError(t, err, audit.IdentityNone, "none of")
}

func TestDNEmailWithoutAt(t *testing.T) {
	t.Parallel()
	leaf := issue(t, newCA(t), lab.UserOptions{Kind: lab.EmailDN, Identity: "alice"})
	_, err := identity.Names(leaf, defaultOrder)
	checkError(t, err, audit.CertUnreadable, `dn_email: "alice" has no @`)
}

func TestCV13SeveralValues(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	leaf := issue(t, ca, lab.UserOptions{
		Identity: "a@example.org", Names: []lab.GeneralName{lab.Email("b@example.org"), lab.Email("a@example.org")},
		CommonNames: []string{"alice", "bob"}, SubjectEmails: []string{"c@example.org", "d@example.org"},
	})
	got, err := identity.Names(leaf, defaultOrder)
	want := []string{
		"san_email 2 a@example.org a@example.org", "san_email 2 b@example.org b@example.org",
		"dn_email 2 c@example.org c@example.org", "dn_email 2 d@example.org d@example.org",
		"cn 1 alice alice", "cn 1 bob bob",
	}
	if diff := cmp.Diff(want, show(got)); diff != "" || err != nil {
		t.Errorf("Names: %v (-want +got):\n%s", err, diff)
	}
	var many []lab.GeneralName
	for i := range 40 {
		many = append(many, lab.Email(fmt.Sprintf("u%d@example.org", i)))
	}
	_, err = identity.Names(issue(t, ca, lab.UserOptions{Identity: "a@example.org", Names: many}), defaultOrder)
	checkError(t, err, audit.CertUnreadable, "more than 32 names")
}

func TestCV14Machines(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	order := []policy.NameKind{policy.SANDNS}
	leaf := issue(t, ca, lab.UserOptions{Kind: lab.MachineDNS, Identity: "PC1.example.org"})
	got, err := identity.Names(leaf, order)
	want := []string{
		"san_dns 1 host/PC1.example.org host/pc1.example.org", "san_dns 1 PC1.example.org pc1.example.org",
	}
	if diff := cmp.Diff(want, show(got)); diff != "" || err != nil {
		t.Errorf("Names: %v (-want +got):\n%s", err, diff)
	}
	_, err = identity.Names(leaf, defaultOrder)
	checkError(t, err, audit.IdentityNone, "none of")
	_, err = identity.Names(issue(t, ca, lab.UserOptions{Kind: lab.MachineDNS, Identity: "*.example.org"}), order)
	checkError(t, err, audit.CertUnreadable, "proper domain name")
}

func checkError(t *testing.T, err error, reason audit.Reason, detail string) {
	t.Helper()
	var e *identity.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an Error with %s", err, reason)
	}
	if e.Reason != reason || !strings.Contains(e.Detail, detail) {
		t.Errorf("got %s and %q, want %s and %q", e.Reason, e.Detail, reason, detail)
	}
}

// FuzzNames changes a stretch of a leaf's DER that crypto/x509 still reads: whatever names
// come out must be safe to show and to look up.
func FuzzNames(f *testing.F) {
	ca := newCA(f)
	leaf := issue(f, ca, lab.UserOptions{
		Kind: lab.EmailDN, Identity: "alice@example.org", CommonName: "alice",
		Names: []lab.GeneralName{lab.Email("alice@example.org"), lab.UPN("alice@corp"), lab.DNS("pc.example.org"), lab.Email("jürgen@example.org")},
	})
	order := append([]policy.NameKind{policy.SANDNS}, defaultOrder...)
	f.Add(uint16(100), []byte{0})
	f.Add(uint16(150), []byte{0xE2, 0x80, 0xAE})
	f.Add(uint16(500), []byte("\x1e\x02"))
	f.Fuzz(func(t *testing.T, at uint16, patch []byte) {
		der := append([]byte(nil), leaf.Raw...)
		copy(der[int(at)%len(der):], patch)
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		names, err := identity.Names(c, order)
		if (err == nil) != (len(names) > 0) {
			t.Errorf("Names: got %d names and %v", len(names), err)
		}
		for _, n := range names {
			if strings.IndexFunc(n.Value+n.Key, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
				t.Errorf("Names: got %q, which cannot be shown", n.Value)
			}
			if n.Space == identity.Addresses && n.Key != identity.FoldAddress(n.Key) ||
				n.Space == identity.Usernames && n.Key != identity.FoldUsername(n.Key) || n.Key == "" {
				t.Errorf("Names: the key %q is not folded", n.Key)
			}
		}
	})
}
