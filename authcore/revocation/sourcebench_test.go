package revocation_test

import (
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"
)

// warm returns n people whose answers are known. They differ by serial number alone.
func (s *site) warm(n int) []person {
	s.Helper()
	base := s.enrol()
	all := make([]person, 0, n)
	for i := range n {
		p := base
		leaf := *base.path.Certificates[0]
		leaf.SerialNumber = newSerial(i)
		p.path.Certificates = append(ca509{&leaf}, base.path.Certificates[1:]...)
		p.Leaf = &lab.Leaf{Certificate: &leaf, Serial: leaf.SerialNumber}
		s.admit(p, "alice")
		all = append(all, p)
	}
	s.settled()
	return all
}

// TestTenThousandSignInsWriteNothing: what changes nothing costs the disk nothing.
func TestTenThousandSignInsWriteNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.credentials = s.withoutStaple()
	s.publish()
	s.run()
	all := s.warm(20)
	s.kept(20)
	_, before, _ := s.answers.count()
	s.requests(20)
	session := revocation.Session{User: "alice", Station: "02-00-00-00-00-01"}
	for n := range 10_000 {
		q := s.query(all[n%len(all)])
		if standing, ready := s.source.Standing(q); !ready || !standing.Acceptable {
			t.Fatalf("got %+v, %v", standing, ready)
		}
		s.source.Accepted(q, session)
	}
	s.requests(0)
	if _, puts, _ := s.answers.count(); puts != before {
		t.Errorf("got %d writes by 10,000 sign-ins, want none", puts-before)
	}
}

func TestStandingAllocatesLittle(t *testing.T) {
	s := newSite(t, nil)
	q := s.query(s.warm(1)[0])
	q.Wake = func() { t.Error("woken") }
	if n := testing.AllocsPerRun(100, func() { s.source.Standing(q) }); n > 2 {
		t.Errorf("a known standing costs %v allocations, want 2 at most", n)
	}
}

func BenchmarkStandingHit(b *testing.B) {
	s := newSite(b, nil)
	q := s.query(s.warm(1)[0])
	q.Wake = func() {}
	b.ReportAllocs()
	for b.Loop() {
		if standing, ready := s.source.Standing(q); !ready || !standing.Acceptable {
			b.Fatalf("got %+v", standing)
		}
	}
}

// BenchmarkStandingHitByList is the same by a list beside the CA.
func BenchmarkStandingHitByList(b *testing.B) {
	s := newSite(b, order("crl"))
	s.fileList(s.inter, lab.CRLOptions{})
	q := s.query(s.warm(1)[0])
	b.ReportAllocs()
	for b.Loop() {
		if standing, ready := s.source.Standing(q); !ready || !standing.Acceptable {
			b.Fatalf("got %+v", standing)
		}
	}
}

// BenchmarkStandingParallel is by all processors, over 10,000 certificates.
func BenchmarkStandingParallel(b *testing.B) {
	s := newSite(b, nil)
	s.answer(lab.ResponderOptions{Life: 100 * time.Hour})
	all := s.warm(9_990)
	queries := make([]revocation.Query, len(all))
	for i, p := range all {
		queries[i] = s.query(p)
	}
	var next atomic.Uint64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		at := int(next.Add(4096))
		for pb.Next() {
			at++
			if standing, ready := s.source.Standing(queries[at%len(queries)]); !ready || !standing.Acceptable {
				b.Errorf("got %+v", standing)
				return
			}
		}
	})
}

func BenchmarkAccepted(b *testing.B) {
	s := newSite(b, nil)
	q := s.query(s.warm(1)[0])
	for n := range 400 {
		s.source.Accepted(q, revocation.Session{User: "alice", Station: newSerial(n).String()})
	}
	stations := make([]string, 400)
	for n := range stations {
		stations[n] = newSerial(n).String()
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		s.source.Accepted(q, revocation.Session{User: "alice", Station: stations[n%400]})
	}
}
