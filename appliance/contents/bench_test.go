package contents_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"gatehouse/appliance/contents"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// BenchmarkTenThousandUsers lists a bundle of 10,000 users with password hashes, and compares it with
// one in which each of them is different. held-MB is what is reachable at the worst moment.
func BenchmarkTenThousandUsers(b *testing.B) {
	var archives [2][]byte
	for i := range archives {
		var users strings.Builder
		for n := range 10_000 {
			fmt.Fprintf(&users, "- {username: user%05d, email: user%05d@acme.example, groups: [staff, g%d], "+
				"password: $2y$10$%053d}\n", n, n, n%50, n*2+i)
		}
		built, err := bundle.Build(golden(b, "minimal").with("users/staff.yaml", users.String()).fs(),
			bundle.BuildOptions{ID: "branch", Serial: uint64(i + 1), AllowPlain: true})
		if err != nil {
			b.Fatal(err)
		}
		archives[i] = built.Archive
	}
	open := func(i int, keep func(bundle.File) bool) *bundle.Bundle {
		x, err := bundle.OpenUnverified(bytes.NewReader(archives[i]), int64(len(archives[i])), bundle.VerifyOptions{Keep: keep})
		if err != nil {
			b.Fatal(err)
		}
		return x
	}
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		before := held()
		for b.Loop() {
			x := open(0, contents.Wanted())
			if l := contents.Of(x); len(l.Objects) != 6 {
				b.Fatal(l.Objects)
			}
			b.ReportMetric(held()-before, "held-MB")
			runtime.KeepAlive(x)
		}
	})
	b.Run("compare", func(b *testing.B) {
		b.ReportAllocs()
		before := held()
		for b.Loop() {
			var both [2]*bundle.Bundle
			var drafts [2]*snapshot.Draft
			for i := range both {
				both[i] = open(i, nil)
				d, problems := load.Load(both[i].FS(), load.Options{Now: now, Managed: true})
				if d == nil {
					b.Fatal(problems)
				}
				drafts[i] = d
			}
			c := &webui.BundleChanges{}
			if err := contents.Meaning(c, drafts[0], drafts[1], nil, nil); err != nil || c.Users.Secrets != 10_000 {
				b.Fatal(c.Users, err)
			}
			b.ReportMetric(held()-before, "held-MB")
			runtime.KeepAlive(both)
			runtime.KeepAlive(drafts)
		}
	})
}

// held returns what is reachable, in MB.
func held() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}
