package pki_test

import (
	"testing"

	"gatehouse/authcore/pki/lab"
)

func BenchmarkVerify(b *testing.B) {
	root := newCA(b, lab.CAOptions{Name: "Root"})
	inter := below(b, root, lab.CAOptions{Name: "Inter"})
	lower := below(b, inter, lab.CAOptions{Name: "Lower"})
	short, long := user(b, root, lab.UserOptions{}), user(b, lower, lab.UserOptions{})
	alone := trust(b, root.Certificate)
	whole := trust(b, root.Certificate, inter.Certificate, lower.Certificate)
	b.Run("chain_of_2", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := alone.Verify(short.Presented(), options); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("chain_of_4_presented", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := alone.Verify(long.Presented(), options); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("chain_of_4_known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := whole.Verify(chain(long.Certificate), options); err != nil {
				b.Fatal(err)
			}
		}
	})
}
