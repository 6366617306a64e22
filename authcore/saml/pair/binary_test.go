package pair_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
)

var (
	oidData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
)

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	der, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// pkcs12DER is the frame of a PKCS #12 file (RFC 7292 §4).
func pkcs12DER(t testing.TB) []byte {
	type contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content []byte `asn1:"explicit,tag:0"`
	}
	return marshal(t, struct {
		Version  int
		AuthSafe contentInfo
	}{3, contentInfo{oidData, make([]byte, 200)}})
}

// pkcs7DER is the frame of a PKCS #7 file (RFC 5652 §3).
func pkcs7DER(t testing.TB) []byte {
	return marshal(t, struct {
		Type    asn1.ObjectIdentifier
		Content []byte `asn1:"explicit,tag:0"`
	}{oidSignedData, make([]byte, 200)})
}

// encryptedKeyDER is the frame of an encrypted key (RFC 5958 §3).
func encryptedKeyDER(t testing.TB) []byte {
	return marshal(t, struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}{pkix.AlgorithmIdentifier{Algorithm: oidPBES2, Parameters: asn1.NullRawValue}, make([]byte, 200)})
}

func requestDER(t testing.TB) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "mail"},
	}, rsaKeys[0]())
	if err != nil {
		t.Fatal(err)
	}
	return der
}
