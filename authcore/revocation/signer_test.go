package revocation_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"
)

func TestOC4IssuerSigns(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	for name, change := range map[string]func(*testAnswer){
		"by name":                       func(*testAnswer) {},
		"by key":                        func(a *testAnswer) { a.byKey = true },
		"its certificate embedded":      func(a *testAnswer) { a.embedded = []*x509.Certificate{f.ca.Certificate} },
		"its whole chain embedded":      func(a *testAnswer) { a.embedded = []*x509.Certificate{f.ca.Certificate, f.root.Certificate} },
		"by key, embedded":              func(a *testAnswer) { a.byKey, a.embedded = true, []*x509.Certificate{f.ca.Certificate} },
		"others' certificates embedded": func(a *testAnswer) { a.embedded = []*x509.Certificate{f.twin, f.leaf} },
	} {
		a := goodAnswer()
		change(&a)
		got, err := verifyLeaf(a.der(), revocation.VerifyOptions{})
		if err != nil || got.Status != revocation.Good || got.Signer != nil {
			t.Errorf("VerifyResponse, signed by the issuer, %s: got %v, signer %v, %v", name, got.Status, got.Signer, err)
		}
	}
}

func TestOC2DelegateSigns(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	exempt := codecDelegate(t, f.ca, lab.UserOptions{Options: lab.Options{Extensions: noCheck}})
	checked := codecDelegate(t, f.ca, lab.UserOptions{})
	critical := codecDelegate(t, f.ca, lab.UserOptions{Options: lab.Options{
		Extensions: []pkix.Extension{{Id: oidOCSPNoCheck, Critical: true, Value: asn1.NullBytes}},
	}})
	alsoClient := codecDelegate(t, f.ca, lab.UserOptions{Options: lab.Options{
		Extensions: noCheck, Usages: []asn1.ObjectIdentifier{lab.ClientAuth, oidOCSPSigning},
	}})
	aCA := codecDelegate(t, f.ca, lab.UserOptions{CA: true, Options: lab.Options{Extensions: noCheck}})
	sameName := codecDelegate(t, f.ca, lab.UserOptions{Options: lab.Options{Extensions: noCheck}})
	for name, tc := range map[string]struct {
		delegate *lab.Leaf
		byKey    bool
		others   []*x509.Certificate // embedded in front
		check    *x509.Certificate   // what is left to be checked
	}{
		"exempt from checks":           {delegate: exempt},
		"by key":                       {delegate: exempt, byKey: true},
		"exempt by critical extension": {delegate: critical},
		"to be checked":                {delegate: checked, check: checked.Certificate},
		"for client auth too":          {delegate: alsoClient},
		"with CA:TRUE":                 {delegate: aCA},
		"behind others":                {delegate: exempt, others: []*x509.Certificate{f.root.Certificate, f.twin}},
		"behind one of the same name":  {delegate: exempt, others: []*x509.Certificate{sameName.Certificate}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := goodAnswer()
			a.signer, a.byKey = signerFrom(tc.delegate), tc.byKey
			a.embedded = append(tc.others, tc.delegate.Certificate)
			got, err := verifyLeaf(a.der(), revocation.VerifyOptions{})
			if err != nil || got.Status != revocation.Good {
				t.Fatalf("VerifyResponse: got %v, %v, want good", got.Status, err)
			}
			if (got.Signer == nil) != (tc.check == nil) || tc.check != nil && !got.Signer.Equal(tc.check) {
				t.Errorf("VerifyResponse: got signer %v to check, want %v", got.Signer, tc.check)
			}
		})
	}
}

func TestOC2WrongSigner(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	delegate := func(ca *lab.CA, o lab.UserOptions) func(*testAnswer) {
		return func(a *testAnswer) {
			if o.Extensions == nil {
				o.Extensions = noCheck
			}
			leaf := codecDelegate(t, ca, o)
			a.signer, a.embedded = signerFrom(leaf), []*x509.Certificate{leaf.Certificate}
		}
	}
	usages := func(ids ...asn1.ObjectIdentifier) lab.UserOptions {
		return lab.UserOptions{Options: lab.Options{Usages: ids}}
	}
	dated := func(from, to time.Duration) lab.UserOptions {
		return lab.UserOptions{Options: lab.Options{NotBefore: codecNow.Add(from), NotAfter: codecNow.Add(to)}}
	}
	// namesake is another CA under the name of the leaf's issuer.
	namesake := must(lab.NewCA(lab.CAOptions{Options: lab.Options{Now: codecNow}, Name: f.ca.Certificate.Subject.CommonName}))
	for name, tc := range map[string]struct {
		change func(*testAnswer)
		detail string
	}{
		"another user's certificate": {delegate(f.ca, usages(lab.ClientAuth)), "lacks the extended key usage id-kp-OCSPSigning"},
		"any usage is not by name":   {delegate(f.ca, usages(lab.AnyUsage)), "lacks the extended key usage id-kp-OCSPSigning"},
		"no usage at all":            {delegate(f.ca, lab.UserOptions{Options: lab.Options{NoUsages: true}}), "lacks the extended key usage id-kp-OCSPSigning"},
		"delegate of a sister CA":    {delegate(f.other, lab.UserOptions{}), "was not issued by the CA"},
		"delegate of the root":       {delegate(f.root, lab.UserOptions{}), "was not issued by the CA"},
		"delegate of a namesake":     {delegate(namesake, lab.UserOptions{}), "was not signed by the CA"},
		"damaged delegate":           {delegate(f.ca, lab.UserOptions{Options: lab.Options{Damaged: true}}), "was not signed by the CA"},
		"expired":                    {delegate(f.ca, dated(-48*time.Hour, -time.Hour)), "had expired at"},
		"expired since it signed":    {delegate(f.ca, dated(-48*time.Hour, -codecSkew-time.Second)), "had expired at 2026-10-03T12:00:00Z"},
		"not yet valid":              {delegate(f.ca, dated(time.Hour, 48*time.Hour)), "was not yet valid at"},
		"no digitalSignature":        {delegate(f.ca, lab.UserOptions{NoDigitalSignature: true}), "key usage lacks digitalSignature"},
		"unknown critical extension": {delegate(f.ca, lab.UserOptions{CriticalExtension: oidNobodyKnows}), "critical extension 1.2.3.4.5"},
		"RSA of 1024 bits":           {delegate(f.ca, lab.UserOptions{Options: lab.Options{KeyKind: lab.WeakRSA1024}}), "has an RSA key of 1024 bits"},
		"P-224":                      {delegate(f.ca, lab.UserOptions{Options: lab.Options{KeyKind: lab.WeakP224}}), "key of a kind that is not supported"},
		"delegate signed with SHA-1": {delegate(f.ca, lab.UserOptions{Options: lab.Options{SHA1: true}}), "is itself signed with ECDSA-SHA1"},
		"the root":                   {func(a *testAnswer) { a.signer = signerOf(f.root) }, "signed neither by the CA"},
		"the root, embedded":         {func(a *testAnswer) { a.signer, a.embedded = signerOf(f.root), []*x509.Certificate{f.root.Certificate} }, "was not issued by the CA"},
		"namesake of the CA":         {func(a *testAnswer) { a.signer = signerOf(namesake) }, "does not verify with the CA's key"},
		"namesake, embedded": {func(a *testAnswer) {
			a.signer, a.embedded = signerOf(namesake), []*x509.Certificate{namesake.Certificate}
		}, "does not verify with the CA's key"},
		"wrong signature of the CA":    {func(a *testAnswer) { a.signer.spoil = true }, "does not verify with the CA's key"},
		"signed with SHA-1":            {func(a *testAnswer) { a.signer.sha1 = true }, "signed with SHA-1"},
		"delegate that is not carried": {func(a *testAnswer) { a.signer = signerFrom(codecDelegate(t, f.ca, lab.UserOptions{})) }, "signed neither by the CA"},
		"wrong signature of a delegate": {func(a *testAnswer) {
			delegate(f.ca, lab.UserOptions{})(a)
			a.signer.spoil = true
		}, "does not verify with the key of"},
	} {
		t.Run(name, func(t *testing.T) {
			a := goodAnswer()
			tc.change(&a)
			got, err := verifyLeaf(a.der(), revocation.VerifyOptions{})
			checkRefusal(t, err, audit.OCSPUnauthorized, tc.detail)
			if got.Status != revocation.None {
				t.Errorf("VerifyResponse: got status %v with an error, want none", got.Status)
			}
		})
	}
}

// An answer that was accepted stays one while the delegate's certificate runs out; one that
// was signed outside of its validity never becomes one.
func TestOC2DelegateOfCachedAnswer(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	leaf := codecDelegate(t, f.ca, lab.UserOptions{Options: lab.Options{
		Extensions: noCheck, NotBefore: codecNow.Add(-48 * time.Hour), NotAfter: codecNow.Add(-24 * time.Hour),
	}})
	a := goodAnswer()
	a.signer, a.embedded = signerFrom(leaf), []*x509.Certificate{leaf.Certificate}
	a.produced, a.singles[0].this = -36*time.Hour, -36*time.Hour
	der := a.der()
	if _, err := verifyLeaf(der, revocation.VerifyOptions{FromCache: true}); err != nil {
		t.Errorf("VerifyResponse from the cache: got %v, want an answer", err)
	}
	_, err := verifyLeaf(der, revocation.VerifyOptions{})
	checkRefusal(t, err, audit.OCSPUnauthorized, "had expired at 2026-10-03T12:00:00Z")
	a.produced = -time.Hour
	_, err = verifyLeaf(a.der(), revocation.VerifyOptions{FromCache: true})
	checkRefusal(t, err, audit.OCSPUnauthorized, "had expired at 2026-10-03T11:00:00Z when it signed")
}

// A delegate that is to be checked cannot answer for itself.
func TestOC2DelegateAboutItself(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	leaf := codecDelegate(t, f.ca, lab.UserOptions{})
	a := goodAnswer()
	a.signer, a.embedded = signerFrom(leaf), []*x509.Certificate{leaf.Certificate}
	a.singles[0].cert = leaf.Certificate
	verify := func() error {
		_, err := revocation.VerifyResponse(a.der(), leaf.Certificate, f.ca.Certificate,
			revocation.VerifyOptions{Now: codecNow, Skew: codecSkew})
		return err
	}
	checkRefusal(t, verify(), audit.OCSPUnauthorized, "speaks for itself")
	a.signer = signerOf(f.ca)
	if err := verify(); err != nil {
		t.Errorf("VerifyResponse about a delegate, signed by the CA: %v", err)
	}
}

func TestSignatureAlgorithms(t *testing.T) {
	t.Parallel()
	rsaKey := must(lab.NewKey(lab.RSA2048))
	for name, tc := range map[string]struct {
		kind lab.KeyKind
		key  crypto.Signer
		pss  crypto.Hash
		sha1 bool
		ok   bool
	}{
		"ECDSA P-256":        {kind: lab.P256, ok: true},
		"ECDSA P-384":        {kind: lab.P384, ok: true},
		"ECDSA P-521":        {kind: lab.P521, ok: true},
		"Ed25519":            {kind: lab.Ed25519, ok: true},
		"RSA":                {key: rsaKey, ok: true},
		"RSA-PSS SHA-256":    {key: rsaKey, pss: crypto.SHA256, ok: true},
		"RSA-PSS SHA-384":    {key: rsaKey, pss: crypto.SHA384, ok: true},
		"RSA-PSS SHA-512":    {key: rsaKey, pss: crypto.SHA512, ok: true},
		"RSA, SHA-1":         {key: rsaKey, sha1: true},
		"ECDSA P-256, SHA-1": {kind: lab.P256, sha1: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := must(lab.NewCA(lab.CAOptions{Options: lab.Options{KeyKind: tc.kind, Key: tc.key, Now: codecNow}}))
			leaf := must(ca.IssueUser(lab.UserOptions{Options: lab.Options{Now: codecNow}})).Certificate
			a := goodAnswer()
			a.signer = signerOf(ca)
			a.signer.pss, a.signer.sha1 = tc.pss, tc.sha1
			a.singles[0].cert, a.singles[0].issuer = leaf, ca.Certificate
			got, err := revocation.VerifyResponse(a.der(), leaf, ca.Certificate, revocation.VerifyOptions{Now: codecNow})
			if !tc.ok {
				checkRefusal(t, err, audit.OCSPUnauthorized, "signed with SHA-1, which can be forged")
			} else if err != nil || got.Status != revocation.Good {
				t.Errorf("VerifyResponse: got %v, %v, want good", got.Status, err)
			}
		})
	}
}
