package pki

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"time"
)

// A Credential is a certificate with its private key that the gateway shows: an EAP server
// credential. It is immutable and safe for concurrent use.
type Credential struct {
	Name string
	TLS  tls.Certificate // Leaf is set
}

// String, GoString and LogValue name the credential and keep its private key to themselves.
func (c Credential) String() string       { return "credential " + c.Name + " [key redacted]" }
func (c Credential) GoString() string     { return c.String() }
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// CredentialFault says which part of a credential is at fault.
type CredentialFault uint8

// The faults of a credential.
const (
	CertificateUnreadable CredentialFault = iota + 1 // of the certificate file
	KeyUnreadable                                    // of the key file
	KeyMismatch                                      // key and certificate do not belong together
	LeafNotFirst                                     // the key belongs to a later certificate of the file
)

// A CredentialError says why a credential cannot be used. Err is a *PEMError where a line of
// one of the files can be named. It never holds key material.
type CredentialError struct {
	Name  string
	Fault CredentialFault
	Err   error
}

func (e *CredentialError) Error() string {
	what := "certificate and key"
	switch e.Fault {
	case CertificateUnreadable, LeafNotFirst:
		what = "certificate"
	case KeyUnreadable:
		what = "key"
	}
	return fmt.Sprintf("credential %q: %s: %v", e.Name, what, e.Err)
}

func (e *CredentialError) Unwrap() error { return e.Err }

// NewCredential reads a credential from the PEM of a certificate file, leaf first, and of a key
// file: PKCS #8, PKCS #1 or SEC 1, not encrypted. Every error is a *CredentialError.
func NewCredential(name string, certPEM, keyPEM []byte) (*Credential, error) {
	fail := func(fault CredentialFault, err error) (*Credential, error) {
		return nil, &CredentialError{Name: name, Fault: fault, Err: err}
	}
	certs, err := ParseCertificates(certPEM)
	if err != nil {
		return fail(CertificateUnreadable, err)
	}
	key, err := ParsePrivateKey(keyPEM)
	if err != nil {
		return fail(KeyUnreadable, err)
	}
	if !keyFits(key, certs[0]) {
		for i, c := range certs {
			if keyFits(key, c) {
				return fail(LeafNotFirst, fmt.Errorf(
					"the key belongs to certificate %d of the file, %s: move that one to the front", i+1, Describe(c)))
			}
		}
		return fail(KeyMismatch, fmt.Errorf("the key does not fit the certificate %s", Describe(certs[0])))
	}
	c := &Credential{Name: name, TLS: tls.Certificate{PrivateKey: key, Leaf: certs[0]}}
	for _, cert := range certs {
		c.TLS.Certificate = append(c.TLS.Certificate, cert.Raw)
	}
	return c, nil
}

// ParsePrivateKey reads the one private key of a PEM file: PKCS #8, PKCS #1 or SEC 1, not
// encrypted. Parameter blocks and certificates beside it are passed over. Every error is a
// *PEMError and holds nothing of the key.
func ParsePrivateKey(data []byte) (crypto.Signer, error) {
	blocks, err := splitPEM(data)
	if err != nil {
		return nil, err
	}
	var key crypto.Signer
	for _, b := range blocks {
		if !strings.HasSuffix(b.Type, "PRIVATE KEY") {
			continue
		}
		if key != nil {
			return nil, b.errorf("there is a second private key in the file: keep one")
		}
		if b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, b.errorf("the key is encrypted: decrypt it with `openssl pkey -in key.pem -out plain.pem` and protect the file")
		}
		if key, err = parseKeyBlock(b.Block); err != nil {
			return nil, b.errorf("%v", err)
		}
	}
	if key == nil {
		return nil, &PEMError{Text: "there is no private key in it"}
	}
	return key, nil
}

// parseKeyBlock tries the three formats: the label of the block is not always right. The
// parser's own words are left out, for they might quote the input.
func parseKeyBlock(b *pem.Block) (crypto.Signer, error) {
	if b.Type == "OPENSSH PRIVATE KEY" {
		return nil, errors.New("the key is in OpenSSH's own format: convert it with `ssh-keygen -p -m PKCS8`")
	}
	var key any
	var err error
	if key, err = x509.ParsePKCS8PrivateKey(b.Bytes); err != nil {
		if key, err = x509.ParseECPrivateKey(b.Bytes); err != nil {
			if key, err = x509.ParsePKCS1PrivateKey(b.Bytes); err != nil {
				return nil, errors.New("the key cannot be read: it is damaged, or of a kind other than RSA, ECDSA and Ed25519")
			}
		}
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign: RSA, ECDSA or Ed25519 is needed")
	}
	return signer, nil
}

// keyFits compares public keys by their encoding.
func keyFits(key crypto.Signer, c *x509.Certificate) bool {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return false
	}
	certSPKI, err := x509.MarshalPKIXPublicKey(c.PublicKey)
	return err == nil && bytes.Equal(spki, certSPKI)
}

// Warnings lists what will make devices refuse the credential, or soon will, as seen at now.
func (c *Credential) Warnings(now time.Time) []string {
	var w []string
	leaf := c.TLS.Leaf
	if text := datesDetail(leaf, now); text != "" {
		w = append(w, text)
	} else if left := leaf.NotAfter.Sub(now); left < expiryWarning {
		w = append(w, "expires in "+span(left)+", on "+day(leaf.NotAfter))
	}
	if len(leaf.DNSNames) == 0 {
		w = append(w, "it has no DNS name among its subject alternative names: Android devices refuse it, and others cannot be told which name to expect")
	}
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0 &&
		!slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) &&
		!slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
		w = append(w, "its extended key usage does not name serverAuth: devices refuse it")
	} else if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0 {
		w = append(w, "it has no extended key usage serverAuth: Windows and Apple devices refuse it")
	}
	if hasExtension(leaf, oidKeyUsage) && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		w = append(w, "its key usage lacks digitalSignature: devices refuse it")
	}
	if leaf.BasicConstraintsValid && leaf.IsCA {
		w = append(w, "it is a CA certificate (CA:TRUE): devices refuse it")
	}
	if text := keyDetail(leaf); text != "" {
		w = append(w, text)
	}
	if text := signatureDetail(leaf); text != "" {
		w = append(w, text)
	}
	return append(w, c.chainWarnings(now)...)
}

// chainWarnings looks at the intermediates that are sent along.
func (c *Credential) chainWarnings(now time.Time) []string {
	var w []string
	child := c.TLS.Leaf
	for i, der := range c.TLS.Certificate[1:] {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			continue // NewCredential parsed it before
		}
		if !sameName(child.RawIssuer, cert.RawSubject) {
			w = append(w, fmt.Sprintf("certificate %d of the file, %s, did not issue the one before it: put them in order, leaf first", i+2, Describe(cert)))
		}
		if text := datesDetail(cert, now); text != "" {
			w = append(w, fmt.Sprintf("certificate %d of the file, %s: %s", i+2, Describe(cert), text))
		}
		child = cert
	}
	return w
}

// SortCredentials puts credentials into the order in which a handshake tries them: ECDSA, RSA,
// Ed25519 (which few devices verify), by name within each.
func SortCredentials(creds []*Credential) {
	kind := func(c *Credential) int {
		switch c.TLS.Leaf.PublicKeyAlgorithm {
		case x509.ECDSA:
			return 0
		case x509.RSA:
			return 1
		}
		return 2
	}
	sort.SliceStable(creds, func(i, j int) bool {
		a, b := creds[i], creds[j]
		if d := kind(a) - kind(b); d != 0 {
			return d < 0
		}
		return strings.Compare(a.Name, b.Name) < 0
	})
}
