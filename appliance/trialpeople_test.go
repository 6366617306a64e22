package appliance_test

import (
	"crypto/x509"
	"iter"
	"testing"

	"gatehouse/appliance"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// staleUsers have been replaced.
type staleUsers struct{ identity.Users }

func (staleUsers) Find(identity.Space, string) (*identity.User, bool, error) {
	return nil, false, identity.ErrStale
}

// people is a configuration to be asked about people.
type people struct {
	users   []*identity.User
	servers []*policy.Server
	cas     []*snapshot.CA
	stale   bool
}

func (p people) seal(t *testing.T, credential *pki.Credential) *snapshot.Snapshot {
	t.Helper()
	draft := snapshot.Draft{
		Policy: policy.Default(), Servers: p.servers, CAs: p.cas,
		Credentials: []*pki.Credential{credential},
	}
	draft.Users = must(identity.NewMemory([]identity.Set{{All: all(p.users)}}))(t)
	if p.stale {
		draft.Users = staleUsers{}
	}
	return must(draft.Seal(1))(t)
}

func all(users []*identity.User) func() iter.Seq2[*identity.User, error] {
	return func() iter.Seq2[*identity.User, error] {
		return func(yield func(*identity.User, error) bool) {
			for _, u := range users {
				if !yield(u, nil) {
					return
				}
			}
		}
	}
}

// TestRefusedPeople counts who signed in lately and no longer could.
func TestRefusedPeople(t *testing.T) {
	t.Parallel()
	made := must(lab.NewCA(lab.CAOptions{}))(t)
	leaf := must(made.IssueServer(lab.ServerOptions{}))(t)
	credential := &pki.Credential{Name: "c", TLS: leaf.TLS()}
	ca := func(name string, c *x509.Certificate) *snapshot.CA {
		return &snapshot.CA{CA: must(pki.NewCA(name, []*x509.Certificate{c}))(t)}
	}
	acme, renamed := ca("acme", made.Certificate), ca("renamed", made.Certificate)
	other := ca("other", must(lab.NewCA(lab.CAOptions{Name: "Other"}))(t).Certificate)
	user := func(name string, groups ...string) *identity.User {
		return &identity.User{Username: name, State: identity.Active, Groups: groups}
	}
	server := func(name, ca string, groups ...string) *policy.Server {
		return &policy.Server{Name: name, Method: policy.Passwordless, CAs: []string{ca}, Groups: groups}
	}
	wifi := server("wifi", "acme", "staff")
	full := people{
		users:   []*identity.User{user("ann", "staff"), user("bob", "staff"), user("Cem", "staff")},
		servers: []*policy.Server{wifi, server("lab", "acme")}, cas: []*snapshot.CA{acme},
	}
	event := func(user, server string) audit.Entry {
		return audit.Entry{Event: audit.Event{Result: audit.Accept, User: user, Server: server, CA: "acme"}}
	}
	recent := []audit.Entry{
		event("ann", "wifi"), event("ann", "wifi"), event("bob", "wifi"), event("bob", "lab"), event("Cem", "lab"),
		event("", "wifi"), event(`ACME\\dan`, "wifi"), event("eve", "wifi"), // whom nobody had
		{Event: audit.Event{Result: audit.Reject, User: "ann", Server: "wifi"}},
	}
	with := func(edit func(*people)) people {
		p := full
		edit(&p)
		return p
	}
	suspended := user("bob", "staff")
	suspended.State = identity.Suspended
	tests := []struct {
		name            string
		old, fresh      people
		looked, refused int
	}{
		{"nothing_changed", full, full, 3, 0},
		{"removed", full, with(func(p *people) { p.users = p.users[1:] }), 3, 1},
		{"suspended", full, with(func(p *people) { p.users = []*identity.User{p.users[0], suspended} }), 3, 2},
		{"other_groups", full, with(func(p *people) {
			p.users = []*identity.User{user("ann", "guests"), user("bob", "guests"), user("cem", "guests")}
		}), 3, 2},
		{"server_for_others", full, with(func(p *people) {
			p.servers = []*policy.Server{server("wifi", "acme", "guests"), server("lab", "acme")}
		}), 3, 2},
		{"server_gone", full, with(func(p *people) { p.servers = []*policy.Server{wifi} }), 3, 2},
		{"ca_gone", full, with(func(p *people) {
			p.cas, p.servers = []*snapshot.CA{other}, []*policy.Server{server("wifi", "other", "staff"), server("lab", "other")}
		}), 3, 3},
		{"ca_renamed", full, with(func(p *people) {
			p.cas, p.servers = []*snapshot.CA{renamed}, []*policy.Server{server("wifi", "renamed"), server("lab", "renamed")}
		}), 3, 0},
		{"refused_before", with(func(p *people) { p.users = p.users[1:] }), with(func(p *people) { p.users = p.users[2:] }), 2, 1},
		{"old_cannot_tell", with(func(p *people) { p.stale = true }), with(func(p *people) { p.users = p.users[1:] }), 4, 2},
		{"fresh_cannot_tell", full, with(func(p *people) { p.stale = true }), 0, 0},
	}
	for _, tt := range tests {
		looked, refused := appliance.RefusedPeople(recent, tt.old.seal(t, credential), tt.fresh.seal(t, credential))
		if looked != tt.looked || refused != tt.refused {
			t.Errorf("%s: got %d of %d, want %d of %d", tt.name, refused, looked, tt.refused, tt.looked)
		}
	}
	if looked, refused := appliance.RefusedPeople(recent, nil, full.seal(t, credential)); looked != 4 || refused != 1 {
		t.Errorf("after nothing: got %d of %d, want 1 of 4", refused, looked)
	}
	if looked, _ := appliance.RefusedPeople(recent, full.seal(t, credential), nil); looked != 0 {
		t.Errorf("before nothing: got %d looked at, want none", looked)
	}
}
