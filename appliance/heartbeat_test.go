package appliance_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// A beat is a heartbeat as a fleet manager reads it.
type beat struct {
	Type, ID, Version string
	Ready             bool
	TimeSure          bool `json:"time_sure"`
	Started           time.Time
	Generation        uint64
	Bundle            *struct {
		BundleID  string `json:"bundle_id"`
		Serial    uint64
		SHA256    string
		Signer    string
		Confirmed bool
	}
	Refused  *struct{ Code string }
	Expiring struct {
		Expired int
		Week    int `json:"within_7_days"`
		First   *struct {
			Kind, Name string
			NotAfter   time.Time `json:"not_after"`
		}
	}
	Counters struct{ Results, Rejects, Bundles map[string]uint64 }
}

// TestHeartbeat has a gateway behind NAT say how it is doing, over HTTPS with a CA of its own; what
// the token in the address and the secrets of the configuration are stays with those who know.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	const token = "golden-t0ken"
	beats := make(chan []byte, 1)
	var broken atomic.Bool
	watch := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/"+token ||
			r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %s %s, %s: %v", r.Method, r.URL.Path, r.Header.Get("Content-Type"), err)
		}
		if broken.Load() {
			http.Error(w, token, http.StatusBadGateway)
			return
		}
		select {
		case beats <- body:
		default: // nobody has read the last one yet
		}
	}))
	defer watch.Close()
	s, p := newSite(t), newPublisher(t)
	p.trust(s)
	s.write("watch.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: watch.Certificate().Raw})))
	s.boot.Node.ID = "oslo-1"
	s.boot.Fleet.Heartbeat.URL, s.boot.Fleet.Heartbeat.CA = watch.URL+"/"+token, "watch.pem"
	s.boot.Fleet.Heartbeat.Interval = 100 * time.Millisecond
	s.boot.Fleet.Pull.URL, s.boot.Fleet.Pull.CA = p.URL+"/b.tar.gz", "web.pem"
	s.boot.Fleet.Pull.Interval = 100 * time.Millisecond
	archive, signature := p.build(headOffice(s).dir, 7)
	p.publish("/b.tar.gz", archive, signature)
	s.start()
	s.eventually("in force", func() bool { return strings.Contains(s.scrape(), `confirmed="true"`) })
	s.reject(station{leaf: s.user(lab.UserOptions{Kind: lab.EmailSAN, Identity: "zoe@acme.example"})}, "user_unknown")

	var got beat
	var text []byte
	s.eventually("a heartbeat that says so", func() bool {
		text = <-beats
		if got = (beat{}); json.Unmarshal(text, &got) != nil {
			t.Fatalf("no JSON: %s", text)
		}
		return got.Counters.Rejects["user_unknown"] == 1 && got.Counters.Bundles["applied"] == 1
	})
	v := got.Bundle
	if got.Type != "heartbeat" || got.ID != "oslo-1" || !got.Ready || !got.TimeSure || got.Generation < 2 ||
		got.Started.IsZero() || v == nil || v.BundleID != "branch" || v.Serial != 7 || !v.Confirmed ||
		len(v.SHA256) != 64 || v.Signer == "" || got.Refused != nil || got.Counters.Results["reject"] != 1 {
		t.Errorf("got %s", text)
	}
	if e := got.Expiring; e.First == nil || e.First.NotAfter.IsZero() || e.Expired != 0 {
		t.Errorf("expiring: %+v", e)
	}
	for _, secret := range []string{sharedSecret, token, "zoe", "alice", "PRIVATE"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s holds %q", text, secret)
		}
	}
	broken.Store(true)
	s.eventually("failing", func() bool { return strings.Contains(s.scrape(), "gatehouse_heartbeat_failing 1") })
	st := s.appliance.Status().Heartbeat
	if st == nil || st.Address != watch.URL || !strings.Contains(st.Problem, "status 502") || st.LastSuccess.IsZero() {
		t.Errorf("status %+v", st)
	}
	if strings.Contains(s.log.String(), token) || strings.Contains(s.scrape(), token) {
		t.Error("the token is told")
	}
}
