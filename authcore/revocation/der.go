package revocation

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxExtensions bounds the extensions of an OCSP answer, of one of its statements, and of a
// CRL.
const maxExtensions = 32

// Object identifiers as content octets: comparing them costs no allocation, and a CRL has many.
const (
	oidBasicResponse  = "\x2b\x06\x01\x05\x05\x07\x30\x01\x01" // 1.3.6.1.5.5.7.48.1.1
	oidNonce          = "\x2b\x06\x01\x05\x05\x07\x30\x01\x02"
	oidCRLReference   = "\x2b\x06\x01\x05\x05\x07\x30\x01\x03"
	oidArchiveCutoff  = "\x2b\x06\x01\x05\x05\x07\x30\x01\x06"
	oidExtendedRevoke = "\x2b\x06\x01\x05\x05\x07\x30\x01\x09"

	oidIssuerAltName     = "\x55\x1d\x12" // 2.5.29.18
	oidCRLNumber         = "\x55\x1d\x14"
	oidReasonCode        = "\x55\x1d\x15"
	oidInvalidityDate    = "\x55\x1d\x18"
	oidDeltaCRL          = "\x55\x1d\x1b"
	oidDistributionPoint = "\x55\x1d\x1c" // issuingDistributionPoint
	oidCertificateIssuer = "\x55\x1d\x1d"
	oidAuthorityKeyID    = "\x55\x1d\x23"
)

// explicit returns the tag of an explicitly tagged, or constructed, field.
func explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).Constructed().ContextSpecific() }

// implicit returns the tag of an implicitly tagged primitive field.
func implicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific() }

// An extension is one Extension of RFC 5280 §4.1. It shares memory with what it was read from.
type extension struct {
	id       []byte // content octets of the object identifier
	critical bool
	value    cryptobyte.String
}

// readExtension takes one extension off s.
func readExtension(s *cryptobyte.String) (extension, bool) {
	var seq, id, value cryptobyte.String
	var e extension
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER) ||
		!readFlag(&seq, &e.critical, cbasn1.BOOLEAN) ||
		!seq.ReadASN1(&value, cbasn1.OCTET_STRING) || !seq.Empty() {
		return extension{}, false
	}
	e.id, e.value = id, value
	return e, true
}

// readFlag takes a BOOLEAN DEFAULT FALSE off s, under its own or an implicit tag. DER has one
// octet for true.
func readFlag(s *cryptobyte.String, flag *bool, tag cbasn1.Tag) bool {
	var content cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&content, &present, tag) {
		return false
	}
	if !present {
		return true
	}
	if len(content) != 1 || content[0] != 0 && content[0] != 0xFF {
		return false
	}
	*flag = content[0] == 0xFF
	return true
}

// readOptionalExtensions takes Extensions behind the explicit tag off s, if they are there. It
// refuses too many of them, and the same twice (RFC 5280 §4.2).
func readOptionalExtensions(s *cryptobyte.String, tag cbasn1.Tag) ([]extension, bool) {
	var wrapped, seq cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&wrapped, &present, tag) {
		return nil, false
	}
	if !present {
		return nil, true
	}
	if !wrapped.ReadASN1(&seq, cbasn1.SEQUENCE) || !wrapped.Empty() {
		return nil, false
	}
	var list []extension
	for !seq.Empty() {
		e, ok := readExtension(&seq)
		if !ok || len(list) == maxExtensions || findExtension(list, e.id) != nil {
			return nil, false
		}
		list = append(list, e)
	}
	return list, true
}

// findExtension returns the extension with the identifier, or nil.
func findExtension(list []extension, id []byte) *extension {
	for i := range list {
		if bytes.Equal(list[i].id, id) {
			return &list[i]
		}
	}
	return nil
}

// unknownCritical returns the first critical extension that is not among known, or nil.
func unknownCritical(list []extension, known ...string) *extension {
	for i := range list {
		e := &list[i]
		if !e.critical {
			continue
		}
		understood := false
		for _, id := range known {
			understood = understood || string(e.id) == id
		}
		if !understood {
			return e
		}
	}
	return nil
}

// dotted is the text of an object identifier's content octets: hexadecimal where they do not
// fit our integers, and cut where they are absurdly long.
func dotted(content []byte) string {
	const maxShown = 32
	if len(content) > maxShown {
		return "oid:" + hex.EncodeToString(content[:maxShown]) + "…"
	}
	der := append([]byte{asn1.TagOID, byte(len(content))}, content...)
	var oid asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(der, &oid); err != nil || len(rest) > 0 {
		return "oid:" + hex.EncodeToString(content)
	}
	return oid.String()
}

// readTime takes a Time of RFC 5280 §4.1.2.5 off s, in UTC: UTCTime or GeneralizedTime.
func readTime(s *cryptobyte.String) (t time.Time, ok bool) {
	if !s.PeekASN1Tag(cbasn1.UTCTime) {
		ok = s.ReadASN1GeneralizedTime(&t)
		return t.UTC(), ok
	}
	var content cryptobyte.String
	if !s.ReadASN1(&content, cbasn1.UTCTime) {
		return time.Time{}, false
	}
	return parseUTCTime(content)
}

// parseUTCTime reads YYMMDDhhmmssZ, the one form that certificates and CRLs may have. It is our
// own because cryptobyte's allocates, and a CRL has one for each revocation.
func parseUTCTime(b []byte) (time.Time, bool) {
	if len(b) != len("YYMMDDhhmmssZ") || b[12] != 'Z' {
		return time.Time{}, false
	}
	var n [6]int
	for i := range n {
		tens, ones := b[2*i]-'0', b[2*i+1]-'0'
		if tens > 9 || ones > 9 {
			return time.Time{}, false
		}
		n[i] = int(tens)*10 + int(ones)
	}
	year := 1900 + n[0]
	if n[0] < 50 {
		year += 100
	}
	t := time.Date(year, time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	// Whatever does not exist, a 31st of June or a second 60, time.Date moves on from.
	return t, t.Month() == time.Month(n[1]) && t.Day() == n[2] && t.Hour() == n[3] &&
		t.Minute() == n[4] && t.Second() == n[5]
}
