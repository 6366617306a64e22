package lab

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// UserKind is where a user certificate carries the person's name.
type UserKind uint8

// The kinds of user certificates, as the example scripts of pilots make them.
const (
	EmailSAN   UserKind = iota // rfc822Name, and no common name
	EmailDN                    // emailAddress in the subject, beside an empty common name
	UsernameCN                 // common name
	UserUPN                    // Microsoft's user principal name
	MachineDNS                 // dNSName
)

// UserOptions say how a user certificate is made.
type UserOptions struct {
	Options
	Kind         UserKind
	Identity     string // e-mail address, username, UPN or DNS name, by Kind
	Organization string // O=; pilots have their vendor's organisation id here. Empty: "Gatehouse lab"
	CommonName   string // one where Kind has none
	NoSubject    bool   // an empty subject

	CommonNames   []string      // further ones
	SubjectEmails []string      // further emailAddress attributes
	Names         []GeneralName // further alternative names
	CriticalNames bool          // the alternative names are critical

	NoDigitalSignature bool                  // key usage keyEncipherment only
	CriticalExtension  asn1.ObjectIdentifier // one that nobody knows
	CA                 bool                  // a leaf with CA:TRUE
}

// A Leaf is a certificate with its key and the intermediates above it.
type Leaf struct {
	// Certificate is nil, and ParseError says why, if crypto/x509 cannot read what was asked
	// for (a negative serial number, say).
	Certificate *x509.Certificate
	ParseError  error
	Raw         []byte   // DER
	Serial      *big.Int // as it stands in Raw, Certificate or not
	Key         crypto.Signer
	Chain       []*x509.Certificate // intermediates, from the issuer upwards
}

// IssueUser makes a user certificate.
func (ca *CA) IssueUser(o UserOptions) (*Leaf, error) {
	if o.Organization == "" {
		o.Organization = Mark
	}
	subject, names := o.subject(), o.names()
	if o.Usages == nil {
		o.Usages = []asn1.ObjectIdentifier{ClientAuth}
	}
	usage := x509.KeyUsageDigitalSignature
	if o.NoDigitalSignature {
		usage = x509.KeyUsageKeyEncipherment
	}
	r := recipe{
		Options: o.Options, issuer: ca, life: userLife, subject: subject,
		usage: usage, ca: o.CA, pathLen: -1, leaf: true,
	}
	alternative, err := AlternativeNames(names, o.CriticalNames)
	if err != nil {
		return nil, fmt.Errorf("issuing a user certificate: %w", err)
	}
	r.Extensions = append(alternative, o.Extensions...)
	if o.CriticalExtension != nil {
		r.Extensions = append(r.Extensions, pkix.Extension{
			Id: o.CriticalExtension, Critical: true, Value: []byte{0x05, 0x00},
		})
	}
	leaf, err := r.make()
	if err != nil {
		return nil, fmt.Errorf("issuing a user certificate: %w", err)
	}
	return leaf, nil
}

func (o UserOptions) subject() []attribute {
	if o.NoSubject {
		return nil
	}
	subject := []attribute{{oidOrganization, o.Organization}}
	switch {
	case o.CommonName != "":
		subject = append(subject, attribute{oidCommonName, o.CommonName})
	case o.Kind == UsernameCN:
		subject = append(subject, attribute{oidCommonName, o.Identity})
	case o.Kind == EmailDN:
		subject = append(subject, attribute{oidCommonName, ""})
	}
	for _, cn := range o.CommonNames {
		subject = append(subject, attribute{oidCommonName, cn})
	}
	if o.Kind == EmailDN {
		subject = append(subject, attribute{oidEmailAddress, o.Identity})
	}
	for _, e := range o.SubjectEmails {
		subject = append(subject, attribute{oidEmailAddress, e})
	}
	return subject
}

func (o UserOptions) names() []GeneralName {
	var names []GeneralName
	switch o.Kind {
	case EmailSAN:
		names = append(names, Email(o.Identity))
	case UserUPN:
		names = append(names, UPN(o.Identity))
	case MachineDNS:
		names = append(names, DNS(o.Identity))
	}
	return append(names, o.Names...)
}

// ServerOptions say how a server credential is made.
type ServerOptions struct {
	Options
	DNSNames   []string // the first is the common name too, unless CommonName is set
	CommonName string
	Addresses  []GeneralName // further alternative names
}

// IssueServer makes a server credential: P-256 unless told otherwise.
func (ca *CA) IssueServer(o ServerOptions) (*Leaf, error) {
	cn := o.CommonName
	if cn == "" && len(o.DNSNames) > 0 {
		cn = o.DNSNames[0]
	}
	if o.Usages == nil {
		o.Usages = []asn1.ObjectIdentifier{ServerAuth}
	}
	var names []GeneralName
	for _, n := range o.DNSNames {
		names = append(names, DNS(n))
	}
	alternative, err := AlternativeNames(append(names, o.Addresses...), false)
	if err != nil {
		return nil, fmt.Errorf("issuing a server certificate: %w", err)
	}
	subject := []attribute{{oidOrganization, Mark}}
	if cn != "" {
		subject = append(subject, attribute{oidCommonName, cn})
	}
	r := recipe{
		Options: o.Options, issuer: ca, life: serverLife, subject: subject, pathLen: -1, leaf: true,
		usage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	r.Extensions = append(alternative, o.Extensions...)
	leaf, err := r.make()
	if err != nil {
		return nil, fmt.Errorf("issuing a server certificate: %w", err)
	}
	return leaf, nil
}

// CertificatePEM returns the certificate and the intermediates behind it.
func (l *Leaf) CertificatePEM() []byte {
	return append(encodeDER(l.Raw), encodeCertificates(l.Chain)...)
}

// KeyPEM returns the key as PKCS #8, or nil if it cannot be exported.
func (l *Leaf) KeyPEM() []byte { return encodeKey(l.Key) }

// Presented returns what a device presents: the certificate and the intermediates.
func (l *Leaf) Presented() []*x509.Certificate {
	return append([]*x509.Certificate{l.Certificate}, l.Chain...)
}

// TLS returns the credential for crypto/tls.
func (l *Leaf) TLS() tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{l.Raw}, PrivateKey: l.Key, Leaf: l.Certificate}
	for _, i := range l.Chain {
		c.Certificate = append(c.Certificate, i.Raw)
	}
	return c
}
