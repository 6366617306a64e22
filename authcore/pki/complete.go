package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"

	"gatehouse/authcore/audit"
)

// complete checks what can only be said of a whole path: in the order of the ladder the rest
// of the chain (the leaf itself, name constraints, policies), dates, purpose.
func (s *search) complete() *PathError {
	leaf := s.path[0].cert
	if text := keyDetail(leaf); text != "" {
		return s.fail(audit.CertWeak, 0, "%s", text)
	}
	if id, found := unknownCriticalExtension(leaf); found {
		return s.fail(audit.CertCriticalExtension, 0, "%s", criticalDetail(id, 0))
	}
	if err := s.checkNameConstraints(); err != nil {
		return err
	}
	if err := s.checkPolicies(); err != nil {
		return err
	}
	for depth, n := range s.path {
		if text := datesDetail(n.cert, s.opt.Now); text != "" {
			reason := audit.CertExpired
			if s.opt.Now.Before(n.cert.NotBefore) {
				reason = audit.CertNotYetValid
			}
			return s.failAt(audit.StepDates, reason, depth, text)
		}
	}
	return s.checkPurpose()
}

// failAt is fail for the steps after the chain.
func (s *search) failAt(
	step audit.StepName, reason audit.Reason, depth int, detail string,
) *PathError {
	err := s.fail(reason, depth, "%s", detail)
	err.Step = step
	return err
}

func criticalDetail(id asn1.ObjectIdentifier, depth int) string {
	return fmt.Sprintf("its critical extension %s (certificate %d of the path, counted from the person's as 0) is unknown to us", oidText(id), depth)
}

func pathLenDetail(max, below int) string {
	return fmt.Sprintf("it allows %d CA certificates below itself (pathLenConstraint), but this path has %d", max, below)
}

// checkPolicies honours certificate policies where a CA insists on them (RFC 5280 §6.1.3):
// crypto/x509 can judge that for one given path, and is asked only then.
func (s *search) checkPolicies() *PathError {
	insists := false
	for _, n := range s.path[1:] {
		c := n.cert
		insists = insists || c.RequireExplicitPolicy > 0 || c.RequireExplicitPolicyZero
	}
	if !insists {
		return nil
	}
	top := len(s.path) - 1
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for i, n := range s.path[1:] {
		if i+1 == top {
			roots.AddCert(s.forPolicies(n.cert))
		} else {
			between.AddCert(s.forPolicies(n.cert))
		}
	}
	_, err := s.forPolicies(s.path[0].cert).Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: s.opt.Now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err == nil {
		return nil
	}
	return s.fail(audit.CertChain, 0, "a CA above it demands a certificate policy that the path does not carry: %s", plainX509(err))
}

// forPolicies is a copy of c without what is judged elsewhere (dates, name constraints,
// critical extensions), so that crypto/x509 looks at nothing but signatures and policies.
func (s *search) forPolicies(c *x509.Certificate) *x509.Certificate {
	d := *c
	d.NotBefore, d.NotAfter = s.opt.Now, s.opt.Now
	d.UnhandledCriticalExtensions = nil
	d.Extensions = slices.DeleteFunc(slices.Clone(c.Extensions), func(e pkix.Extension) bool {
		return e.Id.Equal(oidNameConstraints)
	})
	return &d
}
