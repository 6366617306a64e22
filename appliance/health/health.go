// Package health answers two questions about the running process: is it alive, and does it
// serve RADIUS. It holds no state of its own; whoever knows is asked at every request. The
// same handlers stand on the control socket and on the web listener.
package health

import (
	"encoding/json"
	"net/http"
)

// A Report is the answer to "is it ready?". The zero Report is not ready.
type Report struct {
	Ready      bool   `json:"ready"`
	Reason     string `json:"reason,omitempty"` // why not: not_ready, or the part that is missing
	Detail     string `json:"detail,omitempty"` // one sentence for people, without secrets
	Generation uint64 `json:"generation"`       // of the configuration in force; 0: none
	Errors     int    `json:"errors"`           // found in the configuration directory last
	Warnings   int    `json:"warnings"`
}

// Checker knows whether RADIUS is served. Report must be quick and safe for concurrent use.
type Checker interface {
	Report() Report
}

// Live answers /livez: 200 as long as the process can answer at all.
func Live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte("ok\n")) // the client is gone: nobody to tell
}

// Ready returns the handler of /readyz and /healthz: 200 only when RADIUS is served, else 503,
// with the Report as JSON either way.
func Ready(c Checker) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		report := c.Report()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !report.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(report) // the client is gone: nobody to tell
	}
}
