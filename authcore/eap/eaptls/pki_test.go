package eaptls_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"testing"
	"time"
)

// A world is a small PKI on crypto/x509 alone. It is made once: RSA keys are slow.
type world struct {
	ca     *x509.Certificate
	caKey  crypto.Signer
	roots  *x509.CertPool
	server map[string]tls.Certificate // ecdsa, rsa
	user   map[string]tls.Certificate // ecdsa, rsa, and their foreign-… with another's key
}

var theWorld = sync.OnceValues(makeWorld)

func lab(t testing.TB) *world {
	t.Helper()
	w, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func makeWorld() (*world, error) {
	w := &world{roots: x509.NewCertPool(), server: map[string]tls.Certificate{},
		user: map[string]tls.Certificate{}}
	keys := map[string]crypto.Signer{}
	for _, name := range []string{"ecdsa", "rsa", "other-ecdsa", "other-rsa"} {
		var key crypto.Signer
		var err error
		if name == "ecdsa" || name == "other-ecdsa" {
			key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		} else {
			key, err = rsa.GenerateKey(rand.Reader, 2048)
		}
		if err != nil {
			return nil, err
		}
		keys[name] = key
	}
	w.caKey = keys["other-ecdsa"]
	root := certificate("Example Root")
	root.IsCA, root.BasicConstraintsValid, root.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, root, root, w.caKey.Public(), w.caKey)
	if err != nil {
		return nil, err
	}
	if w.ca, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	w.roots.AddCert(w.ca)
	for _, kind := range []string{"ecdsa", "rsa"} {
		server := certificate("radius.example")
		server.DNSNames = []string{"radius.example"}
		server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if w.server[kind], err = w.issue(server, keys[kind]); err != nil {
			return nil, err
		}
		user := certificate("alice")
		user.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if w.user[kind], err = w.issue(user, keys[kind]); err != nil {
			return nil, err
		}
		w.user["foreign-"+kind] = tls.Certificate{Certificate: w.user[kind].Certificate,
			PrivateKey: keys["other-"+kind]}
	}
	return w, nil
}

func certificate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func (w *world) issue(template *x509.Certificate, key crypto.Signer) (tls.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, w.ca, key.Public(), w.caKey)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// issueFor returns a certificate for any public key, with a key of the user's beside it.
func (w *world) issueFor(t testing.TB, public crypto.PublicKey, key crypto.Signer) tls.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, certificate("alice"), w.ca, public, w.caKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
