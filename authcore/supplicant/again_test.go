package supplicant_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/supplicant"
)

// again authenticates over c once more.
func again(t *testing.T, c *supplicant.Conn) *supplicant.Report {
	t.Helper()
	conversation := c.Begin()
	defer conversation.Peer.Close()
	r, err := conversation.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestBeginAgain shows that conversations over one socket know nothing of each other.
func TestBeginAgain(t *testing.T) {
	s := &script{pki: newTestPKI(t, false)}
	cfg := s.config()
	cfg.Server = s.serve(t)
	c := dial(t, cfg)
	first := again(t, c)
	s.forget()
	half := c.Begin()
	if err := half.Until(t.Context(), supplicant.StageHello); err != nil || c.State() == nil {
		t.Fatalf("state %x, %v", c.State(), err)
	}
	half.Peer.Close()
	s.forget()
	second := again(t, c)
	if !first.OK() || !second.OK() || first.Rounds != second.Rounds || second.Resumed {
		t.Errorf("first %+v, second %+v", first, second)
	}
}

// TestBeginAgainVerifies shows that a chain verified once is trusted no longer than it is
// valid, and no other chain with it.
func TestBeginAgainVerifies(t *testing.T) {
	s := &script{pki: newTestPKI(t, false)}
	now := time.Now()
	cfg := s.config()
	cfg.Server, cfg.Time = s.serve(t), func() time.Time { return now }
	c := dial(t, cfg)
	for range 2 {
		if r := again(t, c); !r.OK() || !r.ServerCertificate.Verified {
			t.Fatalf("%+v", r)
		}
		s.forget()
	}
	now = now.Add(48 * time.Hour)
	if r := again(t, c); r.OK() || !strings.Contains(r.Reason, "expired") {
		t.Errorf("after the chain's end: %+v", r)
	}
	now = now.Add(-48 * time.Hour)
	s.forget()
	s.present(newTestPKI(t, false).server)
	if r := again(t, c); r.OK() || !strings.Contains(r.Reason, "unknown authority") {
		t.Errorf("another chain: %+v", r)
	}
}

// forget makes s ready for the next conversation.
func (s *script) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.stop()
	}
	s.conn, s.pending, s.received, s.asked, s.afterIdx = nil, nil, nil, 0, 0
}

// present changes the server's credential.
func (s *script) present(c tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tls.Certificates = []tls.Certificate{c}
}
