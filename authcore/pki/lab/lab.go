// Package lab makes CAs and certificates for tests, pilots and `gatehouse pki`: good ones of
// every kind that Gatehouse knows, and odd ones that the field has, or an attacker might make.
// It builds certificates itself (RFC 5280 §4.1), because crypto/x509 rightly refuses to make
// most of the odd ones.
//
// A Responder answers OCSP requests for its CAs, and CRLs are made likewise, good and odd
// (RFC 6960, RFC 5280 §5). Neither listens anywhere: bytes in, bytes out.
//
// What it makes is short-lived and carries "Gatehouse lab" in its name. It is no CA to run a
// company on: keys lie in the open, and what was issued and revoked the caller has to remember.
package lab

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"gatehouse/authcore/pki"
)

// Mark stands in the name of everything that this package makes, unless told otherwise.
const Mark = "Gatehouse lab"

// PilotOCSP is the responder that the example scripts of many a pilot write into user
// certificates of the kinds EmailDN and UsernameCN. Nobody answers there, unless somebody lets
// `gatehouse pki ocsp` listen.
const PilotOCSP = "http://localhost:9000"

const (
	dayLength  = 24 * time.Hour
	caLife     = 3 * 365 * dayLength
	userLife   = 365 * dayLength
	serverLife = 825 * dayLength
)

// Options are what CAs and leaves have in common. The zero Options make a good P-256
// certificate that is valid from five minutes ago.
type Options struct {
	Key       crypto.Signer // nil: a new one of KeyKind; sharing one saves the time of RSA keys
	KeyKind   KeyKind
	Now       time.Time // zero: the wall clock
	NotBefore time.Time // zero: five minutes before Now
	NotAfter  time.Time // zero: NotBefore and 3 years (CA), 365 days (user) or 825 days (server)
	Serial    *big.Int  // nil: random. Negative, huge and zero ones are made as asked

	OCSP       []string                // addresses of responders
	CRL        []string                // addresses of CRLs
	Usages     []asn1.ObjectIdentifier // extended key usages; nil: what fits (none for a CA)
	NoUsages   bool                    // no extended key usage at all
	NoKeyIDs   bool                    // neither subject nor authority key identifier
	SHA1       bool                    // sign with SHA-1
	Damaged    bool                    // spoil the signature
	Extensions []pkix.Extension        // further ones, as they are
}

// CAOptions say how a CA is made.
type CAOptions struct {
	Options
	Name         string // common name; empty: "Gatehouse lab CA"
	Organization string // empty: "Gatehouse lab"
	LimitPath    bool   // PathLen counts
	PathLen      int    // how many CAs may stand below
	Constraints  NameConstraints
	NoCA         bool // basicConstraints says CA:FALSE
	NoCertSign   bool // the key usage lacks keyCertSign
}

// A CA issues certificates. It may be shared; issuing does not change it.
type CA struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	// Chain is what stands between the CA and its self-signed root: its own certificate first,
	// the root left out. Empty for a root.
	Chain []*x509.Certificate
	// Root is the self-signed certificate at the top, or nil if it is not known.
	Root *x509.Certificate
}

// NewCA makes a self-signed CA.
func NewCA(o CAOptions) (*CA, error) {
	return makeCA(o, nil)
}

// NewIntermediate makes a CA below ca. With the name and the key of an existing CA it makes a
// cross certificate.
func (ca *CA) NewIntermediate(o CAOptions) (*CA, error) {
	if o.Name == "" {
		o.Name = Mark + " intermediate CA"
	}
	return makeCA(o, ca)
}

func makeCA(o CAOptions, issuer *CA) (*CA, error) {
	if o.Name == "" {
		o.Name = Mark + " CA"
	}
	if o.Organization == "" {
		o.Organization = Mark
	}
	usage := x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	if o.NoCertSign {
		usage &^= x509.KeyUsageCertSign
	}
	r := recipe{
		Options: o.Options, issuer: issuer, life: caLife, usage: usage, ca: !o.NoCA,
		subject: []attribute{{oidOrganization, o.Organization}, {oidCommonName, o.Name}},
		pathLen: -1,
	}
	if o.LimitPath {
		r.pathLen = o.PathLen
	}
	constraints, err := o.Constraints.extension()
	if err != nil {
		return nil, fmt.Errorf("making the CA %q: %w", o.Name, err)
	}
	r.Extensions = append(slices.Clone(o.Extensions), constraints...)
	leaf, err := r.make()
	if err != nil {
		return nil, fmt.Errorf("making the CA %q: %w", o.Name, err)
	}
	made := &CA{Certificate: leaf.Certificate, Key: leaf.Key}
	if leaf.Certificate == nil {
		return nil, fmt.Errorf("making the CA %q: crypto/x509 cannot read it back", o.Name)
	}
	if issuer == nil {
		made.Root = made.Certificate
	} else {
		made.Chain = append([]*x509.Certificate{made.Certificate}, issuer.Chain...)
		made.Root = issuer.Root
	}
	return made, nil
}

// Issued reports whether c says that it comes from this CA: by the issuer's name, and by the key
// identifier if it has one. The signature is not looked at: odd certificates can be revoked too.
func (ca *CA) Issued(c *x509.Certificate) bool {
	if !bytes.Equal(c.RawIssuer, ca.Certificate.RawSubject) {
		return false
	}
	id := ca.Certificate.SubjectKeyId
	return len(c.AuthorityKeyId) == 0 || len(id) == 0 || bytes.Equal(c.AuthorityKeyId, id)
}

// LoadCA reads a CA back from its PEM: its own certificate first, those above it behind, and
// its key.
func LoadCA(certPEM, keyPEM []byte) (*CA, error) {
	certs, err := pki.ParseCertificates(certPEM)
	if err != nil {
		return nil, fmt.Errorf("reading the CA's certificate: %w", err)
	}
	key, err := pki.ParsePrivateKey(keyPEM)
	if err != nil {
		return nil, fmt.Errorf("reading the CA's key: %w", err)
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(certs[0].PublicKey) {
		return nil, errors.New("reading the CA: the key does not fit the first certificate")
	}
	if !certs[0].IsCA {
		return nil, fmt.Errorf("reading the CA: %s is no CA certificate", pki.Describe(certs[0]))
	}
	ca := &CA{Certificate: certs[0], Key: key}
	for _, c := range certs {
		if string(c.RawSubject) == string(c.RawIssuer) {
			ca.Root = c
			break
		}
		ca.Chain = append(ca.Chain, c)
	}
	return ca, nil
}

// LoadRoot returns the root above the CA as a CA of its own, given the root's key.
func (ca *CA) LoadRoot(keyPEM []byte) (*CA, error) {
	if ca.Root == nil {
		return nil, errors.New("reading the root: its certificate is not there")
	}
	return LoadCA(encodeDER(ca.Root.Raw), keyPEM)
}

// ReadCertificate reads the certificate of a leaf's file: the first one in PEM, or one in DER.
func ReadCertificate(data []byte) (*x509.Certificate, error) {
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		c, err := x509.ParseCertificate(data)
		if err != nil {
			return nil, fmt.Errorf("reading a certificate: neither PEM nor DER: %w", err)
		}
		return c, nil
	}
	certs, err := pki.ParseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	return certs[0], nil
}

// CertificatePEM returns the CA's certificate and those above it, the root last: what LoadCA
// reads and what a trust file may hold.
func (ca *CA) CertificatePEM() []byte {
	certs := slices.Clone(ca.Chain)
	if ca.Root != nil {
		certs = append(certs, ca.Root)
	}
	return encodeCertificates(certs)
}

// KeyPEM returns the CA's key as PKCS #8, or nil if it cannot be exported.
func (ca *CA) KeyPEM() []byte { return encodeKey(ca.Key) }
