package webui

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/authcore/revocation"
)

// maxOffBy bounds by how much a clock is imagined to be off.
const maxOffBy = 50 * 365 * 24 * time.Hour

// A Validity is something that this gateway holds and that counts from one time to another.
type Validity struct {
	Kind      string    `json:"kind"` // ca, server, crl, saml, web or bundle
	Name      string    `json:"name"`
	Subject   string    `json:"subject,omitempty"`
	Link      string    `json:"link,omitempty"` // to the page about it
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"` // zero: it has no end
}

// The states of a Validity at a time.
const (
	StateValid       = "valid"
	StateExpired     = "expired"
	StateNotYetValid = "not_yet_valid"
)

// at returns the state at a time; both ends count as valid (RFC 5280 §4.1.2.5).
func (v *Validity) at(t time.Time) string {
	switch {
	case t.Before(v.NotBefore):
		return StateNotYetValid
	case !v.NotAfter.IsZero() && t.After(v.NotAfter):
		return StateExpired
	}
	return StateValid
}

// A Flip is a Validity that has another state by a clock that is off.
type Flip struct {
	Validity
	Now  string `json:"now"`  // valid, expired or not_yet_valid
	Then string `json:"then"` // likewise, and another
}

// Flips is what would be different if the clock were off.
type Flips struct {
	OffByS  int64       `json:"off_by_s"` // seconds; positive: the clock is ahead
	At      time.Time   `json:"at"`       // what it would say
	Looked  int         `json:"looked"`   // things that have a beginning or an end
	Flips   []Flip      `json:"flips"`
	Answers FlipAnswers `json:"answers"`
}

// FlipAnswers are the answers of OCSP responders that are kept and count now.
type FlipAnswers struct {
	Count  int `json:"count"`
	TooOld int `json:"too_old"` // of them, by the clock that is off
	NotYet int `json:"not_yet"` // likewise: of a time to come
}

// by compares what all of it is now with what it would be by a clock that is off.
func (h *flipper) by(off time.Duration) Flips {
	f := Flips{OffByS: int64(off / time.Second), At: h.now.Add(off), Looked: len(h.all), Flips: []Flip{}}
	for _, v := range h.all {
		if is, then := v.at(h.now), v.at(f.At); is != then {
			f.Flips = append(f.Flips, Flip{v, is, then})
		}
	}
	for i := range h.answers {
		a := Validity{NotBefore: h.answers[i].ThisUpdate, NotAfter: h.answers[i].Until}
		if a.NotAfter.IsZero() || a.at(h.now) != StateValid {
			continue
		}
		f.Answers.Count++
		switch a.at(f.At) {
		case StateExpired:
			f.Answers.TooOld++
		case StateNotYetValid:
			f.Answers.NotYet++
		}
	}
	return f
}

// parseOffBy reads how far a clock is off as people write it: 90m, -3h, 2d, 1w, -1y.
func parseOffBy(text string) (time.Duration, error) {
	text = strings.TrimSpace(strings.NewReplacer("−", "-", "+", "").Replace(text))
	bad := fmt.Errorf("%w: write how far the clock is off like 90m, -3h, 2d, 1w or -1y, at most 50y", ErrInvalid)
	if text == "" || len(text) > 32 {
		return 0, bad
	}
	off, err := time.ParseDuration(text)
	day := 24 * time.Hour
	if unit, ok := map[byte]time.Duration{'d': day, 'w': 7 * day, 'y': 365 * day}[text[len(text)-1]]; ok {
		var n int64
		if n, err = strconv.ParseInt(text[:len(text)-1], 10, 32); n < -maxDays || n > maxDays {
			return 0, bad
		}
		off = time.Duration(n) * unit
	}
	if err != nil || off < -maxOffBy || off > maxOffBy {
		return 0, bad
	}
	return off, nil
}

// maxDays keeps a number of units within what a Duration holds, whatever the unit.
const maxDays = int64(maxOffBy / (24 * time.Hour))

// A flipper is what may flip, as it is now.
type flipper struct {
	all     []Validity
	answers []revocation.EntryReport
	now     time.Time
}

func (a *api) flipper() flipper { return flipper{a.Validities(), a.OCSP.List(), a.Clock().Now} }

func (a *api) getFlips(w http.ResponseWriter, r *http.Request) {
	off, err := parseOffBy(r.URL.Query().Get("off_by"))
	if err != nil {
		fail(w, err)
		return
	}
	h := a.flipper()
	writeJSON(w, h.by(off))
}
