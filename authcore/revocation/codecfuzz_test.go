package revocation_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"

	"github.com/google/go-cmp/cmp"
)

// FuzzVerifyResponse feeds answers, and statements that it signs itself: what is signed is no
// less odd for it. Nothing that is not signed becomes an answer.
func FuzzVerifyResponse(f *testing.F) {
	ca := must(lab.NewCA(lab.CAOptions{Options: lab.Options{KeyKind: lab.Ed25519, Now: codecNow}}))
	leaf := must(ca.IssueUser(lab.UserOptions{Options: lab.Options{Now: codecNow}})).Certificate
	delegate := codecDelegate(f, ca, lab.UserOptions{})
	var answers []revocation.Answer
	for _, status := range []revocation.Status{revocation.Good, revocation.Revoked, revocation.Unknown} {
		for _, signer := range []testSigner{signerOf(ca), signerFrom(delegate)} {
			a := goodAnswer()
			a.signer, a.embedded, a.byKey = signer, []*x509.Certificate{signer.cert}, status == revocation.Good
			a.singles[0].cert, a.singles[0].issuer = leaf, ca.Certificate
			a.singles[0].status, a.singles[0].reason = status, 6
			a.extensions = []pkix.Extension{{Id: oidOCSPNonce, Value: []byte{4, 1, 1}}}
			answer := must(revocation.VerifyResponse(a.der(), leaf, ca.Certificate, revocation.VerifyOptions{Now: codecNow}))
			answers = append(answers, answer)
			f.Add(a.der(), false)
			f.Add(a.data(), true)
		}
	}
	f.Add([]byte{0x30, 3, 0x0A, 1, 3}, false)
	f.Fuzz(func(t *testing.T, der []byte, sign bool) {
		if sign {
			der = wrapAnswer(signerOf(ca).seal(der, nil))
		}
		got, err := revocation.VerifyResponse(der, leaf, ca.Certificate, revocation.VerifyOptions{Now: codecNow})
		switch {
		case err != nil:
			checkWhole(t, err)
			if got != (revocation.Answer{}) {
				t.Errorf("got the answer %+v beside an error", got)
			}
		case got.Status == revocation.None || got.ThisUpdate.IsZero() || got.ProducedAt.IsZero():
			t.Errorf("got the answer %+v, which is none", got)
		case !sign:
			for _, a := range answers {
				if cmp.Equal(got, a) {
					return
				}
			}
			t.Errorf("got the answer %+v that nobody signed", got)
		}
	})
}

// checkWhole expects an *Error that can be shown.
func checkWhole(t *testing.T, err error) {
	t.Helper()
	var e *revocation.Error
	if !errors.As(err, &e) || e.Reason == "" || e.Detail == "" {
		t.Errorf("got %#v, want a whole *Error", err)
	}
}

// FuzzVerifyCRL likewise, and compares a list that the standard library can read as well.
func FuzzVerifyCRL(f *testing.F) {
	ca := must(lab.NewCA(lab.CAOptions{Options: lab.Options{KeyKind: lab.Ed25519, Now: codecNow}}))
	leaf := must(ca.IssueUser(lab.UserOptions{Options: lab.Options{Now: codecNow}})).Certificate
	c := goodCRL(entryOf(leaf, 1), entryOf(ca.Certificate, 6), testEntry{serial: big.NewInt(-5), reason: -1})
	c.signer = signerOf(ca)
	c.extensions = []pkix.Extension{{Id: oidIssuingDP, Critical: true, Value: issuingPoints("http://crl.example/1.crl")}}
	f.Add(c.der(), false)
	f.Add(c.tbs(), true)
	c.version, c.entries, c.extensions = 0, nil, nil
	f.Add(c.tbs(), true)
	f.Fuzz(func(t *testing.T, der []byte, sign bool) {
		if sign {
			der = signerOf(ca).seal(der, nil)
		}
		list, err := revocation.VerifyCRL(der, ca.Certificate)
		if err != nil {
			checkWhole(t, err)
			return
		}
		if list.Len() > len(der) || list.NextUpdate.IsZero() {
			t.Errorf("got a list of %d revocations until %v from %d octets", list.Len(), list.NextUpdate, len(der))
		}
		list.Find(leaf)
		if std, err := x509.ParseRevocationList(der); err == nil {
			compareLists(t, list, std)
		}
	})
}

func compareLists(t *testing.T, list *revocation.List, std *x509.RevocationList) {
	t.Helper()
	if !list.ThisUpdate.Equal(std.ThisUpdate) || !list.NextUpdate.Equal(std.NextUpdate) {
		t.Errorf("got a list from %v to %v, want %v to %v", list.ThisUpdate, list.NextUpdate, std.ThisUpdate, std.NextUpdate)
	}
	want := 0
	for _, e := range std.RevokedCertificateEntries {
		if e.ReasonCode == 8 {
			continue
		}
		want++
		if got := list.Find(&x509.Certificate{SerialNumber: e.SerialNumber}); got.Status != revocation.Revoked {
			t.Errorf("Find of %v: got %v, want revoked", e.SerialNumber, got.Status)
		}
	}
	if list.Len() != want {
		t.Errorf("got %d revocations, want %d", list.Len(), want)
	}
}
