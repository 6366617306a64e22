package appliance

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/radserver"
	"gatehouse/authcore/revocation"
	"gatehouse/webui"
)

// durationBounds are the upper bounds of the histogram of decisions, in seconds: from an
// answer out of hand to a conversation that timed out.
var durationBounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

// counters turns Events into metrics in the Prometheus text format. Label values come from
// closed lists, so that strangers cannot grow the set. It implements audit.Sink.
type counters struct {
	mu        sync.Mutex // guards what follows
	decisions map[decisionKey]uint64
	durations map[audit.Result]*histogram
	standings map[standingKey]uint64

	// Read at each scrape; not changed once serving.
	gauges map[string]func() float64
	radius func() radserver.Stats // nil: RADIUS is not served

	bundles     func(*bytes.Buffer)
	revocation  func() revocation.Report
	ends        func(*bytes.Buffer)
	syslog      func(*bytes.Buffer)
	heartbeat   func(*bytes.Buffer)
	withdrawals atomic.Uint64 // sessions of certificates revoked while on-line
}

type decisionKey struct {
	result audit.Result
	reason audit.Reason
}

// A standingKey is by what a certificate was judged, as in the log.
type standingKey struct{ status, source string }

type histogram struct {
	buckets []uint64 // by durationBounds, the last without bound
	count   uint64
	sum     float64
}

func newCounters() *counters {
	return &counters{
		decisions: make(map[decisionKey]uint64),
		durations: make(map[audit.Result]*histogram),
		standings: make(map[standingKey]uint64),
		gauges: map[string]func() float64{
			"go_goroutines": func() float64 { return float64(runtime.NumGoroutine()) },
		},
	}
}

// Record counts e.
func (c *counters) Record(e audit.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.decisions[decisionKey{e.Result, e.Reason}] += uint64(max(e.Count, 1))
	if e.Result == audit.Discard {
		return
	}
	if e.OCSP != "" {
		c.standings[standingKey{e.OCSP, e.OCSPSource}]++
	}
	h := c.durations[e.Result]
	if h == nil {
		h = &histogram{buckets: make([]uint64, len(durationBounds)+1)}
		c.durations[e.Result] = h
	}
	seconds := e.Duration.Seconds()
	i, _ := slices.BinarySearch(durationBounds, seconds)
	h.buckets[i]++
	h.count++
	h.sum += seconds
}

// gauge adds a value that is read at each scrape; name may carry labels.
func (c *counters) gauge(name string, read func() float64) { c.gauges[name] = read }

// ServeHTTP answers a scrape.
func (c *counters) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	c.writeDecisions(&b)
	for _, name := range slices.Sorted(maps.Keys(c.gauges)) {
		fmt.Fprintf(&b, "%s %s\n", name, number(c.gauges[name]()))
	}
	if c.radius != nil {
		writeRADIUS(&b, c.radius())
	}
	if c.revocation != nil {
		c.writeRevocation(&b)
	}
	if c.bundles != nil {
		c.bundles(&b)
	}
	if c.ends != nil {
		c.ends(&b)
	}
	if c.syslog != nil {
		c.syslog(&b)
	}
	if c.heartbeat != nil {
		c.heartbeat(&b)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the client is gone: nobody to tell
}

// writeRADIUS writes the counts of the RADIUS port. Those by client carry configured names.
func writeRADIUS(b *bytes.Buffer, s radserver.Stats) {
	for _, m := range []struct {
		name  string
		value uint64
	}{
		{"requests_total", s.Requests}, {"status_server_total", s.StatusServer},
		{"duplicates_total", s.Duplicates}, {"resent_total", s.Resent},
		{"superseded_total", s.Superseded}, {"dropped_total", s.Dropped},
		{"panics_total", s.Panics}, {"send_errors_total", s.SendErrors},
		{"encode_errors_total", s.EncodeErrors},
		{"in_hand", uint64(s.InHand)}, {"delayed", uint64(s.Delayed)}, {"cached", uint64(s.Cached)},
	} {
		fmt.Fprintf(b, "gatehouse_radius_%s %d\n", m.name, m.value)
	}
	for _, code := range slices.Sorted(maps.Keys(s.Responses)) {
		fmt.Fprintf(b, "gatehouse_radius_responses_total{code=%q} %d\n", code, s.Responses[code])
	}
	for _, why := range slices.Sorted(maps.Keys(s.Discards)) {
		fmt.Fprintf(b, "gatehouse_radius_discards_total{why=%q} %d\n", why, s.Discards[why])
	}
	for _, c := range s.WrongSecrets {
		fmt.Fprintf(b, "gatehouse_radius_wrong_secret_total{server=%q,client=%q} %d\n", c.Server, c.Client, c.Count)
	}
}

// writeRevocation writes how revocation is doing. Addresses of responders stay out: certificates
// name them.
func (c *counters) writeRevocation(b *bytes.Buffer) {
	r := c.revocation()
	for _, m := range []struct {
		name  string
		value uint64
	}{
		{"requests_total", r.Requests}, {"failures_total", r.Failures},
		{"refreshes_total", r.Refreshes}, {"asking", uint64(r.Asking)},
		{"expired", uint64(r.Expired)}, {"in_grace", uint64(r.InGrace)},
		{"past_grace", uint64(r.PastGrace)}, {"withdrawn_sessions_total", c.withdrawals.Load()},
	} {
		fmt.Fprintf(b, "gatehouse_ocsp_%s %d\n", m.name, m.value)
	}
	for _, status := range slices.Sorted(maps.Keys(r.ByStatus)) {
		fmt.Fprintf(b, "gatehouse_ocsp_certificates{status=%q} %d\n", status, r.ByStatus[status])
	}
	for _, standing := range c.standingCounts() {
		fmt.Fprintf(b, "gatehouse_ocsp_standings_total{status=%q,source=%q} %d\n",
			standing.Status, standing.Source, standing.Count)
	}
	open := 0
	for _, responder := range r.Responders {
		if responder.Breaker != "closed" {
			open++
		}
	}
	fmt.Fprintf(b, "gatehouse_ocsp_responders %d\ngatehouse_ocsp_responders_failing %d\n",
		len(r.Responders), open)
}

// standingCounts returns how many decisions each kind of answer was good for, in order.
func (c *counters) standingCounts() []webui.StandingCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := make([]webui.StandingCount, 0, len(c.standings))
	for key, n := range c.standings {
		counts = append(counts, webui.StandingCount{Status: key.status, Source: key.source, Count: n})
	}
	sort.Slice(counts, func(i, j int) bool {
		a, b := &counts[i], &counts[j]
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Source, b.Source)) < 0
	})
	return counts
}

// totals returns how many decisions had each result, and how many rejects each reason.
func (c *counters) totals() (results map[audit.Result]uint64, rejects map[audit.Reason]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	results = map[audit.Result]uint64{audit.Accept: 0, audit.Reject: 0, audit.Discard: 0}
	rejects = map[audit.Reason]uint64{}
	for key, n := range c.decisions {
		results[key.result] += n
		if key.result == audit.Reject {
			rejects[key.reason] += n
		}
	}
	return results, rejects
}

func (c *counters) writeDecisions(b *bytes.Buffer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(b, "# TYPE gatehouse_auth_total counter")
	for _, e := range audit.Explanations() {
		for _, result := range []audit.Result{audit.Accept, audit.Reject, audit.Discard} {
			if n := c.decisions[decisionKey{result, e.Reason}]; n > 0 {
				fmt.Fprintf(b, "gatehouse_auth_total{result=%q,reason=%q} %d\n", result, e.Reason, n)
			}
		}
	}
	fmt.Fprintln(b, "# TYPE gatehouse_auth_duration_seconds histogram")
	for _, result := range []audit.Result{audit.Accept, audit.Reject} {
		if h := c.durations[result]; h != nil {
			h.write(b, string(result))
		}
	}
}

func (h *histogram) write(b *bytes.Buffer, result string) {
	const name = "gatehouse_auth_duration_seconds"
	var cumulative uint64
	for i, n := range h.buckets {
		cumulative += n
		bound := "+Inf"
		if i < len(durationBounds) {
			bound = number(durationBounds[i])
		}
		fmt.Fprintf(b, "%s_bucket{result=%q,le=%q} %d\n", name, result, bound, cumulative)
	}
	fmt.Fprintf(b, "%s_sum{result=%q} %s\n", name, result, number(h.sum))
	fmt.Fprintf(b, "%s_count{result=%q} %d\n", name, result, h.count)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
