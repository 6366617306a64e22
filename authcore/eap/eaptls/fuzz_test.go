package eaptls_test

import (
	"crypto/tls"
	"testing"

	"gatehouse/authcore/eap"
	"gatehouse/authcore/eap/eaptls"
)

// FuzzMethod feeds a Method type-data cut from the input, each behind a length of two octets.
// Verify is pending once, then admits. Whatever comes: no panic, no packet over the size, and
// nobody who has not shown a key is ever admitted.
func FuzzMethod(f *testing.F) {
	packet := func(script, data []byte) []byte {
		return append(append(script, byte(len(data)>>8), byte(len(data))), data...)
	}
	f.Add(packet(nil, []byte{0}))
	f.Add(packet(nil, []byte{flagS}))
	f.Add(packet(packet(nil, []byte{flagM, 22, 3, 1}), []byte{0}))
	for _, version := range versions {
		config := client(f, "ecdsa")
		config.MaxVersion = version
		hello := newDevice(f, config).flight(nil)
		whole := packet(nil, append([]byte{0}, hello...))
		f.Add(whole)
		halves := packet(packet(nil, fragment(flagM, len(hello), hello[:60])), fragment(0, -1, hello[60:]))
		f.Add(halves)
		f.Add(packet(packet(whole, []byte{0}), []byte{0, 21, 3, 3, 0, 2, 2, 48}))
		f.Add(packet(packet(whole, []byte{0}), []byte{0, 22, 3, 3, 0, 7, 11, 0, 0, 3, 0, 0, 0}))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		asked := 0
		config := server(t)
		config.FragmentSize = 200
		config.Verify = func(*tls.ConnectionState) eaptls.Verdict {
			asked++
			return eaptls.Verdict{Pending: asked == 1, Accept: asked > 1}
		}
		m := eaptls.New(config)
		defer m.Close()
		for len(script) >= 2 {
			n := min(int(script[0])<<8|int(script[1]), len(script)-2)
			step := m.Step(script[2 : 2+n])
			script = script[2+n:]
			for step.Status == eap.Pending {
				step = m.Resume()
			}
			if len(step.Data) > 195 {
				t.Fatalf("got %d octets of type-data", len(step.Data))
			}
			switch step.Status {
			case eap.Done:
				t.Fatal("admitted without a handshake")
			case eap.Failed:
				if step.Failure == nil || step.Failure.Reason == "" {
					t.Fatal("failed without a reason")
				}
				return
			}
		}
	})
}
