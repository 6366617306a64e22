package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/supplicant"

	"github.com/google/go-cmp/cmp"
	"layeh.com/radius"
)

// TestProbeLoadExitCodes has a server reject so many conversations and leave the rest alone:
// no verdict counts more than a negative one.
func TestProbeLoadExitCodes(t *testing.T) {
	tests := []struct {
		name     string
		answers  int64
		code     int
		stderr   string
		last     string
		rejected int
	}{
		{"all rejected", 3, exitNo, "", "0 of 3 accepted, ", 3},
		{"one unanswered", 2, exitUnreachable, "1 of 3 authentications got no verdict", "0 of 3", 2},
		{"none answered", 0, exitUnreachable, "is the secret the same there?", "0 of 3", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int64
			server := answering(t, func(raw []byte) []byte {
				if asked.Add(1) > tt.answers {
					return nil
				}
				return reject(raw, "secret")
			})
			args := []string{
				"--server", server, "--secret-file", "-", "--identity", "a", "--count", "3",
				"--timeout", "50ms", "--retries", "0",
			}
			code, stdout, stderr := probe(t, "secret\n", args...)
			lines := strings.Split(strings.TrimSpace(stdout), "\n")
			if code != tt.code || !strings.Contains(stderr, tt.stderr) ||
				!strings.HasPrefix(lines[len(lines)-1], tt.last) {
				t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			asked.Store(0)
			_, stdout, _ = probe(t, "secret\n", append(args, "--json")...)
			var got supplicant.LoadReport
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatal(err)
			}
			want := supplicant.LoadCounts{
				Finished: 3, Rejected: tt.rejected, Timeouts: 3 - tt.rejected,
			}
			if got.LoadCounts != want || len(got.Reasons) == 0 || got.Count != 3 {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestProbeLoadInterrupted shows that what there is so far is told.
func TestProbeLoadInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int64
	server := answering(t, func(raw []byte) []byte {
		if asked.Add(1) > 5 {
			cancel()
			return nil
		}
		return reject(raw, "secret")
	})
	code, stdout, stderr := probeUntil(ctx, "secret", "--server", server, "--secret-file", "-",
		"--identity", "a", "--count", "1000000", "--timeout", "1m")
	if code != exitNo || stderr != "" || !strings.Contains(stdout, "✗ 5 rejected") ||
		!strings.HasSuffix(stdout, ", interrupted\n") {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// answering is a server that sends what handler says.
func answering(t *testing.T, handler func(raw []byte) []byte) string {
	t.Helper()
	sock, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { sock.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, radius.MaxPacketLength)
		for {
			n, from, err := sock.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := handler(buf[:n]); reply != nil {
				_, _ = sock.WriteTo(reply, from)
			}
		}
	}()
	return sock.LocalAddr().String()
}

func TestProbeLoadCount(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want int
	}{
		{"parallel alone", []string{"--parallel", "3"}, 3},
		{"resume alone", []string{"--resume"}, 2},
		{"resume and parallel", []string{"--parallel", "2", "--resume"}, 4},
		{"rate", []string{"--rate", "1000", "--count", "3"}, 3},
		{"count below parallel", []string{"--count", "1", "--parallel", "4"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := refuser(t, "secret")
			_, stdout, _ := probe(t, "secret", append(tt.args, "--server", server,
				"--secret-file", "-", "--identity", "a", "--json")...)
			var got supplicant.LoadReport
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatal(err)
			}
			if got.Finished != tt.want || got.Rejected != tt.want {
				t.Errorf("got %+v, want %d", got, tt.want)
			}
		})
	}
}

func TestWriteLoad(t *testing.T) {
	r := &supplicant.LoadReport{
		Parallel: 4, Resume: true, Interrupted: true,
		LoadCounts: supplicant.LoadCounts{
			Finished: 100, Accepted: 97, Rejected: 2, Timeouts: 1, Violations: 3,
		},
		DurationMS: 1234.5, Rate: 81, AcceptedRate: 78.6, Retransmissions: 2,
		Latency: supplicant.Latency{P50: 4, P99: 20.04, Max: 21},
		Full: supplicant.LoadKind{Count: 4, Rounds: 6, Bytes: 4000.4,
			Latency: supplicant.Latency{P50: 10, P90: 11, P99: 12, Max: 13}},
		Resumed: supplicant.LoadKind{Count: 93, Rounds: 4, Bytes: 2000,
			Latency: supplicant.Latency{P50: 4, P90: 5, P99: 20, Max: 21}},
		Saved:   &supplicant.LoadSaving{Rounds: 2, Bytes: 2000.4, P50: 6},
		Reasons: []supplicant.Tally{{Text: "server rejected after our certificate", Count: 2}},
		Rules:   []supplicant.Tally{{Text: "TL-1: Start with flags", Count: 3}},
	}
	var b bytes.Buffer
	if err := writeLoad(&b, r); err != nil {
		t.Fatal(err)
	}
	want := `100 authentications, 4 at a time, in 1.234 s: 81.0/s, 2 retransmissions
✗ 2 rejected
✗ 1 timed out
             accepted  rounds  bytes  p50 ms  p90 ms  p99 ms  max ms
               4 full     6.0   4000    10.0    11.0    12.0    13.0
           93 resumed     4.0   2000     4.0     5.0    20.0    21.0
  saved by resumption     2.0   2000     6.0                        
✗ 2 ×: server rejected after our certificate
✗ 3 ×: rule broken: TL-1: Start with flags
97 of 100 accepted, rules broken in 3, all keys right, 93 resumed, 78.6 accepted/s, ` +
		"p50 4.0 ms, p99 20.0 ms, max 21.0 ms, interrupted\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestProgressLines(t *testing.T) {
	steps := []supplicant.LoadProgress{
		{LoadCounts: supplicant.LoadCounts{Finished: 100, Accepted: 100}, Elapsed: time.Second},
		{LoadCounts: supplicant.LoadCounts{Finished: 400, Accepted: 390, Rejected: 6, Aborted: 1,
			Timeouts: 2, Unreachable: 1}, Elapsed: 3 * time.Second, P50: 4 * time.Millisecond},
		{Elapsed: 3 * time.Second}, // no time gone by
	}
	at := 0
	line := progressLines(func() supplicant.LoadProgress { at++; return steps[at-1] }, 1000)
	for _, want := range []string{
		"100 of 1000, 100/s: 100 accepted, 0 rejected, 0 unanswered, p50 0.0 ms",
		"400 of 1000, 150/s: 390 accepted, 7 rejected, 3 unanswered, p50 4.0 ms",
	} {
		if got := line(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	line() // must not divide by nothing
}

// TestWriteLoadAtARate shows what was asked for and what was missed.
func TestWriteLoadAtARate(t *testing.T) {
	r := &supplicant.LoadReport{
		Parallel: 4, Asked: 1200, Missed: 7, DurationMS: 1000, Rate: 2,
		LoadCounts: supplicant.LoadCounts{Finished: 2, Rejected: 2},
	}
	var b bytes.Buffer
	if err := writeLoad(&b, r); err != nil {
		t.Fatal(err)
	}
	want := `2 authentications, 4 at a time, in 1.000 s: 2.0/s, 0 retransmissions
1200/s were asked for
✗ 7 did not begin at their time: 4 were under way
✗ 2 rejected
0 of 2 accepted, 0.0 accepted/s
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// TestRunProgress shows that the line is drawn at each tick and gone in the end.
func TestRunProgress(t *testing.T) {
	tick, stop := make(chan time.Time), make(chan struct{})
	r, w := io.Pipe()
	go func() {
		runProgress(w, tick, stop, func() string { return "half" })
		w.Close()
	}()
	go func() { tick <- time.Now(); tick <- time.Now(); close(stop) }()
	got, err := io.ReadAll(r)
	want := "\r\x1b[Khalf\r\x1b[Khalf\r\x1b[K"
	if err != nil || string(got) != want {
		t.Errorf("got %q, want %q, %v", got, want, err)
	}
}
