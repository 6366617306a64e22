package lab_test

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"testing"

	"gatehouse/authcore/pki/lab"

	"golang.org/x/crypto/ocsp"
)

// nonce is what the requests of these tests hold.
var nonce = bytes.Repeat([]byte{7}, 32)

// requestWithNonce is a request about the same, with a nonce.
func requestWithNonce(t *testing.T, request []byte) []byte {
	t.Helper()
	type extension struct {
		ID    asn1.ObjectIdentifier
		Value []byte
	}
	var parsed struct {
		TBS struct {
			List       asn1.RawValue
			Extensions []extension `asn1:"optional,omitempty,explicit,tag:2"`
		}
	}
	if _, err := asn1.Unmarshal(request, &parsed); err != nil {
		t.Fatal(err)
	}
	value, err := asn1.Marshal(nonce)
	if err != nil {
		t.Fatal(err)
	}
	parsed.TBS.Extensions = []extension{{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}, value}}
	out, err := asn1.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestResponderOddities(t *testing.T) {
	t.Parallel()
	ca, stranger := newCA(t, lab.CAOptions{}), newCA(t, lab.CAOptions{})
	leaf := issue(t, ca, lab.UserOptions{Identity: "a@example.org"})
	request := newRequest(t, leaf.Certificate, ca.Certificate, 0)
	odd := func(o lab.Oddities) []byte {
		return respond(t, newResponder(t, ca, lab.ResponderOptions{Odd: o}), request)
	}
	t.Run("other_serial", func(t *testing.T) {
		got, err := ocsp.ParseResponse(odd(lab.Oddities{Serial: big.NewInt(-5)}), ca.Certificate)
		if err != nil || got.SerialNumber.Int64() != -5 {
			t.Errorf("got %+v, %v, want serial number -5", got, err)
		}
	})
	t.Run("other_issuer", func(t *testing.T) {
		response := odd(lab.Oddities{Issuer: stranger.Certificate})
		if _, err := ocsp.ParseResponse(response, ca.Certificate); err != nil {
			t.Errorf("the signature: %v", err)
		}
		want := newRequest(t, leaf.Certificate, stranger.Certificate, 0)
		if id := want[len(want)-60:]; !bytes.Contains(response, id) {
			t.Error("the CertID does not name the other issuer")
		}
	})
	t.Run("damaged", func(t *testing.T) {
		if _, err := ocsp.ParseResponse(odd(lab.Oddities{Damaged: true}), ca.Certificate); err == nil {
			t.Error("got a signature that holds, want none")
		}
	})
	t.Run("SHA1", func(t *testing.T) {
		got, err := ocsp.ParseResponse(odd(lab.Oddities{SHA1: true}), nil)
		if err != nil || got.SignatureAlgorithm != x509.ECDSAWithSHA1 {
			t.Errorf("got %+v, %v, want ECDSA with SHA-1", got, err)
		}
	})
	t.Run("signed_by_a_stranger", func(t *testing.T) {
		r := newResponder(t, ca, lab.ResponderOptions{Signer: newSigner(t, stranger, lab.SignerOptions{})})
		if _, err := ocsp.ParseResponse(respond(t, r, request), ca.Certificate); err == nil {
			t.Error("got a signature that holds, want none")
		}
	})
	t.Run("critical", func(t *testing.T) {
		id := []byte{0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x86, 0x8d, 0x1f, 0x01, 0x01, 0x01, 0xff}
		if !bytes.Contains(odd(lab.Oddities{Critical: true}), id) {
			t.Error("there is no critical extension")
		}
	})
}

func TestOC7Nonce(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{})
	leaf := issue(t, ca, lab.UserOptions{Identity: "a@example.org"})
	plain := newRequest(t, leaf.Certificate, ca.Certificate, 0)
	other := bytes.Repeat([]byte{9}, 32)
	tests := []struct {
		name    string
		odd     lab.Oddities
		request []byte
		want    []byte // nil: no nonce at all
	}{
		{"none", lab.Oddities{}, plain, nil},
		{"sent_back", lab.Oddities{}, requestWithNonce(t, plain), nonce},
		{"left_out", lab.Oddities{NoNonce: true}, requestWithNonce(t, plain), nil},
		{"another", lab.Oddities{Nonce: other}, requestWithNonce(t, plain), other},
		{"unasked", lab.Oddities{Nonce: other}, plain, other},
	}
	extension := []byte{0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02, 0x04, 34, 0x04, 32}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			response := respond(t, newResponder(t, ca, lab.ResponderOptions{Odd: tt.odd}), tt.request)
			if _, err := ocsp.ParseResponse(response, ca.Certificate); err != nil {
				t.Fatalf("ParseResponse: %v", err)
			}
			_, behind, found := bytes.Cut(response, extension)
			if found != (tt.want != nil) || !bytes.HasPrefix(behind, tt.want) {
				t.Errorf("got nonce %v %x, want %x", found, behind, tt.want)
			}
		})
	}
}
