package saml

import (
	"strconv"
	"testing"
	"time"
)

// TestRequestMemoryGivesSpaceBack looks inside: what was forgotten may not stay in the queue.
func TestRequestMemoryGivesSpaceBack(t *testing.T) {
	t.Parallel()
	m := RequestMemory{Max: 100}
	for i := range 1000 {
		m.Use("a", strconv.Itoa(i), time.Unix(0, 0))
		if len(m.queue) > 2*m.Max+1 {
			t.Fatalf("after %d uses the queue has %d entries", i+1, len(m.queue))
		}
	}
	if m.Use("a", "x", time.Unix(3600, 0)); cap(m.queue) > 1 {
		t.Errorf("an hour later the queue has room for %d", cap(m.queue))
	}
}
