package pki

import (
	"crypto/x509"
	"fmt"
	"time"

	"gatehouse/authcore/audit"
)

// Bounds of one Verify, against chains made to keep us busy.
const (
	maxPresented      = 10       // certificates in what the peer presents
	maxPresentedBytes = 64 << 10 // of their DER together
	maxPath           = 10       // certificates of a path, anchor included
	maxSignatures     = 100      // signature checks
	maxSteps          = 1000     // tries to extend a path
)

// Options are what Verify needs to know beside the certificates. The zero Options have no
// usable Now.
type Options struct {
	// Now is the time at which the path must be valid: the guarded clock's.
	Now time.Time
	// RequireClientAuth demands that the extended key usage of the person's certificate names
	// clientAuth or anyExtendedKeyUsage. Without it a certificate that has no extended key
	// usage will do as well (RFC 5216 §5.3).
	RequireClientAuth bool
	// AllowEAPOverLAN takes id-kp-eapOverLAN (RFC 4334 §2) for clientAuth.
	AllowEAPOverLAN bool
}

// A Path leads from a person's certificate to an anchor.
type Path struct {
	Certificates []*x509.Certificate // leaf first, anchor last
	CA           *CA                 // that trusts the anchor
	Anchor       string              // the anchor in words; see Describe
}

// Verify finds a path from chain[0], the person's certificate, to an anchor (RFC 5280 §6). The
// rest of chain is what the peer presented beside it, in any order; it helps, and is trusted
// for nothing. Of several paths the first good one counts: those by matching key identifiers
// and to the nearest anchor are tried first.
//
// Every certificate of the path must be valid at opt.Now, the anchor too: its expiry is what
// its owner chose, and an expired CA that goes on vouching for people is a surprise. The
// anchor's signature on itself is not looked at.
//
// Verify writes to nothing it is given and is safe for concurrent use. Its work is bounded:
// 10 certificates and 64 KiB presented, 100 signature checks. Every error is a *PathError.
func (t *Trust) Verify(chain []*x509.Certificate, opt Options) (Path, error) {
	if t == nil {
		t = &Trust{}
	}
	if err := t.checkPresented(chain); err != nil {
		return Path{}, err
	}
	s := search{trust: t, opt: opt, path: []*node{{cert: chain[0]}}}
	for _, c := range chain[1:] {
		if !c.Equal(chain[0]) && t.find(c) == nil {
			s.presented = append(s.presented, newNode(c))
		}
	}
	if s.extend() {
		return s.found(), nil
	}
	if s.exhausted {
		s.best.Detail += "; the search was given up, because the certificates presented lead in circles"
	}
	return Path{}, s.best
}

// checkPresented judges what can be judged before the search.
func (t *Trust) checkPresented(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return &PathError{
			Reason: audit.CertMissing, Step: audit.StepChain, Detail: "no certificate was presented",
		}
	}
	leaf := chain[0]
	size := 0
	for _, c := range chain {
		size += len(c.Raw)
	}
	fail := func(reason audit.Reason, step audit.StepName, format string, args ...any) error {
		return &PathError{
			Reason: reason, Step: step, Certificate: leaf, Detail: fmt.Sprintf(format, args...),
		}
	}
	switch n := t.find(leaf); {
	case len(chain) > maxPresented:
		return fail(audit.CertChain, audit.StepChain,
			"%d certificates were presented; at most %d are read", len(chain), maxPresented)
	case size > maxPresentedBytes:
		return fail(audit.CertChain, audit.StepChain,
			"the certificates presented have %d bytes; at most %d are read", size, maxPresentedBytes)
	case n != nil:
		return fail(audit.CertPurpose, audit.StepPurpose,
			"it is a CA certificate of ca/%s itself, not a person's: issue the person a certificate of their own", n.members[0].Name)
	case isSelfSigned(leaf):
		return fail(audit.CertUnknownCA, audit.StepChain,
			"it is self-signed: no CA vouches for it; issue the person a certificate from a listed CA (%s)", t.names())
	}
	return nil
}
