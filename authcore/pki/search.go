package pki

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"

	"gatehouse/authcore/audit"
)

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
	p := Path{
		Certificates: make([]*x509.Certificate, len(s.path)), Anchor: Describe(s.path[len(s.path)-1].cert),
	}
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
