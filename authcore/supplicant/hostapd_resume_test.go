package supplicant_test

import (
	"context"
	"crypto/tls"
	"testing"

	"gatehouse/authcore/supplicant"
)

// TestTL9HostapdResumes has hostapd take sessions up again: both keys and the Session-Id must
// be right on each. Under TLS 1.2 hostapd hands out session IDs, never tickets, and
// crypto/tls resumes by ticket only: each authentication is a full one there.
func TestTL9HostapdResumes(t *testing.T) {
	tests := []struct {
		name, version string
		lines         []string
		resumes       bool
	}{
		{"TLS 1.3", "1.3", []string{"tls_flags=[ENABLE-TLSv1.3]"}, true},
		{"TLS 1.2", "1.2", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := startHostapd(t, hostapdOptions{
				lines: append([]string{"tls_session_lifetime=3600"}, tt.lines...),
			})
			cfg := h.config()
			cfg.SessionCache = tls.NewLRUClientSessionCache(1)
			for i := range 4 {
				r, err := supplicant.Run(context.Background(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				if r.Result != supplicant.ResultAccept || !r.KeysOK ||
					r.TLSVersion != tt.version || r.Resumed != (tt.resumes && i > 0) {
					t.Errorf("authentication %d: %+v", i, r)
				}
			}
		})
	}
}
