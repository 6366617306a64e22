package supplicant

import (
	"math/bits"
	"time"
)

const (
	// histogramSteps buckets to each power of two keep a bucket below 1 % of its value.
	histogramSteps = 128
	// histogramLimit is the longest time told apart, in microseconds: twelve days.
	histogramLimit   = 1<<40 - 1
	histogramBuckets = (40 - 7 + 1) * histogramSteps
)

// Latency sums up how long authentications took, in milliseconds. Percentiles are exact to
// 1 %; Mean and Max are exact.
type Latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// histogram counts durations in buckets whose width grows with the duration, so that its size
// does not depend on how many there are. The zero value is empty.
type histogram struct {
	buckets []uint64 // nil while empty
	count   uint64
	sum     time.Duration
	max     time.Duration
}

func (h *histogram) add(d time.Duration) {
	if h.buckets == nil {
		h.buckets = make([]uint64, histogramBuckets)
	}
	h.buckets[bucketOf(d)]++
	h.count++
	h.sum += d
	h.max = max(h.max, d)
}

// bucketOf numbers the buckets: one for each microsecond first, then one for each step of an
// ever higher power of two.
func bucketOf(d time.Duration) int {
	us := uint64(min(max(d, 0)/time.Microsecond, histogramLimit))
	if us < 2*histogramSteps {
		return int(us)
	}
	shift := bits.Len64(us) - 8
	return shift*histogramSteps + int(us>>shift)
}

// bucketTop returns the longest duration that falls into bucket i.
func bucketTop(i int) time.Duration {
	if i < 2*histogramSteps {
		return time.Duration(i) * time.Microsecond
	}
	shift := i/histogramSteps - 1
	us := int64(i-shift*histogramSteps+1)<<shift - 1
	return time.Duration(us) * time.Microsecond
}

// percentile returns the duration that p of 100 authentications did not exceed; 0 while empty.
func (h *histogram) percentile(p uint64) time.Duration {
	rank := (h.count*p + 99) / 100
	var seen uint64
	for i, n := range h.buckets {
		if seen += n; n > 0 && seen >= rank {
			return min(bucketTop(i), h.max)
		}
	}
	return 0
}

func (h *histogram) latency() Latency {
	if h.count == 0 {
		return Latency{}
	}
	return Latency{
		Mean: milliseconds(h.sum / time.Duration(h.count)), P50: milliseconds(h.percentile(50)),
		P90: milliseconds(h.percentile(90)), P99: milliseconds(h.percentile(99)),
		Max: milliseconds(h.max),
	}
}

// milliseconds returns d in milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d/time.Microsecond) / 1000 }
