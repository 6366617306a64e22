package supplicant

import (
	"math"
	"time"
)

// LoadReport is what came of many authentications. It holds no secret.
type LoadReport struct {
	Server      string `json:"server"`
	Count       int    `json:"count,omitempty"` // asked for; 0: as many as there was time for
	Parallel    int    `json:"parallel"`
	Resume      bool   `json:"resume"`
	Interrupted bool   `json:"interrupted"` // ctx ended it

	// Asked is how many were to begin a second; 0: no rate was asked for. Missed is how many
	// of those did not begin, because Parallel were under way.
	Asked  float64 `json:"asked_per_s,omitempty"`
	Missed int     `json:"missed,omitempty"`

	LoadCounts
	Duration        time.Duration `json:"-"`
	DurationMS      float64       `json:"duration_ms"`
	Rate            float64       `json:"rate_per_s"`     // finished a second, however they ended
	AcceptedRate    float64       `json:"accepted_per_s"` // goodput
	Latency         Latency       `json:"latency_ms"`     // of those accepted
	Retransmissions int           `json:"retransmissions"`

	Full    LoadKind `json:"full"`
	Resumed LoadKind `json:"resumed"`
	// Saved is what a resumed authentication took less than a full one of this load; nil
	// unless there were both.
	Saved *LoadSaving `json:"saved,omitempty"`

	Reasons []Tally `json:"reasons"` // of those not accepted, the most frequent first
	Rules   []Tally `json:"rules"`   // broken by the server, the most frequent first
}

// LoadSaving is the difference of two means, rounds and bytes, and of two medians.
type LoadSaving struct {
	Rounds float64 `json:"rounds"`
	Bytes  float64 `json:"bytes"`
	P50    float64 `json:"p50_ms"`
}

// OK reports whether everything asked was accepted, with the right keys and no rule broken.
func (r *LoadReport) OK() bool {
	return r.Finished > 0 && r.Accepted == r.Finished && r.KeysWrong == 0 && r.Violations == 0
}

// Unanswered is how many authentications got no verdict because the server was silent or not
// there.
func (r *LoadReport) Unanswered() int { return r.Timeouts + r.Unreachable }

func (t *loadTally) report(elapsed time.Duration) *LoadReport {
	t.mu.Lock()
	defer t.mu.Unlock()
	seconds := max(elapsed, time.Microsecond).Seconds()
	r := &LoadReport{
		LoadCounts: t.counts, Duration: elapsed, DurationMS: milliseconds(elapsed),
		Rate:         round2(float64(t.counts.Finished) / seconds),
		AcceptedRate: round2(float64(t.counts.Accepted) / seconds),
		Latency:      t.accepted.latency(), Retransmissions: t.retransmissions, Missed: t.missed,
		Full: t.full.kind(), Resumed: t.resumed.kind(),
		Reasons: sorted(t.reasons), Rules: sorted(t.rules),
	}
	if r.Full.Count > 0 && r.Resumed.Count > 0 {
		r.Saved = &LoadSaving{
			Rounds: round2(r.Full.Rounds - r.Resumed.Rounds),
			Bytes:  round2(r.Full.Bytes - r.Resumed.Bytes),
			P50:    round2(r.Full.Latency.P50 - r.Resumed.Latency.P50),
		}
	}
	return r
}

// round2 rounds to hundredths: more digits would only look exact.
func round2(x float64) float64 { return math.Round(x*100) / 100 }
