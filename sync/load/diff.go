package load

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// An Op is what a Change does.
type Op string

// The operations.
const (
	Added   Op = "added"
	Removed Op = "removed"
	Changed Op = "changed"
)

// A Change is one difference between two configurations, in words of what administrators make:
// a CA, a client, a user. It never holds a secret.
type Change struct {
	Op   Op     `json:"op"`
	Kind string `json:"kind"` // policy, CA, server credential, RADIUS server, client, account, token, user
	Name string `json:"name,omitempty"`
	Of   string `json:"of,omitempty"`   // of a client: its RADIUS server
	Text string `json:"text,omitempty"` // what has changed

	// Secret says that the change is that of a secret. Where secrets have not been opened it
	// means nothing.
	Secret bool `json:"secret,omitempty"`
}

// String returns the change as one line: "+ CA acme", "client ap-floor1 of branch: secret
// changed".
func (c Change) String() string {
	var b strings.Builder
	switch c.Op {
	case Added:
		b.WriteString("+ ")
	case Removed:
		b.WriteString("- ")
	}
	b.WriteString(c.Kind)
	if c.Name != "" {
		b.WriteString(" " + c.Name)
	}
	if c.Of != "" {
		b.WriteString(" of " + c.Of)
	}
	if c.Text != "" {
		b.WriteString(": " + c.Text)
	}
	return b.String()
}

// Diff returns what is different in b, in the order policy, CAs, server credentials, RADIUS
// servers with their clients, accounts and tokens of administrators, identity provider, apps, users.
// Nothing is served differently if it returns nothing. The error is that of reading users again.
func Diff(a, b *snapshot.Draft) ([]Change, error) {
	d := &differ{}
	d.objects(a, b)
	if err := d.users(a.UserSets, b.UserSets); err != nil {
		return nil, err
	}
	return d.changes, nil
}

// differ gathers changes.
type differ struct{ changes []Change }

// objects compares everything but users.
func (d *differ) objects(a, b *snapshot.Draft) {
	rules := d.policy(&a.Policy, &b.Policy)
	d.cas(a.CAs, b.CAs, rules)
	each(d, "server credential", a.Credentials, b.Credentials,
		func(c *pki.Credential) string { return c.Name }, d.credential)
	each(d, "RADIUS server", a.Servers, b.Servers,
		func(s *policy.Server) string { return s.Name }, d.server)
	d.admins(&a.Admins, &b.Admins)
	d.idp(a.IDP, b.IDP)
	d.apps(a.Apps, b.Apps)
}

func (d *differ) add(op Op, kind, name string) {
	d.changes = append(d.changes, Change{Op: op, Kind: kind, Name: name})
}

func (d *differ) changed(kind, name string, texts ...string) {
	for _, text := range texts {
		d.changes = append(d.changes, Change{Op: Changed, Kind: kind, Name: name, Text: text})
	}
}

func (d *differ) secretChanged(kind, name, what string) {
	d.changes = append(d.changes, Change{Op: Changed, Kind: kind, Name: name, Secret: true, Text: what + " changed"})
}

// each compares two lists of objects by name, those that are in both by same.
func each[T any](d *differ, kind string, a, b []*T, name func(*T) string, same func(x, y *T)) {
	before, after := byName(a, name), byName(b, name)
	var names []string
	for _, v := range slices.Concat(a, b) {
		names = append(names, name(v))
	}
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		switch {
		case before[n] == nil:
			d.add(Added, kind, n)
		case after[n] == nil:
			d.add(Removed, kind, n)
		default:
			same(before[n], after[n])
		}
	}
}

// policy returns what has changed in the rules about revocation, which every CA inherits.
func (d *differ) policy(a, b *policy.Policy) []string {
	texts := compare("", viewPolicy(a), viewPolicy(b))
	if a.Notices.Webhook != b.Notices.Webhook { // an address may hold a token
		texts = append(texts, "notices.webhook changed")
	}
	d.changed("policy", "", texts...)
	if !bytes.Equal(a.Notices.SMTP.Password, b.Notices.SMTP.Password) {
		d.secretChanged("policy", "", "notices.smtp.password")
	}
	return texts
}

// viewPolicy is p in the words of policy.yaml.
func viewPolicy(p *policy.Policy) *policyYAML {
	y := fromPolicy(p)
	for text, version := range tlsVersions {
		if p.EAP.TLSMin == version {
			y.EAP.TLSMin = text
		}
		if p.EAP.TLSMax == version {
			y.EAP.TLSMax = text
		}
	}
	m := &p.Notices.SMTP
	y.Notices.SMTP = smtpYAML{Address: m.Address, From: m.From, To: m.To, Username: m.Username}
	y.Groups.Priority = p.Groups.Priority
	return y
}

func (d *differ) cas(a, b []*snapshot.CA, rules []string) {
	each(d, "CA", a, b, func(ca *snapshot.CA) string { return ca.Name }, func(x, y *snapshot.CA) {
		for _, text := range slices.Concat(certificates(x, y), compare("", viewCA(x), viewCA(y))) {
			if !slices.Contains(rules, text) {
				d.changed("CA", x.Name, text)
			}
		}
		if !slices.EqualFunc(x.Lists, y.Lists, func(l, m snapshot.List) bool { return bytes.Equal(l.DER, m.DER) }) {
			d.changed("CA", x.Name, "revocation lists changed")
		}
	})
}

// certificates says which certificates of a chain came and went.
func certificates(a, b *snapshot.CA) (texts []string) {
	before, after := slices.Concat(a.Anchors, a.Intermediates), slices.Concat(b.Anchors, b.Intermediates)
	for _, c := range after {
		if !slices.ContainsFunc(before, c.Equal) {
			texts = append(texts, "certificate added: "+pki.Describe(c))
		}
	}
	for _, c := range before {
		if !slices.ContainsFunc(after, c.Equal) {
			texts = append(texts, "certificate removed: "+pki.Describe(c))
		}
	}
	return texts
}

// viewCA is the settings of a CA in the words of ca/NAME.yaml.
func viewCA(ca *snapshot.CA) *caYAML {
	y := &caYAML{}
	y.Scope.Domains, y.Scope.Groups = ca.Scope.Domains, ca.Scope.Groups
	y.Revocation = caRevocationYAML{revocationYAML: fromRevocation(&ca.Revocation),
		Responder: ca.Revocation.Responder, CRL: ca.Revocation.CRL,
		AllowAddresses: ca.Revocation.AllowAddresses}
	return y
}

func (d *differ) credential(a, b *pki.Credential) {
	switch {
	case !a.TLS.Leaf.Equal(b.TLS.Leaf):
		d.changed("server credential", a.Name, "certificate changed: "+pki.Describe(b.TLS.Leaf))
	case !slices.EqualFunc(a.TLS.Certificate, b.TLS.Certificate, bytes.Equal):
		d.changed("server credential", a.Name, "chain changed")
	}
}

func (d *differ) server(a, b *policy.Server) {
	d.changed("RADIUS server", a.Name, compare("", viewServer(a), viewServer(b))...)
	if !slices.EqualFunc(a.Reply, b.Reply, sameReply) {
		d.changed("RADIUS server", a.Name, "reply changed")
	}
	first := len(d.changes)
	each(d, "client", pointers(a.Clients), pointers(b.Clients),
		func(c *policy.Client) string { return c.Name }, d.client)
	for i := range d.changes[first:] {
		d.changes[first+i].Of = a.Name
	}
}

func pointers[T any](list []T) []*T {
	var out []*T
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}

func sameReply(a, b policy.ReplyRule) bool {
	return slices.Equal(a.Groups, b.Groups) && a.VLAN == b.VLAN &&
		slices.EqualFunc(a.Attributes, b.Attributes, func(x, y policy.Attribute) bool {
			return x.Name == y.Name && x.Type == y.Type && bytes.Equal(x.Value, y.Value)
		})
}

// viewServer is a server in the words of radius/NAME.yaml, without clients and replies.
func viewServer(s *policy.Server) *serverYAML {
	y := &serverYAML{}
	y.Match.SSID, y.Match.NASIdentifier = s.Match.SSID, s.Match.NASIdentifier
	y.Authentication.Method, y.Authentication.AllowPassword = string(s.Method), s.AllowPassword
	y.Authentication.CA, y.Authentication.MFA = s.CAs, string(s.MFA)
	y.Users.Groups = s.Groups
	return y
}

func (d *differ) client(a, b *policy.Client) {
	d.changed("client", a.Name, compare("", viewClient(a), viewClient(b))...)
	if !bytes.Equal(a.Secret, b.Secret) {
		d.secretChanged("client", a.Name, "secret")
	}
	if !bytes.Equal(a.CoASecret, b.CoASecret) {
		d.secretChanged("client", a.Name, "coa secret")
	}
}

// viewClient is a client in the words of radius/NAME.yaml, without its secrets.
func viewClient(c *policy.Client) *clientYAML {
	y := &clientYAML{MessageAuthenticator: string(c.MessageAuthenticator), AllowPAP: c.AllowPAP,
		AllowMSCHAP: c.AllowMSCHAP, CoA: coaYAML{Port: c.CoAPort},
		TLS: &peerYAML{SAN: c.TLSSAN, SHA256: c.TLSSHA256}}
	if c.Prefix.IsValid() {
		y.Address = c.Prefix.String()
	}
	return y
}

// users compares user by user. Those of a are held meanwhile.
func (d *differ) users(a, b []identity.Set) error {
	before := map[string]*identity.User{}
	if err := everyUser(a, func(u *identity.User) { before[u.Username] = u }); err != nil {
		return err
	}
	first := len(d.changes)
	err := everyUser(b, func(u *identity.User) {
		old := before[u.Username]
		delete(before, u.Username)
		if old == nil {
			d.add(Added, "user", u.Username)
			return
		}
		d.user(old, u)
	})
	for name := range before {
		d.add(Removed, "user", name)
	}
	users := d.changes[first:]
	sort.SliceStable(users, func(i, j int) bool { return users[i].Name < users[j].Name })
	return err
}

func everyUser(sets []identity.Set, use func(*identity.User)) error {
	for _, set := range sets {
		for u, err := range set.All() {
			if err != nil {
				return fmt.Errorf("reading %s: %w", set.Source, err)
			}
			use(u)
		}
	}
	return nil
}

func (d *differ) user(a, b *identity.User) {
	view := func(u *identity.User) *userYAML {
		return &userYAML{Email: u.Email, Aliases: u.Aliases, Name: u.Name, Groups: u.Groups, VLAN: u.VLAN}
	}
	if a.State != b.State {
		d.changed("user", a.Username, string(b.State))
	}
	d.changed("user", a.Username, compare("", view(a), view(b))...)
	for _, s := range []struct {
		name string
		a, b policy.Secret
	}{{"password", a.Password, b.Password}, {"nt_hash", a.NTHash, b.NTHash}, {"totp", a.TOTP, b.TOTP}} {
		if !bytes.Equal(s.a, s.b) {
			d.secretChanged("user", a.Username, s.name)
		}
	}
}
