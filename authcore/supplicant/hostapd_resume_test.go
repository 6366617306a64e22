package supplicant_test

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"

	"gatehouse/authcore/supplicant"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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

// TestHostapdLoad has four devices come back again and again.
func TestHostapdLoad(t *testing.T) {
	h := startHostapd(t, hostapdOptions{
		lines: []string{"tls_session_lifetime=3600", "tls_flags=[ENABLE-TLSv1.3]"},
	})
	r := load(t, t.Context(), supplicant.LoadConfig{
		Config: h.config(), Count: 40, Parallel: 4, Resume: true,
	})
	if r.Accepted != 40 || r.KeysWrong != 0 || r.Full.Count < 4 ||
		r.Full.Count+r.Resumed.Count != 40 || r.Resumed.Count < 20 {
		t.Errorf("%+v", r)
	}
	if r.Saved == nil || r.Saved.Rounds <= 0 || r.Saved.Bytes <= 0 {
		t.Errorf("saved %+v, full %+v, resumed %+v", r.Saved, r.Full, r.Resumed)
	}
	var rules []string
	for _, rule := range r.Rules {
		rules = append(rules, rule.Text)
	}
	// hostapd 2.10 leaves the commitment out when it resumes.
	want := append([]string{"TL-8: Access-Accept, but no commitment"}, ma3...)
	if diff := cmp.Diff(want, rules, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("rules broken (-want +got):\n%s", diff)
	}
}
