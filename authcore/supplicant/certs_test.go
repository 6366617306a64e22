package supplicant_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// testPKI is a lab of its own, built on crypto/x509 alone: the supplicant judges a server that
// has another lab.
type testPKI struct {
	caCert *x509.Certificate
	caKey  crypto.Signer
	server tls.Certificate
	peer   tls.Certificate
}

func newTestPKI(t testing.TB, rsaServer bool) *testPKI {
	t.Helper()
	p := &testPKI{caKey: newECKey(t)}
	ca := template("Probe Test CA")
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	p.caCert = sign(t, ca, ca, p.caKey.Public(), p.caKey)

	serverKey := newECKey(t)
	if rsaServer {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		serverKey = k
	}
	server := template("radius.probe.example")
	server.DNSNames = []string{"radius.probe.example"}
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	p.server = p.issue(t, server, serverKey)

	peer := template("alice")
	peer.EmailAddresses = []string{"alice@probe.example"}
	peer.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	p.peer = p.issue(t, peer, newECKey(t))
	return p
}

func newECKey(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func template(cn string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: cn},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func sign(t testing.TB, c, parent *x509.Certificate, pub crypto.PublicKey,
	key crypto.Signer,
) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (p *testPKI) issue(t testing.TB, c *x509.Certificate, key crypto.Signer) tls.Certificate {
	t.Helper()
	leaf := sign(t, c, p.caCert, key.Public(), p.caKey)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func (p *testPKI) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.caCert)
	return pool
}

// write puts ca.pem, server.pem and server.key into dir.
func (p *testPKI) write(t testing.TB, dir string) {
	t.Helper()
	writePEM(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", p.caCert.Raw)
	writePEM(t, filepath.Join(dir, "server.pem"), "CERTIFICATE", p.server.Certificate[0])
	key, err := x509.MarshalPKCS8PrivateKey(p.server.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, "server.key"), "PRIVATE KEY", key)
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	b := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
