package saml_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/saml"
)

func TestRequestMemory(t *testing.T) {
	t.Parallel()
	var m saml.RequestMemory
	for i, step := range []struct {
		entity, id string
		after      time.Duration
		want       bool
	}{
		{"a", "x", 0, true}, {"a", "x", 0, false}, {"b", "x", 0, true}, {"ax", "", 0, true}, {"a", "y", time.Minute, true},
		{"a", "x", 10 * time.Minute, false}, {"a", "x", 10*time.Minute + 1, true}, {"a", "y", 10*time.Minute + 1, false},
		{"a", "x", -time.Hour, false}, // a clock that is set back forgets nothing
	} {
		if got := m.Use(step.entity, step.id, now.Add(step.after)); got != step.want {
			t.Errorf("step %d: Use(%q, %q) after %v: got %v, want %v", i, step.entity, step.id, step.after, got, step.want)
		}
	}
	if m.Use("c", "z", now.Add(time.Hour)); m.Len() != 1 {
		t.Errorf("an hour later: got %d remembered, want 1", m.Len())
	}
}

func TestRequestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := saml.RequestMemory{Max: 100}
	for i := range 10_000 {
		if !m.Use("a", fmt.Sprint(i), now) {
			t.Fatalf("%d was used before", i)
		}
		if m.Len() > 100 {
			t.Fatalf("got %d remembered, want at most 100", m.Len())
		}
	}
	if m.Use("a", "9901", now) {
		t.Error("one of the last 100 was forgotten")
	}
	if !m.Use("a", "1", now) {
		t.Error("the oldest did not make room")
	}
}

func TestRequestMemoryAdmitsOneOfMany(t *testing.T) {
	t.Parallel()
	var m saml.RequestMemory
	var wins atomic.Int32
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if m.Use("a", "x", now) {
				wins.Add(1)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("got %d uses of one request, want 1", wins.Load())
	}
}
