package revocation_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"
	"unsafe"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidDelta       = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIssuingDP   = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidReason      = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidOtherIssuer = asn1.ObjectIdentifier{2, 5, 29, 29}
	oidAuthKeyID   = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidCRLPoints   = asn1.ObjectIdentifier{2, 5, 29, 31}
)

// A testCRL is a list; the zero values of version and next stand for "left out".
type testCRL struct {
	signer     testSigner
	issuer     []byte // name; nil: the signer's
	version    int64
	next       time.Duration
	entries    []testEntry
	extensions []pkix.Extension
	otherInner bool // the algorithm inside differs from the one outside
}

type testEntry struct {
	serial     *big.Int
	reason     int // below 0: none
	extensions []pkix.Extension
}

func goodCRL(entries ...testEntry) testCRL {
	return testCRL{signer: signerOf(codecPKI().ca), version: 1, next: 24 * time.Hour, entries: entries}
}

func entryOf(c *x509.Certificate, reason int) testEntry {
	return testEntry{serial: c.SerialNumber, reason: reason}
}

func (c testCRL) der() []byte { return c.signer.seal(c.tbs(), nil) }

func (c testCRL) tbs() []byte {
	ai, _ := c.signer.algorithm()
	if c.otherInner {
		ai.Algorithm = asn1.ObjectIdentifier{1, 3, 101, 112}
	}
	issuer := c.issuer
	if issuer == nil {
		issuer = c.signer.cert.RawSubject
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if c.version != 0 {
				b.AddASN1Int64(c.version)
			}
			b.AddBytes(must(asn1.Marshal(ai)))
			b.AddBytes(issuer)
			b.AddASN1UTCTime(codecNow.Add(-time.Hour))
			if c.next != 0 {
				b.AddASN1GeneralizedTime(codecNow.Add(c.next))
			}
			if len(c.entries) > 0 {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					for _, e := range c.entries {
						b.AddASN1(cbasn1.SEQUENCE, e.add)
					}
				})
			}
			addTestExtensions(b, 0, c.extensions)
		})
	})
}

func (e testEntry) add(b *cryptobyte.Builder) {
	b.AddASN1BigInt(e.serial)
	b.AddASN1UTCTime(codecNow.Add(-2 * time.Hour))
	list := e.extensions
	if e.reason >= 0 {
		value := must(asn1.Marshal(asn1.Enumerated(e.reason)))
		list = append([]pkix.Extension{{Id: oidReason, Value: value}}, list...)
	}
	if len(list) > 0 {
		b.AddBytes(must(asn1.Marshal(list)))
	}
}

func verifyCRL(der []byte) (*revocation.List, error) {
	return revocation.VerifyCRL(der, codecPKI().ca.Certificate)
}

func TestOC19CRLFindsTheRevoked(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	plain := revocation.Answer{
		ThisUpdate: codecNow.Add(-time.Hour), ProducedAt: codecNow.Add(-time.Hour),
		NextUpdate: codecNow.Add(24 * time.Hour),
	}
	revoked := func(why string, hold bool) revocation.Answer {
		a := plain
		a.Status, a.RevokedAt, a.Why, a.Hold = revocation.Revoked, codecNow.Add(-2*time.Hour), why, hold
		return a
	}
	good := plain
	good.Status = revocation.Good
	leaf := func(reason int) testEntry { return entryOf(f.leaf, reason) }
	for name, tc := range map[string]struct {
		entries []testEntry
		want    revocation.Answer
		length  int
	}{
		"empty":                       {nil, good, 0},
		"others only":                 {[]testEntry{entryOf(f.root.Certificate, 1), entryOf(f.ca.Certificate, -1)}, good, 2},
		"revoked":                     {[]testEntry{entryOf(f.root.Certificate, 1), leaf(-1)}, revoked("", false), 2},
		"key compromise":              {[]testEntry{leaf(1)}, revoked("keyCompromise", false), 1},
		"on hold":                     {[]testEntry{leaf(6)}, revoked("certificateHold", true), 1},
		"removed in a complete list":  {[]testEntry{leaf(8)}, good, 0},
		"twice, on hold and for good": {[]testEntry{leaf(6), leaf(4)}, revoked("superseded", false), 2},
		"twice, for good and on hold": {[]testEntry{leaf(-1), leaf(6)}, revoked("", false), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := verifyCRL(goodCRL(tc.entries...).der())
			if err != nil {
				t.Fatalf("VerifyCRL: %v", err)
			}
			if diff := cmp.Diff(tc.want, list.Find(f.leaf)); diff != "" {
				t.Errorf("Find (-want +got):\n%s", diff)
			}
			if list.Len() != tc.length || list.Issuer != revocation.IssuerOf(f.ca.Certificate) {
				t.Errorf("VerifyCRL: got %d revocations of issuer %x, want %d", list.Len(), list.Issuer, tc.length)
			}
		})
	}
}

func TestCRLSerialsAreNotTakenForEachOther(t *testing.T) {
	t.Parallel()
	long := new(big.Int).Lsh(big.NewInt(1), 159)
	numbers := []*big.Int{
		big.NewInt(0), big.NewInt(1), big.NewInt(-1), big.NewInt(127), big.NewInt(128), big.NewInt(-128), big.NewInt(-129),
		big.NewInt(255), big.NewInt(256), big.NewInt(-256), long, new(big.Int).Neg(long), new(big.Int).Lsh(long, 400),
	}
	for i, n := range numbers {
		list, err := verifyCRL(goodCRL(testEntry{serial: n, reason: -1}).der())
		if err != nil {
			t.Fatalf("VerifyCRL with the serial number %v: %v", n, err)
		}
		for j, other := range numbers {
			got := list.Find(&x509.Certificate{SerialNumber: other}).Status
			if (got == revocation.Revoked) != (i == j) {
				t.Errorf("Find of %v on a list with %v: got %v", other, n, got)
			}
		}
	}
}

// A list is what the standard library makes of it, too.
func TestCRLByStandardLibrary(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	template := &x509.RevocationList{Number: big.NewInt(7), ThisUpdate: codecNow, NextUpdate: codecNow.Add(time.Hour)}
	for i := range 300 {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: big.NewInt(int64(i*i + 1)), RevocationTime: codecNow.Add(-time.Duration(i) * time.Hour), ReasonCode: i % 6,
		})
	}
	list, err := verifyCRL(must(x509.CreateRevocationList(rand.Reader, template, f.ca.Certificate, f.ca.Key)))
	if err != nil || list.Len() != 300 {
		t.Fatalf("VerifyCRL: %v", err)
	}
	for _, e := range template.RevokedCertificateEntries {
		got := list.Find(&x509.Certificate{SerialNumber: e.SerialNumber})
		if got.Status != revocation.Revoked || !got.RevokedAt.Equal(e.RevocationTime) {
			t.Errorf("Find of %v: got %+v, want revoked at %v", e.SerialNumber, got, e.RevocationTime)
		}
	}
	for _, n := range []int64{0, 3, 4, 90000} {
		if got := list.Find(&x509.Certificate{SerialNumber: big.NewInt(n)}); got.Status != revocation.Good {
			t.Errorf("Find of %d: got %v, want good", n, got.Status)
		}
	}
}

func TestOC19CRLRefusals(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	noUsage := must(f.root.NewIntermediate(lab.CAOptions{Options: lab.Options{Now: codecNow}, Name: "no lists"}))
	noUsage.Certificate.KeyUsage &^= x509.KeyUsageCRLSign
	extension := func(id asn1.ObjectIdentifier, critical bool, value []byte) func(*testCRL) {
		return func(c *testCRL) { c.extensions = []pkix.Extension{{Id: id, Critical: critical, Value: value}} }
	}
	entry := func(id asn1.ObjectIdentifier, critical bool, value []byte) func(*testCRL) {
		return func(c *testCRL) {
			c.entries = []testEntry{{serial: big.NewInt(1), reason: -1,
				extensions: []pkix.Extension{{Id: id, Critical: critical, Value: value}}}}
		}
	}
	keyID := must(asn1.Marshal(struct {
		ID []byte `asn1:"tag:0"`
	}{[]byte("another key")}))
	const unauthorized, unusable = audit.OCSPUnauthorized, audit.OCSPUnavailable
	for name, tc := range map[string]struct {
		change func(*testCRL)
		reason audit.Reason
		detail string
	}{
		"of another CA":           {func(c *testCRL) { c.signer = signerOf(f.other) }, unauthorized, "but of another"},
		"in the CA's name":        {func(c *testCRL) { c.signer, c.issuer = signerOf(f.other), f.ca.Certificate.RawSubject }, unauthorized, "signature does not verify"},
		"damaged signature":       {func(c *testCRL) { c.signer.spoil = true }, unauthorized, "signature does not verify"},
		"SHA-1":                   {func(c *testCRL) { c.signer.sha1 = true }, unauthorized, "signed with SHA-1"},
		"without cRLSign":         {func(c *testCRL) { c.signer = signerOf(noUsage) }, unauthorized, "lacks cRLSign"},
		"of another key":          {extension(oidAuthKeyID, false, keyID), unauthorized, "the key identifiers differ"},
		"no nextUpdate":           {func(c *testCRL) { c.next = 0 }, audit.CRLStale, "no nextUpdate"},
		"nextUpdate too early":    {func(c *testCRL) { c.next = -2 * time.Hour }, unusable, "before its thisUpdate"},
		"version 3":               {func(c *testCRL) { c.version = 2 }, unusable, "neither version 1 nor 2"},
		"two algorithms":          {func(c *testCRL) { c.otherInner = true }, unusable, "signature algorithm differ"},
		"delta":                   {extension(oidDelta, true, []byte{2, 1, 1}), unusable, "delta CRL"},
		"delta, not critical":     {extension(oidDelta, false, []byte{2, 1, 1}), unusable, "delta CRL"},
		"unknown critical":        {extension(oidNobodyKnows, true, nil), unusable, "1.2.3.4.5"},
		"unknown on a revocation": {entry(oidNobodyKnows, true, nil), unusable, "1.2.3.4.5"},
		"other CAs' entries":      {entry(oidOtherIssuer, true, nil), unusable, "indirect"},
		"reason that is none":     {entry(oidReason, false, []byte{2, 1, 1}), unusable, "cannot be read"},
		"reason below zero":       {entry(oidReason, false, []byte{0x0A, 1, 0xFF}), unusable, "cannot be read"},
		"indirect":                {extension(oidIssuingDP, true, []byte{0x30, 3, 0x84, 1, 0xFF}), unusable, "indirect"},
		"some reasons":            {extension(oidIssuingDP, true, []byte{0x30, 4, 0x83, 2, 1, 6}), unusable, "some reasons only"},
		"attribute certificates":  {extension(oidIssuingDP, true, []byte{0x30, 3, 0x85, 1, 0xFF}), unusable, "attribute certificates only"},
		"users and CAs only":      {extension(oidIssuingDP, true, []byte{0x30, 6, 0x81, 1, 0xFF, 0x82, 1, 0xFF}), unusable, "for CA certificates only"},
		"relative point":          {extension(oidIssuingDP, true, []byte{0x30, 4, 0xA0, 2, 0xA1, 0}), unusable, "relative to its issuer"},
		"point without URI":       {extension(oidIssuingDP, true, []byte{0x30, 6, 0xA0, 4, 0xA0, 2, 0x81, 0}), unusable, "has no URI"},
		"flag that is no flag":    {extension(oidIssuingDP, true, []byte{0x30, 3, 0x84, 1, 1}), unusable, "issuing distribution point cannot be read"},
		"too many points":         {extension(oidIssuingDP, true, issuingPoints(make([]string, 17)...)), unusable, "too many names"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := goodCRL()
			tc.change(&c)
			issuer := f.ca.Certificate
			if name == "without cRLSign" {
				issuer = noUsage.Certificate
			}
			_, err := revocation.VerifyCRL(c.der(), issuer)
			checkRefusal(t, err, tc.reason, tc.detail)
		})
	}
}

func TestMalformedCRLs(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	good := goodCRL(entryOf(f.leaf, 1), entryOf(f.ca.Certificate, -1)).der()
	for n := range good {
		if _, err := verifyCRL(good[:n]); err == nil {
			t.Fatalf("VerifyCRL of the first %d octets: got a list", n)
		}
	}
	for i := range good {
		der := append([]byte(nil), good...)
		der[i] ^= 1
		if _, err := verifyCRL(der); err == nil {
			t.Fatalf("VerifyCRL with octet %d changed: got a list", i)
		}
	}
	_, err := verifyCRL(append(good, 0))
	checkRefusal(t, err, audit.OCSPUnavailable, "malformed")
	_, err = verifyCRL([]byte("-----BEGIN X509 CRL-----"))
	checkRefusal(t, err, audit.OCSPUnavailable, "malformed")
	_, err = verifyCRL(make([]byte, revocation.MaxCRLBytes+1))
	checkRefusal(t, err, audit.OCSPUnavailable, "at most 8388608 are accepted")
}

// A list of version 1 has no extensions, and a root of old no key usage: both are legal.
func TestCRLOfVersion1(t *testing.T) {
	t.Parallel()
	c := goodCRL()
	c.version = 0
	if _, err := verifyCRL(c.der()); err != nil {
		t.Errorf("VerifyCRL: got %v, want a list", err)
	}
}

// Not parallel: it counts allocations.
func TestCRLTakesLittleMemory(t *testing.T) {
	if size := unsafe.Sizeof(revocation.Revocation{}); size > 24 {
		t.Errorf("a revocation takes %d bytes, want at most 24", size)
	}
	big := largeCRL(1000)
	list, err := revocation.VerifyCRL(big, codecPKI().ca.Certificate)
	if err != nil || list.Len() != 1000 {
		t.Fatalf("VerifyCRL: %v", err)
	}
	allocations := testing.AllocsPerRun(5, func() { _, _ = revocation.VerifyCRL(big, codecPKI().ca.Certificate) })
	if allocations > 150 {
		t.Errorf("VerifyCRL of 1000 revocations: got %v allocations: some are made for each", allocations)
	}
}

// largeCRL revokes n certificates with serial numbers of 16 octets.
func largeCRL(n int) []byte {
	entries := make([]testEntry, n)
	for i := range entries {
		serial := bytes.Repeat([]byte{byte(i), byte(i >> 8), byte(i >> 16), 0x55}, 4)
		entries[i] = testEntry{serial: new(big.Int).SetBytes(append([]byte{1}, serial[1:]...)), reason: i % 6}
	}
	return goodCRL(entries...).der()
}
