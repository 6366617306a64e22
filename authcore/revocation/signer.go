package revocation

import (
	"bytes"
	"crypto/sha1" // identifies a key, RFC 6960 §4.2.1; nothing relies on its strength
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"

	"gatehouse/authcore/pki"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidNoCheck  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5} // RFC 6960 §4.2.2.2.1
	oidKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 15}
)

// responderID says who signed an answer (RFC 6960 §4.2.1): one of the two is set.
type responderID struct {
	name    cryptobyte.String // distinguished name, with its header
	keyHash cryptobyte.String // SHA-1 of the public key
}

// read takes the ResponderID off s.
func (id *responderID) read(s *cryptobyte.String) bool {
	var content cryptobyte.String
	var tag cbasn1.Tag
	if !s.ReadAnyASN1(&content, &tag) {
		return false
	}
	switch tag {
	case explicit(1):
		return content.ReadASN1Element(&id.name, cbasn1.SEQUENCE) && content.Empty()
	case explicit(2):
		return content.ReadASN1(&id.keyHash, cbasn1.OCTET_STRING) && content.Empty() &&
			len(id.keyHash) == sha1.Size
	}
	return false
}

// names reports whether c is the certificate, or one of those, that id speaks of.
func (id *responderID) names(c *x509.Certificate) bool {
	if id.keyHash == nil {
		return bytes.Equal(id.name, c.RawSubject)
	}
	key, ok := publicKeyBits(c)
	if !ok {
		return false
	}
	sum := sha1.Sum(key)
	return bytes.Equal(id.keyHash, sum[:])
}

// verifySignature finds who signed the answer about cert and checks that they may: the issuer
// itself, whether or not the answer carries its certificate, or a delegate of it among the
// certificates carried. It returns the delegate if it is itself to be checked. The error is
// about the first candidate that the responderID names.
func (r *response) verifySignature(
	cert, issuer *x509.Certificate, opt VerifyOptions,
) (*x509.Certificate, error) {
	algorithm, err := signatureAlgorithm(r.algorithm)
	if err != nil {
		return nil, unauthorized("the OCSP answer is %v", err)
	}
	var first error
	if r.responder.names(issuer) {
		if issuer.CheckSignature(algorithm, r.signed, r.signature) == nil {
			return nil, nil
		}
		first = unauthorized("the OCSP answer says that the CA signed it, but its signature does not verify with the CA's key")
	}
	for _, der := range r.embedded {
		delegate, err := x509.ParseCertificate(der)
		// Certificates that are of no use are no fault: some responders send whole chains.
		if err != nil || !r.responder.names(delegate) || sameKey(delegate, issuer) {
			continue
		}
		err = r.checkDelegate(delegate, cert, issuer, opt)
		if err == nil && delegate.CheckSignature(algorithm, r.signed, r.signature) != nil {
			err = unauthorized("the OCSP answer's signature does not verify with the key of %s", pki.Describe(delegate))
		}
		if err == nil {
			return needsCheck(delegate), nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = unauthorized("the OCSP answer was signed neither by the CA nor by a certificate that it carries")
	}
	return nil, first
}

// sameKey reports whether a and b are certificates of the same public key.
func sameKey(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

// checkDelegate says why delegate may not sign answers for issuer, or nil (RFC 6960
// §4.2.2.2): issued directly by it, for this purpose by name, and valid. The signature on it
// comes last, because it costs the most. A delegate that may itself be revoked does not get to
// say that it is not.
func (r *response) checkDelegate(
	delegate, cert, issuer *x509.Certificate, opt VerifyOptions,
) error {
	refuse := func(detail string) error {
		return unauthorized("the OCSP answer's signer %s %s", pki.Describe(delegate), detail)
	}
	if !bytes.Equal(delegate.RawIssuer, issuer.RawSubject) &&
		!bytes.Equal(delegate.RawIssuer, cert.RawIssuer) {
		return refuse("was not issued by the CA of the certificate")
	}
	if !slices.Contains(delegate.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
		return refuse("may not sign OCSP answers: it lacks the extended key usage id-kp-OCSPSigning")
	}
	if hasExtension(delegate, oidKeyUsage) && delegate.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return refuse("may not sign OCSP answers: its key usage lacks digitalSignature")
	}
	if id := unhandledExtension(delegate); id != nil {
		return refuse(fmt.Sprintf("has the critical extension %s, which is not supported", id))
	}
	if sameKey(delegate, cert) || delegate.SerialNumber.Cmp(cert.SerialNumber) == 0 {
		return refuse("speaks for itself: the answer is about its own key or certificate")
	}
	if detail := strengthDetail(delegate); detail != "" {
		return refuse(detail)
	}
	if detail := validityDetail(delegate, r.producedAt, opt.Skew); detail != "" {
		return refuse(detail + " when it signed")
	}
	if detail := validityDetail(delegate, opt.Now, opt.Skew); detail != "" && !opt.FromCache {
		return refuse(detail)
	}
	if issuer.CheckSignature(
		delegate.SignatureAlgorithm, delegate.RawTBSCertificate, delegate.Signature) != nil {
		return refuse("was not signed by the CA of the certificate")
	}
	return nil
}

// unhandledExtension returns a critical extension of c that nobody here evaluates, or nil.
func unhandledExtension(c *x509.Certificate) asn1.ObjectIdentifier {
	for _, id := range c.UnhandledCriticalExtensions {
		if !id.Equal(oidNoCheck) {
			return id
		}
	}
	return nil
}

// needsCheck returns nil if the CA exempted the delegate from checks, else the delegate.
func needsCheck(delegate *x509.Certificate) *x509.Certificate {
	if hasExtension(delegate, oidNoCheck) {
		return nil
	}
	return delegate
}

// validityDetail says how at lies outside of the validity of c, or "".
func validityDetail(c *x509.Certificate, at time.Time, skew time.Duration) string {
	switch {
	case at.Add(skew).Before(c.NotBefore):
		return "was not yet valid at " + stamp(at)
	case at.Add(-skew).After(c.NotAfter):
		return "had expired at " + stamp(at)
	}
	return ""
}

func hasExtension(c *x509.Certificate, id asn1.ObjectIdentifier) bool {
	for i := range c.Extensions {
		if c.Extensions[i].Id.Equal(id) {
			return true
		}
	}
	return false
}

// stamp shows a time to people.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
