package lab_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ocsp"
)

func newResponder(t *testing.T, ca *lab.CA, o lab.ResponderOptions) *lab.Responder {
	t.Helper()
	r, err := lab.NewResponder(ca, o)
	if err != nil {
		t.Fatalf("NewResponder: %v", err)
	}
	return r
}

func newSigner(t *testing.T, ca *lab.CA, o lab.SignerOptions) *lab.Leaf {
	t.Helper()
	signer, err := ca.IssueOCSPSigner(o)
	if err != nil {
		t.Fatalf("IssueOCSPSigner: %v", err)
	}
	return signer
}

func newRequest(t *testing.T, cert, issuer *x509.Certificate, hash crypto.Hash) []byte {
	t.Helper()
	request, err := ocsp.CreateRequest(cert, issuer, &ocsp.RequestOptions{Hash: hash})
	if err != nil {
		t.Fatalf("CreateRequest: %v", err)
	}
	return request
}

func respond(t *testing.T, r *lab.Responder, request []byte) []byte {
	t.Helper()
	response, err := r.Respond(request, now)
	if err != nil {
		t.Fatalf("Respond: %v", err)
	}
	return response
}

func TestResponderAnswers(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{})
	leaf := issue(t, ca, lab.UserOptions{Identity: "a@example.org"})
	at := now.Add(-24 * time.Hour)
	revoked := &lab.Revocations{}
	revoked.Revoke(lab.Revocation{Serial: leaf.Serial, At: at, Reason: lab.KeyCompromise})
	undated := &lab.Revocations{}
	undated.Revoke(lab.Revocation{Serial: leaf.Serial})
	type answer struct {
		Status, Reason                                int
		ThisUpdate, NextUpdate, ProducedAt, RevokedAt time.Time
		Hash                                          crypto.Hash
	}
	good := answer{
		Status: ocsp.Good, ThisUpdate: now, NextUpdate: now.Add(time.Hour), ProducedAt: now, Hash: crypto.SHA1,
	}
	with := func(change func(*answer)) answer { a := good; change(&a); return a }
	tests := []struct {
		name string
		o    lab.ResponderOptions
		hash crypto.Hash
		want answer
	}{
		{"good", lab.ResponderOptions{}, 0, good},
		{"by_key", lab.ResponderOptions{ByKey: true}, 0, good},
		{"SHA256", lab.ResponderOptions{}, crypto.SHA256, with(func(a *answer) { a.Hash = crypto.SHA256 })},
		{"SHA256_unasked", lab.ResponderOptions{Odd: lab.Oddities{Hash: crypto.SHA256}}, 0,
			with(func(a *answer) { a.Hash = crypto.SHA256 })},
		{"revoked", lab.ResponderOptions{Revocations: revoked}, 0,
			with(func(a *answer) { a.Status, a.RevokedAt, a.Reason = ocsp.Revoked, at, ocsp.KeyCompromise })},
		{"revoked_undated", lab.ResponderOptions{Revocations: undated}, 0,
			with(func(a *answer) { a.Status, a.RevokedAt = ocsp.Revoked, now })},
		{"unknown", lab.ResponderOptions{Issued: func(*big.Int) bool { return false }}, 0,
			with(func(a *answer) { a.Status = ocsp.Unknown })},
		{"revoked_though_unrecorded",
			lab.ResponderOptions{Revocations: undated, Issued: func(*big.Int) bool { return false }}, 0,
			with(func(a *answer) { a.Status, a.RevokedAt = ocsp.Revoked, now })},
		{"life", lab.ResponderOptions{Life: time.Minute}, 0,
			with(func(a *answer) { a.NextUpdate = now.Add(time.Minute) })},
		{"stale", lab.ResponderOptions{Odd: lab.Oddities{Age: 2 * time.Hour}}, 0, with(func(a *answer) {
			a.ThisUpdate, a.ProducedAt, a.NextUpdate = now.Add(-2*time.Hour), now.Add(-2*time.Hour), now.Add(-time.Hour)
		})},
		{"future", lab.ResponderOptions{Odd: lab.Oddities{Age: -2 * time.Hour}}, 0, with(func(a *answer) {
			a.ThisUpdate, a.ProducedAt, a.NextUpdate = now.Add(2*time.Hour), now.Add(2*time.Hour), now.Add(3*time.Hour)
		})},
		{"no_next_update", lab.ResponderOptions{Odd: lab.Oddities{NoNextUpdate: true}}, 0,
			with(func(a *answer) { a.NextUpdate = time.Time{} })},
		{"after_others", lab.ResponderOptions{Revocations: revoked, Odd: lab.Oddities{Others: 3}}, 0,
			with(func(a *answer) { a.Status, a.RevokedAt, a.Reason = ocsp.Revoked, at, ocsp.KeyCompromise })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newResponder(t, ca, tt.o)
			response := respond(t, r, newRequest(t, leaf.Certificate, ca.Certificate, tt.hash))
			got, err := ocsp.ParseResponseForCert(response, leaf.Certificate, ca.Certificate)
			if err != nil {
				t.Fatalf("ParseResponse: %v", err)
			}
			if diff := cmp.Diff(tt.want, answer{
				got.Status, got.RevocationReason, got.ThisUpdate, got.NextUpdate, got.ProducedAt, got.RevokedAt, got.IssuerHash,
			}); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if (got.ResponderKeyHash != nil) != tt.o.ByKey {
				t.Errorf("got responder %x named by key, want %v", got.ResponderKeyHash, tt.o.ByKey)
			}
		})
	}
}

func TestResponderErrors(t *testing.T) {
	t.Parallel()
	ca, stranger := newCA(t, lab.CAOptions{}), newCA(t, lab.CAOptions{})
	leaf := issue(t, ca, lab.UserOptions{Identity: "a@example.org"})
	request := newRequest(t, leaf.Certificate, ca.Certificate, 0)
	many := append([]byte(nil), request...)
	tests := []struct {
		name    string
		odd     lab.Oddities
		request []byte
		want    ocsp.ResponseStatus
	}{
		{"empty", lab.Oddities{}, nil, ocsp.Malformed},
		{"garbage", lab.Oddities{}, []byte("garbage"), ocsp.Malformed},
		{"truncated", lab.Oddities{}, request[:len(request)-1], ocsp.Malformed},
		{"trailing", lab.Oddities{}, append(many, 0), ocsp.Malformed},
		{"nothing_asked", lab.Oddities{}, []byte{0x30, 0x04, 0x30, 0x02, 0x30, 0x00}, ocsp.Malformed},
		{"too_long", lab.Oddities{}, make([]byte, 16<<10+1), ocsp.Malformed},
		{"other_issuer", lab.Oddities{}, newRequest(t, leaf.Certificate, stranger.Certificate, 0), ocsp.Unauthorized},
		{"try_later", lab.Oddities{Response: lab.TryLater}, request, ocsp.TryLater},
		{"internal", lab.Oddities{Response: lab.InternalError}, request, ocsp.InternalError},
		{"sig_required", lab.Oddities{Response: lab.SigRequired}, request, ocsp.SignatureRequired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			response := respond(t, newResponder(t, ca, lab.ResponderOptions{Odd: tt.odd}), tt.request)
			_, err := ocsp.ParseResponse(response, ca.Certificate)
			if want := (ocsp.ResponseError{Status: tt.want}); err != want {
				t.Errorf("got %v, want %v", err, want)
			}
		})
	}
}

// TestResponderSigners covers who signs: those that may, and those that only look like it.
func TestResponderSigners(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{})
	leaf := issue(t, ca, lab.UserOptions{Identity: "a@example.org"})
	request := newRequest(t, leaf.Certificate, ca.Certificate, 0)
	noCheck := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	tests := []struct {
		name    string
		o       lab.SignerOptions
		usages  []x509.ExtKeyUsage
		noCheck bool
	}{
		{"delegate", lab.SignerOptions{}, usage, true},
		{"to_be_checked", lab.SignerOptions{MustCheck: true}, usage, false},
		{"no_usage", lab.SignerOptions{Options: lab.Options{NoUsages: true}}, nil, true},
		{"rsa", lab.SignerOptions{Options: lab.Options{KeyKind: lab.RSA2048}}, usage, true},
		{"p384", lab.SignerOptions{Options: lab.Options{KeyKind: lab.P384}}, usage, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			signer := newSigner(t, ca, tt.o)
			response := respond(t, newResponder(t, ca, lab.ResponderOptions{Signer: signer}), request)
			got, err := ocsp.ParseResponse(response, ca.Certificate)
			if err != nil {
				t.Fatalf("ParseResponse: %v", err)
			}
			if !signer.Certificate.Equal(got.Certificate) {
				t.Fatal("the signer is not embedded")
			}
			if diff := cmp.Diff(tt.usages, got.Certificate.ExtKeyUsage); diff != "" {
				t.Errorf("usages (-want +got):\n%s", diff)
			}
			found := false
			for _, e := range got.Certificate.Extensions {
				found = found || e.Id.Equal(noCheck)
			}
			if found != tt.noCheck {
				t.Errorf("got ocsp-nocheck %v, want %v", found, tt.noCheck)
			}
		})
	}
	t.Run("unusable", func(t *testing.T) {
		t.Parallel()
		if _, err := lab.NewResponder(ca, lab.ResponderOptions{Signer: &lab.Leaf{Key: leaf.Key}}); err == nil {
			t.Error("got no error for a signer without a certificate")
		}
	})
	t.Run("CA_embedded", func(t *testing.T) {
		t.Parallel()
		response := respond(t, newResponder(t, ca, lab.ResponderOptions{EmbedCA: true}), request)
		if !bytes.Contains(response, ca.Certificate.Raw) {
			t.Error("the CA's certificate is not embedded")
		}
	})
}

// TestResponders asks one list about two CAs, a root and the one below it.
func TestResponders(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	inter, err := root.NewIntermediate(lab.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	leaf := issue(t, inter, lab.UserOptions{Identity: "a@example.org"})
	list := lab.Responders{newResponder(t, inter, lab.ResponderOptions{}), newResponder(t, root, lab.ResponderOptions{})}
	for _, cert := range []struct{ subject, issuer *x509.Certificate }{
		{leaf.Certificate, inter.Certificate}, {inter.Certificate, root.Certificate},
	} {
		reply, err := list.Answer(newRequest(t, cert.subject, cert.issuer, 0), now)
		if err != nil {
			t.Fatalf("Answer: %v", err)
		}
		if _, err := ocsp.ParseResponse(reply.DER, cert.issuer); err != nil {
			t.Errorf("of %s: %v", cert.issuer.Subject, err)
		}
		if reply.Response != lab.Successful || len(reply.Statements) != 1 ||
			reply.Statements[0].Status != lab.Good || reply.Statements[0].Serial.Cmp(cert.subject.SerialNumber) != 0 {
			t.Errorf("got %+v, want good of %v", reply, cert.subject.SerialNumber)
		}
	}
	foreign := newRequest(t, leaf.Certificate, newCA(t, lab.CAOptions{}).Certificate, 0)
	reply, err := list.Answer(foreign, now)
	if err != nil || reply.Response != lab.Unauthorized || len(reply.Statements) != 1 {
		t.Errorf("got %+v, %v, want unauthorized", reply, err)
	}
	if reply, err := (lab.Responders{}).Answer(foreign, now); err != nil || reply.Response != lab.Unauthorized {
		t.Errorf("nobody: got %+v, %v, want unauthorized", reply, err)
	}
}

func TestRevocationsChangeWhileAnswering(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{})
	leaf := issue(t, ca, lab.UserOptions{Identity: "a@example.org"})
	revoked := &lab.Revocations{}
	r := newResponder(t, ca, lab.ResponderOptions{Revocations: revoked})
	request := newRequest(t, leaf.Certificate, ca.Certificate, 0)
	status := func() lab.CertStatus {
		reply, err := r.Answer(request, now)
		if err != nil || len(reply.Statements) != 1 {
			t.Fatalf("Answer: %+v, %v", reply, err)
		}
		return reply.Statements[0].Status
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			revoked.Revoke(lab.Revocation{Serial: big.NewInt(int64(n))})
			respond(t, r, request)
			revoked.All()
		})
	}
	wg.Wait()
	if got := status(); got != lab.Good {
		t.Errorf("got %v, want good", got)
	}
	revoked.Revoke(lab.Revocation{Serial: leaf.Serial, Reason: lab.CertificateHold})
	if got := status(); got != lab.Revoked {
		t.Errorf("revoked: got %v", got)
	}
	revoked.Restore(leaf.Serial)
	if got := status(); got != lab.Good {
		t.Errorf("restored: got %v, want good", got)
	}
	revoked.Replace([]lab.Revocation{{Serial: leaf.Serial}})
	if got := revoked.All(); status() != lab.Revoked || len(got) != 1 {
		t.Errorf("replaced: got %v and %v, want revoked alone", status(), got)
	}
}

func FuzzResponder(f *testing.F) {
	ca, err := lab.NewCA(lab.CAOptions{})
	if err != nil {
		f.Fatal(err)
	}
	leaf, err := ca.IssueUser(lab.UserOptions{Identity: "a@example.org"})
	if err != nil {
		f.Fatal(err)
	}
	r, err := lab.NewResponder(ca, lab.ResponderOptions{})
	if err != nil {
		f.Fatal(err)
	}
	request, err := ocsp.CreateRequest(leaf.Certificate, ca.Certificate, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request)
	f.Add(request[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		reply, err := r.Answer(data, now)
		if err != nil || len(reply.DER) == 0 {
			t.Fatalf("got %d bytes and %v, want a response", len(reply.DER), err)
		}
		if reply.Response != lab.Successful && reply.Response != lab.MalformedRequest &&
			reply.Response != lab.Unauthorized {
			t.Errorf("got %v", reply.Response)
		}
		if reply.Response == lab.Successful && len(reply.Statements) == 0 {
			t.Error("success, and nothing said")
		}
	})
}
