package pki

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// NameForm is the form of a GeneralName; its value is the tag on the wire (RFC 5280 §4.2.1.6).
type NameForm uint8

// The forms of general names.
const (
	OtherName     NameForm = 0
	RFC822Name    NameForm = 1
	DNSName       NameForm = 2
	X400Address   NameForm = 3
	DirectoryName NameForm = 4
	EDIPartyName  NameForm = 5
	URI           NameForm = 6
	IPAddress     NameForm = 7
	RegisteredID  NameForm = 8
)

// String prints the RFC's name of the form.
func (f NameForm) String() string {
	names := [...]string{"otherName", "rfc822Name", "dNSName", "x400Address", "directoryName",
		"ediPartyName", "uniformResourceIdentifier", "iPAddress", "registeredID"}
	if int(f) < len(names) {
		return names[f]
	}
	return fmt.Sprintf("form %d", uint8(f))
}

const (
	oidUPN             = "1.3.6.1.4.1.311.20.2.3" // Microsoft user principal name
	oidSMTPUTF8Mailbox = "1.3.6.1.5.5.7.8.9"      // RFC 9598 §3

	// maxGeneralNames bounds the names of one extension that are read.
	maxGeneralNames = 4096
)

// A GeneralName is one name of a subject alternative name or a name constraint.
type GeneralName struct {
	Form NameForm
	Type string // dotted type of an otherName, else empty
	// Value is the text of an rfc822Name, dNSName, URI, UPN or SmtpUTF8Mailbox; of other forms
	// the content octets, of a directoryName the whole DER. It is what the issuer wrote: not
	// checked, not escaped.
	Value []byte
}

// IsUPN reports whether n is a Microsoft user principal name.
func (n GeneralName) IsUPN() bool { return n.Form == OtherName && n.Type == oidUPN }

// IsMailbox reports whether n is an e-mail address: an rfc822Name, or the SmtpUTF8Mailbox of
// RFC 9598, which may hold any letters before the @.
func (n GeneralName) IsMailbox() bool {
	return n.Form == RFC822Name || n.Form == OtherName && n.Type == oidSMTPUTF8Mailbox
}

// AlternativeNames returns the subject alternative names of c in their order, otherNames
// included. The Values share memory with c. An error means that the extension is malformed.
func AlternativeNames(c *x509.Certificate) ([]GeneralName, error) {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidSubjectAltName) {
			return parseGeneralNames(e.Value)
		}
	}
	return nil, nil
}

// SubjectEmails returns the emailAddress attributes of the subject's distinguished name, and
// CommonNames its common names, in their order, empty ones left out.
func SubjectEmails(c *x509.Certificate) ([]string, error) {
	return subjectAttributes(c, oidEmailAddress)
}

// CommonNames returns the common names of the subject. See SubjectEmails.
func CommonNames(c *x509.Certificate) ([]string, error) { return subjectAttributes(c, "2.5.4.3") }

func subjectAttributes(c *x509.Certificate, oid string) ([]string, error) {
	rdns, err := parseName(c.RawSubject)
	if err != nil {
		return nil, err
	}
	var values []string
	for _, rdn := range rdns {
		for _, a := range rdn {
			if a.oid == oid && a.text != "" {
				values = append(values, a.text)
			} else if a.oid == oid && len(a.raw) > 2 {
				return nil, fmt.Errorf("the subject's %s is not well-formed text", attributeLabel(oid))
			}
		}
	}
	return values, nil
}

var errGeneralName = errors.New("the subject alternative name is malformed")

func parseGeneralNames(der []byte) ([]GeneralName, error) {
	input := cryptobyte.String(der)
	var seq cryptobyte.String
	if !input.ReadASN1(&seq, cbasn1.SEQUENCE) || !input.Empty() {
		return nil, errGeneralName
	}
	var names []GeneralName
	for !seq.Empty() {
		n, err := readGeneralName(&seq)
		if err != nil {
			return nil, err
		}
		if names = append(names, n); len(names) > maxGeneralNames {
			return nil, errors.New("the certificate carries too many alternative names")
		}
	}
	return names, nil
}

// readGeneralName takes one GeneralName off s.
func readGeneralName(s *cryptobyte.String) (GeneralName, error) {
	var value cryptobyte.String
	var tag cbasn1.Tag
	if !s.ReadAnyASN1(&value, &tag) {
		return GeneralName{}, errGeneralName
	}
	form := NameForm(tag & 0x1F)
	constructed := tag&0x20 != 0
	var wantConstructed bool
	switch form {
	case OtherName, X400Address, DirectoryName, EDIPartyName:
		wantConstructed = true
	}
	if tag&0xC0 != 0x80 || form > RegisteredID || constructed != wantConstructed {
		return GeneralName{}, errGeneralName
	}
	switch form {
	case OtherName:
		return readOtherName(value)
	case DirectoryName:
		if _, err := parseName(value); err != nil {
			return GeneralName{}, err
		}
	}
	return GeneralName{Form: form, Value: value}, nil
}

// readOtherName reads the inside of an otherName: its type and, behind an explicit tag, its
// value. UPN and SmtpUTF8Mailbox become text; of other types the value stays DER.
func readOtherName(s cryptobyte.String) (GeneralName, error) {
	var oid, wrapped, value cryptobyte.String
	var tag cbasn1.Tag
	explicit := cbasn1.Tag(0).Constructed().ContextSpecific()
	if !s.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) ||
		!s.ReadASN1(&wrapped, explicit) || !s.Empty() {
		return GeneralName{}, errGeneralName
	}
	n := GeneralName{Form: OtherName, Type: dotted(oid), Value: wrapped}
	if n.Type != oidUPN && n.Type != oidSMTPUTF8Mailbox {
		return n, nil
	}
	if !wrapped.ReadAnyASN1(&value, &tag) || !wrapped.Empty() {
		return GeneralName{}, errGeneralName
	}
	switch int(tag) {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String:
		n.Value = value
	default:
		return GeneralName{}, fmt.Errorf("the otherName %s is not a UTF8String", n.Type)
	}
	if n.IsMailbox() && !asciiDomain(string(value)) {
		return GeneralName{}, errors.New("the SmtpUTF8Mailbox has a domain that is not ASCII (RFC 9598 §3)")
	}
	return n, nil
}

// asciiDomain reports whether what follows the last @ is ASCII.
func asciiDomain(mailbox string) bool {
	for _, c := range []byte(mailbox[strings.LastIndexByte(mailbox, '@')+1:]) {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
