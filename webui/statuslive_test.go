package webui_test

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/audit"
	"gatehouse/webui"
	"gatehouse/webui/websession"
)

// TestStatusHasWhatThePageShows: the lights in words, and the last hour in numbers.
func TestStatusHasWhatThePageShows(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	c := config()
	c.People = webui.People{Sessions: websession.New(nil), Now: func() time.Time { return now }}
	c.Backend.Status = func() webui.Status {
		return webui.Status{Detail: "no valid configuration", Clock: webui.Clock{Sure: true, Why: "it agrees"}}
	}
	event := func(age time.Duration, r audit.Result, source string) audit.Event {
		return audit.Event{Time: now.Add(-age), Result: r, OCSPSource: source, Duration: age / 100_000}
	}
	c.Backend.Decisions = decisions{
		{ID: 7, Event: event(61*time.Minute, audit.Accept, "cache")},
		{ID: 8, Event: event(50*time.Minute, audit.Accept, "cache")},
		{ID: 9, Event: event(40*time.Minute, audit.Accept, "responder")},
		{ID: 10, Event: event(30*time.Minute, audit.Reject, "")},
		{ID: 11, Event: event(20*time.Minute, audit.Discard, "")},
	}
	house := newHouse(t, func(h *webui.Config) { h.Backend, h.People.Now = c.Backend, c.People.Now })
	local := httptest.NewRecorder()
	webui.NewLocal(c).ServeHTTP(local, httptest.NewRequest("GET", "/api/v1/status", nil))
	for who, w := range map[string]*httptest.ResponseRecorder{
		"the console": local, "a person": house.do(visit{path: "/api/v1/status", cookie: house.signIn("viewer")}),
	} {
		var got webui.Status
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v: %s", who, err, w.Body)
		}
		if diff := cmp.Diff(&webui.LastHour{Accepted: 2, Rejected: 1, P95: 30, OCSPCached: 1, OCSPAsked: 2}, got.LastHour); diff != "" {
			t.Errorf("%s: last hour (-want +got)\n%s", who, diff)
		}
		if len(got.Lights) != 4 || got.Lights[0] != (webui.Light{Name: "RADIUS", State: "bad", Word: "Not serving", Sentence: "no valid configuration"}) {
			t.Errorf("%s: the lights are %+v", who, got.Lights)
		}
	}
}
