package lab

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
)

// The extended key usages that certificates here may carry.
var (
	ClientAuth = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 2}
	ServerAuth = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
	AnyUsage   = asn1.ObjectIdentifier{2, 5, 29, 37, 0}
	EAPOverLAN = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 14} // RFC 4334 §2
	CodeSign   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
	OCSPSign   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 9} // RFC 6960 §4.2.2.2
)

// extensions makes the standard extensions and appends those asked for.
func (r recipe) extensions(subjectKeyID, issuerKeyID []byte) ([]pkix.Extension, error) {
	var b extensionBuilder
	if r.ca || !r.leaf {
		constraints := struct {
			CA      bool `asn1:"optional"`
			PathLen int  `asn1:"optional,default:-1"`
		}{r.ca, r.pathLen}
		b.add(asn1.ObjectIdentifier{2, 5, 29, 19}, true, constraints)
	}
	if r.usage != 0 {
		b.add(asn1.ObjectIdentifier{2, 5, 29, 15}, true, usageBits(r.usage))
	}
	if len(r.Usages) > 0 && !r.NoUsages {
		b.add(asn1.ObjectIdentifier{2, 5, 29, 37}, false, r.Usages)
	}
	if !r.NoKeyIDs {
		b.add(asn1.ObjectIdentifier{2, 5, 29, 14}, false, subjectKeyID)
		if len(issuerKeyID) > 0 {
			b.add(oidAuthorityK, false, authorityKeyID{issuerKeyID})
		}
	}
	r.addresses(&b)
	return append(b.list, r.Extensions...), b.err
}

// authorityKeyID is RFC 5280 §4.2.1.1, with the one field that is of use.
type authorityKeyID struct {
	KeyID []byte `asn1:"tag:0"`
}

// addresses says where the certificate's status can be asked for: RFC 5280 §4.2.2.1 and
// §4.2.1.13, one distribution point for each CRL.
func (r recipe) addresses(b *extensionBuilder) {
	type access struct {
		Method   asn1.ObjectIdentifier
		Location asn1.RawValue
	}
	var responders []access
	for _, address := range r.OCSP {
		responders = append(responders, access{
			asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1},
			asn1.RawValue{FullBytes: Address(address).der},
		})
	}
	if len(responders) > 0 {
		b.add(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}, false, responders)
	}
	type pointName struct {
		Full []asn1.RawValue `asn1:"optional,tag:0"`
	}
	type point struct {
		Name pointName `asn1:"optional,tag:0"`
	}
	var points []point
	for _, address := range r.CRL {
		name := asn1.RawValue{FullBytes: Address(address).der}
		points = append(points, point{pointName{[]asn1.RawValue{name}}})
	}
	if len(points) > 0 {
		b.add(asn1.ObjectIdentifier{2, 5, 29, 31}, false, points)
	}
}

// extensionBuilder gathers extensions and keeps the first error.
type extensionBuilder struct {
	list []pkix.Extension
	err  error
}

func (b *extensionBuilder) add(id asn1.ObjectIdentifier, critical bool, value any) {
	der, err := asn1.Marshal(value)
	if err != nil && b.err == nil {
		b.err = err
	}
	b.list = append(b.list, pkix.Extension{Id: id, Critical: critical, Value: der})
}

// usageBits is a key usage as a named bit string: no trailing zero bits.
func usageBits(u x509.KeyUsage) asn1.BitString {
	var bits asn1.BitString
	bits.Bytes = make([]byte, 2)
	for i := 0; i < 9; i++ {
		if u&(1<<i) != 0 {
			bits.Bytes[i/8] |= 0x80 >> (i % 8)
			bits.BitLength = i + 1
		}
	}
	bits.Bytes = bits.Bytes[:(bits.BitLength+7)/8]
	return bits
}
