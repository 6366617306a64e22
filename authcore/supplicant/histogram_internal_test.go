package supplicant

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHistogramBuckets(t *testing.T) {
	last := -1
	for us := int64(0); us <= 1<<41; us += us/200 + 1 {
		d := time.Duration(us) * time.Microsecond
		i := bucketOf(d)
		if i < last || i >= histogramBuckets {
			t.Fatalf("%v in bucket %d behind %d of %d", d, i, last, histogramBuckets)
		}
		last = i
		top := bucketTop(i)
		if us <= histogramLimit && (top < d || top-d > d/100) {
			t.Fatalf("%v in a bucket up to %v", d, top)
		}
	}
	if last != histogramBuckets-1 {
		t.Errorf("last bucket used is %d of %d", last, histogramBuckets)
	}
}

func TestHistogramLatency(t *testing.T) {
	tests := []struct {
		name string
		in   []time.Duration
		want Latency
	}{
		{"empty", nil, Latency{}},
		{"one", []time.Duration{time.Millisecond}, Latency{Mean: 1, P50: 1, P90: 1, P99: 1, Max: 1}},
		{"negative", []time.Duration{-time.Second}, Latency{Mean: -1000}},
		{"outlier", append(repeat(99, 100*time.Microsecond), time.Second),
			Latency{Mean: 10.099, P50: 0.1, P90: 0.1, P99: 0.1, Max: 1000}},
		{"even", []time.Duration{10 * time.Microsecond, 20 * time.Microsecond},
			Latency{Mean: 0.015, P50: 0.01, P90: 0.02, P99: 0.02, Max: 0.02}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h histogram
			for _, d := range tt.in {
				h.add(d)
			}
			if diff := cmp.Diff(tt.want, h.latency()); diff != "" {
				t.Errorf("latency (-want +got):\n%s", diff)
			}
		})
	}
}

func repeat(n int, d time.Duration) (out []time.Duration) {
	for range n {
		out = append(out, d)
	}
	return out
}
