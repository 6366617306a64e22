package appliance

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"
	"time"

	"gatehouse/appliance/confdir"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// caExpiring is from when on a certificate of a CA is said to expire.
const caExpiring = 60 * 24 * time.Hour

// casAPI is what the API asks about CAs.
func (a *Appliance) casAPI() webui.CAs {
	return webui.CAs{List: a.cas, PEM: a.caPEM, People: a.peopleOfCA, Managed: a.whyManaged, Put: a.putCA, Delete: a.deleteCA}
}

// cas returns the CAs in force, and those that are left out.
func (a *Appliance) cas() []webui.CA {
	list := []webui.CA{}
	if sn := a.holder.Load(); sn != nil {
		now, people := a.config.Now(), a.peopleByCA()
		for _, ca := range sn.Draft().CAs {
			one := describeCA(ca, now)
			one.UsedBy, one.People = usersOfCA(sn, ca.Name), people[ca.Name]
			list = append(list, one)
		}
	}
	for _, p := range a.reconciler.Last().Problems {
		name, ok := strings.CutPrefix(p.Object, "ca/")
		if !ok {
			continue
		}
		i := slices.IndexFunc(list, func(ca webui.CA) bool { return ca.Name == name })
		if i < 0 {
			list = append(list, emptyCA(name, webui.RADIUSLeftOut))
			i = len(list) - 1
		}
		list[i].Issues = append(list[i].Issues, problems(load.Problems{p})...)
		if p.Severity == load.Error && p.Effect != "" && list[i].State == webui.RADIUSInForce {
			list[i].State = string(p.Effect)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

func emptyCA(name, state string) webui.CA {
	return webui.CA{Name: name, State: state, Anchors: []webui.CACertificate{}, Lost: []webui.CACertificate{},
		UsedBy: []string{}, Domains: []string{}, Groups: []string{}, Issues: []webui.Problem{}}
}

func describeCA(ca *snapshot.CA, now time.Time) webui.CA {
	d := emptyCA(ca.Name, webui.RADIUSInForce)
	roots, lost := ca.Tree()
	d.Anchors, d.Lost = describeBranches(roots, now), describeBranches(lost, now)
	d.Domains, d.Groups, d.OCSP = listed(ca.Scope.Domains), listed(ca.Scope.Groups), string(ca.Revocation.OCSP)
	if ca.Revocation.Grace > 0 {
		d.Grace = ca.Revocation.Grace.String()
	}
	return d
}

func describeBranches(list []*pki.Branch, now time.Time) []webui.CACertificate {
	out := make([]webui.CACertificate, 0, len(list))
	for _, b := range list {
		c := b.Certificate
		sum := sha256.Sum256(c.Raw)
		out = append(out, webui.CACertificate{
			Name: pki.Subject(c), Subject: pki.SubjectDN(c), Issuer: pki.IssuerDN(c), Serial: pki.Serial(c),
			SubjectKeyID: hex.EncodeToString(c.SubjectKeyId), AuthorityKeyID: hex.EncodeToString(c.AuthorityKeyId),
			NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), State: lifeOf(c, now), Key: pki.KeyName(c),
			SHA256: hex.EncodeToString(sum[:]), Issued: describeBranches(b.Issued, now),
		})
	}
	return out
}

// lifeOf says where in its life a certificate is.
func lifeOf(c *x509.Certificate, now time.Time) string {
	switch {
	case now.Before(c.NotBefore):
		return "not_yet_valid"
	case now.After(c.NotAfter):
		return "expired"
	case c.NotAfter.Sub(now) < caExpiring:
		return "expiring"
	}
	return "valid"
}

// usersOfCA names what trusts a CA.
func usersOfCA(sn *snapshot.Snapshot, ca string) []string {
	users := []string{}
	for _, name := range sn.ServerNames() {
		if slices.Contains(sn.Server(name).CAs, ca) {
			users = append(users, name)
		}
	}
	if idp := sn.IDP(); idp != nil && slices.Contains(idp.CAs, ca) {
		users = append(users, webui.SignInOfApps)
	}
	return users
}

// peopleByCA counts who signed in by which CA, of the decisions that are remembered.
func (a *Appliance) peopleByCA() map[string]int {
	people, seen := map[string]int{}, map[[2]string]bool{}
	for _, e := range a.events.After(0, maxRemembered) {
		who := [2]string{e.Event.CA, e.Event.User}
		if e.Event.Result == audit.Accept && who[0] != "" && !seen[who] {
			seen[who] = true
			people[who[0]]++
		}
	}
	return people
}

// peopleOfCA returns who signed in by a CA, likewise, who was there last first.
func (a *Appliance) peopleOfCA(name string) []webui.CAPerson {
	people, seen := []webui.CAPerson{}, map[string]bool{}
	for _, e := range slices.Backward(a.events.After(0, maxRemembered)) {
		if v := &e.Event; v.Result == audit.Accept && v.CA == name && !seen[v.User] {
			seen[v.User] = true
			people = append(people, webui.CAPerson{User: v.User, Seen: v.Time, ID: e.ID})
		}
	}
	return people
}

// maxRemembered is more than decisions are remembered.
const maxRemembered = 1 << 20

func errNoCA(name string) error {
	return fmt.Errorf("%w: there is no CA %q in force", webui.ErrNotFound, audit.Printable(name))
}

// caPEM returns the certificates of a CA in force.
func (a *Appliance) caPEM(name string) ([]byte, error) {
	sn := a.holder.Load()
	if sn == nil {
		return nil, errNoCA(name)
	}
	for _, ca := range sn.Draft().CAs {
		if ca.Name != name {
			continue
		}
		var text bytes.Buffer
		for _, c := range slices.Concat(ca.Anchors, ca.Intermediates) {
			_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a Buffer takes everything
		}
		return text.Bytes(), nil
	}
	return nil, errNoCA(name)
}

// putCA makes a CA, or replaces it.
func (a *Appliance) putCA(u webui.CAUpload, by string) (webui.CASaved, error) {
	if err := checkName("CA", u.Name); err != nil {
		return webui.CASaved{}, err
	}
	generation, err := a.edit(edit{by: by, what: "CA saved", file: "ca/" + u.Name + ".pem", prepare: func() (c confdir.Change, err error) {
		file, err := a.caFile(u)
		if err == nil {
			c.Write = []confdir.File{file}
		}
		return c, err
	}})
	if err != nil {
		return webui.CASaved{}, err
	}
	saved := webui.CASaved{Generation: generation}
	for _, ca := range a.cas() {
		if ca.Name == u.Name {
			saved.CA = &ca
		}
	}
	return saved, nil
}

// deleteCA removes a CA that nothing relies on, with its settings and lists.
func (a *Appliance) deleteCA(name, by string) (webui.CASaved, error) {
	if err := checkName("CA", name); err != nil {
		return webui.CASaved{}, err
	}
	file := "ca/" + name + ".pem"
	generation, err := a.edit(edit{by: by, what: "CA removed", file: file, prepare: func() (c confdir.Change, err error) {
		if _, err := a.confdir.Read(file); errors.Is(err, fs.ErrNotExist) {
			return c, errNoCA(name)
		}
		if sn := a.holder.Load(); sn != nil {
			if users := usersOfCA(sn, name); len(users) > 0 {
				return c, fmt.Errorf("%w: people are believed by this CA at %s: take it off there first",
					webui.ErrRefused, strings.Join(users, ", "))
			}
		}
		c.Remove = []string{file, "ca/" + name + ".yaml", "ca/" + name + ".crl"}
		return c, nil
	}})
	return webui.CASaved{Generation: generation}, err
}

// What commands about CAs ask and print, by the names of their makers.
type (
	CA            = webui.CA
	CACertificate = webui.CACertificate
	CAPeople      = webui.CAPeople
	CASaved       = webui.CASaved
)
