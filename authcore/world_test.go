package authcore_test

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"iter"
	"net/netip"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

const (
	serverName = "radius.acme.example"
	secret     = "a shared secret of the tests"
)

// A world is every certificate of the tests. It is made once: keys are slow.
type world struct {
	acme, strict, stranger *lab.CA // in scope and unchecked; needs OCSP; not trusted
	serverCA               *lab.CA
	roots                  *x509.CertPool
	credentials            []*pki.Credential // ECDSA, RSA
	users                  map[string]tls.Certificate
}

var theWorld = sync.OnceValues(makeWorld)

func getWorld(t testing.TB) *world {
	t.Helper()
	w, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A builder makes certificates until the first error.
type builder struct {
	err error
}

func (b *builder) ca(name string) *lab.CA {
	ca, err := lab.NewCA(lab.CAOptions{Name: name})
	b.note(err)
	return ca
}

func (b *builder) note(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *builder) user(ca *lab.CA, o lab.UserOptions) tls.Certificate {
	if b.err != nil {
		return tls.Certificate{}
	}
	leaf, err := ca.IssueUser(o)
	b.note(err)
	if err != nil {
		return tls.Certificate{}
	}
	return leaf.TLS()
}

func (b *builder) credential(ca *lab.CA, kind lab.KeyKind) *pki.Credential {
	if b.err != nil {
		return nil
	}
	leaf, err := ca.IssueServer(lab.ServerOptions{Options: lab.Options{KeyKind: kind},
		DNSNames: []string{serverName}})
	b.note(err)
	if err != nil {
		return nil
	}
	return &pki.Credential{Name: "main", TLS: leaf.TLS()}
}

func makeWorld() (*world, error) {
	b := &builder{}
	w := &world{acme: b.ca("acme"), strict: b.ca("strict"), stranger: b.ca("stranger"),
		serverCA: b.ca("server"), roots: x509.NewCertPool()}
	if b.err != nil {
		return nil, b.err
	}
	w.roots.AddCert(w.serverCA.Certificate)
	w.credentials = []*pki.Credential{
		b.credential(w.serverCA, lab.P256), b.credential(w.serverCA, lab.RSA2048)}
	now := time.Now()
	mail := func(ca *lab.CA, address string, o lab.Options) tls.Certificate {
		return b.user(ca, lab.UserOptions{Options: o, Kind: lab.EmailSAN, Identity: address})
	}
	w.users = map[string]tls.Certificate{
		"alice": mail(w.acme, "alice@acme.example", lab.Options{}),
		"alice-rsa": mail(w.acme, "alice@acme.example",
			lab.Options{Key: w.credentials[1].TLS.PrivateKey.(crypto.Signer)}),
		"bob":      mail(w.acme, "bob@acme.example", lab.Options{}),
		"carol":    mail(w.acme, "carol@acme.example", lab.Options{}),
		"dave":     mail(w.acme, "dave@globex.example", lab.Options{}),
		"nobody":   mail(w.acme, "nobody@acme.example", lab.Options{}),
		"stranger": mail(w.stranger, "alice@acme.example", lab.Options{}),
		"strict":   mail(w.strict, "alice@acme.example", lab.Options{}),
		"expired": mail(w.acme, "alice@acme.example",
			lab.Options{NotBefore: now.AddDate(0, 0, -9), NotAfter: now.AddDate(0, 0, -2)}),
		"future": mail(w.acme, "alice@acme.example",
			lab.Options{NotBefore: now.AddDate(0, 0, 2), NotAfter: now.AddDate(0, 0, 9)}),
		"purpose": mail(w.acme, "alice@acme.example",
			lab.Options{Usages: []asn1.ObjectIdentifier{lab.ServerAuth}}),
		"nameless": b.user(w.acme, lab.UserOptions{Kind: lab.MachineDNS, Identity: "pc.acme.example"}),
		"ambiguous": b.user(w.acme, lab.UserOptions{Kind: lab.EmailSAN, Identity: "alice@acme.example",
			Names: []lab.GeneralName{lab.Email("carol@acme.example")}}),
	}
	copied := w.users["alice"]
	copied.PrivateKey = w.users["bob"].PrivateKey
	w.users["copied"] = copied
	return w, b.err
}

// accounts returns the users; a state other than active for one of them.
func accounts(t testing.TB, suspended ...string) identity.Users {
	t.Helper()
	all := []*identity.User{
		{Username: "alice", Email: "alice@acme.example", Groups: []string{"staff"}, VLAN: "20"},
		{Username: "bob", Email: "bob@acme.example", Groups: []string{"staff"}},
		{Username: "carol", Email: "carol@acme.example", Groups: []string{"guests"}},
		{Username: "dave", Email: "dave@globex.example", Groups: []string{"staff"}},
	}
	for _, u := range all {
		u.State = identity.Active
		for _, s := range suspended {
			if u.Username == s {
				u.State = identity.Suspended
			}
		}
	}
	users, err := identity.NewMemory([]identity.Set{{Source: "users/test.yaml",
		All: func() iter.Seq2[*identity.User, error] {
			return func(yield func(*identity.User, error) bool) {
				for _, u := range all {
					if !yield(u, nil) {
						return
					}
				}
			}
		}}})
	if err != nil {
		t.Fatal(err)
	}
	return users
}

// newSnapshot seals a configuration: RADIUS server branch-wifi for staff, the CAs acme (OCSP
// off, for acme.example only) and strict (OCSP required). change may change the draft.
func newSnapshot(t testing.TB, generation uint64, change func(*snapshot.Draft)) *snapshot.Snapshot {
	t.Helper()
	w := getWorld(t)
	rules := policy.Default()
	rules.EAP.RejectDelay = 0
	off := rules.Revocation
	off.OCSP = policy.OCSPOff
	ca := func(name string, of *lab.CA, revocation policy.Revocation) *snapshot.CA {
		made, err := pki.NewCA(name, []*x509.Certificate{of.Certificate})
		if err != nil {
			t.Fatal(err)
		}
		return &snapshot.CA{CA: made, Revocation: revocation}
	}
	draft := &snapshot.Draft{
		Policy: rules, Credentials: w.credentials, Users: accounts(t, "bob"),
		CAs: []*snapshot.CA{ca("acme", w.acme, off), ca("strict", w.strict, rules.Revocation)},
		Servers: []*policy.Server{{
			Name: "branch-wifi", Method: policy.Passwordless, CAs: []string{"acme", "strict"},
			Groups: []string{"staff"},
			Clients: []policy.Client{{Name: "ap-floor1", Secret: policy.Secret(secret),
				Prefix: netip.MustParsePrefix("127.0.0.0/8")}},
			Reply: []policy.ReplyRule{{Groups: []string{"staff"}, Attributes: []policy.Attribute{
				{Name: "Filter-Id", Type: 11, Value: []byte("staff")}}}},
		}},
	}
	draft.CAs[0].Scope.Domains = []string{"acme.example"}
	if change != nil {
		change(draft)
	}
	sealed, err := draft.Seal(generation)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}
