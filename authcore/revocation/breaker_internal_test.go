package revocation

import (
	"testing"
	"time"
)

// TestOC10Breaker walks the arrows drawn above breaker.
func TestOC10Breaker(t *testing.T) {
	t.Parallel()
	const (
		fail = iota
		succeed
		release
		admitted // a request is let through
		held     // a request is held back
	)
	type step struct {
		move time.Duration
		do   int
		want breakerState // afterwards
	}
	open := []step{{0, fail, breakerClosed}, {0, fail, breakerClosed}, {0, fail, breakerOpen}}
	tests := []struct {
		name  string
		steps []step
	}{
		{"two_failures_are_nothing", []step{
			{0, fail, breakerClosed}, {0, fail, breakerClosed}, {0, admitted, breakerClosed},
			{0, succeed, breakerClosed}, {0, fail, breakerClosed}, {0, fail, breakerClosed},
			{0, admitted, breakerClosed}, {0, admitted, breakerClosed},
		}},
		{"three_open_it", append(open[:3:3],
			step{0, held, breakerOpen}, step{3 * time.Second, held, breakerOpen},
			step{2 * time.Second, admitted, breakerHalfOpen}, step{0, held, breakerHalfOpen})},
		{"the_trial_succeeds", append(open[:3:3],
			step{5 * time.Second, admitted, breakerHalfOpen}, step{0, succeed, breakerClosed},
			step{0, admitted, breakerClosed}, step{0, admitted, breakerClosed})},
		{"the_trial_fails", append(open[:3:3],
			step{5 * time.Second, admitted, breakerHalfOpen}, step{0, fail, breakerOpen},
			step{7 * time.Second, held, breakerOpen}, step{3 * time.Second, admitted, breakerHalfOpen})},
		{"the_trial_tells_nothing", append(open[:3:3],
			step{5 * time.Second, admitted, breakerHalfOpen}, step{0, release, breakerHalfOpen},
			step{0, admitted, breakerHalfOpen}, step{0, held, breakerHalfOpen})},
		{"the_trial_is_forgotten", append(open[:3:3],
			step{5 * time.Second, admitted, breakerHalfOpen}, step{29 * time.Second, held, breakerHalfOpen},
			step{time.Second, admitted, breakerHalfOpen}, step{0, held, breakerHalfOpen})},
		{"late_failures_of_the_same_outage", append(open[:3:3],
			step{0, fail, breakerOpen}, step{0, fail, breakerOpen},
			step{5 * time.Second, admitted, breakerHalfOpen})},
		{"late_success", append(open[:3:3],
			step{0, succeed, breakerClosed}, step{0, admitted, breakerClosed})},
		{"clock_steps_back", append(open[:3:3],
			step{-10 * 365 * 24 * time.Hour, admitted, breakerHalfOpen})},
		{"clock_steps_back_during_the_trial", append(open[:3:3],
			step{5 * time.Second, admitted, breakerHalfOpen},
			step{-time.Hour, admitted, breakerHalfOpen})},
		{"clock_steps_ahead", append(open[:3:3],
			step{25 * 365 * 24 * time.Hour, admitted, breakerHalfOpen}, step{0, succeed, breakerClosed})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b breaker
			now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
			for i, s := range tt.steps {
				now = now.Add(s.move)
				switch s.do {
				case fail:
					b.fail(now)
				case succeed:
					b.succeed()
				case release:
					b.release()
				default:
					ok, until := b.admit(now)
					if ok != (s.do == admitted) || ok != until.IsZero() || !ok && !until.After(now) {
						t.Fatalf("step %d: admit() = %v, %v", i, ok, until.Sub(now))
					}
				}
				if got := b.state(now); got != s.want {
					t.Fatalf("step %d: got %v, want %v", i, got, s.want)
				}
			}
		})
	}
}

func TestOC10BreakerBackoff(t *testing.T) {
	t.Parallel()
	var b breaker
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	b.fail(now)
	b.fail(now)
	want := 5 * time.Second
	differ := false
	for i := range 40 {
		if !b.fail(now) {
			t.Fatalf("failure %d did not open it", i)
		}
		got := b.until.Sub(now)
		if got > want || got <= want*3/4-1 {
			t.Errorf("opening %d: got %v, want up to a quarter less than %v", i, got, want)
		}
		differ = differ || got != want
		want = min(2*want, 5*time.Minute)
		now = b.until
	}
	if !differ {
		t.Error("no jitter")
	}
	if b.succeed(); b.state(now) != breakerClosed {
		t.Error("success does not close it")
	}
	b.fail(now)
	b.fail(now)
	b.fail(now)
	if got := b.until.Sub(now); got > 5*time.Second {
		t.Errorf("after a success the back-off is %v, want it to start over", got)
	}
}
