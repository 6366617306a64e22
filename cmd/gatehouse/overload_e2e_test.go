//go:build e2e

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/supplicant"
)

// What TestE2EOverload serves with and what it demands. Ratios are generous: generator and
// server share the machine, and with other tests.
const (
	overloadLimit    = "64MiB"  // for the Go runtime, what a device of 256 MiB has
	overloadPeak     = 96 << 10 // KiB resident, with the program's own text
	overloadFactor   = 10
	overloadFor      = 15 * time.Second
	overloadRecovery = 10 * time.Second
	leastGoodput     = 0.33 // of the rate at capacity
	leastEfficiency  = 0.5  // of the sign-ins per second of the server's CPU at capacity
	leastRequests    = 5    // times capacity, that have to have been sent for this to be a test
)

// TestE2EOverload offers ten times the sign-ins that the machine carries: as many as ever are
// carried out, nobody is refused half-way, the memory stays within its limit, and when it is
// over, or the generator is killed in the middle of it, the next device is let in at once.
func TestE2EOverload(t *testing.T) {
	r := newRig(t, "limits: {conversations: 512, conversations_per_client: 512}\n")
	log, err := os.Create(filepath.Join(filepath.Dir(r.state), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }() // it is read before
	r.start(log, "GOMEMLIMIT="+overloadLimit)
	r.status()

	usual := r.measure(func() []supplicant.LoadReport {
		_, report := r.probe("--parallel", "16", "--duration", "5s")
		return []supplicant.LoadReport{report()}
	})
	rate := overloadFactor * usual.goodput()
	over := r.measure(func() []supplicant.LoadReport { return r.flood(rate, overloadFor) })
	lightly := r.recovers()
	peak := peakKiB(t, r.serve.Process.Pid)
	shed := r.counter(`gatehouse_auth_total{result="reject",reason="overloaded"}`)
	postponed := r.counter(`gatehouse_radius_discards_total{why="overloaded"}`)

	killed := r.killedFlood(rate)
	heavily := r.recovers()
	r.kill()

	t.Logf("\n%s\n%s\npeak %d KiB resident, %.0f sign-ins shed, %.0f requests left to be repeated\n"+
		"accepted %v after the load was over, %v after a load of %s was killed",
		usual.row("capacity"), over.row(fmt.Sprintf("asked %.0f/s", rate)), peak, shed, postponed,
		lightly.Round(time.Millisecond), heavily.Round(time.Millisecond), killed)
	over.check(t, usual)
	if peak > overloadPeak {
		t.Errorf("the peak was %d KiB resident, want %d at most", peak, overloadPeak)
	}
	if shed > 0 {
		t.Errorf("%.0f sign-ins gave way, want none: no device was slow", shed)
	}
	checkShed(t, log.Name())
}

// A measured is what became of a load.
type measured struct {
	reports []supplicant.LoadReport
	took    time.Duration
	cpu     time.Duration // of the server
}

func (r *rig) measure(load func() []supplicant.LoadReport) measured {
	began, before := time.Now(), r.cpu()
	reports := load()
	return measured{reports: reports, took: time.Since(began), cpu: r.cpu() - before}
}

func (m measured) sum(of func(supplicant.LoadReport) int) (n float64) {
	for _, report := range m.reports {
		n += float64(of(report))
	}
	return n
}

func (m measured) accepted() float64 {
	return m.sum(func(r supplicant.LoadReport) int { return r.Accepted })
}

func (m measured) begun() float64 {
	return m.sum(func(r supplicant.LoadReport) int { return r.Finished })
}

// goodput is how many are accepted a second.
func (m measured) goodput() float64 { return m.accepted() / m.took.Seconds() }

// efficiency is how many are accepted for a second of the server's CPU time.
func (m measured) efficiency() float64 { return m.accepted() / max(m.cpu.Seconds(), 0.01) }

// requests is how many requests to begin were sent a second, those repeated among them.
func (m measured) requests() float64 {
	again := m.sum(func(r supplicant.LoadReport) int { return r.Retransmissions })
	return (m.begun() + again) / m.took.Seconds()
}

func (m measured) row(name string) string {
	return fmt.Sprintf("%-14s %6.0f began, %6.0f requests to begin/s, %6.0f accepted, %5.0f accepted/s, "+
		"%4.2f ms of CPU each, p50 %.0f ms, p99 %.0f ms", name, m.begun(), m.requests(), m.accepted(),
		m.goodput(), 1000/m.efficiency(), m.reports[0].Latency.P50, m.reports[0].Latency.P99)
}

// check compares m with what is usual, and looks for sign-ins that were begun and not finished.
func (m measured) check(t *testing.T, usual measured) {
	t.Helper()
	for name, c := range map[string]struct{ got, least float64 }{
		"accepted/s":               {m.goodput(), leastGoodput * usual.goodput()},
		"accepted/s of CPU":        {m.efficiency(), leastEfficiency * usual.efficiency()},
		"requests to begin/s sent": {m.requests(), leastRequests * usual.goodput()},
	} {
		if c.got < c.least {
			t.Errorf("%s: got %.0f, want %.0f at least", name, c.got, c.least)
		}
	}
	for _, report := range m.reports {
		if report.Rejected+report.Aborted+report.KeysWrong+report.Violations > 0 {
			t.Errorf("want none refused and no rule broken, got %+v: %v, %v", report.LoadCounts,
				report.Reasons, report.Rules)
		}
		for _, reason := range report.Reasons {
			// A device that was never answered goes to another server, or asks again.
			if !strings.HasPrefix(reason.Text, "no answer from the server") {
				t.Errorf("left half-way: %d × %s", reason.Count, reason.Text)
			}
		}
	}
}

// flood has devices come at a rate, from two processes: one has too few ports for that.
func (r *rig) flood(rate float64, duration time.Duration) []supplicant.LoadReport {
	var waits []func() supplicant.LoadReport
	for _, station := range []string{"02-00-00-01-00-00", "02-00-00-02-00-00"} {
		_, report := r.probe("--station", station, "--rate", fmt.Sprint(rate/2),
			"--parallel", "9000", "--timeout", "1s", "--retries", "2", "--duration", duration.String())
		waits = append(waits, report)
	}
	var reports []supplicant.LoadReport
	for _, report := range waits {
		reports = append(reports, report())
	}
	return reports
}

// killedFlood kills a generator while its load is at its height, with its sign-ins half-way.
func (r *rig) killedFlood(rate float64) string {
	r.t.Helper()
	before := r.counter("gatehouse_radius_requests_total")
	var cmd *exec.Cmd
	cmd, _ = r.probe("--rate", fmt.Sprint(rate), "--parallel", "9000", "--timeout", "1s", "--duration", "1m")
	const requests = 10000
	r.until("loaded", time.Minute, func() error {
		if n := r.counter("gatehouse_radius_requests_total") - before; n < requests {
			return fmt.Errorf("%.0f requests served", n)
		}
		return nil
	})
	_ = cmd.Process.Kill() // it runs for a minute
	_ = cmd.Wait()         // it was killed
	return fmt.Sprintf("%.0f/s", rate)
}

// recovers returns how long it takes until a device is accepted that sends each request once.
func (r *rig) recovers() time.Duration {
	r.t.Helper()
	began := time.Now()
	r.until("accepted again", overloadRecovery, func() error { return r.signIn(time.Second) })
	return time.Since(began)
}

// checkShed looks for sign-ins that gave way, or were left, after the certificate was there. The
// log has the first thousand.
func checkShed(t *testing.T, log string) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, `"result":"reject"`) {
			continue
		}
		for _, late := range []string{"the device's certificate", "the handshake was completed"} {
			if strings.Contains(line, late) {
				t.Errorf("after the certificate was there: %s", line)
			}
		}
	}
}
