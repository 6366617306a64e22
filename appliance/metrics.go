package appliance

import (
	"net/http"
	"strconv"

	"github.com/VictoriaMetrics/metrics"

	"gatehouse/authcore/audit"
)

// counters turns Events into metrics. Label values come from closed lists, so that strangers
// cannot grow the set. It implements audit.Sink.
type counters struct {
	set *metrics.Set
}

func newCounters() *counters { return &counters{set: metrics.NewSet()} }

// Record counts e.
func (c *counters) Record(e audit.Event) {
	labels := "{result=" + strconv.Quote(string(e.Result)) + ",reason=" + strconv.Quote(string(e.Reason)) + "}"
	c.set.GetOrCreateCounter("gatehouse_auth_total" + labels).Add(max(e.Count, 1))
	if e.Result != audit.Discard {
		c.set.GetOrCreateHistogram("gatehouse_auth_duration_seconds{result=" +
			strconv.Quote(string(e.Result)) + "}").Update(e.Duration.Seconds())
	}
}

// gauge adds a value that is read at each scrape.
func (c *counters) gauge(name string, read func() float64) { c.set.NewGauge(name, read) }

// ServeHTTP answers a scrape in the Prometheus text format.
func (c *counters) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	c.set.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
}
