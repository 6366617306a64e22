package lab_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"

	"github.com/google/go-cmp/cmp"
)

// now is when these tests take place.
var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestCRL(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{})
	at := now.Add(-time.Hour)
	huge := new(big.Int).Lsh(big.NewInt(1), 8*30)
	revoked := &lab.Revocations{}
	revoked.Revoke(lab.Revocation{Serial: huge, At: at, Reason: lab.CertificateHold})
	revoked.Revoke(lab.Revocation{Serial: big.NewInt(7)})
	der, err := ca.CRL(revoked, now, now.Add(24*time.Hour), 42)
	if err != nil {
		t.Fatalf("CRL: %v", err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatalf("ParseRevocationList: %v", err)
	}
	if err := list.CheckSignatureFrom(ca.Certificate); err != nil {
		t.Errorf("the signature: %v", err)
	}
	type entry struct {
		Serial string
		At     time.Time
		Reason int
	}
	var got []entry
	for _, e := range list.RevokedCertificateEntries {
		got = append(got, entry{e.SerialNumber.String(), e.RevocationTime, e.ReasonCode})
	}
	if diff := cmp.Diff([]entry{{"7", now, 0}, {huge.String(), at, 6}}, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if !list.ThisUpdate.Equal(now) || !list.NextUpdate.Equal(now.Add(24*time.Hour)) || list.Number.Int64() != 42 {
		t.Errorf("got %v to %v, number %v", list.ThisUpdate, list.NextUpdate, list.Number)
	}
	if diff := cmp.Diff(ca.Certificate.SubjectKeyId, list.AuthorityKeyId); diff != "" {
		t.Errorf("key identifier (-want +got):\n%s", diff)
	}
}

func TestCRLOddities(t *testing.T) {
	t.Parallel()
	ca, stranger := newCA(t, lab.CAOptions{}), newCA(t, lab.CAOptions{})
	holds := func(l *x509.RevocationList) bool { return l.CheckSignatureFrom(ca.Certificate) == nil }
	delta := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}
	tests := []struct {
		name string
		o    lab.CRLOptions
		want func(*x509.RevocationList) bool
	}{
		{"plain", lab.CRLOptions{}, func(l *x509.RevocationList) bool { return holds(l) && l.NextUpdate.IsZero() }},
		{"damaged", lab.CRLOptions{Damaged: true}, func(l *x509.RevocationList) bool { return !holds(l) }},
		{"other_key", lab.CRLOptions{Key: stranger.Key}, func(l *x509.RevocationList) bool { return !holds(l) }},
		{"SHA1", lab.CRLOptions{SHA1: true},
			func(l *x509.RevocationList) bool { return l.SignatureAlgorithm == x509.ECDSAWithSHA1 }},
		{"no_key_id", lab.CRLOptions{NoKeyID: true},
			func(l *x509.RevocationList) bool { return holds(l) && len(l.AuthorityKeyId) == 0 }},
		{"delta", lab.CRLOptions{Extensions: []pkix.Extension{delta}},
			func(l *x509.RevocationList) bool { return holds(l) && l.Extensions[2].Id.Equal(delta.Id) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.o.ThisUpdate = now
			der, err := ca.NewCRL(tt.o)
			if err != nil {
				t.Fatalf("NewCRL: %v", err)
			}
			list, err := x509.ParseRevocationList(der)
			if err != nil {
				t.Fatalf("ParseRevocationList: %v", err)
			}
			if !tt.want(list) {
				t.Errorf("got %+v", list)
			}
		})
	}
}

func TestDistributionPoints(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{})
	want := []string{"http://crl.example.org/a.crl", "http://crl.example.org/b.crl"}
	leaf := issue(t, ca, lab.UserOptions{Identity: "a@example.org", Options: lab.Options{CRL: want}})
	if diff := cmp.Diff(want, leaf.Certificate.CRLDistributionPoints); diff != "" {
		t.Errorf("distribution points (-want +got):\n%s", diff)
	}
}

func TestIssued(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{Name: "Twin"})
	twin := newCA(t, lab.CAOptions{Name: "Twin"})
	user := lab.UserOptions{Identity: "a@example.org"}
	for name, tt := range map[string]struct {
		issuer *lab.CA
		o      lab.Options
		want   bool
	}{
		"own":                 {ca, lab.Options{}, true},
		"own_damaged":         {ca, lab.Options{Damaged: true}, true},
		"own_without_key_IDs": {ca, lab.Options{NoKeyIDs: true}, true},
		"twin":                {twin, lab.Options{}, false},
		"other":               {newCA(t, lab.CAOptions{Name: "Other"}), lab.Options{}, false},
	} {
		user.Options = tt.o
		if got := ca.Issued(issue(t, tt.issuer, user).Certificate); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

func TestReasonWords(t *testing.T) {
	t.Parallel()
	for _, word := range lab.ReasonWords() {
		if r, ok := lab.ParseReason(word); !ok || r.String() != word {
			t.Errorf("ParseReason(%q): got %v, %v", word, r, ok)
		}
	}
	if r, ok := lab.ParseReason("keycompromise"); ok {
		t.Errorf("got %v for a word in the wrong case, want none", r)
	}
	if got := lab.Reason(7).String(); got != "reason 7" {
		t.Errorf("got %q", got)
	}
}
