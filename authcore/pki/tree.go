package pki

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

// maxTreeSignatures bounds the signatures that are verified for one tree.
const maxTreeSignatures = 1000

// A Branch is a certificate of a CA with those of the same CA that it has signed.
type Branch struct {
	Certificate *x509.Certificate
	Issued      []*Branch
}

// Tree returns the CA's anchors, each with what hangs from it, in the order of the file. Lost are
// the certificates that no path leads to from an anchor: nobody is believed through them. A
// certificate hangs below the first one that has its issuer's name and has signed it.
func (ca *CA) Tree() (roots, lost []*Branch) {
	var all []*Branch
	for _, c := range ca.Anchors {
		all = append(all, &Branch{Certificate: c})
	}
	roots = all[:len(all):len(all)]
	for _, c := range ca.Intermediates {
		all = append(all, &Branch{Certificate: c})
	}
	budget := maxTreeSignatures
	for _, b := range all[len(roots):] {
		if parent := signerOf(b, all, &budget); parent != nil {
			parent.Issued = append(parent.Issued, b)
		}
	}
	reached := map[*Branch]bool{}
	for _, r := range roots {
		r.reach(reached)
	}
	for _, b := range all {
		if !reached[b] {
			lost = append(lost, &Branch{Certificate: b.Certificate})
		}
	}
	return roots, lost
}

// reach notes b and all below it. What only vouches for each other hangs from no anchor, and is
// not walked.
func (b *Branch) reach(reached map[*Branch]bool) {
	reached[b] = true
	for _, c := range b.Issued {
		c.reach(reached)
	}
}

// signerOf finds the branch that b hangs from.
func signerOf(b *Branch, all []*Branch, budget *int) *Branch {
	c := b.Certificate
	for _, p := range all {
		if p == b || *budget == 0 || !sameName(c.RawIssuer, p.Certificate.RawSubject) {
			continue
		}
		*budget--
		if p.Certificate.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil {
			return p
		}
	}
	return nil
}

// Subject names c for people: its common name, else what else there is, escaped.
func Subject(c *x509.Certificate) string { return subjectOf(c) }

// SubjectDN is the distinguished name of c as RFC 4514 spells it, escaped.
func SubjectDN(c *x509.Certificate) string { return distinguishedName(c.RawSubject) }

// IssuerDN is the distinguished name of who issued c, likewise.
func IssuerDN(c *x509.Certificate) string { return distinguishedName(c.RawIssuer) }

// Serial is the serial number of c in hexadecimal, cut if it is absurdly long.
func Serial(c *x509.Certificate) string { return serialOf(c.SerialNumber) }

// KeyName says what kind of key c has, and how long it is, like RSA 2048 or ECDSA P-256.
func KeyName(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprint("RSA ", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "of an unknown kind"
}
