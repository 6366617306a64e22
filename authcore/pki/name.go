package pki

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// oidEmailAddress is the e-mail address in a distinguished name (PKCS #9, RFC 2985 §5.2.1).
const oidEmailAddress = "1.2.840.113549.1.9.1"

// maxAttributes bounds the attributes of one distinguished name that are read.
const maxAttributes = 256

var errName = errors.New("the distinguished name is malformed")

// nameAttribute is one attribute of a distinguished name. text is empty if the value is of a
// type that is not text, or damaged.
type nameAttribute struct {
	oid  string
	text string
	raw  []byte // DER of the value
}

// parseName reads a distinguished name into its relative names, most significant first.
func parseName(raw []byte) ([][]nameAttribute, error) {
	input := cryptobyte.String(raw)
	var seq cryptobyte.String
	if !input.ReadASN1(&seq, cbasn1.SEQUENCE) || !input.Empty() {
		return nil, errName
	}
	var rdns [][]nameAttribute
	for n := 0; !seq.Empty(); {
		var set cryptobyte.String
		if !seq.ReadASN1(&set, cbasn1.SET) || set.Empty() {
			return nil, errName
		}
		var rdn []nameAttribute
		for !set.Empty() {
			a, ok := readAttribute(&set)
			if n++; !ok || n > maxAttributes {
				return nil, errName
			}
			rdn = append(rdn, a)
		}
		rdns = append(rdns, rdn)
	}
	return rdns, nil
}

func readAttribute(set *cryptobyte.String) (nameAttribute, bool) {
	var pair, oid, value cryptobyte.String
	var tag cbasn1.Tag
	if !set.ReadASN1(&pair, cbasn1.SEQUENCE) || !pair.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) {
		return nameAttribute{}, false
	}
	element := pair
	if !pair.ReadAnyASN1(&value, &tag) || !pair.Empty() {
		return nameAttribute{}, false
	}
	return nameAttribute{oid: dotted(oid), text: decodeString(tag, value), raw: element}, true
}

// dotted is the text of an object identifier's content octets; one that does not fit our
// integers is shown, and compared, as hexadecimal.
func dotted(content []byte) string {
	var oid asn1.ObjectIdentifier
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(content) })
	der, err := b.Bytes()
	if err == nil {
		if rest, err := asn1.Unmarshal(der, &oid); err == nil && len(rest) == 0 {
			return oid.String()
		}
	}
	return "oid:" + hex.EncodeToString(content)
}

// decodeString returns the text of an ASN.1 string, or "" if it is none or not well-formed.
func decodeString(tag cbasn1.Tag, value []byte) string {
	switch int(tag) {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString, 26:
		if utf8.Valid(value) { // a sloppy CA's PrintableString may hold UTF-8
			return string(value)
		}
	case asn1.TagT61String: // in practice Latin-1
		runes := make([]rune, len(value))
		for i, c := range value {
			runes[i] = rune(c)
		}
		return string(runes)
	case asn1.TagBMPString:
		if len(value)%2 != 0 {
			return ""
		}
		units := make([]uint16, 0, len(value)/2)
		for i := 0; i+1 < len(value); i += 2 {
			units = append(units, uint16(value[i])<<8|uint16(value[i+1]))
		}
		return string(utf16.Decode(units))
	}
	return ""
}

// canonicalName returns one comparable string per relative name: string types, case and runs
// of spaces do not matter (RFC 5280 §7.1, simplified as OpenSSL does).
func canonicalName(raw []byte) ([]string, error) {
	rdns, err := parseName(raw)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(rdns))
	for i, rdn := range rdns {
		attrs := make([]string, len(rdn))
		for j, a := range rdn {
			value := "\x00" + string(a.raw)
			if a.text != "" {
				value = strings.ToLower(strings.Join(strings.Fields(a.text), " "))
			}
			attrs[j] = a.oid + "=" + value
		}
		slices.Sort(attrs)
		names[i] = strings.Join(attrs, "\x01")
	}
	return names, nil
}

// nameKey is canonicalName as one map key. A name that cannot be read is its own key.
func nameKey(raw []byte) string {
	names, err := canonicalName(raw)
	if err != nil {
		return "\x03" + string(raw)
	}
	return strings.Join(names, "\x02")
}

// sameName reports whether two distinguished names name the same entity.
func sameName(a, b []byte) bool {
	return bytes.Equal(a, b) || nameKey(a) == nameKey(b)
}
