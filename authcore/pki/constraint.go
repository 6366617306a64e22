package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"

	"gatehouse/authcore/audit"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxComparisons bounds the comparisons of names with constraints in one Verify.
const maxComparisons = 100_000

// nameConstraints is the extension of that name (RFC 5280 §4.2.1.10), as we evaluate it: all
// forms of names but x400Address, ediPartyName, registeredID and otherNames beside the UPN. A
// certificate with a name of such a form under a constraint of that form is refused.
type nameConstraints struct {
	permitted, excluded []subtree
}

var errConstraints = errors.New("the name constraints are malformed")

// parseNameConstraints reads the extension of c; nil if there is none.
func parseNameConstraints(c *x509.Certificate) (*nameConstraints, error) {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidNameConstraints) {
			return readNameConstraints(e.Value)
		}
	}
	return nil, nil
}

func readNameConstraints(der []byte) (*nameConstraints, error) {
	input := cryptobyte.String(der)
	var seq, permitted, excluded cryptobyte.String
	var havePermitted, haveExcluded bool
	tag := cbasn1.Tag(0).ContextSpecific().Constructed()
	if !input.ReadASN1(&seq, cbasn1.SEQUENCE) || !input.Empty() ||
		!seq.ReadOptionalASN1(&permitted, &havePermitted, tag) ||
		!seq.ReadOptionalASN1(&excluded, &haveExcluded, tag|1) || !seq.Empty() {
		return nil, errConstraints
	}
	nc := &nameConstraints{}
	var err error
	if nc.permitted, err = readSubtrees(permitted); err != nil {
		return nil, err
	}
	nc.excluded, err = readSubtrees(excluded)
	return nc, err
}

func readSubtrees(s cryptobyte.String) ([]subtree, error) {
	var trees []subtree
	for !s.Empty() {
		var seq cryptobyte.String
		if !s.ReadASN1(&seq, cbasn1.SEQUENCE) {
			return nil, errConstraints
		}
		name, err := readGeneralName(&seq)
		if err != nil {
			return nil, errConstraints
		}
		if !onlyDefaultMinimum(seq) {
			return nil, errors.New("the name constraints use minimum or maximum, which is not supported")
		}
		t := subtree{GeneralName: name}
		if name.Form == DirectoryName {
			if t.parts, err = canonicalName(name.Value); err != nil {
				return nil, err
			}
		}
		if trees = append(trees, t); len(trees) > maxGeneralNames {
			return nil, errors.New("there are too many name constraints")
		}
	}
	return trees, nil
}

// onlyDefaultMinimum reports whether what follows the name in a subtree is nothing, or the
// default minimum of 0 spelt out. RFC 5280 allows no other minimum, and no maximum.
func onlyDefaultMinimum(s cryptobyte.String) bool {
	var minimum cryptobyte.String
	if s.Empty() {
		return true
	}
	return s.ReadASN1(&minimum, cbasn1.Tag(0).ContextSpecific()) && s.Empty() &&
		len(minimum) == 1 && minimum[0] == 0
}

// checkNameConstraints applies the constraints of each CA of the path to the names of every
// certificate below it; a CA certificate issued under its own name is exempt.
func (s *search) checkNameConstraints() *PathError {
	budget := maxComparisons
	names := make([][]subtree, len(s.path))
	for above := len(s.path) - 1; above > 0; above-- {
		n := s.path[above]
		if n.err != nil {
			return s.fail(audit.CertNameConstraint, above, "%v", n.err)
		}
		if n.constraints == nil {
			continue
		}
		for below := above - 1; below >= 0; below-- {
			c := s.path[below].cert
			if below > 0 && bytes.Equal(c.RawIssuer, c.RawSubject) {
				continue
			}
			if names[below] == nil {
				var err error
				if names[below], err = namesOf(c); err != nil {
					return s.fail(audit.CertUnreadable, below, "%v", err)
				}
			}
			if text := n.constraints.violation(names[below], &budget); text != "" {
				return s.fail(audit.CertNameConstraint, below, "%s (constraint of the CA %q)",
					text, distinguishedName(n.cert.RawSubject))
			}
		}
	}
	return nil
}

// namesOf lists the names of c that constraints apply to: the alternative names, the subject,
// and e-mail addresses in the subject, whatever else there is, since we may look users up by
// them.
func namesOf(c *x509.Certificate) ([]subtree, error) {
	alt, err := AlternativeNames(c)
	if err != nil {
		return nil, err
	}
	emails, err := SubjectEmails(c)
	if err != nil {
		return nil, err
	}
	names := make([]subtree, 0, len(alt)+len(emails)+1)
	for _, e := range emails {
		names = append(names, subtree{GeneralName: GeneralName{Form: RFC822Name, Value: []byte(e)}})
	}
	subject := GeneralName{Form: DirectoryName, Value: c.RawSubject}
	for _, n := range append([]GeneralName{subject}, alt...) {
		t := subtree{GeneralName: n}
		if n.Form == DirectoryName {
			if t.parts, err = canonicalName(n.Value); err != nil {
				return nil, err
			}
			if len(t.parts) == 0 {
				continue // an empty subject is no name
			}
		}
		names = append(names, t)
	}
	return names, nil
}

// violation says which of names breaks the constraints, and how, or "". It takes what it
// compares off budget.
func (nc *nameConstraints) violation(names []subtree, budget *int) string {
	for _, n := range names {
		*budget -= len(nc.permitted) + len(nc.excluded)
		if *budget < 0 {
			return "there are too many names and name constraints to compare"
		}
		for _, t := range nc.excluded {
			in, err := t.covers(n, true)
			if err != nil {
				return err.Error()
			}
			if in {
				return fmt.Sprintf("its %s is excluded", n.show())
			}
		}
		applies, permitted := false, false
		for _, t := range nc.permitted {
			in, err := t.covers(n, false)
			if err != nil {
				return err.Error()
			}
			applies = applies || t.concerns(n)
			permitted = permitted || in
		}
		if applies && !permitted {
			return fmt.Sprintf("its %s is not among the names permitted", n.show())
		}
	}
	return ""
}
