package radserver

import (
	"net/netip"
	"sync"
	"time"

	"gatehouse/authcore/radius"
)

const (
	// sampleEvery is how often one source's discards for one reason are told.
	sampleEvery = time.Minute
	// maxSamples bounds the sources and reasons told apart at once.
	maxSamples = 512
	// maxSamplesPerInterval bounds the samples told in one interval, from whatever source.
	maxSamplesPerInterval = 64
)

// A sampler decides which discards are told: the first of each source and reason, then one a
// minute that stands for all since. A flood from many addresses becomes one line a minute.
type sampler struct {
	mu       sync.Mutex // guards what follows
	samples  map[sampleKey]*sample
	overflow map[radius.Why]int // beyond either bound
	interval time.Time          // when the current interval began
	told     int                // in the current interval
}

type sampleKey struct {
	why    radius.Why
	source netip.Addr
}

type sample struct {
	last  dropped // what to tell
	told  time.Time
	since int // discards since then
}

func newSampler() *sampler {
	return &sampler{
		samples: make(map[sampleKey]*sample), overflow: make(map[radius.Why]int),
	}
}

// sample reports whether d is to be told now.
func (s *sampler) sample(d dropped, now time.Time) bool {
	key := sampleKey{d.why, d.source}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.samples[key]; known != nil {
		known.since++
		return false
	}
	if now.Sub(s.interval) >= sampleEvery {
		s.interval, s.told = now, 0
	}
	if len(s.samples) >= maxSamples || s.told >= maxSamplesPerInterval {
		s.overflow[d.why]++
		return false
	}
	s.told++
	s.samples[key] = &sample{last: d, told: now}
	return true
}

// flush returns what is due to be told at now, each with its count, and forgets the sources
// that have been quiet.
func (s *sampler) flush(now time.Time) []dropped {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []dropped
	for key, known := range s.samples {
		if now.Sub(known.told) < sampleEvery {
			continue
		}
		if known.since == 0 {
			delete(s.samples, key)
			continue
		}
		if len(due) == maxSamplesPerInterval {
			s.overflow[key.why] += known.since
			delete(s.samples, key)
			continue
		}
		d := known.last
		d.count = known.since
		known.told, known.since = now, 0
		due = append(due, d)
	}
	if now.Sub(s.interval) < sampleEvery {
		return due
	}
	for why, n := range s.overflow {
		due = append(due, dropped{why: why, count: n})
	}
	clear(s.overflow)
	s.interval, s.told = now, len(due)
	return due
}
