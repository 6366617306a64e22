package supplicant_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/supplicant"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc4072"
)

// farm is a server for many stations at a time, each of which has a script of its own.
type farm struct {
	pki  *testPKI
	tls  *tls.Config
	edit func(n int, s *script) // bends station n, counted from 0 as they come

	mu       sync.Mutex // guards what follows
	stations map[string]*script
	begun    int
}

func (f *farm) serve(t *testing.T) supplicant.LoadConfig {
	t.Helper()
	if f.tls == nil {
		f.tls = &tls.Config{}
	}
	f.tls.ClientAuth, f.tls.ClientCAs = tls.RequireAndVerifyClientCert, f.pki.roots()
	f.tls.Certificates = []tls.Certificate{f.pki.server}
	f.tls.SetSessionTicketKeys([][32]byte{{1}})
	f.stations = make(map[string]*script)
	cfg := supplicant.LoadConfig{Config: (&script{pki: f.pki}).config()}
	cfg.Server = serveUDP(t, func(raw []byte) [][]byte {
		if reply := f.station(raw).handle(raw); reply != nil {
			return [][]byte{reply}
		}
		return nil
	})
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, s := range f.stations {
			s.forget()
		}
	})
	return cfg
}

// station returns the script of whoever sent raw, ready for a new conversation when raw
// begins one.
func (f *farm) station(raw []byte) *script {
	req, err := radius.Parse(raw, []byte(testSecret))
	if err != nil {
		return &script{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name := rfc2865.CallingStationID_GetString(req)
	s := f.stations[name]
	if s == nil {
		s = &script{pki: f.pki, tls: f.tls}
		if f.edit != nil {
			f.edit(len(f.stations), s)
		}
		f.stations[name] = s
	}
	if _, ok := req.Lookup(rfc2865.State_Type); !ok {
		f.begun++
		s.forget()
	}
	return s
}

func load(t *testing.T, ctx context.Context, cfg supplicant.LoadConfig) *supplicant.LoadReport {
	t.Helper()
	l, err := supplicant.NewLoad(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := l.Run(ctx)
	if p := l.Progress(); p.LoadCounts != r.LoadCounts {
		t.Errorf("progress %+v, report %+v", p, r.LoadCounts)
	}
	return r
}

func TestLoadAccepts(t *testing.T) {
	f := &farm{pki: newTestPKI(t, false)}
	cfg := f.serve(t)
	cfg.Count, cfg.Parallel, cfg.CallingStationID = 25, 4, "02-00-00-00-ff-fe"
	r := load(t, t.Context(), cfg)
	if !r.OK() || r.Accepted != 25 || r.Full.Count != 25 || r.Resumed.Count != 0 ||
		r.Saved != nil || r.Interrupted || len(r.Reasons)+len(r.Rules) != 0 {
		t.Errorf("%+v", r)
	}
	if r.Full.Rounds != 4 || r.Full.Bytes < 2000 || r.Latency.P50 <= 0 ||
		r.Latency.P50 > r.Latency.P99 || r.Latency.P99 > r.Latency.Max || r.Rate <= 0 {
		t.Errorf("%+v", r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range maps.Keys(f.stations) {
		stations := []string{
			"02-00-00-00-ff-fe", "02-00-00-00-FF-FF", "02-00-00-01-00-00", "02-00-00-01-00-01",
		}
		if !slices.Contains(stations, name) {
			t.Errorf("station %q, want one of %q", name, stations)
		}
	}
	if f.begun != 25 {
		t.Errorf("%d conversations, want 25", f.begun)
	}
}

func TestLoadResumes(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			f := &farm{pki: newTestPKI(t, false), edit: func(_ int, s *script) {
				s.editReply = func(r *radius.Packet, _ []byte) { r.Del(rfc4072.EAPKeyName_Type) }
			}}
			cfg := f.serve(t)
			cfg.Count, cfg.Parallel, cfg.Resume = 9, 1, true
			cfg.TLSMax, cfg.EAPKeyName = version, false
			r := load(t, t.Context(), cfg)
			if !r.OK() || r.Full.Count != 1 || r.Resumed.Count != 8 {
				t.Fatalf("%+v", r)
			}
			if r.Saved == nil || r.Saved.Bytes <= 0 ||
				r.Saved.Rounds != math.Round(100*(r.Full.Rounds-r.Resumed.Rounds))/100 {
				t.Errorf("full %+v, resumed %+v, saved %+v", r.Full, r.Resumed, r.Saved)
			}
		})
	}
}

// TestLoadTellsOutcomes has one station rejected, one left alone, one told a wrong key.
func TestLoadTellsOutcomes(t *testing.T) {
	f := &farm{pki: newTestPKI(t, false)}
	f.edit = func(n int, s *script) {
		switch n {
		case 1:
			s.refuse = true
		case 2:
			s.editReply = func(r *radius.Packet, _ []byte) { r.Secret = []byte("another") }
		case 3:
			s.editReply = func(r *radius.Packet, msk []byte) {
				if msk != nil {
					r.Del(26)
				}
			}
		}
	}
	cfg := f.serve(t)
	cfg.Count, cfg.Parallel = 4, 4
	cfg.Timeout, cfg.Retries = time.Second, -1 // a request sent again would be another station
	r := load(t, t.Context(), cfg)
	want := supplicant.LoadCounts{
		Finished: 4, Accepted: 2, Rejected: 1, Unreachable: 1, KeysWrong: 1, Violations: 1,
	}
	if r.LoadCounts != want || r.OK() || r.Unanswered() != 1 {
		t.Errorf("got %+v, want %+v", r.LoadCounts, want)
	}
	texts := fmt.Sprint(r.Reasons, r.Rules)
	for _, want := range []string{
		"server rejected after", "not signed with our secret", "MS-MPPE-Send-Key not in the",
	} {
		if !strings.Contains(texts, want) {
			t.Errorf("%s lacks %q", texts, want)
		}
	}
}

func TestLoadCountsTimeouts(t *testing.T) {
	cfg := supplicant.LoadConfig{Config: (&script{pki: newTestPKI(t, false)}).config(), Count: 3}
	cfg.Server, cfg.Timeout = serveUDP(t, func([]byte) [][]byte { return nil }), time.Millisecond
	r := load(t, t.Context(), cfg)
	if r.Timeouts != 3 || r.Finished != 3 || len(r.Reasons) != 1 || r.Latency.Max != 0 {
		t.Errorf("%+v", r)
	}
}

// TestLoadEnds has a load without a count ended by its time and by its context.
func TestLoadEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &farm{pki: newTestPKI(t, false), edit: func(n int, _ *script) {
		if n == 3 { // two stations of the first load, then the second of the next
			cancel()
		}
	}}
	cfg := f.serve(t)
	cfg.Duration, cfg.Parallel = 50*time.Millisecond, 2
	if r := load(t, t.Context(), cfg); !r.OK() || r.Interrupted || r.Count != 0 {
		t.Errorf("by time: %+v", r)
	}
	cfg.Duration, cfg.CallingStationID = time.Hour, "02-00-00-00-01-00"
	if r := load(t, ctx, cfg); !r.Interrupted || r.Accepted != r.Finished {
		t.Errorf("by context: %+v", r)
	}
}

// TestLoadAtARate has authentications begin at their time while none has an end, and miss it
// while all workers are busy.
func TestLoadAtARate(t *testing.T) {
	cfg := supplicant.LoadConfig{Config: (&script{pki: newTestPKI(t, false)}).config(), Count: 20}
	cfg.Server = serveUDP(t, func([]byte) [][]byte { return nil })
	cfg.Timeout, cfg.Retries, cfg.Rate = 200*time.Millisecond, -1, 1e6
	for parallel, missed := range map[int]int{5: 15, 20: 0} {
		cfg.Parallel = parallel
		r := load(t, t.Context(), cfg)
		if r.Finished != parallel || r.Timeouts != parallel || r.Missed != missed || r.Asked != 1e6 {
			t.Errorf("%d at a time: %+v, want %d missed", parallel, r, missed)
		}
	}
}

// TestLoadAtARateEnds has a load at a rate ended by its time, between two that are due, and by
// its context.
func TestLoadAtARateEnds(t *testing.T) {
	f := &farm{pki: newTestPKI(t, false)}
	cfg := f.serve(t)
	cfg.Duration, cfg.Rate, cfg.Parallel = 50*time.Millisecond, 100, 4
	if r := load(t, t.Context(), cfg); !r.OK() || r.Finished > 5 || r.Interrupted {
		t.Errorf("by time: %+v", r)
	}
	cfg.Rate = 1e-300
	if r := load(t, t.Context(), cfg); !r.OK() || r.Finished != 1 {
		t.Errorf("by time, before the second is due: %+v", r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.mu.Lock()
	f.edit = func(int, *script) { cancel() }
	f.mu.Unlock()
	cfg.Duration, cfg.Rate, cfg.CallingStationID = 0, 0.001, "02-00-00-00-01-00"
	cfg.Count = 2
	if r := load(t, ctx, cfg); !r.Interrupted || r.Finished > 1 {
		t.Errorf("by context: %+v", r)
	}
}

func TestNewLoadRejects(t *testing.T) {
	good := supplicant.LoadConfig{
		Config: supplicant.Config{Server: "127.0.0.1:9", Secret: []byte("s")}, Count: 2, Parallel: 2,
	}
	tests := []struct {
		name, want string
		edit       func(*supplicant.LoadConfig)
	}{
		{"no end", "a count or a duration", func(c *supplicant.LoadConfig) { c.Count = 0 }},
		{"negative count", "a count or a duration", func(c *supplicant.LoadConfig) { c.Count = -1 }},
		{"too many", "10001 at a time", func(c *supplicant.LoadConfig) { c.Parallel = 10001 }},
		{"rate", "a rate of -1/s is not", func(c *supplicant.LoadConfig) { c.Rate = -1 }},
		{"no rate", "a rate of NaN/s is not", func(c *supplicant.LoadConfig) { c.Rate = math.NaN() }},
		{"station", "no MAC address", func(c *supplicant.LoadConfig) { c.CallingStationID = "x" }},
		{"secret", "secret is empty", func(c *supplicant.LoadConfig) { c.Secret = nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good
			tt.edit(&cfg)
			if _, err := supplicant.NewLoad(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
