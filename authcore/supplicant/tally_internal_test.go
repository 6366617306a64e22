package supplicant

import (
	"fmt"
	"testing"
)

// TestTallyIsBounded shows that a server cannot fill our memory with reasons.
func TestTallyIsBounded(t *testing.T) {
	var tally loadTally
	const n = 10 * maxTexts
	for i := range n {
		tally.add(&Report{
			Result: ResultReject, Reason: fmt.Sprint("reason ", i),
			Violations: []string{fmt.Sprint("rule ", i), "rule 0"},
		}, nil)
	}
	r := tally.report(0)
	for name, list := range map[string][]Tally{"reasons": r.Reasons, "rules": r.Rules} {
		sum := 0
		for _, line := range list {
			sum += line.Count
		}
		want := n
		if name == "rules" {
			want = 2 * n
		}
		if len(list) != maxTexts+1 || sum != want {
			t.Errorf("%d %s that count %d, want %d that count %d", len(list), name, sum,
				maxTexts+1, want)
		}
	}
	if want := (Tally{otherTexts, n - maxTexts}); r.Reasons[0] != want {
		t.Errorf("first reason %+v, want %+v", r.Reasons[0], want)
	}
	if r.Rejected != n || r.Violations != n || r.OK() {
		t.Errorf("%+v", r.LoadCounts)
	}
}
