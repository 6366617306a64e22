package pair

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Report is what Lint says about a text.
type Report struct {
	Findings    Findings
	Certificate *x509.Certificate // nil if none, or not just one, can be made out
	texts       []given           // every certificate in the text, readable or not
}

// given is a certificate as a text has it.
type given struct {
	base64          string            // with padding
	cert            *x509.Certificate // nil if it cannot be read
	use, descriptor string            // what metadata says about it
	at              place
}

// Clean reports whether there is nothing to say about the text.
func (r *Report) Clean() bool { return len(r.Findings) == 0 }

// Copies are the forms in which service providers ask for a certificate.
type Copies struct {
	PEM           string `json:"pem"`            // as certificate.pem
	OneLine       string `json:"one_line"`       // base64 alone
	KeyDescriptor string `json:"key_descriptor"` // the element of SAML metadata
}

// CopiesOf writes a certificate in every form that there is a copy button for.
func CopiesOf(c *x509.Certificate) Copies {
	line := base64.StdEncoding.EncodeToString(c.Raw)
	return Copies{
		PEM:     string(CertificatePEM(c)),
		OneLine: line,
		KeyDescriptor: `<md:KeyDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" use="signing">` +
			`<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` +
			line + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
	}
}

// Cleaned returns the certificate in the forms to copy, and false if there is none.
func (r *Report) Cleaned() (Copies, bool) {
	if r.Certificate == nil {
		return Copies{}, false
	}
	return CopiesOf(r.Certificate), true
}

// Lint looks for everything that copying, pasting, mailing and saving does to a certificate in
// PEM: one finding for each kind of defect, at its first place. It reads at most 64 KiB and
// judges the text alone: neither dates nor strength.
func Lint(data []byte) *Report {
	r := &Report{}
	switch {
	case len(data) > maxTextBytes:
		r.note(Oversized, PartCertificate)
	case isNothing(data):
		r.note(Empty, PartCertificate)
	case decodeUTF16(data) == nil && binaryOf(data) != notBinary:
		r.readBinary(data)
	case isXML(data):
		r.readXML(data)
	default:
		r.readDocument(readDocument(data, PartCertificate))
	}
	return r
}

// note adds a finding about the text as a whole.
func (r *Report) note(code Code, part Part) *Finding {
	r.Findings = append(r.Findings, newFinding(code, part))
	return &r.Findings[len(r.Findings)-1]
}

func (r *Report) readBinary(data []byte) {
	kind := binaryOf(data)
	r.note(codeOfBinary(kind), PartCertificate)
	if kind != binaryCertificate && kind != binaryCertificates {
		return
	}
	certs, err := x509.ParseCertificates(data)
	if err != nil {
		return // binaryOf parsed it
	}
	for _, c := range certs {
		r.texts = append(r.texts, given{base64: base64.StdEncoding.EncodeToString(c.Raw), cert: c})
	}
	f := &faults{part: PartCertificate}
	r.choose(f)
	r.Findings = append(r.Findings, f.sorted()...)
}

// codeOfBinary says what to call a file that is not text where a certificate belongs.
func codeOfBinary(kind binaryKind) Code {
	switch kind {
	case binaryKey, binaryEncryptedKey:
		return KeyForCertificate
	case binaryRequest:
		return Request
	case binaryPKCS7:
		return PKCS7
	case binaryPKCS12:
		return PKCS12
	}
	return DER
}

func (r *Report) readXML(data []byte) {
	found, fault := readMetadata(data)
	if fault != nil {
		r.Findings = append(r.Findings, *fault)
		return
	}
	f := &faults{part: PartCertificate}
	f.add(XML, place{1, 1})
	r.texts = found
	r.choose(f)
	r.Findings = f.sorted()
}

// readDocument sorts the blocks of a text.
func (r *Report) readDocument(d *document) {
	hard := false
	for i := range d.blocks {
		b := &d.blocks[i]
		code := codeOfBlock(b)
		if code != "" {
			f := d.faults.add(code, b.at)
			hard = true
			if code == NoCertificate {
				f.Text = fmt.Sprintf("this is %.40q, not a certificate", b.label)
			}
			continue
		}
		g := given{base64: b.body.text, at: b.at}
		cert, err := x509.ParseCertificate(b.body.der)
		if err != nil {
			hard = true
			d.faults.damaged(b.at).Text = damageOf(b.body)
		} else {
			g.cert = cert
		}
		r.texts = append(r.texts, g)
	}
	if len(r.texts) == 0 && !hard {
		d.faults.list = append(d.faults.list, newFinding(NoCertificate, PartCertificate))
	}
	r.choose(d.faults)
	r.Findings = d.faults.sorted()
}

// codeOfBlock says what a block is if it is no certificate, and "" if it is one.
func codeOfBlock(b *block) Code {
	switch {
	case b.isKey():
		return KeyForCertificate
	case strings.HasSuffix(b.label, "REQUEST"):
		return Request
	case b.label == "PKCS7" || b.label == "CMS":
		return PKCS7
	case !b.isCertificate():
		return NoCertificate
	}
	switch kind := binaryOf(b.body.der); kind {
	case notBinary, binaryOther, binaryCertificate, binaryCertificates:
		return ""
	default:
		return codeOfBinary(kind)
	}
}

// damageOf says why a body is no certificate.
func damageOf(b body) string {
	const damaged = "the certificate is damaged: "
	if b.der == nil {
		return damaged + "a character of its base64 is missing or there is one too many"
	}
	want, ok := derLength(b.der)
	switch {
	case !ok:
		return damaged + "its base64 does not begin as that of a certificate does"
	case want > len(b.der):
		return fmt.Sprintf(damaged+"it says that it has %d bytes and %d are here: the end is missing", want, len(b.der))
	case want < len(b.der):
		return fmt.Sprintf(damaged+"it says that it has %d bytes and %d are here: there is too much text", want, len(b.der))
	}
	return damaged + "a character was changed on the way"
}

// derLength reads how long a SEQUENCE says that it is, header included.
func derLength(der []byte) (int, bool) {
	if len(der) < 2 || der[0] != tagSequence {
		return 0, false
	}
	if der[1] < 0x80 {
		return 2 + int(der[1]), true
	}
	n := int(der[1] & 0x7F)
	if n == 0 || n > 3 || len(der) < 2+n {
		return 0, false
	}
	length := 0
	for _, b := range der[2 : 2+n] {
		length = length<<8 | int(b)
	}
	return 2 + n + length, true
}

// choose picks the certificate that the text is about and notes those that are too many.
func (r *Report) choose(f *faults) {
	var unique []*x509.Certificate
	var second place
	for i, g := range r.texts {
		if g.cert == nil {
			return // this may be the one that is meant
		}
		if !slices.ContainsFunc(unique, g.cert.Equal) {
			unique = append(unique, g.cert)
		}
		if i == 1 {
			second = g.at
		}
	}
	switch len(unique) {
	case 0:
		return
	case 1:
		r.Certificate = unique[0]
		if len(r.texts) > 1 && !f.has(XML) {
			f.add(TwoCertificates, second).Text = "the same certificate stands in it more than once"
		}
		if isAltered(r.Certificate) {
			f.add(Altered, r.texts[0].at)
		}
		return
	}
	leaf, linked := leafOf(unique)
	if !linked || leaf == nil {
		f.add(TwoCertificates, second)
		return
	}
	r.Certificate = leaf
	f.add(Chain, second)
}

// leafOf returns the one certificate that issued none of the others, and whether any did.
func leafOf(certs []*x509.Certificate) (leaf *x509.Certificate, linked bool) {
	leaves := 0
	for _, c := range certs {
		issued := slices.ContainsFunc(certs, func(o *x509.Certificate) bool {
			return !o.Equal(c) && bytes.Equal(o.RawIssuer, c.RawSubject) &&
				!bytes.Equal(o.RawSubject, c.RawSubject)
		})
		if issued {
			linked = true
			continue
		}
		leaf = c
		leaves++
	}
	if leaves != 1 {
		return nil, linked
	}
	return leaf, linked
}

// isAltered reports whether a self-signed certificate does not fit its own signature.
func isAltered(c *x509.Certificate) bool {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || !isStrong(c.SignatureAlgorithm) || key.N.BitLen() > maxRSABits || !bytes.Equal(c.RawIssuer, c.RawSubject) {
		return false
	}
	if len(c.AuthorityKeyId) > 0 && !bytes.Equal(c.AuthorityKeyId, c.SubjectKeyId) {
		return false // another key signed it
	}
	err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	return errors.Is(err, rsa.ErrVerification)
}
