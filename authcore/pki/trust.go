package pki

import (
	"bytes"
	"crypto/x509"
	"strings"
)

// A Trust is a set of CAs, prepared for Verify. It is immutable and safe for concurrent use.
// The nil Trust trusts nobody.
type Trust struct {
	cas       []*CA
	hash      [32]byte           // see Hash
	bySubject map[string][]*node // by RawSubject
	byName    map[string][]*node // by nameKey, for names that differ in encoding only
}

// node is a certificate that may issue the one below it in a path, with what about it does not
// change from one look to the next.
type node struct {
	cert        *x509.Certificate
	key         string // nameKey of its subject
	anchors     []*CA  // those that trust it as it is; empty: an intermediate
	members     []*CA  // those whose file holds it
	constraints *nameConstraints
	err         error // of the name constraints
}

func newNode(c *x509.Certificate) *node {
	n := &node{cert: c, key: nameKey(c.RawSubject)}
	n.constraints, n.err = parseNameConstraints(c)
	return n
}

// NewTrust prepares the CAs for Verify and takes ownership of them. Where two CAs trust the
// same anchor, a path belongs to the one whose file holds more of it, then to the first.
func NewTrust(cas []*CA) *Trust {
	t := &Trust{
		cas: cas, hash: hashTrust(cas),
		bySubject: map[string][]*node{}, byName: map[string][]*node{},
	}
	for _, ca := range cas {
		for _, c := range ca.Anchors {
			n := t.add(c)
			n.anchors, n.members = append(n.anchors, ca), append(n.members, ca)
		}
		for _, c := range ca.Intermediates {
			n := t.add(c)
			n.members = append(n.members, ca)
		}
	}
	return t
}

// add returns the node of c, a new one if need be.
func (t *Trust) add(c *x509.Certificate) *node {
	for _, n := range t.bySubject[string(c.RawSubject)] {
		if n.cert.Equal(c) {
			return n
		}
	}
	n := newNode(c)
	subject := string(c.RawSubject)
	t.bySubject[subject] = append(t.bySubject[subject], n)
	t.byName[n.key] = append(t.byName[n.key], n)
	return n
}

// CAs returns the CAs in the order given to NewTrust. The slice must not be written.
func (t *Trust) CAs() []*CA {
	if t == nil {
		return nil
	}
	return t.cas
}

// issuersOf returns the nodes whose subject is the distinguished name raw.
func (t *Trust) issuersOf(raw []byte) []*node {
	if nodes := t.bySubject[string(raw)]; len(nodes) > 0 {
		return nodes
	}
	return t.byName[nameKey(raw)]
}

// find returns the node of exactly this certificate, or nil.
func (t *Trust) find(c *x509.Certificate) *node {
	for _, n := range t.bySubject[string(c.RawSubject)] {
		if n.cert.Equal(c) {
			return n
		}
	}
	return nil
}

// names lists the CAs for a detail.
func (t *Trust) names() string {
	if len(t.cas) == 0 {
		return "this RADIUS server trusts no CA at all"
	}
	const most = 8
	var names []string
	for i, ca := range t.cas {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, ca.Name)
	}
	return "this RADIUS server trusts " + strings.Join(names, ", ")
}

// hint says whether two certificates claim to be issuer and issued, by their key identifiers.
type hint int

const (
	hintMatch hint = iota
	hintNone
	hintMismatch
)

// keyHint compares the authority key identifier of child with the subject key identifier of
// parent (RFC 5280 §4.2.1.1). It only orders candidates: the signature decides.
func keyHint(child, parent *x509.Certificate) hint {
	switch {
	case len(child.AuthorityKeyId) == 0 || len(parent.SubjectKeyId) == 0:
		return hintNone
	case bytes.Equal(child.AuthorityKeyId, parent.SubjectKeyId):
		return hintMatch
	}
	return hintMismatch
}
