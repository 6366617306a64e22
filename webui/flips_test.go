package webui_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/revocation"
	"gatehouse/webui"
)

// flipNow is the time in these tests, between the beginning and the end of what they hold.
var flipNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// flipping has a gateway hold something from an hour ago until in an hour, what begins tomorrow, what
// ended yesterday, a bundle with no beginning, and answers.
func flipping(c *webui.Config) {
	hour, day := time.Hour, 24*time.Hour
	c.Backend.Clock = func() webui.Clock {
		return webui.Clock{Now: flipNow, Wall: flipNow, Sure: true, Floor: flipNow.AddDate(0, 0, -37), Hints: []webui.ClockHint{}}
	}
	c.Backend.Validities = func() []webui.Validity {
		return []webui.Validity{
			{Kind: "ca", Name: "acme", Link: "/setup/ca/acme", NotBefore: flipNow.Add(-hour), NotAfter: flipNow.Add(hour)},
			{Kind: "saml", Name: "wiki", NotBefore: flipNow.Add(day), NotAfter: flipNow.Add(9 * day)},
			{Kind: "crl", Name: "old", NotBefore: flipNow.Add(-9 * day), NotAfter: flipNow.Add(-day)},
			{Kind: "bundle", Name: "branch", NotAfter: flipNow.Add(2 * hour)},
			{Kind: "web", NotBefore: flipNow.Add(-3 * hour)},
		}
	}
	c.Backend.OCSP.List = func() []revocation.EntryReport {
		return []revocation.EntryReport{
			{Status: "good", ThisUpdate: flipNow.Add(-hour), Until: flipNow.Add(hour)},
			{Status: "good", ThisUpdate: flipNow.Add(-9 * hour), Until: flipNow.Add(-hour)}, // is too old already
			{Status: "none"},
		}
	}
}

// TestFlips asks at the ends and one second beyond: both ends count as valid.
func TestFlips(t *testing.T) {
	t.Parallel()
	c := config()
	flipping(&c)
	for off, want := range map[string]string{
		"0s": "", "1h": "", "-1h": "", "+30m": "",
		"3601s":  "ca acme valid>expired; answers 1 1 0",
		"-3601s": "ca acme valid>not_yet_valid; answers 1 0 1",
		"7201s":  "ca acme valid>expired; bundle branch valid>expired; answers 1 1 0",
		"1d":     "ca acme valid>expired; saml wiki not_yet_valid>valid; bundle branch valid>expired; answers 1 1 0",
		"-1d":    "ca acme valid>not_yet_valid; crl old expired>valid; web  valid>not_yet_valid; answers 1 0 1",
		"-2w":    "ca acme valid>not_yet_valid; crl old expired>not_yet_valid; web  valid>not_yet_valid; answers 1 0 1",
		"1y":     "ca acme valid>expired; saml wiki not_yet_valid>expired; bundle branch valid>expired; answers 1 1 0",
	} {
		got := answer(webui.NewLocal(c), "GET", "/api/v1/clock/flips?off_by="+url.QueryEscape(off), "10.0.0.1:1")
		var f webui.Flips
		if err := json.Unmarshal(got.Body.Bytes(), &f); err != nil || f.Looked != 5 || f.Answers.Count != 1 {
			t.Errorf("%s: %d %s", off, got.Code, got.Body)
		}
		var parts []string
		for _, flip := range f.Flips {
			parts = append(parts, flip.Kind+" "+flip.Name+" "+flip.Now+">"+flip.Then)
		}
		if f.Answers.TooOld > 0 {
			parts = append(parts, "answers 1 1 0")
		} else if f.Answers.NotYet > 0 {
			parts = append(parts, "answers 1 0 1")
		}
		if text := strings.Join(parts, "; "); text != want {
			t.Errorf("%s:\ngot  %s\nwant %s", off, text, want)
		}
	}
	for _, off := range []string{"", "soon", "3", "1.5d", "51y", "-51y", "99999999999y", "9223372036854775807d", "9e99h", "--1h", "1h1d", strings.Repeat("1", 33) + "h"} {
		if got := answer(webui.NewLocal(c), "GET", "/api/v1/clock/flips?off_by="+url.QueryEscape(off), "10.0.0.1:1"); got.Code != http.StatusBadRequest ||
			!strings.Contains(got.Body.String(), "write how far the clock is off like") {
			t.Errorf("%q: %d %s", off, got.Code, got.Body)
		}
	}
}

// TestClockPageShowsWhatWouldBeDifferent for the usual mistakes, and for the one that is asked for.
func TestClockPageShowsWhatWouldBeDifferent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, flipping)
	for _, role := range []string{"viewer", "tech"} {
		cookie := h.signIn(role)
		page := func(query string, code int, wants ...string) {
			w := h.do(visit{path: "/check/clock" + query, cookie: cookie})
			for _, want := range wants {
				if w.Code != code || !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s %s: %d, the page lacks %q:\n%s", role, query, w.Code, want, w.Body)
				}
			}
		}
		page("", 200, "1 hour ahead", "Nothing would be different.", "1 day behind", "/check/clock?off_by=-1d", "37 days after this program was made")
		page("?off_by=1d", 200, "If the clock were 1 day ahead", "CA acme", "Bundle branch", "now not yet valid", "/setup/ca/acme",
			"2 would have expired, 1 would count again, 1 OCSP answer too old.", `value="1d"`)
		page("?off_by=soon%3Cscript%3E", 400, "Not done", "Write how far the clock is off like", `value="soon&lt;script&gt;"`)
	}
}

// TestBuildDateIsCompared with what the device says.
func TestBuildDateIsCompared(t *testing.T) {
	t.Parallel()
	for word, floor := range map[string]time.Time{
		"Impossible": flipNow.Add(time.Second), "Possible": flipNow.AddDate(-4, 0, 0), "Odd": flipNow.AddDate(-6, 0, 0),
	} {
		c := config()
		c.Backend.Clock = func() webui.Clock { return webui.Clock{Now: flipNow, Wall: flipNow, Floor: floor} }
		got := answer(webui.NewLocal(c), "GET", "/api/v1/clock", "10.0.0.1:1")
		var clock webui.Clock
		if err := json.Unmarshal(got.Body.Bytes(), &clock); err != nil || clock.Build == nil || clock.Build.Word != word ||
			(clock.Build.NextStep == "") != (word == "Possible") {
			t.Errorf("%s: %s", word, got.Body)
		}
	}
}

// TestTimeServerByTheAPI: what it said, and that it said nothing.
func TestTimeServerByTheAPI(t *testing.T) {
	t.Parallel()
	c := config()
	c.Backend.AskTime = func(_ context.Context, server string) (webui.TimeAnswer, error) {
		if server != "pool.ntp.org" {
			return webui.TimeAnswer{}, errors.New("waiting for the time server (UDP 123 must be open)")
		}
		return webui.TimeAnswer{Address: "192.0.2.9:123", Offset: -90 * time.Second, Stratum: 2}, nil
	}
	for body, want := range map[string]struct {
		code int
		text string
	}{
		`{}`:                     {200, `"offset_ns":-90000000000`},
		`{"server":"192.0.2.1"}`: {502, "UDP 123 must be open"},
		`{"sever":"x"}`:          {400, "sever"},
	} {
		got := httptest.NewRecorder()
		webui.NewLocal(c).ServeHTTP(got, httptest.NewRequest("POST", "/api/v1/clock/ask", strings.NewReader(body)))
		if got.Code != want.code || !strings.Contains(got.Body.String(), want.text) {
			t.Errorf("%s: %d %s", body, got.Code, got.Body)
		}
	}
}
