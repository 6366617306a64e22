package webui

import (
	"net/http"
	"time"
)

// A Light is a part of the gateway as the Status page shows it: at a glance.
type Light struct {
	Name     string `json:"name"`
	State    string `json:"state"` // ok, warn, bad or off
	Word     string `json:"word"`
	Sentence string `json:"sentence"`
}

// A LastHour is what was decided in the hour before, of the decisions that are remembered.
type LastHour struct {
	Accepted   int   `json:"accepted"`
	Rejected   int   `json:"rejected"`
	P95        int64 `json:"p95_ms"`      // that 95 % of them took at most; 0: nothing was decided
	OCSPCached int   `json:"ocsp_cached"` // answers that came from memory
	OCSPAsked  int   `json:"ocsp_asked"`  // of all that were needed
	AtLeast    bool  `json:"at_least"`    // more happened than is remembered
}

// lightsOf are the four of the Status page.
func lightsOf(s Status) []light {
	return []light{radiusLight(s), ocspLight(s.Revocation), clockLight(s.Clock), configLight(s)}
}

// status answers with all that the Status page shows.
func (a *api) status(w http.ResponseWriter, _ *http.Request) {
	s := a.Status()
	for _, l := range lightsOf(s) {
		s.Lights = append(s.Lights, Light{Name: l.Name, State: l.Class, Word: l.Word, Sentence: l.Sentence})
	}
	h := lastHour(a.Decisions, a.now())
	s.LastHour = &LastHour{Accepted: h.Accepted, Rejected: h.Rejected, P95: h.P95.Milliseconds(),
		OCSPCached: h.cached, OCSPAsked: h.asked, AtLeast: h.Cut}
	writeJSON(w, s)
}

// now tells the time of the pages, where there are any.
func (a *api) now() time.Time {
	if a.entry != nil && a.entry.Now != nil {
		return a.entry.Now()
	}
	return time.Now()
}
