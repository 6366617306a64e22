package load_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/sync/load"
)

// BenchmarkLoadUsers loads a directory of 10,000 users in one file: in the plain form, and in one
// that only the YAML library reads.
func BenchmarkLoadUsers(b *testing.B) {
	for _, form := range []struct{ name, entry string }{
		{"plain", "- {username: user-%05d, email: user-%05d@acme.example, name: \"Person Number %d\", groups: [staff]}\n"},
		{"lines", "- username: user-%05d\n  email: user-%05d@acme.example\n  name: Person N%d\n  groups:\n  - staff\n"},
		{"strict", "- {username: user-%05d, email: user-%05d@acme.example, name: \"Pérson Number %d\", groups: [staff]}\n"},
	} {
		b.Run(form.name, func(b *testing.B) {
			var users strings.Builder
			for i := range 10_000 {
				fmt.Fprintf(&users, form.entry, i, i, i)
			}
			fsys := minimal(b).with("users/many.yaml", users.String()).fs()
			b.ReportAllocs()
			for b.Loop() {
				if d, problems := load.Load(fsys, load.Options{Now: now}); d == nil {
					b.Fatal(problems)
				}
			}
		})
	}
}
