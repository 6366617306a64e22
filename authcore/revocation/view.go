package revocation

import (
	"crypto/sha256"
	"crypto/x509"
	"net/netip"
	"slices"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// A view is what the configuration says of revocation, made once for each Snapshot. It is
// immutable.
type view struct {
	snapshot *snapshot.Snapshot
	cas      map[string]*caView
	issuers  map[[32]byte]*x509.Certificate // every certificate of every CA
}

type caView struct {
	rules        policy.Revocation
	allow        []netip.Prefix
	lists        map[[32]byte]*heldList // by issuer
	certificates []*x509.Certificate    // anchors and intermediates
	parsed       map[[sha256.Size]byte]*heldList
}

// A heldList is a verified CRL.
type heldList struct {
	*List
	issuer     [32]byte
	name       string     // of the file, or the address it came from
	absent     string     // what it says of a certificate that is not on it
	fetched    time.Time  // from there; zero: it is a file
	validators Validators // by which to ask for it again
	ca         string     // whose rules it was fetched by
	authority  *x509.Certificate
	renew      time.Time // when to fetch it again; the Source's mutex guards it
}

// newView makes the view of sn; what before has parsed already is taken over.
func newView(sn *snapshot.Snapshot, before *view) *view {
	v := &view{snapshot: sn, cas: map[string]*caView{}, issuers: map[[32]byte]*x509.Certificate{}}
	for _, ca := range sn.Draft().CAs {
		c := &caView{
			rules: ca.Revocation, certificates: slices.Concat(ca.Anchors, ca.Intermediates),
			lists: map[[32]byte]*heldList{}, parsed: map[[sha256.Size]byte]*heldList{},
		}
		for _, s := range ca.Revocation.AllowAddresses {
			if p, err := netip.ParsePrefix(s); err == nil { // the loader has judged them
				c.allow = append(c.allow, p)
			}
		}
		for _, certificate := range c.certificates {
			v.issuers[IssuerOf(certificate)] = certificate
		}
		c.readLists(ca, before.ca(ca.Name))
		v.cas[ca.Name] = c
	}
	return v
}

func (v *view) ca(name string) *caView {
	if v == nil {
		return nil
	}
	return v.cas[name]
}

// allowed are the addresses that may be asked by the rules of a CA although they are our own.
func (v *view) allowed(ca string) []netip.Prefix {
	if c := v.ca(ca); c != nil {
		return c.allow
	}
	return nil
}

// readLists verifies the lists beside the CA. One that nobody of the CA has signed is left out:
// the loader has said so.
func (c *caView) readLists(ca *snapshot.CA, before *caView) {
	for _, file := range ca.Lists {
		sum := sha256.Sum256(file.DER)
		var held *heldList
		if before != nil {
			held = before.parsed[sum]
		}
		if held == nil {
			held = verifyBy(file, c.certificates)
		}
		if held == nil {
			continue
		}
		c.parsed[sum] = held
		c.lists[held.issuer] = later(c.lists[held.issuer], held)
	}
}

func verifyBy(file snapshot.List, issuers []*x509.Certificate) *heldList {
	for _, issuer := range issuers {
		if l, err := VerifyCRL(file.DER, issuer); err == nil {
			return newHeld(l, file.Name)
		}
	}
	return nil
}

func newHeld(l *List, name string) *heldList {
	absent := describe(&Answer{Status: Good, ThisUpdate: l.ThisUpdate})
	return &heldList{List: l, issuer: l.Issuer, name: name, absent: absent + ", " + name}
}

// later returns the list that was made later. Either may be nil.
func later(a, b *heldList) *heldList {
	if a == nil || b != nil && b.ThisUpdate.After(a.ThisUpdate) {
		return b
	}
	return a
}
