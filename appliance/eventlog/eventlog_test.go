package eventlog_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"gatehouse/appliance/eventlog"
	"gatehouse/authcore/audit"
)

func ids(entries []audit.Entry) []uint64 {
	out := []uint64{}
	for _, e := range entries {
		out = append(out, e.ID)
	}
	return out
}

func TestAfter(t *testing.T) {
	t.Parallel()
	l := eventlog.New(3)
	if got := l.After(0, 10); len(got) != 0 || l.Last() != 0 {
		t.Fatalf("empty: got %v, last %d", ids(got), l.Last())
	}
	for range 5 {
		l.Record(audit.Event{Reason: audit.Accepted})
	}
	tests := []struct {
		after uint64
		limit int
		want  []uint64
	}{
		{0, 10, []uint64{3, 4, 5}}, // 1 and 2 are gone
		{3, 10, []uint64{4, 5}}, {0, 2, []uint64{3, 4}}, {5, 10, nil}, {1 << 63, 10, nil},
		{^uint64(0), 10, nil},
	}
	for _, tt := range tests {
		got := ids(l.After(tt.after, tt.limit))
		if len(got) != len(tt.want) {
			t.Errorf("After(%d, %d): got %v, want %v", tt.after, tt.limit, got, tt.want)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("After(%d, %d): got %v, want %v", tt.after, tt.limit, got, tt.want)
			}
		}
	}
}

// TestWait wakes everybody who waits, and nobody early.
func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := eventlog.New(0)
		ctx, cancel := context.WithCancel(t.Context())
		var first, second error
		var wg sync.WaitGroup
		woken := false
		wg.Go(func() { first = l.Wait(ctx, 0); woken = true })
		wg.Go(func() { second = l.Wait(ctx, 1) })
		synctest.Wait()
		if woken {
			t.Error("woken before anything was recorded")
		}
		l.Record(audit.Event{})
		synctest.Wait()
		if !woken {
			t.Error("not woken by a decision")
		}
		cancel()
		wg.Wait()
		if first != nil || !errors.Is(second, context.Canceled) {
			t.Errorf("got %v and %v, want nil and canceled", first, second)
		}
	})
}
