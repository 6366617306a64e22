package appliance

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"

	"gatehouse/authcore/pki"
)

// leadsUp checks that the certificates that a credential shows, leaf first, are one chain: each
// is signed by another of them, up to one whose issuer is not among them. A leaf alone will do,
// for devices may know its issuer.
//
// Dates, extended key usages and the like are not looked at: the loader warns of them, and they
// are no reason to go back.
func leadsUp(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("there is no certificate")
	}
	rest := chain[1:]
	for child := chain[0]; ; {
		if bytes.Equal(child.RawIssuer, child.RawSubject) {
			return nil
		}
		parent, err := issuerAmong(rest, child)
		switch {
		case err != nil:
			return err
		case parent == nil && child == chain[0] && len(rest) > 0:
			return fmt.Errorf("none of the certificates sent with it has issued %s", pki.Describe(child))
		case parent == nil:
			return nil
		}
		child, rest = parent, without(rest, parent)
	}
}

// issuerAmong returns the certificate of list that signed child; nil: none claims to have done so.
func issuerAmong(list []*x509.Certificate, child *x509.Certificate) (*x509.Certificate, error) {
	var wrong error
	for _, c := range list {
		err := child.CheckSignatureFrom(c)
		if err == nil {
			return c, nil
		}
		if !claims(c, child) {
			continue
		}
		if _, weak := errors.AsType[x509.InsecureAlgorithmError](err); weak {
			return c, nil // which the loader warns of
		}
		wrong = fmt.Errorf("%s has the name of the issuer of %s, but did not issue it: %w",
			pki.Describe(c), pki.Describe(child), err)
	}
	return nil, wrong
}

// claims reports whether parent has the name of child's issuer, and its key identifier where both
// have one.
func claims(parent, child *x509.Certificate) bool {
	named, has := child.AuthorityKeyId, parent.SubjectKeyId
	return bytes.Equal(child.RawIssuer, parent.RawSubject) &&
		(len(named) == 0 || len(has) == 0 || bytes.Equal(named, has))
}

func without(list []*x509.Certificate, c *x509.Certificate) []*x509.Certificate {
	var rest []*x509.Certificate
	for _, other := range list {
		if other != c {
			rest = append(rest, other)
		}
	}
	return rest
}
