package store

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLedger compares a ledger with a plain list, after each of many random changes.
func TestLedger(t *testing.T) {
	t.Parallel()
	type have struct {
		name  digest
		bytes int
		v     int
	}
	l, want := newLedger[int](), []have(nil)
	r := rand.New(rand.NewPCG(1, 2))
	for step := range 5_000 {
		name := digest{byte(r.IntN(40))}
		h := have{name, r.IntN(1_000), step}
		op := r.IntN(3)
		want = slices.DeleteFunc(want, func(h have) bool { return h.name == name })
		switch op {
		case 0:
			l.put(name, h.bytes, h.v)
			want = append(want, h)
		case 1:
			l.putOldest(name, h.bytes, h.v)
			want = slices.Insert(want, 0, h)
		case 2:
			l.remove(name)
		}
		var bytes int64
		i := 0
		for name, v := range l.oldestFirst() {
			if i >= len(want) || want[i].name != name || want[i].v != v {
				t.Fatalf("step %d: at %d: got %v %d, want %v", step, i, name, v, want)
			}
			if got, ok := l.get(name); !ok || got != v {
				t.Fatalf("step %d: get(%v): got %d, %v; want %d", step, name, got, ok, v)
			}
			bytes += int64(want[i].bytes)
			i++
		}
		if i != len(want) || l.len() != i || l.bytes != bytes {
			t.Fatalf("step %d: got %d of %d bytes, want %d of %d", step, i, l.bytes, len(want), bytes)
		}
		for name := range l.newestFirst() {
			if i--; want[i].name != name {
				t.Fatalf("step %d: newest first: at %d: got %v, want %v", step, i, name, want[i])
			}
		}
		if len(want) > 0 {
			if name, v := l.oldest(); name != want[0].name || v != want[0].v {
				t.Fatalf("step %d: oldest: got %v, want %v", step, name, want[0])
			}
		}
		if _, ok := l.get(digest{255}); ok {
			t.Fatal("got what was never put")
		}
	}
	if len(l.rows) > 41 {
		t.Errorf("got %d rows for 40 names: those removed are not used again", len(l.rows))
	}
}
