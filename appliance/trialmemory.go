package appliance

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// mostMemory is the part of the memory limit, in percent, that may be in use: above it the
// program would do little else than look for memory.
const mostMemory = 90

// tryMemory looks whether there is memory left for those who sign in. It collects garbage.
func tryMemory() []finding { return judgeMemory(debug.SetMemoryLimit(-1), liveHeap) }

// judgeMemory compares what is in use with limit, both in bytes; without a limit it does not
// ask.
func judgeMemory(limit int64, live func() uint64) []finding {
	if limit == math.MaxInt64 {
		return nil
	}
	most := uint64(max(limit, 0)) / 100 * mostMemory
	if used := live(); used > most {
		return []finding{{errMemoryShort, fmt.Sprintf(
			"memory: %d MiB are in use, more than %d %% of the %d MiB that GOMEMLIMIT allows",
			used>>20, mostMemory, limit>>20)}}
	}
	return nil
}

// liveHeap collects garbage and returns how many bytes are in use.
func liveHeap() uint64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
