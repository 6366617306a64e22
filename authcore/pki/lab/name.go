package lab

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net/netip"
	"strings"
)

var (
	oidCommonName   = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidOrganization = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidEmailAddress = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	oidUPN          = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
	oidSMTPUTF8     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 9}
	oidSubjectAlt   = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidConstraints  = asn1.ObjectIdentifier{2, 5, 29, 30}
	errGeneralName  = errors.New("encoding a general name")
)

const (
	classContext = asn1.ClassContextSpecific
	tagUTF8      = asn1.TagUTF8String
	tagIA5       = asn1.TagIA5String
)

// attribute is one attribute of a distinguished name.
type attribute struct {
	oid   asn1.ObjectIdentifier
	value string
}

// encodeName makes a distinguished name of one attribute per relative name. E-mail addresses
// become IA5String where they are ASCII, everything else UTF8String.
func encodeName(attrs []attribute) ([]byte, error) {
	var name pkix.RDNSequence
	for _, a := range attrs {
		tag := tagUTF8
		if a.oid.Equal(oidEmailAddress) && isASCII(a.value) {
			tag = tagIA5
		}
		name = append(name, pkix.RelativeDistinguishedNameSET{
			{Type: a.oid, Value: asn1.RawValue{Tag: tag, Bytes: []byte(a.value)}},
		})
	}
	return asn1.Marshal(name)
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// A GeneralName is one alternative name or name constraint (RFC 5280 §4.2.1.6), as DER.
type GeneralName struct{ der []byte }

// Email is an rfc822Name. An address beyond ASCII becomes the SmtpUTF8Mailbox of RFC 9598.
func Email(address string) GeneralName {
	if !isASCII(address) {
		return otherName(oidSMTPUTF8, address)
	}
	return tagged(1, []byte(address))
}

// DNS is a dNSName.
func DNS(name string) GeneralName { return tagged(2, []byte(name)) }

// Address is a uniformResourceIdentifier.
func Address(uri string) GeneralName { return tagged(6, []byte(uri)) }

// UPN is Microsoft's user principal name, an otherName.
func UPN(name string) GeneralName { return otherName(oidUPN, name) }

// IP is an iPAddress as it stands among alternative names.
func IP(a netip.Addr) GeneralName { return tagged(7, a.AsSlice()) }

// Subnet is an iPAddress as it stands among name constraints.
func Subnet(p netip.Prefix) GeneralName {
	ip := p.Masked().Addr().AsSlice()
	mask := make([]byte, len(ip))
	for i := 0; i < p.Bits(); i++ {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return tagged(7, append(ip, mask...))
}

// Organization is a directoryName of one attribute: O=name.
func Organization(name string) GeneralName {
	dn, err := encodeName([]attribute{{oidOrganization, name}})
	if err != nil {
		return GeneralName{}
	}
	return marshal(asn1.RawValue{Class: classContext, Tag: 4, IsCompound: true, Bytes: dn})
}

// RawName is whatever der says, for names that should be refused.
func RawName(der []byte) GeneralName { return GeneralName{der} }

func tagged(tag int, value []byte) GeneralName {
	return marshal(asn1.RawValue{Class: classContext, Tag: tag, Bytes: value})
}

func otherName(id asn1.ObjectIdentifier, value string) GeneralName {
	oid, err := asn1.Marshal(id)
	if err != nil {
		return GeneralName{}
	}
	text, err := asn1.Marshal(asn1.RawValue{Tag: tagUTF8, Bytes: []byte(value)})
	if err != nil {
		return GeneralName{}
	}
	wrapped := marshal(asn1.RawValue{Class: classContext, Tag: 0, IsCompound: true, Bytes: text})
	return marshal(asn1.RawValue{
		Class: classContext, Tag: 0, IsCompound: true, Bytes: append(oid, wrapped.der...),
	})
}

func marshal(v asn1.RawValue) GeneralName {
	der, err := asn1.Marshal(v)
	if err != nil {
		return GeneralName{}
	}
	return GeneralName{der}
}

// AlternativeNames makes the subject alternative name extension; nothing if there is no name.
func AlternativeNames(names []GeneralName, critical bool) ([]pkix.Extension, error) {
	if len(names) == 0 {
		return nil, nil
	}
	body, err := concat(names)
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: body})
	return []pkix.Extension{{Id: oidSubjectAlt, Critical: critical, Value: der}}, err
}

func concat(names []GeneralName) ([]byte, error) {
	var body []byte
	for _, n := range names {
		if len(n.der) == 0 {
			return nil, errGeneralName
		}
		body = append(body, n.der...)
	}
	return body, nil
}

// NameConstraints limit the names in certificates below a CA (RFC 5280 §4.2.1.10). The
// extension is critical, unless NotCritical. Empty: no extension.
type NameConstraints struct {
	Permitted, Excluded []GeneralName
	NotCritical         bool
}

func (nc NameConstraints) extension() ([]pkix.Extension, error) {
	if len(nc.Permitted)+len(nc.Excluded) == 0 {
		return nil, nil
	}
	var body []byte
	for tag, names := range [][]GeneralName{nc.Permitted, nc.Excluded} {
		var trees []byte
		for _, n := range names {
			if len(n.der) == 0 {
				return nil, errGeneralName
			}
			tree := marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: n.der})
			trees = append(trees, tree.der...)
		}
		if len(trees) > 0 {
			list := asn1.RawValue{Class: classContext, Tag: tag, IsCompound: true, Bytes: trees}
			body = append(body, marshal(list).der...)
		}
	}
	der, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: body})
	return []pkix.Extension{{Id: oidConstraints, Critical: !nc.NotCritical, Value: der}}, err
}
