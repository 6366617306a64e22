package revocation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// codecNow is the time of the tests that ask no real peer.
var codecNow = time.Date(2026, 10, 3, 12, 0, 0, 0, time.UTC)

const codecSkew = 5 * time.Minute

var (
	oidOCSPSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 9}
	oidOCSPNoCheck = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
	oidOCSPNonce   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}
	oidNobodyKnows = asn1.ObjectIdentifier{1, 2, 3, 4, 5}
)

var noCheck = []pkix.Extension{{Id: oidOCSPNoCheck, Value: asn1.NullBytes}}

// codecFixture is a root with an intermediate, a leaf of the intermediate, and another CA with
// a certificate of the same serial number.
type codecFixture struct {
	root, ca, other *lab.CA
	leaf, twin      *x509.Certificate
}

// codecPKI is shared: making it costs keys, and nobody changes it.
var codecPKI = sync.OnceValue(func() codecFixture {
	var f codecFixture
	f.root = must(lab.NewCA(lab.CAOptions{Options: lab.Options{Now: codecNow}}))
	f.ca = must(f.root.NewIntermediate(lab.CAOptions{Options: lab.Options{Now: codecNow}}))
	f.other = must(f.root.NewIntermediate(lab.CAOptions{
		Options: lab.Options{Now: codecNow}, Name: "another CA",
	}))
	f.leaf = must(f.ca.IssueUser(lab.UserOptions{Options: lab.Options{Now: codecNow}})).Certificate
	f.twin = must(f.other.IssueUser(lab.UserOptions{
		Options: lab.Options{Now: codecNow, Serial: f.leaf.SerialNumber},
	})).Certificate
	return f
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// codecDelegate issues a certificate for signing OCSP answers; o says what is odd about it.
func codecDelegate(t testing.TB, ca *lab.CA, o lab.UserOptions) *lab.Leaf {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = codecNow.Add(-time.Hour)
	}
	if o.Usages == nil {
		o.Usages = []asn1.ObjectIdentifier{oidOCSPSigning}
	}
	leaf, err := ca.IssueUser(o)
	if err != nil || leaf.ParseError != nil {
		t.Fatalf("IssueUser: %v, %v", err, leaf.ParseError)
	}
	return leaf
}

// A testSigner signs answers and lists.
type testSigner struct {
	cert  *x509.Certificate
	key   crypto.Signer
	sha1  bool // sign with SHA-1
	pss   crypto.Hash
	spoil bool // damage the signature
}

func signerOf(ca *lab.CA) testSigner { return testSigner{cert: ca.Certificate, key: ca.Key} }
func signerFrom(leaf *lab.Leaf) testSigner {
	return testSigner{cert: leaf.Certificate, key: leaf.Key}
}

// algorithm returns the AlgorithmIdentifier and what to sign with.
func (s testSigner) algorithm() (pkix.AlgorithmIdentifier, crypto.SignerOpts) {
	null := asn1.NullRawValue
	switch key := s.key.(type) {
	case ed25519.PrivateKey:
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 101, 112}}, crypto.Hash(0)
	case *rsa.PrivateKey:
		switch {
		case s.pss != 0:
			return pssIdentifier(s.pss), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.pss}
		case s.sha1:
			return pkix.AlgorithmIdentifier{
				Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, Parameters: null}, crypto.SHA1
		}
		return pkix.AlgorithmIdentifier{
			Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Parameters: null}, crypto.SHA256
	case *ecdsa.PrivateKey:
		switch {
		case s.sha1:
			return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}}, crypto.SHA1
		case key.Params().BitSize == 384:
			return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}}, crypto.SHA384
		case key.Params().BitSize == 521:
			return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}}, crypto.SHA512
		}
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}, crypto.SHA256
	}
	panic("no such key")
}

func pssIdentifier(hash crypto.Hash) pkix.AlgorithmIdentifier {
	last := map[crypto.Hash]int{crypto.SHA256: 1, crypto.SHA384: 2, crypto.SHA512: 3}[hash]
	ai := pkix.AlgorithmIdentifier{
		Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, last}, Parameters: asn1.NullRawValue,
	}
	mgf := pkix.AlgorithmIdentifier{
		Algorithm:  asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8},
		Parameters: asn1.RawValue{FullBytes: must(asn1.Marshal(ai))},
	}
	parameters := struct {
		Hash pkix.AlgorithmIdentifier `asn1:"explicit,tag:0"`
		MGF  pkix.AlgorithmIdentifier `asn1:"explicit,tag:1"`
		Salt int                      `asn1:"explicit,tag:2"`
	}{ai, mgf, hash.Size()}
	return pkix.AlgorithmIdentifier{
		Algorithm:  asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10},
		Parameters: asn1.RawValue{FullBytes: must(asn1.Marshal(parameters))},
	}
}

// seal puts algorithm and signature behind what is signed, and further fields behind them.
func (s testSigner) seal(signed []byte, further func(*cryptobyte.Builder)) []byte {
	ai, opts := s.algorithm()
	input := signed
	if h := opts.HashFunc(); h != 0 {
		sum := h.New()
		sum.Write(signed)
		input = sum.Sum(nil)
	}
	signature := must(s.key.Sign(rand.Reader, input, opts))
	if s.spoil {
		signature[len(signature)-1] ^= 1
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(signed)
			b.AddBytes(must(asn1.Marshal(ai)))
			b.AddASN1BitString(signature)
			if further != nil {
				further(b)
			}
		})
	})
}

func build(fill func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	fill(&b)
	return b.BytesOrPanic()
}

func tagged(n uint8) cbasn1.Tag { return cbasn1.Tag(n).Constructed().ContextSpecific() }

func addTestExtensions(b *cryptobyte.Builder, tag uint8, list []pkix.Extension) {
	if len(list) > 0 {
		b.AddASN1(tagged(tag), func(b *cryptobyte.Builder) { b.AddBytes(must(asn1.Marshal(list))) })
	}
}

// keyBits is what key hashes are made of.
func keyBits(c *x509.Certificate) []byte {
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &spki); err != nil {
		panic(err)
	}
	return spki.Key.Bytes
}

// checkRefusal expects an *Error with the reason, and detail in its text.
func checkRefusal(t testing.TB, err error, reason audit.Reason, detail string) {
	t.Helper()
	var e *revocation.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error %s: %q", err, reason, detail)
	}
	if e.Reason != reason || !strings.Contains(e.Detail, detail) || detail == "" {
		t.Errorf("got %s: %q, want %s: %q", e.Reason, e.Detail, reason, detail)
	}
	if strings.ContainsAny(e.Detail, "\n\r\x00") {
		t.Errorf("got detail %q, want one line", e.Detail)
	}
}
