package store_test

import (
	"fmt"
	"iter"
	"testing"

	"gatehouse/authcore/identity"
)

// BenchmarkIndexChange indexes 10,000 users of whom 1,000 have changed, as a reload does.
func BenchmarkIndexChange(b *testing.B) {
	s := open(b, config(b.TempDir()))
	users := make([]identity.User, 10_000)
	for i := range users {
		users[i] = identity.User{Username: fmt.Sprintf("user-%05d", i), State: identity.Active,
			Email: fmt.Sprintf("user-%05d@acme.example", i), Name: "Person Number One", Groups: []string{"staff", "sales"}}
	}
	set := identity.Set{Source: "users/many.yaml", All: func() iter.Seq2[*identity.User, error] {
		return func(yield func(*identity.User, error) bool) {
			for i := range users {
				if !yield(&users[i], nil) {
					return
				}
			}
		}
	}}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		for i := range 1000 {
			users[i].VLAN = fmt.Sprint(n)
		}
		index, err := s.Index(b.Context(), []identity.Set{set}, [32]byte{byte(n), byte(n >> 8), byte(n >> 16), 1})
		if err != nil {
			b.Fatal(err)
		}
		s.InForce(index)
	}
}
