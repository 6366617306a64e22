package lab

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
)

// SignerOptions say how a delegated OCSP signer is made. Without id-kp-OCSPSigning (NoUsages,
// or other Usages) it is one that nobody may believe.
type SignerOptions struct {
	Options
	Name      string // common name; empty: "Gatehouse lab OCSP"
	MustCheck bool   // without ocsp-nocheck: its own status has to be asked for
}

// IssueOCSPSigner makes a certificate that may sign OCSP responses for the CA (RFC 6960
// §4.2.2.2).
func (ca *CA) IssueOCSPSigner(o SignerOptions) (*Leaf, error) {
	if o.Name == "" {
		o.Name = Mark + " OCSP"
	}
	if o.Usages == nil {
		o.Usages = []asn1.ObjectIdentifier{OCSPSign}
	}
	r := recipe{
		Options: o.Options, issuer: ca, life: userLife, pathLen: -1, leaf: true,
		subject: []attribute{{oidOrganization, Mark}, {oidCommonName, o.Name}},
		usage:   x509.KeyUsageDigitalSignature,
	}
	r.Extensions = slices.Clone(o.Extensions)
	if !o.MustCheck {
		null := []byte{0x05, 0x00}
		r.Extensions = append(r.Extensions, pkix.Extension{Id: oidNoCheck, Value: null})
	}
	leaf, err := r.make()
	if err != nil {
		return nil, fmt.Errorf("issuing an OCSP signer: %w", err)
	}
	return leaf, nil
}
