package revocation

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"slices"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var oidCRLPoints = asn1.ObjectIdentifier{2, 5, 29, 31}

// maxPoints bounds the names of a CRL's distribution point.
const maxPoints = 16

// checkIssuer says why the list is not one that issuer may have signed, or nil.
func (b *crlBody) checkIssuer(issuer *x509.Certificate) error {
	if !bytes.Equal(b.issuer, issuer.RawSubject) {
		return unauthorized("the CRL is not of the CA %s but of another", pki.Describe(issuer))
	}
	if hasExtension(issuer, oidKeyUsage) && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return unauthorized("the CA %s may not sign CRLs: its key usage lacks cRLSign", pki.Describe(issuer))
	}
	e := findExtension(b.extensions, []byte(oidAuthorityKeyID))
	if e == nil || len(issuer.SubjectKeyId) == 0 {
		return nil
	}
	value := e.value
	var seq, keyID cryptobyte.String
	var present bool
	if !value.ReadASN1(&seq, cbasn1.SEQUENCE) || !value.Empty() ||
		!seq.ReadOptionalASN1(&keyID, &present, implicit(0)) {
		return malformedCRL("its authority key identifier cannot be read")
	}
	if present && !bytes.Equal(keyID, issuer.SubjectKeyId) {
		return unauthorized("the CRL was signed with another key than that of the CA %s: the key identifiers differ",
			pki.Describe(issuer))
	}
	return nil
}

// checkSignature checks the signature of the list, and that it says until when it counts:
// without, an old list could be shown for ever (RFC 5280 §5.1.2.5).
func (b *crlBody) checkSignature(issuer *x509.Certificate) error {
	algorithm, err := signatureAlgorithm(b.algorithm)
	if err != nil {
		return unauthorized("the CRL is %v", err)
	}
	if issuer.CheckSignature(algorithm, b.signed, b.signature) != nil {
		return unauthorized("the CRL's signature does not verify with the key of the CA %s", pki.Describe(issuer))
	}
	if b.nextUpdate.IsZero() {
		return &Error{Reason: audit.CRLStale, Detail: "the CRL names no nextUpdate, so nobody can tell whether it is current"}
	}
	return nil
}

// A scope says for which certificates of its issuer a CRL is complete. The zero scope: for all.
type scope struct {
	points            []string // URIs of the distribution point; none: not partitioned
	usersOnly, caOnly bool
}

// covers reports whether the absence of cert from the list means anything (RFC 5280 §6.3.3
// (b) (2)). A certificate without distribution points cannot belong to another partition.
func (s scope) covers(cert *x509.Certificate) bool {
	if s.usersOnly && cert.IsCA || s.caOnly && !cert.IsCA {
		return false
	}
	if len(s.points) == 0 || !hasExtension(cert, oidCRLPoints) {
		return true
	}
	return slices.ContainsFunc(cert.CRLDistributionPoints, func(uri string) bool {
		return slices.Contains(s.points, uri)
	})
}

// readScope reads the extensions of a CRL and refuses what makes it something else than a
// complete list of its issuer's own certificates.
func readScope(list []extension) (scope, error) {
	if findExtension(list, []byte(oidDeltaCRL)) != nil {
		return scope{}, unusable("the CRL is a delta CRL, which is not supported: publish the complete list as well")
	}
	e := unknownCritical(list, oidAuthorityKeyID, oidIssuerAltName, oidCRLNumber, oidDistributionPoint)
	if e != nil {
		return scope{}, unusable("the CRL demands the extension %s, which is not supported", dotted(e.id))
	}
	if e = findExtension(list, []byte(oidDistributionPoint)); e != nil {
		return readDistributionPoint(e.value)
	}
	return scope{}, nil
}

// readDistributionPoint reads IssuingDistributionPoint (RFC 5280 §5.2.5).
func readDistributionPoint(value cryptobyte.String) (scope, error) {
	var s scope
	var seq, name, reasons cryptobyte.String
	var hasName, someReasons, indirect, attributes bool
	if !value.ReadASN1(&seq, cbasn1.SEQUENCE) || !value.Empty() ||
		!seq.ReadOptionalASN1(&name, &hasName, explicit(0)) ||
		!readFlag(&seq, &s.usersOnly, implicit(1)) ||
		!readFlag(&seq, &s.caOnly, implicit(2)) ||
		!seq.ReadOptionalASN1(&reasons, &someReasons, implicit(3)) ||
		!readFlag(&seq, &indirect, implicit(4)) ||
		!readFlag(&seq, &attributes, implicit(5)) || !seq.Empty() {
		return scope{}, malformedCRL("its issuing distribution point cannot be read")
	}
	switch {
	case indirect:
		return scope{}, unusable("the CRL is indirect: it lists other CAs' certificates, which is not supported")
	case someReasons:
		return scope{}, unusable("the CRL lists revocations for some reasons only, which is not supported")
	case attributes:
		return scope{}, unusable("the CRL lists attribute certificates only")
	case s.usersOnly && s.caOnly:
		return scope{}, malformedCRL("it is for user certificates only and for CA certificates only")
	}
	if !hasName {
		return s, nil
	}
	var err error
	s.points, err = readPoints(name)
	return s, err
}

// readPoints reads a DistributionPointName and returns its URIs: with other names nobody could
// tell which certificates the list is for.
func readPoints(name cryptobyte.String) ([]string, error) {
	var names cryptobyte.String
	var full bool
	if !name.ReadOptionalASN1(&names, &full, explicit(0)) {
		return nil, malformedCRL("its distribution point cannot be read")
	}
	if !full {
		return nil, unusable("the CRL's distribution point is relative to its issuer, which is not supported")
	}
	var points []string
	for count := 0; !names.Empty(); count++ {
		var content cryptobyte.String
		var tag cbasn1.Tag
		if !names.ReadAnyASN1(&content, &tag) || count == maxPoints {
			return nil, malformedCRL("its distribution point cannot be read or has too many names")
		}
		if tag == implicit(6) { // uniformResourceIdentifier, RFC 5280 §4.2.1.6
			points = append(points, string(content))
		}
	}
	if !name.Empty() {
		return nil, malformedCRL("its distribution point cannot be read")
	}
	if len(points) == 0 {
		return nil, unusable("the CRL's distribution point has no URI; other names are not supported")
	}
	return points, nil
}
