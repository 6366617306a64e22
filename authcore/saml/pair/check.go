package pair

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	minRSABits = 2048
	maxRSABits = 8192
)

// tolerated are the defects of pasted PEM that leave no doubt about what is meant: what is
// stored is written anew.
var tolerated = []Code{
	BOM, CRLF, SpacesBefore, SpacesAfter, SpacesInside, LineBreaksInside, TextOutside,
}

// Check reads an uploaded certificate and its key and judges them at now: all that is wrong
// with either and with both together. The pair is nil if there is any finding.
func Check(certPEM, keyPEM []byte, now time.Time) (*Pair, Findings) {
	cert, found := CheckCertificate(certPEM, now)
	key, more := CheckKey(keyPEM)
	found = append(found, more...)
	if cert != nil && key != nil {
		if f := match(cert, key); f != nil {
			found = append(found, *f)
		}
	}
	if len(found) > 0 {
		return nil, found
	}
	return &Pair{Certificate: cert, Key: key}, nil
}

// Parse reads a pair that was accepted before: only what cannot be read, or does not fit, is
// found. What Judge finds, such as an expired certificate, does not keep an app from signing.
func Parse(certPEM, keyPEM []byte) (*Pair, Findings) {
	cert, found := ParseCertificate(certPEM)
	key, more := ParseKey(keyPEM)
	if found = append(found, more...); len(found) > 0 {
		return nil, found
	}
	if f := match(cert, key); f != nil {
		return nil, Findings{*f}
	}
	return &Pair{Certificate: cert, Key: key}, nil
}

// CheckCertificate reads an uploaded certificate and judges it at now. It may be returned with
// findings, if it can be read.
func CheckCertificate(data []byte, now time.Time) (*x509.Certificate, Findings) {
	cert, found := ParseCertificate(data)
	if cert == nil {
		return nil, found
	}
	return cert, append(found, Judge(cert, now)...)
}

// ParseCertificate reads the one certificate of a PEM file. Spaces, line ends and text around
// it are tolerated; all else that Lint finds is an error, and the certificate then nil.
func ParseCertificate(data []byte) (*x509.Certificate, Findings) {
	report := Lint(data)
	found := untolerated(report.Findings)
	if len(found) == 0 && report.Certificate == nil {
		found = Findings{newFinding(NoCertificate, PartCertificate)}
	}
	if len(found) > 0 {
		return nil, found
	}
	return report.Certificate, nil
}

func untolerated(found Findings) Findings {
	return slices.DeleteFunc(slices.Clone(found), func(f Finding) bool {
		return slices.Contains(tolerated, f.Code)
	})
}

// Judge says why a certificate must not be used at now although it can be read.
func Judge(c *x509.Certificate, now time.Time) Findings {
	var found Findings
	note := func(code Code, format string, args ...any) {
		f := newFinding(code, PartCertificate)
		if format != "" {
			f.Text += ": " + fmt.Sprintf(format, args...)
		}
		found = append(found, f)
	}
	if now.After(c.NotAfter) {
		note(Expired, "it was valid until %s", day(c.NotAfter))
	}
	if now.Before(c.NotBefore) {
		note(NotYetValid, "it is valid from %s", day(c.NotBefore))
	}
	if key, ok := c.PublicKey.(*rsa.PublicKey); !ok {
		note(KeyKind, "it is for a key of the kind %s", c.PublicKeyAlgorithm)
	} else if code := judgeSize(key); code != "" {
		note(code, "it has %d", key.N.BitLen())
	}
	if !isStrong(c.SignatureAlgorithm) {
		note(WeakSignature, "%s", c.SignatureAlgorithm)
	}
	return found
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func judgeSize(key *rsa.PublicKey) Code {
	switch bits := key.N.BitLen(); {
	case bits < minRSABits:
		return RSAShort
	case bits > maxRSABits:
		return RSALong
	}
	return ""
}

// isStrong reports whether a signature algorithm uses SHA-256 or better.
func isStrong(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
		return true
	}
	return false
}

// CheckKey reads an uploaded private key and judges its size. The key is nil if there is any
// finding.
func CheckKey(data []byte) (*Key, Findings) {
	key, found := ParseKey(data)
	if key == nil {
		return nil, found
	}
	if code := judgeSize(&key.rsa.PublicKey); code != "" {
		f := newFinding(code, PartKey)
		f.Text += fmt.Sprintf(": it has %d", key.rsa.N.BitLen())
		return nil, Findings{f}
	}
	return key, nil
}

// ParseKey reads the one private key of a PEM file, RSA in PKCS #8 or PKCS #1, not encrypted.
// Spaces, line ends and text around it are tolerated. The key is nil if there is any finding,
// and no finding holds anything of it.
func ParseKey(data []byte) (*Key, Findings) {
	one := func(code Code) (*Key, Findings) { return nil, Findings{newFinding(code, PartKey)} }
	switch {
	case len(data) > maxTextBytes:
		return one(Oversized)
	case isNothing(data):
		return one(Empty)
	case decodeUTF16(data) != nil:
		return one(UTF16)
	}
	if kind := binaryOf(data); kind != notBinary {
		return one(codeOfBinaryKey(kind))
	}
	d := readDocument(data, PartKey)
	b, code := theKey(d)
	if code != "" {
		f := newFinding(code, PartKey)
		if b != nil {
			f.Line, f.Column = b.at.line, b.at.col
		}
		return nil, Findings{f}
	}
	key, f := keyOf(b)
	if f != nil {
		if f.Code != Damaged {
			return nil, Findings{*f}
		}
		d.faults.damaged(b.at)
	}
	if found := untolerated(d.faults.sorted()); len(found) > 0 {
		return nil, found
	}
	return key, nil
}

// codeOfBinaryKey says what to call a file that is not text where a key belongs.
func codeOfBinaryKey(kind binaryKind) Code {
	switch kind {
	case binaryCertificate, binaryCertificates:
		return CertificateForKey
	case binaryEncryptedKey:
		return KeyEncrypted
	case binaryPKCS7:
		return PKCS7
	case binaryPKCS12:
		return PKCS12
	case binaryRequest:
		return NoKey
	}
	return DER
}

// theKey returns the block with the one private key, or a code that says why there is none.
func theKey(d *document) (*block, Code) {
	var key, other *block
	for i := range d.blocks {
		b := &d.blocks[i]
		switch {
		case strings.HasSuffix(b.label, "PARAMETERS"): // of an EC key
		case b.isKey() && key != nil:
			return b, TwoKeys
		case b.isKey():
			key = b
		case other == nil:
			other = b
		}
	}
	switch {
	case key == nil && other == nil:
		return nil, NoKey
	case key == nil && other.label == "":
		return other, codeOfBare(other)
	case key != nil && other != nil && other.isCertificate():
		return other, BothInOne
	case other != nil && other.isCertificate():
		return other, CertificateForKey
	case key == nil:
		return other, NoKey
	case key.label == "OPENSSH PRIVATE KEY":
		return key, OpenSSHKey
	case strings.HasPrefix(key.label, "ENCRYPTED") || key.body.encrypted:
		return key, KeyEncrypted
	}
	return key, ""
}

// codeOfBare says what base64 without header and footer is.
func codeOfBare(b *block) Code {
	switch kind := binaryOf(b.body.der); kind {
	case notBinary, binaryOther:
		return Damaged
	case binaryKey:
		return OneLine
	default:
		return codeOfBinaryKey(kind)
	}
}

// keyOf reads the key in a block.
func keyOf(b *block) (*Key, *Finding) {
	fail := func(code Code) (*Key, *Finding) {
		f := newFinding(code, PartKey)
		f.Line, f.Column = b.at.line, b.at.col
		return nil, &f
	}
	parsed, err := parsePrivateKey(b.body.der)
	if err != nil {
		if binaryOf(b.body.der) == binaryEncryptedKey {
			return fail(KeyEncrypted)
		}
		return fail(Damaged)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return fail(KeyKind)
	}
	return NewKey(key), nil
}
