package supplicant_test

import (
	"crypto/tls"
	"syscall"
	"testing"

	"gatehouse/authcore/supplicant"
)

// BenchmarkLoad measures what one authentication costs the client: the server is a process of
// its own. It fails beyond hostapd's 1,000 sessions in 5 s: use -benchtime 500x.
func BenchmarkLoad(b *testing.B) {
	lines := []string{"tls_flags=[ENABLE-TLSv1.3]", "tls_session_lifetime=3600"}
	for _, bm := range []struct {
		name    string
		version uint16
		resume  bool
	}{
		{"full-1.2", tls.VersionTLS12, false},
		{"full-1.3", tls.VersionTLS13, false},
		{"resumed-1.3", tls.VersionTLS13, true},
	} {
		b.Run(bm.name, func(b *testing.B) {
			h := startHostapd(b, hostapdOptions{lines: lines})
			cfg := supplicant.LoadConfig{
				Config: h.config(), Count: b.N, Parallel: 4, Resume: bm.resume,
			}
			cfg.TLSMax = bm.version
			l, err := supplicant.NewLoad(cfg)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuMillis(b)
			if r := l.Run(b.Context()); r.Accepted != b.N || r.KeysWrong > 0 {
				b.Fatalf("%+v", r)
			}
			b.ReportMetric((cpuMillis(b)-before)/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpuMillis is the CPU time that this process has used.
func cpuMillis(tb testing.TB) float64 {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}
