// Package pki holds the certificates that a gateway trusts, those that it shows, and the
// search for a path from a person's certificate to a trusted CA (RFC 5280 §6). The search is
// our own because it must explain itself: every refusal names the certificate, the check that
// failed and what the administrator can do about it, which crypto/x509 does not tell.
//
// It is values in, values out: it opens no files, talks to no network, asks no clock and does
// not log. Revocation is another package's business.
package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// A CA is a named chain that may vouch for users: one file of the configuration directory.
// It is immutable once it is in a Trust.
type CA struct {
	Name          string
	Anchors       []*x509.Certificate // trusted as they are
	Intermediates []*x509.Certificate // help to build paths, trusted only through an anchor
}

// A CAError says which certificate of a CA file may not stand there, and why.
type CAError struct {
	Certificate *x509.Certificate // nil if the file as a whole is at fault
	Index       int               // of the certificate in the file, from 0
	Text        string
}

func (e *CAError) Error() string {
	if e.Certificate == nil {
		return e.Text
	}
	return fmt.Sprintf("certificate %d, %s: %s", e.Index+1, Describe(e.Certificate), e.Text)
}

// NewCA sorts the certificates of one CA file: self-signed ones are the anchors and the others
// intermediates; with none self-signed, those whose issuer is absent from the file are the
// anchors. The same certificate twice counts once.
//
// A certificate that may not issue others (a leaf) is refused with a *CAError that names it,
// as is a file without certificates. Dates and key sizes are judged by Verify and Warnings.
func NewCA(name string, certs []*x509.Certificate) (*CA, error) {
	if len(certs) == 0 {
		return nil, &CAError{Text: "there is no certificate in it"}
	}
	var unique []*x509.Certificate
	for i, c := range certs {
		if err := checkMayIssue(c); err != nil {
			return nil, &CAError{Certificate: c, Index: i, Text: err.Error()}
		}
		if indexOf(unique, c) < 0 {
			unique = append(unique, c)
		}
	}
	ca := &CA{Name: name}
	for _, c := range unique {
		if isSelfSigned(c) {
			ca.Anchors = append(ca.Anchors, c)
		} else {
			ca.Intermediates = append(ca.Intermediates, c)
		}
	}
	if len(ca.Anchors) == 0 {
		ca.Anchors, ca.Intermediates = splitByIssuer(unique)
	}
	if len(ca.Anchors) == 0 {
		return nil, &CAError{Text: "the certificates only vouch for each other: none can be the anchor"}
	}
	return ca, nil
}

// Warnings lists what is doubtful about the CA at time now although it can be used: expired or
// expiring certificates, and keys or signatures that Verify refuses.
func (ca *CA) Warnings(now time.Time) []string {
	var w []string
	for _, c := range append(append([]*x509.Certificate(nil), ca.Anchors...), ca.Intermediates...) {
		if text := datesDetail(c, now); text != "" {
			w = append(w, Describe(c)+": "+text)
		} else if left := c.NotAfter.Sub(now); left < expiryWarning {
			w = append(w, Describe(c)+": expires in "+span(left)+", on "+day(c.NotAfter))
		}
		if text := keyDetail(c); text != "" {
			w = append(w, Describe(c)+": "+text)
		}
		if text := signatureDetail(c); text != "" && !isSelfSigned(c) {
			w = append(w, Describe(c)+": "+text)
		}
	}
	return w
}

// splitByIssuer makes anchors of those certificates whose issuer is not among certs.
func splitByIssuer(certs []*x509.Certificate) (anchors, intermediates []*x509.Certificate) {
	for _, c := range certs {
		issued := false
		for _, parent := range certs {
			if parent != c && sameName(c.RawIssuer, parent.RawSubject) {
				issued = true
			}
		}
		if issued {
			intermediates = append(intermediates, c)
		} else {
			anchors = append(anchors, c)
		}
	}
	return anchors, intermediates
}

// checkMayIssue says why c may not issue certificates (RFC 5280 §4.2.1.9 and §4.2.1.3), or
// nil. Version 1 knows no extensions: such a certificate counts as a CA if it is self-signed.
func checkMayIssue(c *x509.Certificate) error {
	switch {
	case c.Version < 3 && isSelfSigned(c):
		return nil
	case !c.BasicConstraintsValid:
		return errors.New("may not issue certificates: it has no basicConstraints, so it is no CA certificate")
	case !c.IsCA:
		return errors.New("may not issue certificates: basicConstraints says CA:FALSE, so it is no CA certificate")
	case hasExtension(c, oidKeyUsage) && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("may not issue certificates: its key usage lacks keyCertSign")
	}
	return nil
}

// isSelfSigned reports whether c was issued under its own name and signed with its own key. A
// signature of an algorithm that we refuse elsewhere counts by name and key identifier alone:
// the signature of an anchor on itself proves nothing.
func isSelfSigned(c *x509.Certificate) bool {
	if !sameName(c.RawIssuer, c.RawSubject) {
		return false
	}
	if len(c.AuthorityKeyId) > 0 && len(c.SubjectKeyId) > 0 && keyHint(c, c) == hintMismatch {
		return false
	}
	if signatureDetail(c) != "" {
		return true
	}
	return c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

func indexOf(certs []*x509.Certificate, c *x509.Certificate) int {
	for i, other := range certs {
		if other.Equal(c) {
			return i
		}
	}
	return -1
}
