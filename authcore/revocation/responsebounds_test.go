package revocation_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/revocation"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

func TestAnswerBounds(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	twin := testSingle{cert: f.twin, issuer: f.other.Certificate}
	many := func(n int) []testSingle {
		list := make([]testSingle, n)
		for i := range list {
			list[i] = twin
		}
		return append(list, goodSingle())
	}
	embedded := func(n int) []*x509.Certificate {
		list := make([]*x509.Certificate, n)
		for i := range list {
			list[i] = f.root.Certificate
		}
		return list
	}
	for name, tc := range map[string]struct {
		change func(*testAnswer)
		detail string
	}{
		"sixty-four statements": {func(a *testAnswer) { a.singles = many(63) }, ""},
		"one statement more":    {func(a *testAnswer) { a.singles = many(64) }, "more than 64 certificates"},
		"ten certificates":      {func(a *testAnswer) { a.embedded = embedded(10) }, ""},
		"one certificate more":  {func(a *testAnswer) { a.embedded = embedded(11) }, "more than 10 certificates"},
		"sixty-five kilobytes": {func(a *testAnswer) {
			a.extensions = []pkix.Extension{{Id: oidNobodyKnows, Value: make([]byte, 65<<10)}}
		}, "at most 65536 are accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := goodAnswer()
			tc.change(&a)
			_, err := verifyLeaf(a.der(), revocation.VerifyOptions{})
			if tc.detail != "" {
				checkRefusal(t, err, audit.OCSPUnavailable, tc.detail)
			} else if err != nil {
				t.Errorf("VerifyResponse: got %v, want an answer", err)
			}
		})
	}
}

func TestMalformedAnswers(t *testing.T) {
	t.Parallel()
	good := goodAnswer().der()
	enum := func(b *cryptobyte.Builder) { b.AddASN1Enum(0) }
	for name, der := range map[string][]byte{
		"empty":             nil,
		"text":              []byte("<html>sign in to the hotel</html>"),
		"something behind":  append(append([]byte(nil), good...), 0),
		"success alone":     build(func(b *cryptobyte.Builder) { b.AddASN1(cbasn1.SEQUENCE, enum) }),
		"an endless length": {0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x0A, 1, 0},
		"no fixed length":   {0x30, 0x80, 0x0A, 1, 0, 0, 0},
	} {
		if _, err := verifyLeaf(der, revocation.VerifyOptions{}); err == nil {
			t.Errorf("VerifyResponse of %s: got an answer", name)
		} else {
			checkRefusal(t, err, audit.OCSPUnavailable, "malformed")
		}
	}
	for n := range good {
		if _, err := verifyLeaf(good[:n], revocation.VerifyOptions{}); err == nil {
			t.Fatalf("VerifyResponse of the first %d octets: got an answer", n)
		}
	}
}

// No octet of an answer may change without notice: what is not signed decides nothing.
func TestEveryOctetCounts(t *testing.T) {
	t.Parallel()
	a := goodAnswer()
	a.singles[0].status = revocation.Revoked
	a.extensions = []pkix.Extension{{Id: oidOCSPNonce, Value: []byte{4, 1, 0x42}}}
	good := a.der()
	want, err := verifyLeaf(good, revocation.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for _, flip := range []byte{0x01, 0x80} {
			der := append([]byte(nil), good...)
			der[i] ^= flip
			got, err := verifyLeaf(der, revocation.VerifyOptions{})
			if err == nil && !cmp.Equal(got, want) {
				t.Errorf("VerifyResponse with octet %d changed by %#x: got %+v, want a refusal", i, flip, got)
			}
		}
	}
}

// What the right CA signs must be well-formed all the same.
func TestMalformedButSigned(t *testing.T) {
	t.Parallel()
	a := goodAnswer()
	data := a.data()
	versioned := func(v byte) []byte {
		var inner cryptobyte.String
		der := cryptobyte.String(data)
		der.ReadASN1(&inner, cbasn1.SEQUENCE)
		return build(func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(append([]byte{0xA0, 3, 2, 1, v}, inner...))
			})
		})
	}
	if _, err := verifyLeaf(wrapAnswer(a.signer.seal(versioned(0), nil)), revocation.VerifyOptions{}); err != nil {
		t.Errorf("VerifyResponse with version 1 spelt out: %v", err)
	}
	garbage := func(b *cryptobyte.Builder) { b.AddASN1NULL() }
	badList := func(b *cryptobyte.Builder) {
		b.AddASN1(tagged(0), func(b *cryptobyte.Builder) { b.AddASN1(cbasn1.SEQUENCE, garbage) })
	}
	shortHash := build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tagged(2), func(b *cryptobyte.Builder) { b.AddASN1OctetString([]byte{1, 2, 3}) })
		})
	})
	negative := goodAnswer()
	negative.singles[0].status, negative.singles[0].reason = revocation.Revoked, 255
	good := a.der()
	behind := append([]byte(nil), good...)
	behind = append(behind, 5, 0)
	behind[2], behind[3] = byte((len(behind)-4)>>8), byte(len(behind)-4) // the outer length grows by 2
	for name, tc := range map[string]struct {
		der    []byte
		detail string
	}{
		"version 2":            {wrapAnswer(a.signer.seal(versioned(1), nil)), "not of version 1"},
		"behind the signature": {wrapAnswer(a.signer.seal(data, garbage)), "signed part"},
		"certificates":         {wrapAnswer(a.signer.seal(data, badList)), "its certificates"},
		"short key hash":       {wrapAnswer(a.signer.seal(shortHash, nil)), "responderID"},
		"reason 255":           {negative.der(), "certStatus"},
		"inside the envelope":  {behind, "no OCSPResponse"},
	} {
		_, err := verifyLeaf(tc.der, revocation.VerifyOptions{})
		if err == nil {
			t.Errorf("VerifyResponse, %s: got an answer", name)
			continue
		}
		checkRefusal(t, err, audit.OCSPUnavailable, tc.detail)
	}
}
