package revocation_test

import (
	"bytes"
	"crypto"
	_ "crypto/md5" // for a CertID that nobody should make
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/revocation"

	"github.com/google/go-cmp/cmp"
)

func TestOC6Statuses(t *testing.T) {
	t.Parallel()
	base := revocation.Answer{
		ThisUpdate: codecNow.Add(-time.Minute), ProducedAt: codecNow.Add(-time.Minute),
		NextUpdate: codecNow.Add(time.Hour),
	}
	revoked := func(why string) revocation.Answer {
		a := base
		a.Status, a.RevokedAt, a.Why = revocation.Revoked, codecNow.Add(-24*time.Hour), why
		a.Hold = why == "certificateHold"
		return a
	}
	good, unknown, open := base, base, base
	good.Status, unknown.Status, open.Status = revocation.Good, revocation.Unknown, revocation.Good
	open.NextUpdate = time.Time{}
	for name, tc := range map[string]struct {
		change func(*testSingle)
		want   revocation.Answer
	}{
		"good":                    {func(*testSingle) {}, good},
		"unknown":                 {func(s *testSingle) { s.status = revocation.Unknown }, unknown},
		"no nextUpdate":           {func(s *testSingle) { s.next = 0 }, open},
		"revoked without reason":  {func(s *testSingle) { s.status = revocation.Revoked }, revoked("")},
		"revoked for unspecified": {func(s *testSingle) { s.status, s.reason = revocation.Revoked, 0 }, revoked("unspecified")},
		"key compromise":          {func(s *testSingle) { s.status, s.reason = revocation.Revoked, 1 }, revoked("keyCompromise")},
		"on hold":                 {func(s *testSingle) { s.status, s.reason = revocation.Revoked, 6 }, revoked("certificateHold")},
		"a reason without a word": {func(s *testSingle) { s.status, s.reason = revocation.Revoked, 7 }, revoked("reason 7")},
		"a reason of tomorrow":    {func(s *testSingle) { s.status, s.reason = revocation.Revoked, 99 }, revoked("reason 99")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := goodAnswer()
			tc.change(&a.singles[0])
			got, err := verifyLeaf(a.der(), revocation.VerifyOptions{})
			if err != nil {
				t.Fatalf("VerifyResponse: %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("VerifyResponse (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOC6ResponderDeclines(t *testing.T) {
	t.Parallel()
	for status, detail := range map[byte]string{
		1: "malformedRequest", 2: "internalError", 3: "tryLater", 5: "sigRequired", 6: "unauthorized",
		4: "unknown status 4", 77: "unknown status 77",
	} {
		der := []byte{0x30, 3, 0x0A, 1, status}
		a, err := verifyLeaf(der, revocation.VerifyOptions{})
		checkRefusal(t, err, audit.OCSPUnavailable, detail)
		if a.Status != revocation.None {
			t.Errorf("got status %v with an error, want none", a.Status)
		}
	}
}

func TestOC1CertIDMustMatchWhole(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	for name, tc := range map[string]struct {
		change func(*testSingle)
		detail string
	}{
		"serial of another certificate": {
			func(s *testSingle) { s.cert = f.ca.Certificate }, "speaks of other certificates only"},
		"right serial of another issuer": {
			func(s *testSingle) { s.cert, s.issuer = f.twin, f.other.Certificate }, "another CA's certificate"},
		"right key and wrong name": {
			func(s *testSingle) { s.nameIssuer = f.other.Certificate }, "another CA's certificate"},
		"right name and wrong key": {
			func(s *testSingle) { s.issuer, s.nameIssuer = f.other.Certificate, f.ca.Certificate }, "another CA's certificate"},
		"hash that is not known": {
			func(s *testSingle) { s.hash = crypto.MD5 }, "another CA's certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := goodAnswer()
			tc.change(&a.singles[0])
			_, err := verifyLeaf(a.der(), revocation.VerifyOptions{})
			checkRefusal(t, err, audit.OCSPUnauthorized, tc.detail)
		})
	}
	a := goodAnswer()
	a.singles = nil
	_, err := verifyLeaf(a.der(), revocation.VerifyOptions{})
	checkRefusal(t, err, audit.OCSPUnauthorized, "speaks of other certificates only")
}

func TestOC18CertIDHashes(t *testing.T) {
	t.Parallel()
	for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		a := goodAnswer()
		a.singles[0].hash = hash
		got, err := verifyLeaf(a.der(), revocation.VerifyOptions{})
		if err != nil || got.Status != revocation.Good {
			t.Errorf("VerifyResponse with a CertID of %v: got %v, %v, want good", hash, got.Status, err)
		}
	}
}

func TestOC5SeveralSingleResponses(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	about := func(status revocation.Status, this time.Duration) testSingle {
		s := goodSingle()
		s.status, s.this = status, this
		return s
	}
	twin := testSingle{cert: f.twin, issuer: f.other.Certificate, status: revocation.Revoked, reason: -1, next: time.Hour}
	hold := about(revocation.Revoked, -time.Minute)
	hold.reason = 6
	const old = -time.Hour
	for name, tc := range map[string]struct {
		singles []testSingle
		want    revocation.Status
		hold    bool
	}{
		"the match comes last":           {[]testSingle{twin, about(revocation.Good, -time.Minute)}, revocation.Good, false},
		"the match comes first":          {[]testSingle{about(revocation.Revoked, -time.Minute), twin}, revocation.Revoked, false},
		"the newest counts":              {[]testSingle{about(revocation.Good, old), about(revocation.Revoked, -time.Minute)}, revocation.Revoked, false},
		"the newest counts, if good too": {[]testSingle{about(revocation.Revoked, old), about(revocation.Good, -time.Minute)}, revocation.Good, false},
		"of one time revoked, behind":    {[]testSingle{about(revocation.Good, old), about(revocation.Revoked, old)}, revocation.Revoked, false},
		"of one time revoked, in front":  {[]testSingle{about(revocation.Revoked, old), about(revocation.Good, old)}, revocation.Revoked, false},
		"of one time unknown, not good":  {[]testSingle{about(revocation.Unknown, old), about(revocation.Good, old)}, revocation.Unknown, false},
		"for good rather than on hold":   {[]testSingle{hold, about(revocation.Revoked, -time.Minute)}, revocation.Revoked, false},
		"on hold":                        {[]testSingle{hold, twin}, revocation.Revoked, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := goodAnswer()
			a.singles = tc.singles
			got, err := verifyLeaf(a.der(), revocation.VerifyOptions{})
			if err != nil || got.Status != tc.want || got.Hold != tc.hold {
				t.Errorf("VerifyResponse: got %v, hold %t, %v, want %v, hold %t", got.Status, got.Hold, err, tc.want, tc.hold)
			}
		})
	}
}

func TestOC7Nonce(t *testing.T) {
	t.Parallel()
	nonce := []byte("0123456789abcdef0123456789abcdef")
	carry := func(value []byte) []byte {
		a := goodAnswer()
		a.extensions = []pkix.Extension{{Id: oidOCSPNonce, Value: value}}
		return a.der()
	}
	wrapped := must(asn1.Marshal(nonce))
	for name, tc := range map[string]struct {
		der    []byte
		asked  []byte
		echoed bool
		detail string // of the refusal
	}{
		"echoed":        {carry(wrapped), nonce, true, ""},
		"missing":       {goodAnswer().der(), nonce, false, ""},
		"not asked for": {carry(wrapped), nil, false, ""},
		"another":       {carry(must(asn1.Marshal([]byte("0123456789abcdef0123456789abcdeF")))), nonce, false, "another nonce"},
		"cut":           {carry(must(asn1.Marshal(nonce[:16]))), nonce, false, "another nonce"},
		"empty":         {carry(must(asn1.Marshal([]byte{}))), nonce, false, "another nonce"},
		"not wrapped":   {carry(nonce), nonce, false, "another nonce"},
		"longer":        {carry(append(wrapped, 0)), nonce, false, "another nonce"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := verifyLeaf(tc.der, revocation.VerifyOptions{Nonce: tc.asked})
			if tc.detail != "" {
				checkRefusal(t, err, audit.OCSPUnauthorized, tc.detail)
			} else if err != nil || got.NonceEchoed != tc.echoed {
				t.Errorf("VerifyResponse: got echoed %t, %v, want %t", got.NonceEchoed, err, tc.echoed)
			}
		})
	}
}

func TestOC3DatesOfAnAnswer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		this, next, produced time.Duration
		cached               bool
		reason               audit.Reason // none: accepted
		detail               string
	}{
		"in force":                      {this: -time.Minute, next: time.Hour, produced: -time.Minute},
		"ahead within the skew":         {this: codecSkew, next: time.Hour, produced: codecSkew},
		"thisUpdate in the future":      {codecSkew + time.Second, time.Hour, codecSkew + time.Second, false, audit.OCSPStale, "thisUpdate is 2026-10-03T12:05:01Z"},
		"producedAt in the future":      {-time.Minute, 2 * time.Hour, time.Hour, false, audit.OCSPStale, "producedAt is 2026-10-03T13:00:00Z"},
		"the future, from the cache":    {this: time.Hour, next: 2 * time.Hour, produced: time.Hour, cached: true},
		"stale is the caller's to say":  {this: -48 * time.Hour, next: -24 * time.Hour, produced: -48 * time.Hour},
		"nextUpdate before thisUpdate":  {-time.Minute, -time.Hour, -time.Minute, false, audit.OCSPUnavailable, "nextUpdate lies before"},
		"thisUpdate after producedAt":   {-time.Minute, time.Hour, -time.Hour, true, audit.OCSPUnavailable, "thisUpdate lies after"},
		"thisUpdate just after it":      {this: -time.Minute, next: time.Hour, produced: -2 * time.Minute},
		"produced long after, as by CA": {this: -72 * time.Hour, next: time.Hour, produced: -time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := goodAnswer()
			a.produced, a.singles[0].this, a.singles[0].next = tc.produced, tc.this, tc.next
			_, err := verifyLeaf(a.der(), revocation.VerifyOptions{FromCache: tc.cached})
			if tc.reason != "" {
				checkRefusal(t, err, tc.reason, tc.detail)
			} else if err != nil {
				t.Errorf("VerifyResponse: got %v, want an answer", err)
			}
		})
	}
}

func TestUnknownCriticalExtensions(t *testing.T) {
	t.Parallel()
	unknown := func(critical bool) []pkix.Extension {
		return []pkix.Extension{{Id: oidNobodyKnows, Critical: critical, Value: asn1.NullBytes}}
	}
	twin := testSingle{cert: codecPKI().twin, issuer: codecPKI().other.Certificate, extensions: unknown(true)}
	for name, tc := range map[string]struct {
		change func(*testAnswer)
		detail string
	}{
		"in the answer, critical":    {func(a *testAnswer) { a.extensions = unknown(true) }, "1.2.3.4.5"},
		"in the answer":              {func(a *testAnswer) { a.extensions = unknown(false) }, ""},
		"in the statement, critical": {func(a *testAnswer) { a.singles[0].extensions = unknown(true) }, "1.2.3.4.5"},
		"in the statement":           {func(a *testAnswer) { a.singles[0].extensions = unknown(false) }, ""},
		"in another's statement":     {func(a *testAnswer) { a.singles = append(a.singles, twin) }, ""},
		"twice":                      {func(a *testAnswer) { a.extensions = append(unknown(false), unknown(false)...) }, "extensions cannot be read"},
		"a critical one that is known": {func(a *testAnswer) {
			a.extensions = []pkix.Extension{{Id: oidOCSPNonce, Critical: true, Value: []byte{4, 0}}}
		}, ""},
		"thirty-two":   {func(a *testAnswer) { a.extensions = manyExtensions(32) }, ""},
		"thirty-three": {func(a *testAnswer) { a.extensions = manyExtensions(33) }, "extensions cannot be read"},
		"an identifier beyond integers": {func(a *testAnswer) {
			a.singles[0].extensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 1 << 30}, Critical: true}}
		}, "1.2.1073741824"},
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

func manyExtensions(n int) []pkix.Extension {
	list := make([]pkix.Extension, n)
	for i := range list {
		list[i] = pkix.Extension{Id: append(oidNobodyKnows[:5:5], i), Value: asn1.NullBytes}
	}
	return list
}

// RFC 6960 §4.1.1 hashes the issuer's name as the certificate has it. Where the CA's own
// certificate spells it otherwise, responders that take that one are understood too.
func TestOC1IssuerSpeltInTwoWays(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	respelt := *f.leaf
	respelt.RawIssuer = must(asn1.Marshal(pkix.Name{CommonName: "GATEHOUSE LAB"}.ToRDNSequence()))
	asInLeaf := *f.ca.Certificate
	asInLeaf.RawSubject = respelt.RawIssuer
	for name, nameIssuer := range map[string]*x509.Certificate{
		"as the CA's certificate": f.ca.Certificate, "as the certificate": &asInLeaf,
	} {
		a := goodAnswer()
		a.singles[0].nameIssuer = nameIssuer
		got, err := revocation.VerifyResponse(a.der(), &respelt, f.ca.Certificate,
			revocation.VerifyOptions{Now: codecNow, Skew: codecSkew})
		if err != nil || got.Status != revocation.Good {
			t.Errorf("VerifyResponse, name spelt %s: got %v, %v, want good", name, got.Status, err)
		}
	}
	own := must(revocation.NewRequest(&respelt, f.ca.Certificate, revocation.RequestOptions{}))
	want := must(revocation.NewRequest(&respelt, &asInLeaf, revocation.RequestOptions{}))
	if !bytes.Equal(own, want) {
		t.Errorf("NewRequest: got %x, want the name as the certificate has it: %x", own, want)
	}
}
