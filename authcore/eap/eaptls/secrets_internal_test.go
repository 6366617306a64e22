package eaptls

import (
	"crypto/tls"
	"testing"
)

// TL-9: the master secret is forgotten as soon as the keys are derived from it, and by Close.
func TestTL9MasterSecretIsForgotten(t *testing.T) {
	t.Parallel()
	line := []byte("CLIENT_RANDOM " + hexOf(0xab, randomLen) + " " + hexOf(0xcd, masterLen) + "\n")
	m := New(Config{Verify: func(*tls.ConnectionState) Verdict { return Verdict{} }})
	if _, err := m.secrets.Write(line); err != nil || !m.secrets.seen || m.secrets.master[0] != 0xcd {
		t.Fatalf("got %v, want the secrets of the line", err)
	}
	m.Close()
	if m.secrets != (masterLog{}) {
		t.Error("Close keeps the master secret")
	}
	for _, broken := range []string{
		"CLIENT_RANDOM", "CLIENT_RANDOM zz zz", "CLIENT_RANDOM " + hexOf(1, randomLen) + " zz",
	} {
		if _, err := m.secrets.Write([]byte(broken)); broken != "CLIENT_RANDOM" && err == nil {
			t.Errorf("%q was taken", broken)
		}
		if m.secrets.seen {
			t.Errorf("%q counts as a secret", broken)
		}
	}
}

func hexOf(b byte, n int) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 2*n)
	for range n {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out)
}
