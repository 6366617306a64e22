package pair_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/saml/pair"
)

// now is when these tests take place.
var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const day = 24 * time.Hour

// Keys are made once: that takes longer than all else here.
var (
	rsaKeys = [4]func() *rsa.PrivateKey{
		sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) }),
		sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) }),
		sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) }),
		sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) }),
	}
	shortRSA = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(1024) })
	ecKey    = sync.OnceValue(func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	})
	edKey = sync.OnceValue(func() ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	})
)

func newRSA(bits int) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return k
}

// certOptions make odd certificates; the zero value makes a good one.
type certOptions struct {
	name      string // mail
	serial    int64
	notBefore time.Time // a day ago
	notAfter  time.Time // in 1000 days
	algorithm x509.SignatureAlgorithm
	ca        bool
	parent    *x509.Certificate
	parentKey crypto.Signer
}

func newCert(t testing.TB, key crypto.Signer, o certOptions) *x509.Certificate {
	t.Helper()
	if o.name == "" {
		o.name = "mail"
	}
	if o.notBefore.IsZero() {
		o.notBefore = now.Add(-day)
	}
	if o.notAfter.IsZero() {
		o.notAfter = now.Add(1000 * day)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(o.serial + 1), Subject: pkix.Name{CommonName: o.name},
		NotBefore: o.notBefore, NotAfter: o.notAfter, SignatureAlgorithm: o.algorithm,
		BasicConstraintsValid: true, IsCA: o.ca, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if o.parent == nil {
		o.parent, o.parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, o.parent, key.Public(), o.parentKey)
	if err != nil {
		t.Fatal(err)
	}
	return parseDER(t, der)
}

func parseDER(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newPair is a good pair with the nth key.
func newPair(t testing.TB, n int, o certOptions) *pair.Pair {
	t.Helper()
	p, err := pair.New(newCert(t, rsaKeys[n](), o), pair.NewKey(rsaKeys[n]()))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func certPEM(c *x509.Certificate) string { return string(pair.CertificatePEM(c)) }

func keyPEM(t testing.TB, p *pair.Pair) []byte {
	t.Helper()
	data, err := p.Key.PEM()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func toPEM(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func oneLine(c *x509.Certificate) string { return base64.StdEncoding.EncodeToString(c.Raw) }

// bodyOf is what stands between header and footer, with its line breaks.
func bodyOf(pemText string) string {
	lines := strings.Split(strings.TrimSpace(pemText), "\n")
	return strings.Join(lines[1:len(lines)-1], "\n")
}

// codes are the codes of findings, in their order.
func codes(found pair.Findings) []pair.Code {
	list := make([]pair.Code, 0, len(found))
	for _, f := range found {
		list = append(list, f.Code)
	}
	return list
}

// fragments are pieces of a private key as any encoder would show them.
func fragments(t testing.TB, key *rsa.PrivateKey) []string {
	t.Helper()
	text := base64.StdEncoding.EncodeToString(pkcs8(t, key))
	return []string{
		key.D.String(), key.D.Text(16), key.Primes[0].String(), key.Primes[0].Text(16),
		text[200:220], text[400:420], text[len(text)-40 : len(text)-20],
	}
}

// leaks fails the test if text holds any piece of a key.
func leaks(t testing.TB, text string, keys ...*rsa.PrivateKey) {
	t.Helper()
	for _, k := range keys {
		for _, piece := range fragments(t, k) {
			if strings.Contains(text, piece) {
				t.Errorf("a piece of a private key is in %q", text)
			}
		}
	}
}
