package webui

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A clockView is the page of the clock, with what a time server said, and what would be different if
// it were off.
type clockView struct {
	Clock
	Keeper   string // what the device's own time server does
	Server   string
	Answer   *TimeAnswer // nil: none was asked
	Usual    []offBy     // what people ask first
	Off      string      // as it was asked; "": nothing was
	Asked    *offBy      // nil: nothing was, or nonsense
	Answered string      // page of what would be different by the time of Answer
}

// An offBy is a clock that is off, and what would be different by it.
type offBy struct {
	Flips
	Words   string // 1 hour ahead
	Summary string // of the flips, in a line
	Link    string
	Rows    []flipRow
}

// A flipRow is a Flip to be shown.
type flipRow struct {
	Flip
	What      string
	Was, Gets mark
}

// usualOff is by how much clocks are off: of a time zone, of a day, and since the battery died.
var usualOff = []time.Duration{-365 * 24 * time.Hour, -24 * time.Hour, -time.Hour, time.Hour, 24 * time.Hour, 365 * 24 * time.Hour}

func (p *pages) checkClock(w http.ResponseWriter, r *http.Request, who person) {
	p.showClock(w, who, view{}, clockView{Server: defaultTimeServer, Off: strings.TrimSpace(r.URL.Query().Get("off_by"))})
}

func (p *pages) showClock(w http.ResponseWriter, who person, v view, body clockView) {
	body.Clock = p.api.clockNow()
	body.Why = sentence(body.Why)
	body.Keeper = "not known"
	if k := body.Kernel; k != nil && *k {
		body.Keeper = "keeps it right"
	} else if k != nil {
		body.Keeper = "has not set it yet"
	}
	h := p.api.flipper() // once: the answers that are kept may be many
	if body.Off != "" {
		if off, err := parseOffBy(body.Off); err != nil {
			v.Status, v.Error = http.StatusBadRequest, said(err)
		} else {
			asked := offByOf(&h, off)
			body.Asked = &asked
		}
	}
	for _, off := range usualOff {
		body.Usual = append(body.Usual, offByOf(&h, off))
	}
	if body.Answer != nil {
		body.Answered = clockPage(body.Answer.Offset.Round(time.Second))
	}
	v.Title, v.Tab, v.Body = "Check the clock", "check", body
	p.render(w, who, "clock", v)
}

// clockPage is the page of what would be different.
func clockPage(off time.Duration) string {
	text := off.String()
	if day := 24 * time.Hour; off%day == 0 {
		text = fmt.Sprintf("%dd", off/day) // as people write it
	}
	return "/check/clock?off_by=" + url.QueryEscape(text)
}

// askTime asks a time server for a person.
func (p *pages) askTime(w http.ResponseWriter, r *http.Request, who person) {
	body := clockView{Server: cmp.Or(strings.TrimSpace(r.PostFormValue("server")), defaultTimeServer)}
	answer, err := p.api.AskTime(r.Context(), body.Server)
	if err != nil {
		p.showClock(w, who, view{Status: http.StatusBadGateway, Error: said(err)}, body)
		return
	}
	body.Answer = &answer
	p.showClock(w, who, view{}, body)
}

// offByOf is what would be different by a clock that is off.
func offByOf(h *flipper, by time.Duration) offBy {
	o := offBy{Flips: h.by(by), Link: clockPage(by), Words: "Right"}
	switch {
	case by < 0:
		o.Words = span(-by) + " behind"
	case by > 0:
		o.Words = span(by) + " ahead"
	}
	for _, f := range o.Flips.Flips {
		o.Rows = append(o.Rows, flipRow{f, kindWords[f.Kind], stateMark(f.Now), stateMark(f.Then)})
	}
	o.Summary = flipSummary(o.Flips)
	return o
}

// flipSummary says how much would be different.
func flipSummary(f Flips) string {
	var parts []string
	add := func(n int, one, many string) {
		if n == 1 {
			parts = append(parts, one)
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	expired, notYet, valid := 0, 0, 0
	for _, flip := range f.Flips {
		switch flip.Then {
		case StateExpired:
			expired++
		case StateNotYetValid:
			notYet++
		default:
			valid++
		}
	}
	add(expired, "1 would have expired", "would have expired")
	add(notYet, "1 would not be valid yet", "would not be valid yet")
	add(valid, "1 would count again", "would count again")
	add(f.Answers.TooOld, "1 OCSP answer too old", "OCSP answers too old")
	add(f.Answers.NotYet, "1 OCSP answer of the future", "OCSP answers of the future")
	if len(parts) == 0 {
		return "Nothing would be different."
	}
	return strings.Join(parts, ", ") + "."
}

// kindWords are what people call a Validity.
var kindWords = map[string]string{
	"ca": "CA", "server": "RADIUS server's certificate", "crl": "Revocation list of CA", "saml": "SAML app",
	"web": "Certificate of these pages", "bundle": "Bundle",
}

func stateMark(state string) mark {
	switch state {
	case StateExpired:
		return mark{"bad", "expired"}
	case StateNotYetValid:
		return mark{"warn", "not yet valid"}
	}
	return mark{"ok", "valid"}
}
