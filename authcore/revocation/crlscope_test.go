package revocation_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// issuingPoints is an IssuingDistributionPoint with a full name of URIs.
func issuingPoints(uris ...string) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tagged(0), func(b *cryptobyte.Builder) {
				b.AddASN1(tagged(0), func(b *cryptobyte.Builder) {
					for _, uri := range uris {
						b.AddASN1(cbasn1.Tag(6).ContextSpecific(), func(b *cryptobyte.Builder) {
							b.AddBytes([]byte(uri))
						})
					}
				})
			})
		})
	})
}

// certPoints is a cRLDistributionPoints extension of one point with the URI.
func certPoints(uri string) []pkix.Extension {
	value := build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(issuingPoints(uri)) })
	})
	return []pkix.Extension{{Id: oidCRLPoints, Value: value}}
}

// A signed list that is one of several says nothing about certificates of the others: whoever
// sits on the wire could show it instead of the one that revokes.
func TestOC19PartitionedCRLs(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	user := func(o lab.UserOptions) *x509.Certificate {
		o.Now = codecNow
		return must(f.ca.IssueUser(o)).Certificate
	}
	here := user(lab.UserOptions{Options: lab.Options{Extensions: certPoints("http://crl.example/1.crl")}})
	there := user(lab.UserOptions{Options: lab.Options{Extensions: certPoints("http://crl.example/2.crl")}})
	lower := must(f.ca.NewIntermediate(lab.CAOptions{Options: lab.Options{Now: codecNow}})).Certificate
	first := issuingPoints("ldap://crl.example/1", "http://crl.example/1.crl")
	usersOnly, casOnly := []byte{0x30, 3, 0x81, 1, 0xFF}, []byte{0x30, 3, 0x82, 1, 0xFF}
	for name, tc := range map[string]struct {
		point  []byte
		cert   *x509.Certificate
		listed bool
		want   revocation.Status
	}{
		"the certificate's own list":        {first, here, false, revocation.Good},
		"another's list":                    {first, there, false, revocation.None},
		"on another's list":                 {first, there, true, revocation.Revoked},
		"a certificate that names no point": {first, f.leaf, false, revocation.Good},
		"an empty point covers all":         {[]byte{0x30, 0}, there, false, revocation.Good},
		"a user on the users' list":         {usersOnly, f.leaf, false, revocation.Good},
		"a CA and the users' list":          {usersOnly, lower, false, revocation.None},
		"a user and the CAs' list":          {casOnly, f.leaf, false, revocation.None},
		"a CA on the CAs' list":             {casOnly, lower, false, revocation.Good},
		"a CA that the users' list revokes": {usersOnly, lower, true, revocation.Revoked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := goodCRL(entryOf(f.root.Certificate, -1))
			if tc.listed {
				c.entries = append(c.entries, entryOf(tc.cert, -1))
			}
			c.extensions = []pkix.Extension{{Id: oidIssuingDP, Critical: true, Value: tc.point}}
			list, err := verifyCRL(c.der())
			if err != nil {
				t.Fatalf("VerifyCRL: %v", err)
			}
			if got := list.Find(tc.cert).Status; got != tc.want {
				t.Errorf("Find: got %v, want %v", got, tc.want)
			}
		})
	}
}
