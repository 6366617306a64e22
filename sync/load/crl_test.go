package load_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"gatehouse/sync/load"
)

// crlCA is a CA that signs lists.
type crlCA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCRLCA(t *testing.T, name string) *crlCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId: []byte(name), NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(5, 0, 0),
	}, &x509.Certificate{Subject: pkix.Name{CommonName: name}, SubjectKeyId: []byte(name)}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &crlCA{cert, key}
}

func (c *crlCA) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw}))
}

func (c *crlCA) list(t *testing.T, next time.Time) []byte {
	t.Helper()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: next.Add(-24 * time.Hour), NextUpdate: next,
	}, c.cert, c.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func asPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))
}

// OC-19: a list beside the CA is read in DER and PEM, verified, and costs itself when broken.
func TestOC19ListBesideTheCA(t *testing.T) {
	ca, other := newCRLCA(t, "Lists CA"), newCRLCA(t, "Other CA")
	good, expired := ca.list(t, now.Add(time.Hour)), ca.list(t, now.Add(-time.Hour))
	second := fmt.Sprintf("ca/acme.crl:%d:1: ", 1+strings.Count(asPEM(good), "\n"))
	for name, tt := range map[string]struct {
		file  string
		lists int
		want  string // in the only problem; empty: none
	}{
		"der":         {string(good), 1, ""},
		"pem":         {"a comment\n" + asPEM(good), 1, ""},
		"two":         {asPEM(good) + asPEM(expired), 2, second + "warning: the list expired on"},
		"expired":     {string(expired), 1, "ca/acme.crl:1:1: warning: the list expired on"},
		"another's":   {asPEM(other.list(t, now.Add(time.Hour))), 0, "ca/acme.crl:1:1: "},
		"garbage":     {"nothing", 0, "ca/acme.crl:1:1: "},
		"empty":       {"", 0, "ca/acme.crl:1:1: "},
		"no list":     {ca.pem(), 0, "there is no certificate revocation list in it"},
		"damaged":     {string(bytes.Replace(good, []byte("Lists"), []byte("lists"), 1)), 0, "ca/acme.crl:1:1: "},
		"a second by": {asPEM(good) + asPEM(other.list(t, now.Add(time.Hour))), 1, second},
	} {
		d, problems := load.Load(minimal(t).with("ca/acme.pem", ca.pem(), "ca/acme.crl", tt.file).fs(),
			load.Options{Now: now})
		if d == nil || len(d.CAs) != 1 || len(d.CAs[0].Lists) != tt.lists {
			t.Errorf("%s: got %+v", name, problems)
			continue
		}
		if tt.want == "" && len(problems) > 0 || tt.want != "" &&
			(len(problems) != 1 || !strings.Contains(problems[0].String(), tt.want)) {
			t.Errorf("%s: got %v, want %q", name, problems, tt.want)
		}
	}
}

// A broken list leaves the one before in force; a deleted one is gone.
func TestOC19LastGoodList(t *testing.T) {
	ca := newCRLCA(t, "Lists CA")
	f := minimal(t).with("ca/acme.pem", ca.pem())
	first, _ := seal(t, f.with("ca/acme.crl", asPEM(ca.list(t, now.Add(time.Hour)))).fs(), nil)
	for name, tt := range map[string]struct {
		file   string
		lists  int
		effect load.Effect
	}{"broken": {"nothing", 1, load.Kept}, "gone": {"-", 0, ""}} {
		d, problems := load.Load(f.with("ca/acme.crl", tt.file).fs(), load.Options{Now: now, LastGood: first})
		if d == nil || len(d.CAs[0].Lists) != tt.lists {
			t.Errorf("%s: got %d lists, %v", name, len(d.CAs[0].Lists), problems)
		}
		if tt.effect != "" && (len(problems) != 1 || problems[0].Effect != tt.effect) {
			t.Errorf("%s: got %v", name, problems)
		}
	}
}
