package store_test

import (
	"testing"

	"gatehouse/appliance/store"
)

// BenchmarkCacheGet reads answers of usual length.
func BenchmarkCacheGet(b *testing.B) {
	const n = 5_000
	s := open(b, config(dbDir(b)))
	fillAnswers(b, s, n)
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, ok, _ := s.Answers().Get(answerKey(i % n)); !ok {
				b.Fatal("not found")
			}
		}
	})
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, ok, _ := s.Answers().Get(answerKey(n + i)); ok {
				b.Fatal("found")
			}
		}
	})
}

func BenchmarkCachePut(b *testing.B) {
	for name, durable := range map[string]bool{"durable": true, "batched": false} {
		b.Run(name, func(b *testing.B) {
			s := open(b, config(dbDir(b)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				put(b, s.Answers(), answerKey(i), answer(i, 0), durable)
			}
		})
	}
}

// BenchmarkCacheOpen opens a database with a full cache; counting is what Run does afterwards.
func BenchmarkCacheOpen(b *testing.B) {
	cfg := config(dbDir(b))
	s := open(b, cfg)
	fillAnswers(b, s, 20_000)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			s = open(b, cfg)
		}
	})
	b.Run("open_and_count", func(b *testing.B) {
		for b.Loop() {
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			s = open(b, cfg)
			s.Look(b.Context())
		}
	})
	if h := s.Health(); h.Answers < 19_000 {
		b.Fatalf("Health: got %+v", h)
	}
}

func fillAnswers(t testing.TB, s *store.Store, n int) {
	for i := range n {
		put(t, s.Answers(), answerKey(i), answer(i, 0), false)
	}
}
