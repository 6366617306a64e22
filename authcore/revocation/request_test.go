package revocation_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"gatehouse/authcore/revocation"

	"golang.org/x/crypto/ocsp"
)

func TestOC18RequestIsWhatOthersMake(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	for _, hash := range []crypto.Hash{0, crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		want := must(ocsp.CreateRequest(f.leaf, f.ca.Certificate, &ocsp.RequestOptions{Hash: hash}))
		got, err := revocation.NewRequest(f.leaf, f.ca.Certificate, revocation.RequestOptions{Hash: hash})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("NewRequest with %v: got %x, %v, want %x", hash, got, err, want)
		}
	}
}

// RFC 5019 §5: a request without nonce goes by GET, so it must fit.
func TestOC8RequestFitsGET(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	der := must(revocation.NewRequest(f.leaf, f.ca.Certificate, revocation.RequestOptions{}))
	if n := base64.StdEncoding.EncodedLen(len(der)); n > 255 {
		t.Errorf("NewRequest: got %d characters of base64, want at most 255", n)
	}
}

func TestOC7RequestCarriesTheNonce(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	nonce, err := revocation.NewNonce(rand.Reader)
	if err != nil || len(nonce) != 32 {
		t.Fatalf("NewNonce: got %d octets, %v, want 32", len(nonce), err)
	}
	der := must(revocation.NewRequest(f.leaf, f.ca.Certificate, revocation.RequestOptions{Nonce: nonce}))
	if _, err := ocsp.ParseRequest(der); err != nil {
		t.Errorf("ParseRequest of x/crypto: %v", err)
	}
	oid := must(asn1.Marshal(oidOCSPNonce))
	inner := must(asn1.Marshal(nonce))
	if want := append(oid, must(asn1.Marshal(inner))...); !bytes.Contains(der, want) {
		t.Errorf("NewRequest: got %x, want %x in it", der, want)
	}
}

func TestRequestRefusals(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	broken := *f.ca.Certificate
	broken.RawSubjectPublicKeyInfo = []byte{0x30, 0}
	for name, err := range map[string]error{
		"not supported":        second(revocation.NewRequest(f.leaf, f.ca.Certificate, revocation.RequestOptions{Hash: crypto.MD5})),
		"129 octets":           second(revocation.NewRequest(f.leaf, f.ca.Certificate, revocation.RequestOptions{Nonce: make([]byte, 129)})),
		"cannot be read":       second(revocation.NewRequest(f.leaf, &broken, revocation.RequestOptions{})),
		"making an OCSP nonce": second(revocation.NewNonce(io.LimitReader(rand.Reader, 31))),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got error %v, want %q in it", err, name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
