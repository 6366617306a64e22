package appliance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

const (
	// trialLife is how long certificates of a trial are valid, before and after its time.
	trialLife = time.Hour

	// The places of names in a certificate's alternative names (RFC 5280 §4.2.1.6).
	tagOtherName, tagRFC822Name, tagDNSName = 0, 1, 2
)

// Attributes and extensions of certificates: emailAddress (RFC 2985 §5.2.1), subjectAltName, and
// Microsoft's user principal name.
var (
	oidEmailAddress = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	oidSubjectAlt   = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidUPN          = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
)

// trialCertificates are what a trial needs: a CA, and what a device of a user shows that it
// vouches for. The key of the CA is forgotten.
type trialCertificates struct {
	ca   *snapshot.CA
	peer tls.Certificate
}

// makeTrialCertificates makes a CA called name and a certificate of user, valid at at, that
// carries the user's name wherever identity.order may look: an e-mail address and a username
// that is a host name.
func makeTrialCertificates(
	name string, user *identity.User, at time.Time,
) (*trialCertificates, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := trialTemplate(pkix.Name{CommonName: name}, at)
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	anchor, err := issue(template, template, caKey, caKey)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if template, err = userTemplate(user, at); err != nil {
		return nil, err
	}
	leaf, err := issue(template, anchor, key, caKey)
	if err != nil {
		return nil, err
	}
	ca, err := pki.NewCA(name, []*x509.Certificate{anchor})
	if err != nil {
		return nil, err
	}
	return &trialCertificates{
		ca:   &snapshot.CA{CA: ca, Revocation: policy.Revocation{OCSP: policy.OCSPOff}},
		peer: tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf},
	}, nil
}

func userTemplate(user *identity.User, at time.Time) (*x509.Certificate, error) {
	names, err := alternativeNames(user)
	if err != nil {
		return nil, err
	}
	t := trialTemplate(pkix.Name{CommonName: user.Username, ExtraNames: []pkix.AttributeTypeAndValue{
		{Type: oidEmailAddress, Value: user.Email}}}, at)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	t.ExtraExtensions = []pkix.Extension{{Id: oidSubjectAlt, Value: names}}
	return t, nil
}

func trialTemplate(subject pkix.Name, at time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: subject, BasicConstraintsValid: true,
		NotBefore: at.Add(-trialLife), NotAfter: at.Add(trialLife),
	}
}

// issue signs template for the holder of key.
func issue(
	template, by *x509.Certificate, key, signer *ecdsa.PrivateKey,
) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// alternativeNames returns the extension's value: the user's address as such and as user
// principal name, which crypto/x509 does not write, and the username as host name.
func alternativeNames(user *identity.User) ([]byte, error) {
	oid, err := asn1.Marshal(oidUPN)
	if err != nil {
		return nil, err
	}
	upn, err := asn1.MarshalWithParams(user.Email, "utf8")
	if err != nil {
		return nil, err
	}
	const context = asn1.ClassContextSpecific
	upn, err = asn1.Marshal(asn1.RawValue{Class: context, IsCompound: true, Bytes: upn})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal([]asn1.RawValue{
		{Class: context, Tag: tagOtherName, IsCompound: true, Bytes: slices.Concat(oid, upn)},
		{Class: context, Tag: tagRFC822Name, Bytes: []byte(user.Email)},
		{Class: context, Tag: tagDNSName, Bytes: []byte(user.Username)},
	})
}
