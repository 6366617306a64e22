package appliance_test

import (
	"testing"
	"time"

	"gatehouse/authcore/supplicant"
)

// What BenchmarkReloads and BenchmarkActivations are about, and how many changes come before the
// first look at what the program takes.
const (
	benchReloads     = 200
	benchActivations = 50
	benchFirst       = 20
)

// BenchmarkReloads is the 99th percentile of how long devices wait while one file after the other
// of a directory of 10,000 users changes, beside that of rounds in which nothing does. The target
// is a ratio of 2. No sign-in may fail, and the program may not grow.
func BenchmarkReloads(b *testing.B) {
	d := newDrill(b, 15*time.Second)
	for b.Loop() {
		d.run(benchReloads, benchFirst, func() {}, d.reload)
	}
	d.tell(b)
}

// BenchmarkActivations is BenchmarkReloads with signed bundles of as many users.
func BenchmarkActivations(b *testing.B) {
	var p *press
	d := newDrill(b, 15*time.Second, func(s *site) { p = newPress(s) })
	for b.Loop() {
		d.run(benchActivations, benchFirst, func() { p.print(20) }, func() { d.activate(p) })
	}
	d.tell(b)
}

// tell reports medians over rounds; ratios are taken within one.
func (d *drill) tell(b *testing.B) {
	b.Helper()
	for name, figure := range map[string]func(*supplicant.LoadReport) float64{
		"p50": func(r *supplicant.LoadReport) float64 { return r.Latency.P50 },
		"p99": func(r *supplicant.LoadReport) float64 { return r.Latency.P99 },
		"max": func(r *supplicant.LoadReport) float64 { return r.Latency.Max },
	} {
		calm, busy := d.of(calm, figure), d.of(busy, figure)
		var ratios []float64
		for i := range calm {
			ratios = append(ratios, busy[i]/calm[i])
		}
		b.ReportMetric(median(ratios), name+"-busy/calm")
		b.ReportMetric(median(calm), name+"-calm-ms")
		b.ReportMetric(median(busy), name+"-busy-ms")
	}
	b.ReportMetric(float64(d.changes), "changes")
	b.ReportMetric(0, "ns/op")
}
