package fetch

import (
	"context"
	"net/http"
	"time"
)

// Impatient shortens what a server may cost.
func (f *Fetcher) Impatient(window time.Duration, windowBytes int64) {
	f.limits.window, f.limits.windowBytes = window, windowBytes
}

// DiskFree has the disk look as if n bytes were free.
func (f *Fetcher) DiskFree(n uint64) {
	f.limits.free = func(string) (uint64, error) { return n, nil }
}

// Serve replaces the network.
func (f *Fetcher) Serve(rt http.RoundTripper) { f.client = rt }

// Start, Try and Stop are what Run does.
func (f *Fetcher) Start() error                          { return f.start() }
func (f *Fetcher) Try(ctx context.Context) time.Duration { return f.try(ctx) }
func (f *Fetcher) Stop()                                 { f.stop() }

// Delays returns what a pace waits after failures in a row, in the middle of the jitter.
func Delays(interval time.Duration, gained bool, n int) []time.Duration {
	p, all := pace{interval: interval}, []time.Duration(nil)
	for range n {
		all = append(all, p.next(errTorn, gained, 0.5))
	}
	return append(all, p.next(nil, false, 0), p.first(0.5))
}
