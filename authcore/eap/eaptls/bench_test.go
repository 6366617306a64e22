package eaptls_test

import (
	"crypto/tls"
	"testing"

	"gatehouse/authcore/eap"
)

// BenchmarkHandshakeServerHalf times and counts the allocations of the Method's steps alone;
// the device's half runs while the timer stands.
func BenchmarkHandshakeServerHalf(b *testing.B) {
	for _, name := range []string{"1.2", "1.3"} {
		for _, kind := range []string{"ecdsa", "rsa"} {
			b.Run("tls"+name+"-"+kind, func(b *testing.B) {
				config := server(b)
				config.Certificates = []tls.Certificate{lab(b).server[kind]}
				peer := client(b, kind)
				peer.MaxVersion = versions[name]
				b.ReportAllocs()
				rounds := 0
				b.StopTimer()
				for range b.N {
					d := newDialogue(b, config, peer)
					d.before = func() { rounds++; b.StartTimer() }
					d.after = b.StopTimer
					if step := d.run(); step.Status != eap.Done {
						b.Fatalf("got %+v", step)
					}
					d.before()
					d.method.Close()
					d.after()
					d.device.stop()
				}
				b.ReportMetric(float64(rounds)/float64(b.N)-1, "rounds/op")
			})
		}
	}
}
