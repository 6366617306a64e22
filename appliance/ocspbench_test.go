package appliance_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/supplicant"
)

// What the benchmarks do: so many rounds, in which those compared take turns, and the median of
// what each round came to. Times drift on shared machines; read the ratios.
const (
	benchRounds = 7
	benchLoad   = 400
)

// A benchChild is a process that serves, and a device whose standing it knows.
type benchChild struct {
	*child
	device supplicant.Config
}

func (s *site) startBench(b *testing.B) *benchChild {
	b.Helper()
	c := &benchChild{child: s.startChild(), device: s.childDevice(s.user(lab.UserOptions{}), 1)}
	if got := s.tryToSignIn(c.device); got != "accept" {
		b.Fatalf("the first sign-in: %s", got)
	}
	return c
}

// childDevice is a built-in client of the site's child.
func (s *site) childDevice(leaf *lab.Leaf, n int) supplicant.Config {
	certificate := leaf.TLS()
	return supplicant.Config{
		Server: fmt.Sprintf("127.0.0.1:%d", s.port), Secret: []byte(sharedSecret), Identity: "anonymous",
		Certificate: &certificate, CallingStationID: fmt.Sprintf("02-00-00-00-%02X-%02X", n>>8, n&0xFF),
		TLSMax: 0x0303, Timeout: time.Minute,
	}
}

// load signs the device in many times, 16 at a time, in full.
func (c *benchChild) load(b *testing.B) *supplicant.LoadReport {
	b.Helper()
	load, err := supplicant.NewLoad(supplicant.LoadConfig{Config: c.device, Count: benchLoad, Parallel: 16})
	if err != nil {
		b.Fatal(err)
	}
	report := load.Run(b.Context())
	if !report.OK() {
		b.Fatalf("%d of %d accepted: %+v", report.Accepted, report.Finished, report.Reasons)
	}
	return report
}

// cpu is the CPU time that the process has taken so far.
func (c *child) cpu(b *testing.B) (sum time.Duration) {
	b.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.cmd.Process.Pid))
	if err != nil || len(tasks) == 0 {
		b.Fatalf("the CPU time of the process is not known: %v", err)
	}
	for _, task := range tasks {
		var took time.Duration // in ns
		text, err := os.ReadFile(task)
		if err == nil {
			_, err = fmt.Sscan(string(text), &took)
		}
		if err != nil {
			b.Fatal(err)
		}
		sum += took
	}
	return sum
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkOCSPWarm is the CPU time that a full authentication takes the process with the answer
// at hand, beside one with ocsp: off. The target is a ratio of 1.03.
func BenchmarkOCSPWarm(b *testing.B) {
	off := newSite(b)
	warm, _ := newOCSPSite(b, "")
	children := []*benchChild{off.startBench(b), warm.startBench(b)}
	var took [2][]float64
	var ratios []float64
	for b.Loop() {
		for round := range benchRounds {
			var each [2]float64
			for i := range children {
				i = (i + round) % 2 // nobody is always first
				before := children[i].cpu(b)
				children[i].load(b)
				each[i] = float64(children[i].cpu(b)-before) / benchLoad / 1e6
				took[i] = append(took[i], each[i])
			}
			ratios = append(ratios, each[1]/each[0])
		}
	}
	b.ReportMetric(median(took[0]), "off-cpu-ms")
	b.ReportMetric(median(took[1]), "warm-cpu-ms")
	b.ReportMetric(median(ratios), "warm/off")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkOCSPFrozenResponder is the 99th percentile of how long others wait while 64 devices
// hang on a responder that never answers, beside a process that nobody hangs on. The target is a
// ratio of 1.5.
func BenchmarkOCSPFrozenResponder(b *testing.B) {
	calm, _ := newOCSPSite(b, "")
	busy, _ := newOCSPSite(b, ", budget: 30s")
	stuck := busy.newResponder()
	url := stuck.handle("stuck", hang)
	children := []*benchChild{calm.startBench(b), busy.startBench(b)}
	var waiting sync.WaitGroup
	var ended atomic.Int32
	for i := range 64 {
		device := busy.childDevice(busy.user(lab.UserOptions{Options: lab.Options{OCSP: []string{url}}}), 2+i)
		waiting.Go(func() {
			busy.tryToSignIn(device)
			ended.Add(1)
		})
	}
	busy.eventually("waiting", func() bool { return stuck.count("stuck") >= 32 }) // as many as are let through
	var p99 [2][]float64
	var ratios []float64
	for b.Loop() {
		for round := range benchRounds {
			var each [2]float64
			for i := range children {
				i = (i + round) % 2
				each[i] = children[i].load(b).Latency.P99
				p99[i] = append(p99[i], each[i])
			}
			ratios = append(ratios, each[1]/each[0])
		}
	}
	if n := ended.Load(); n > 0 {
		b.Errorf("%d of those who hang ended before the measuring did", n)
	}
	b.ReportMetric(median(p99[0]), "calm-p99-ms")
	b.ReportMetric(median(p99[1]), "frozen-p99-ms")
	b.ReportMetric(median(ratios), "frozen/calm")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkOCSPFarResponder is how long a device waits that comes for the first time, and when it
// comes back, with a responder that takes its time.
func BenchmarkOCSPFarResponder(b *testing.B) {
	for _, away := range []time.Duration{0, 50 * time.Millisecond, time.Second} {
		b.Run(away.String(), func(b *testing.B) {
			s, r := newOCSPSite(b, "")
			answer := r.answer("far", s.ca, lab.ResponderOptions{})
			s.ocsp = []string{r.handle("far", func(w http.ResponseWriter, request *http.Request) {
				select {
				case <-time.After(away):
					answer(w, request)
				case <-request.Context().Done():
				}
			})}
			s.startBench(b)
			var first, warm []float64
			for b.Loop() {
				devices := make([]supplicant.Config, 64)
				for i := range devices {
					devices[i] = s.childDevice(s.user(lab.UserOptions{}), 2+i)
				}
				first = append(first, s.crowd(b, devices)...)
				warm = append(warm, s.crowd(b, devices)...)
			}
			report := func(name string, values []float64) {
				b.ReportMetric(median(values), name+"-p50-ms")
				b.ReportMetric(values[len(values)*99/100], name+"-p99-ms")
			}
			report("first", first)
			report("warm", warm)
			b.ReportMetric(0, "ns/op")
		})
	}
}

// crowd signs all devices in, 16 at a time, and returns how long each took, in ms.
func (s *site) crowd(b *testing.B, devices []supplicant.Config) []float64 {
	b.Helper()
	took := make([]float64, len(devices))
	places := make(chan struct{}, 16)
	var all sync.WaitGroup
	for i := range devices {
		places <- struct{}{}
		all.Go(func() {
			began := time.Now()
			if got := s.tryToSignIn(devices[i]); got != "accept" {
				b.Errorf("device %d: %s", i, got)
			}
			took[i] = float64(time.Since(began).Microseconds()) / 1000
			<-places
		})
	}
	all.Wait()
	return took
}
