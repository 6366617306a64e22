package pki

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
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
		return &PathError{Reason: audit.CertMissing, Step: audit.StepChain, Detail: "no certificate was presented"}
	}
	leaf := chain[0]
	size := 0
	for _, c := range chain {
		size += len(c.Raw)
	}
	fail := func(reason audit.Reason, step audit.StepName, format string, args ...any) error {
		return &PathError{Reason: reason, Step: step, Certificate: leaf, Detail: fmt.Sprintf(format, args...)}
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

// search is one run of Verify: a depth-first search from the leaf upwards.
type search struct {
	trust      *Trust
	opt        Options
	presented  []*node
	path       []*node // from the leaf to the certificate whose issuer is looked for
	signatures []checkedSignature
	steps      int
	exhausted  bool // a bound was reached
	best       *PathError
	bestRank   rank
}

// checkedSignature remembers a signature check, so that circles cost none.
type checkedSignature struct {
	child, parent *x509.Certificate
	err           error
}

// rank says how informative a failure is: that of a complete path before that of an incomplete
// one, then by stage or depth.
type rank struct{ complete, depth, stage int }

func (r rank) below(other rank) bool {
	if r.complete != other.complete {
		return r.complete < other.complete
	}
	if r.depth != other.depth {
		return r.depth < other.depth
	}
	return r.stage < other.stage
}

// note keeps err if it is the most informative so far.
func (s *search) note(r rank, err *PathError) {
	if s.best == nil || s.bestRank.below(r) {
		s.best, s.bestRank = err, r
	}
}

// extend looks for a way from the last certificate of the path to an anchor. It leaves the
// whole path in s.path if there is one, else s.path as it was.
func (s *search) extend() bool {
	depth := len(s.path) - 1
	child := s.path[depth].cert
	candidates := s.candidates(child)
	if len(candidates) == 0 {
		s.note(rank{depth: depth}, s.issuerUnknown(child, depth))
		return false
	}
	for _, n := range candidates {
		if s.steps++; s.steps > maxSteps {
			s.exhausted = true
		}
		if s.exhausted {
			s.note(rank{}, s.fail(audit.CertChain, depth, "no path to a trusted CA was found"))
			return false
		}
		if err := s.link(n); err != nil {
			s.note(rank{depth: depth, stage: stageOf(err)}, err)
			continue
		}
		s.path = append(s.path, n)
		if len(n.anchors) > 0 {
			if err := s.complete(); err == nil {
				return true
			} else {
				s.note(rank{complete: 1 + stageOf(err), depth: err.Depth}, err)
			}
		} else if len(s.path) >= maxPath {
			s.note(rank{depth: depth}, s.fail(audit.CertChain, depth,
				"the chain above it is longer than %d certificates", maxPath))
		} else if s.extend() {
			return true
		}
		s.path = s.path[:depth+1]
	}
	return false
}

// stageOf orders failures by how far they are from success.
func stageOf(err *PathError) int {
	switch err.Step {
	case audit.StepPurpose:
		return 4
	case audit.StepDates:
		return 3
	}
	if err.Reason == audit.CertUnknownCA {
		return 0
	}
	return 1
}

// candidates returns what may have issued child, by name, the likeliest first. What is in the
// path already is left out: a key under the same name never appears twice.
func (s *search) candidates(child *x509.Certificate) []*node {
	var nodes []*node
	for _, n := range s.trust.issuersOf(child.RawIssuer) {
		if !s.inPath(n.cert) {
			nodes = append(nodes, n)
		}
	}
	issuerKey := ""
	if len(s.presented) > 0 {
		issuerKey = nameKey(child.RawIssuer)
	}
	for _, n := range s.presented {
		if n.key == issuerKey && !s.inPath(n.cert) {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) < 2 {
		return nodes
	}
	cost := func(n *node) int {
		c := 2 * int(keyHint(child, n.cert))
		if len(n.anchors) == 0 {
			c++
		}
		return c
	}
	slices.SortStableFunc(nodes, func(a, b *node) int { return cost(a) - cost(b) })
	return nodes
}

func (s *search) inPath(c *x509.Certificate) bool {
	for _, n := range s.path {
		if bytes.Equal(n.cert.RawSubject, c.RawSubject) &&
			bytes.Equal(n.cert.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo) {
			return true
		}
	}
	return false
}

// fail makes the error of the certificate at depth, in the step chain.
func (s *search) fail(reason audit.Reason, depth int, format string, args ...any) *PathError {
	return &PathError{
		Reason: reason, Step: audit.StepChain, Certificate: s.path[depth].cert, Depth: depth,
		Detail: fmt.Sprintf(format, args...),
	}
}

// found makes the answer from the path.
func (s *search) found() Path {
	p := Path{Certificates: make([]*x509.Certificate, len(s.path))}
	for i, n := range s.path {
		p.Certificates[i] = n.cert
	}
	most := -1
	for _, ca := range s.path[len(s.path)-1].anchors {
		held := 0
		for _, n := range s.path {
			if slices.Contains(n.members, ca) {
				held++
			}
		}
		if held > most {
			p.CA, most = ca, held
		}
	}
	return p
}
