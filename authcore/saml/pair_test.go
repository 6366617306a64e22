package saml_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/saml"
)

const (
	ourEntity = "https://oslo-1.example/saml"
	ourSSO    = "https://oslo-1.example:8444/saml/intranet/sso"
	spEntity  = "https://intranet.example/metadata"
	spACS     = "https://intranet.example/acs"
	spOther   = "https://intranet.example/other"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)

// The pairs of the tests; made once, for keys are slow.
var (
	activePair = sync.OnceValue(func() saml.Pair { return makePair("active", 2048) })
	nextPair   = sync.OnceValue(func() saml.Pair { return makePair("next", 2048) })
	spPair     = sync.OnceValue(func() saml.Pair { return makePair(expired, 2048) })
	otherPair  = sync.OnceValue(func() saml.Pair { return makePair("somebody", 2048) })
)

func makePair(name string, bits int) saml.Pair {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return saml.Pair{Certificate: certify(name, key), Key: key}
}

// expired is the common name of a certificate that has expired by now, but not two days ago.
const expired = "intranet"

// certify makes a self-signed certificate, valid for a century unless it is expired.
func certify(name string, key crypto.Signer) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if name == expired {
		template.NotAfter = now.Add(-24 * time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert
}

func ellipticPair() saml.Pair {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return saml.Pair{Certificate: certify("elliptic", key), Key: key}
}

func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// element returns what lies between from and to, inclusive.
func element(t *testing.T, s, from, to string) string {
	t.Helper()
	at := strings.Index(s, from)
	end := strings.Index(s, to)
	if at < 0 || end < at {
		t.Fatalf("no %s … %s in the document", from, to)
	}
	return s[at : end+len(to)]
}
