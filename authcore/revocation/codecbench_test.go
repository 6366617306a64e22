package revocation_test

import (
	"crypto/x509"
	"testing"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"
)

func BenchmarkVerifyResponse(b *testing.B) {
	f := codecPKI()
	leaf := codecDelegate(b, f.ca, lab.UserOptions{Options: lab.Options{Extensions: noCheck}})
	delegated := goodAnswer()
	delegated.signer, delegated.embedded = signerFrom(leaf), []*x509.Certificate{leaf.Certificate}
	for name, a := range map[string]testAnswer{"issuer": goodAnswer(), "delegate": delegated} {
		der := a.der()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verifyLeaf(der, revocation.VerifyOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	list, err := verifyCRL(largeCRL(100_000))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if list.Find(codecPKI().leaf).Status != revocation.Good {
			b.Fatal("got another status than good")
		}
	}
}

func BenchmarkVerifyCRL(b *testing.B) {
	der := largeCRL(100_000)
	b.SetBytes(int64(len(der)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verifyCRL(der); err != nil {
			b.Fatal(err)
		}
	}
}
