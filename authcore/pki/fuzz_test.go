package pki_test

import (
	"crypto/x509"
	"errors"
	"testing"

	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
)

// FuzzVerify changes one stretch of a good leaf's DER. The signature no longer fits then, so
// whatever still parses must be refused, with a PathError that can be shown.
func FuzzVerify(f *testing.F) {
	root := newCA(f, lab.CAOptions{})
	inter := below(f, root, lab.CAOptions{Constraints: lab.NameConstraints{Permitted: names(lab.Email("example.org"))}})
	leaf := user(f, inter, lab.UserOptions{Names: names(lab.UPN("alice@example.org"))})
	tr := pki.NewTrust([]*pki.CA{{Name: "acme", Anchors: chain(root.Certificate), Intermediates: chain(inter.Certificate)}})
	f.Add(uint16(100), []byte{0})
	f.Add(uint16(20), []byte{0xFF, 0xFF})
	f.Add(uint16(300), []byte("\x2a\x86"))
	f.Fuzz(func(t *testing.T, at uint16, patch []byte) {
		der := append([]byte(nil), leaf.Raw...)
		copy(der[int(at)%len(der):], patch)
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		p, err := tr.Verify(chain(c, inter.Certificate), options)
		if err == nil && !c.Equal(leaf.Certificate) {
			t.Errorf("got the path %v for a certificate that nobody signed", p)
		}
		var pe *pki.PathError
		if err != nil && (!errors.As(err, &pe) || pe.Reason == "" || pe.Step == "" || pe.Detail == "") {
			t.Errorf("got %#v, want a whole PathError", err)
		}
		if _, err := pki.NewCA("fuzz", chain(c)); err != nil {
			_ = err.Error()
		}
		_ = pki.Describe(c)
	})
}

// FuzzVerifyAsIssuer puts a changed intermediate between: its extensions are read before its
// signature is known to be good.
func FuzzVerifyAsIssuer(f *testing.F) {
	root := newCA(f, lab.CAOptions{})
	inter := below(f, root, lab.CAOptions{Constraints: lab.NameConstraints{Permitted: names(lab.Organization("Acme"))}})
	leaf := user(f, inter, lab.UserOptions{Organization: "Acme"})
	tr := pki.NewTrust([]*pki.CA{{Name: "acme", Anchors: chain(root.Certificate)}})
	f.Add(uint16(100), []byte{0})
	f.Add(uint16(400), []byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, at uint16, patch []byte) {
		der := append([]byte(nil), inter.Certificate.Raw...)
		copy(der[int(at)%len(der):], patch)
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		_, err = tr.Verify(chain(leaf.Certificate, c), options)
		if err == nil && !c.Equal(inter.Certificate) {
			t.Error("got a path through an intermediate that nobody signed")
		}
	})
}
