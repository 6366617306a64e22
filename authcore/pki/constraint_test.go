package pki_test

import (
	"net/netip"
	"testing"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki/lab"
)

func names(n ...lab.GeneralName) []lab.GeneralName { return n }

func TestCV3NameConstraints(t *testing.T) {
	t.Parallel()
	email := func(s string) lab.UserOptions { return lab.UserOptions{Identity: s} }
	with := func(n ...lab.GeneralName) lab.UserOptions {
		return lab.UserOptions{Kind: lab.UsernameCN, Identity: "alice", Names: n}
	}
	ip := func(s string) lab.GeneralName { return lab.IP(netip.MustParseAddr(s)) }
	net := func(s string) lab.GeneralName { return lab.Subnet(netip.MustParsePrefix(s)) }
	tests := []struct {
		name                string
		permitted, excluded []lab.GeneralName
		user                lab.UserOptions
		refused             string // part of the detail; empty: accepted
	}{
		{"email_host", names(lab.Email("example.org")), nil, email("alice@example.org"), ""},
		{"email_host_case", names(lab.Email("Example.ORG")), nil, email("alice@EXAMPLE.org"), ""},
		{"email_below_host", names(lab.Email("example.org")), nil, email("alice@sub.example.org"), "not among the names permitted"},
		{"email_domain", names(lab.Email(".example.org")), nil, email("alice@sub.example.org"), ""},
		{"email_domain_itself", names(lab.Email(".example.org")), nil, email("alice@example.org"), "not among"},
		{"email_other", names(lab.Email("example.org")), nil, email("alice@example.com"), `e-mail address "alice@example.com" is not among`},
		{"email_suffix_trick", names(lab.Email("example.org")), nil, email("alice@evilexample.org"), "not among"},
		{"email_mailbox", names(lab.Email("alice@example.org")), nil, email("alice@example.org"), ""},
		{"email_mailbox_case", names(lab.Email("alice@example.org")), nil, email("Alice@example.org"), "not among"},
		{"email_two_permitted", names(lab.Email("a.example"), lab.Email("example.org")), nil, email("alice@example.org"), ""},
		{"email_excluded", nil, names(lab.Email("example.org")), email("alice@example.org"), "is excluded"},
		{"email_excluded_wins", names(lab.Email(".org")), names(lab.Email("example.org")), email("alice@example.org"), "is excluded"},
		{"email_utf8", names(lab.Email("example.org")), nil, email("jürgen@example.org"), ""},
		{"email_utf8_other", names(lab.Email("example.org")), nil, email("jürgen@example.com"), "not among"},
		{"email_in_subject", names(lab.Email("example.org")), nil,
			lab.UserOptions{Kind: lab.EmailDN, Identity: "alice@example.com"}, "not among"},
		{"email_in_subject_beside_good_name", names(lab.Email("example.org")), nil,
			lab.UserOptions{Identity: "alice@example.org", SubjectEmails: []string{"bob@example.com"}}, "bob@example.com"},
		{"email_without_domain", names(lab.Email("example.org")), nil,
			lab.UserOptions{Kind: lab.EmailDN, Identity: "alice"}, "has no domain"},
		{"other_forms_are_free", names(lab.Email("example.org")), nil, with(lab.DNS("pc.example.com")), ""},

		{"upn", names(lab.UPN("corp.example")), nil, with(lab.UPN("alice@corp.example")), ""},
		{"upn_at", names(lab.UPN("@corp.example")), nil, with(lab.UPN("alice@corp.example")), ""},
		{"upn_dot", names(lab.UPN(".corp.example")), nil, with(lab.UPN("alice@eu.corp.example")), ""},
		{"upn_other", names(lab.UPN("corp.example")), nil, with(lab.UPN("alice@evil.example")), `user principal name "alice@evil.example"`},
		{"upn_excluded", nil, names(lab.UPN("corp.example")), with(lab.UPN("alice@corp.example")), "is excluded"},

		{"dns", names(lab.DNS("example.org")), nil, with(lab.DNS("pc.example.org")), ""},
		{"dns_itself", names(lab.DNS("example.org")), nil, with(lab.DNS("example.org")), ""},
		{"dns_other", names(lab.DNS("example.org")), nil, with(lab.DNS("pc.evilexample.org")), "not among"},
		{"dns_excluded_wildcard", nil, names(lab.DNS("pc.example.org")), with(lab.DNS("*.example.org")), "is excluded"},
		{"dns_permitted_wildcard", names(lab.DNS("pc.example.org")), nil, with(lab.DNS("*.example.org")), "not among"},
		{"dns_all_excluded", nil, names(lab.DNS("")), with(lab.DNS("pc.example.org")), "is excluded"},

		{"ip", names(net("192.0.2.0/24")), nil, with(ip("192.0.2.7")), ""},
		{"ip_other", names(net("192.0.2.0/24")), nil, with(ip("192.0.3.7")), "address 192.0.3.7 is not among"},
		{"ip6_excluded", nil, names(net("2001:db8::/32")), with(ip("2001:db8::1")), "is excluded"},
		{"ip6_under_ip4", names(net("192.0.2.0/24")), nil, with(ip("2001:db8::1")), "not among"},

		{"uri", names(lab.Address("example.org")), nil, with(lab.Address("https://example.org/alice")), ""},
		{"uri_other", names(lab.Address("example.org")), nil, with(lab.Address("https://example.com/example.org")), "not among"},
		{"uri_without_host", names(lab.Address("example.org")), nil, with(lab.Address("urn:alice")), "has no host"},

		{"directory", names(lab.Organization("Acme")), nil, lab.UserOptions{Organization: "Acme"}, ""},
		{"directory_spelling", names(lab.Organization("ACME  Inc")), nil, lab.UserOptions{Organization: "acme inc"}, ""},
		{"directory_other", names(lab.Organization("Acme")), nil, lab.UserOptions{Organization: "Evil"}, `name "O=Evil" is not among`},
		{"directory_excluded", nil, names(lab.Organization("Acme")), lab.UserOptions{Organization: "Acme"}, "is excluded"},
		{"directory_empty_subject", names(lab.Organization("Acme")), nil, lab.UserOptions{NoSubject: true}, ""},

		{"registered_id", names(lab.RawName([]byte{0x88, 1, 0x2A})), nil, with(lab.RawName([]byte{0x88, 1, 0x2A})), "not supported"},
		{"registered_id_unused", names(lab.RawName([]byte{0x88, 1, 0x2A})), nil, email("alice@example.org"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := newCA(t, lab.CAOptions{})
			inter := below(t, root, lab.CAOptions{
				Organization: "Acme", Constraints: lab.NameConstraints{Permitted: tt.permitted, Excluded: tt.excluded},
			})
			leaf := user(t, inter, tt.user)
			p, err := trust(t, root.Certificate, inter.Certificate).Verify(leaf.Presented(), options)
			if tt.refused == "" {
				checkAccepted(t, p, err, leaf.Certificate, inter.Certificate, root.Certificate)
				return
			}
			checkRefused(t, err, refusal{audit.CertNameConstraint, "chain", 0, tt.refused})
		})
	}
}

func TestCV3NameConstraintsOfTheAnchorReachEverybody(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{Constraints: lab.NameConstraints{
		Permitted: names(lab.Organization("Acme")), NotCritical: true}})
	good := below(t, root, lab.CAOptions{Organization: "Acme"})
	bad := below(t, root, lab.CAOptions{Organization: "Evil"})
	tr := trust(t, root.Certificate)
	leaf := user(t, good, lab.UserOptions{Organization: "Acme"})
	p, err := tr.Verify(leaf.Presented(), options)
	checkAccepted(t, p, err, leaf.Certificate, good.Certificate, root.Certificate)
	_, err = tr.Verify(user(t, bad, lab.UserOptions{Organization: "Acme"}).Presented(), options)
	checkRefused(t, err, refusal{audit.CertNameConstraint, "chain", 1, `O=Evil`})
}

func TestCV3NameConstraintsWithoutEnd(t *testing.T) {
	t.Parallel()
	var permitted, carried []lab.GeneralName
	for range 1500 {
		permitted = append(permitted, lab.Email("x.example"))
		carried = append(carried, lab.Email("a@y.e"))
	}
	inter := below(t, newCA(t, lab.CAOptions{}), lab.CAOptions{Constraints: lab.NameConstraints{Permitted: permitted}})
	leaf := user(t, inter, lab.UserOptions{Kind: lab.UsernameCN, Names: carried})
	_, err := trust(t, inter.Certificate).Verify(leaf.Presented(), options)
	checkRefused(t, err, refusal{audit.CertNameConstraint, "chain", 0, "a@y.e"})
}

func TestCV3MalformedAlternativeNames(t *testing.T) {
	t.Parallel()
	otherName := []byte{0xA0, 0x0F, 6, 10, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x14, 2, 3, 0xA0, 1, 0} // cut short
	inter := below(t, newCA(t, lab.CAOptions{}), lab.CAOptions{Constraints: lab.NameConstraints{Permitted: names(lab.Email("example.org"))}})
	leaf := user(t, inter, lab.UserOptions{Names: names(lab.RawName(otherName))})
	_, err := trust(t, inter.Certificate).Verify(leaf.Presented(), options)
	checkRefused(t, err, refusal{audit.CertUnreadable, "chain", 0, "malformed"})
}
