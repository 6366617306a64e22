package pki

import (
	"bytes"
	"crypto/x509"

	"gatehouse/authcore/audit"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// link checks whether n may have issued the last certificate of the path and did: the
// algorithms, n's right to issue, the signature.
func (s *search) link(n *node) *PathError {
	depth := len(s.path) - 1
	child, parent := s.path[depth].cert, n.cert
	parentFail := func(reason audit.Reason, detail string) *PathError {
		return &PathError{
			Reason: reason, Step: audit.StepChain, Certificate: parent, Depth: depth + 1, Detail: detail,
		}
	}
	if text := signatureDetail(child); text != "" {
		return s.fail(audit.CertWeak, depth, "%s", text)
	}
	if text := keyDetail(parent); text != "" {
		return parentFail(audit.CertWeak, text)
	}
	if err := s.signature(child, parent); err != nil {
		return s.signatureFailure(n, depth)
	}
	if err := checkMayIssue(parent); err != nil {
		return parentFail(audit.CertChain, err.Error())
	}
	if max := pathLimit(parent); max >= 0 && s.issuersBelow() > max {
		return parentFail(audit.CertChain, pathLenDetail(max, s.issuersBelow()))
	}
	if id, found := unknownCriticalExtension(parent); found {
		return parentFail(audit.CertCriticalExtension, criticalDetail(id, depth+1))
	}
	return nil
}

// signature checks that parent's key signed child, within the bound.
func (s *search) signature(child, parent *x509.Certificate) error {
	for _, c := range s.signatures {
		if c.child == child && c.parent == parent {
			return c.err
		}
	}
	if len(s.signatures) >= maxSignatures {
		s.exhausted = true
		return x509.ErrUnsupportedAlgorithm
	}
	err := parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature)
	s.signatures = append(s.signatures, checkedSignature{child, parent, err})
	return err
}

// signatureFailure tells apart a certificate of another CA that happens to have the same name
// from one whose signature is damaged or forged.
func (s *search) signatureFailure(n *node, depth int) *PathError {
	if s.exhausted {
		return s.fail(audit.CertChain, depth, "no path to a trusted CA was found within %d signature checks", maxSignatures)
	}
	child := s.path[depth].cert
	where := "presented by the device"
	if len(n.members) > 0 {
		where = "in ca/" + n.members[0].Name
	}
	issuer := distinguishedName(n.cert.RawSubject)
	if keyHint(child, n.cert) == hintMismatch {
		return s.fail(audit.CertUnknownCA, depth,
			"it names as issuer a CA %q with another key than the one %s: was the CA renewed, or is it a namesake?", issuer, where)
	}
	return s.fail(audit.CertChain, depth,
		"its signature was not made with the key of its issuer %q %s: the CA was renewed with a new key, or the certificate is damaged or forged", issuer, where)
}

// issuersBelow counts the certificates of the path that spend a path length: all but the
// person's own and those issued under their own name (RFC 5280 §4.2.1.9).
func (s *search) issuersBelow() int {
	n := 0
	for _, below := range s.path[1:] {
		if !bytes.Equal(below.cert.RawIssuer, below.cert.RawSubject) {
			n++
		}
	}
	return n
}

// pathLimit is the path length constraint of c, or -1.
func pathLimit(c *x509.Certificate) int {
	if c.MaxPathLen > 0 || c.MaxPathLen == 0 && c.MaxPathLenZero {
		return c.MaxPathLen
	}
	return -1
}

// issuerUnknown makes the error of a certificate whose issuer is nowhere to be found.
func (s *search) issuerUnknown(child *x509.Certificate, depth int) *PathError {
	issuer := distinguishedName(child.RawIssuer)
	if above := s.knownAbove(child); above != "" {
		return s.fail(audit.CertChain, depth,
			"its issuer %q is missing: it was issued by %q, which is trusted, but the device did not send it and it is not in ca/; add it to either",
			issuer, above)
	}
	return s.fail(audit.CertUnknownCA, depth, "its issuer %q is unknown: %s", issuer, s.trust.names())
}

// knownAbove names the trusted CA above the missing issuer of child, if child tells: OpenSSL's
// authorityKeyIdentifier=issuer writes it down.
func (s *search) knownAbove(child *x509.Certificate) string {
	if name := authorityIssuer(child); name != nil && len(s.trust.issuersOf(name)) > 0 &&
		!sameName(name, child.RawIssuer) {
		return distinguishedName(name)
	}
	return ""
}

// authorityIssuer returns the name of the issuer's own issuer, if the authority key identifier
// of c carries it (RFC 5280 §4.2.1.1, authorityCertIssuer), else nil.
func authorityIssuer(c *x509.Certificate) []byte {
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidAuthorityKeyID) {
			continue
		}
		input := cryptobyte.String(e.Value)
		var seq, names cryptobyte.String
		var present bool
		keyTag := cbasn1.Tag(0).ContextSpecific()
		issuerTag := cbasn1.Tag(1).ContextSpecific().Constructed()
		if !input.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.SkipOptionalASN1(keyTag) ||
			!seq.ReadOptionalASN1(&names, &present, issuerTag) || !present {
			return nil
		}
		for !names.Empty() {
			n, err := readGeneralName(&names)
			if err != nil {
				return nil
			}
			if n.Form == DirectoryName {
				return n.Value
			}
		}
	}
	return nil
}
