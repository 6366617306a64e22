package appliance_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/supplicant"
)

// What BenchmarkViewers is about.
const (
	viewers      = 8
	viewersRate  = 200 // sign-ins that begin a second
	viewersRound = 5 * time.Second
)

// watched is a site whose pages somebody can sign in to.
func watchedSite(t testing.TB) *site {
	s := newSite(t)
	s.write("admins.yaml", fmt.Sprintf("accounts:\n  - {username: admin, role: admin, password: %q}\n", cheapHash(ownersPassword)))
	return s
}

// visitor is somebody who has signed in to the pages of a program.
func (p *program) visitor() *http.Client {
	p.t.Helper()
	client := &http.Client{Jar: must(cookiejar.New(nil))(p.t), Transport: &http.Transport{ // the certificate is the device's own
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: viewers,
	}}
	p.t.Cleanup(client.CloseIdleConnections)
	r := must(client.PostForm(p.web+"/sign-in", url.Values{"username": {"admin"}, "password": {ownersPassword}}))(p.t)
	_ = r.Body.Close() // it was not even read
	if r.Request.URL.Path != "/" || r.StatusCode != http.StatusOK {
		p.t.Fatalf("signing in to the pages: %s %s", r.Request.URL, r.Status)
	}
	return client
}

// watch opens so many live pages of sign-ins, until stop is called, which returns how many rows they were sent.
func (p *program) watch(client *http.Client, count int) (stop func() int64) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	var rows atomic.Int64
	ended := make(chan error, count)
	for range count {
		request := must(http.NewRequestWithContext(ctx, http.MethodGet, p.web+"/sign-ins/stream", nil))(p.t)
		r := must(client.Do(request))(p.t)
		if r.StatusCode != http.StatusOK {
			p.t.Fatalf("the stream of sign-ins: %s", r.Status)
		}
		go func() {
			defer func() { _ = r.Body.Close() }() // it was only read
			lines := bufio.NewScanner(r.Body)
			for lines.Scan() {
				if strings.HasPrefix(lines.Text(), "data: ") {
					rows.Add(1)
				}
			}
			ended <- lines.Err()
		}()
	}
	return func() int64 {
		p.t.Helper()
		if len(ended) > 0 {
			p.t.Errorf("a viewer was dropped: %v", <-ended)
		}
		cancel()
		return rows.Load()
	}
}

// BenchmarkViewers is the 99th percentile of how long devices wait that come back, at 200 a second,
// while 8 people look at the sign-ins live, beside that of rounds in which nobody does. The target
// is a ratio of 1.2.
func BenchmarkViewers(b *testing.B) {
	p := watchedSite(b).startProgram()
	device := p.childDevice(p.user(lab.UserOptions{}), 1)
	device.Timeout, device.Retries = 10*time.Second, -1
	client := p.visitor()
	round := func(count int) (p99, cpu float64) {
		b.Helper()
		load := must(supplicant.NewLoad(supplicant.LoadConfig{Config: device, Rate: viewersRate,
			Parallel: 2 * viewersRate, Duration: viewersRound, Resume: true}))(b)
		stop, before := p.watch(client, count), p.cpuTime()
		report := load.Run(b.Context())
		cpu = (p.cpuTime() - before).Seconds() / report.Duration.Seconds()
		rows := stop()
		if !report.OK() || report.Missed > 0 {
			b.Errorf("of %d sign-ins: %+v, %d not begun in time: %v", report.Finished, report.LoadCounts, report.Missed, report.Reasons)
		}
		if want := int64(count) * int64(report.Finished) * 9 / 10; rows < want {
			b.Errorf("%d viewers were sent %d rows of %d sign-ins, want at least %d", count, rows, report.Finished, want)
		}
		return report.Latency.P99, cpu
	}
	round(0) // the first one makes sessions
	var p99, cpu [2][]float64
	var ratios []float64
	for b.Loop() {
		for n := range benchRounds {
			var each [2]float64
			for i := range 2 {
				i = (i + n) % 2 // nobody is always first
				var took float64
				each[i], took = round(i * viewers)
				p99[i], cpu[i] = append(p99[i], each[i]), append(cpu[i], took)
			}
			ratios = append(ratios, each[1]/each[0])
		}
	}
	b.ReportMetric(median(ratios), "p99-watched/alone")
	b.ReportMetric(median(p99[0]), "p99-alone-ms")
	b.ReportMetric(median(p99[1]), "p99-watched-ms")
	b.ReportMetric(100*median(cpu[0]), "cpu-alone-%")
	b.ReportMetric(100*median(cpu[1]), "cpu-watched-%")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStatusPage is one look at the first page over TLS, on a connection that stays, and the CPU
// time that it takes the server.
func BenchmarkStatusPage(b *testing.B) {
	p := watchedSite(b).startProgram()
	client := p.visitor()
	before, views := p.cpuTime(), 0
	for b.Loop() {
		r := must(client.Get(p.web + "/"))(b)
		size := must(io.Copy(io.Discard, r.Body))(b)
		_ = r.Body.Close() // it was only read
		if r.StatusCode != http.StatusOK || size < 1000 {
			b.Fatalf("%s of %d bytes", r.Status, size)
		}
		views++
	}
	b.ReportMetric(float64((p.cpuTime()-before).Microseconds())/float64(views), "server-µs/op")
}
