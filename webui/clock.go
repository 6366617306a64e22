package webui

import (
	"cmp"
	"net/http"
	"time"
)

// A Clock is what is known of the time. All times are in UTC.
type Clock struct {
	Now  time.Time `json:"now"`  // guarded: what decisions go by
	Wall time.Time `json:"wall"` // what the machine says
	Sure bool      `json:"sure"` // the wall clock is believed
	Why  string    `json:"why"`  // in words, with figures
	// Expected is the time before which it cannot be.
	Expected time.Time   `json:"expected"`
	Floor    time.Time   `json:"floor"`               // when the program was made
	Mark     time.Time   `json:"mark,omitzero"`       // what the next start would know
	MarkedAt time.Time   `json:"marked_at,omitzero"`  // when that was written, in this run
	Kernel   *bool       `json:"kernel_synchronised"` // null: not known
	Hints    []ClockHint `json:"hints"`               // oldest first
	Problem  string      `json:"problem,omitempty"`   // with the file
	// Build is filled in when the API is asked.
	Build *ClockBuild `json:"build,omitempty"`
}

// A ClockBuild is what the time at which the program was made says of the wall clock.
type ClockBuild struct {
	State    string `json:"state"` // ok, warn or bad
	Word     string `json:"word"`
	Sentence string `json:"sentence"`
	NextStep string `json:"next_step,omitempty"`
}

// oldProgram is how long after the program was made the wall clock is worth a second look.
const oldProgram = 5 * 365 * 24 * time.Hour

// buildOf compares the wall clock with when the program was made.
func buildOf(c Clock) ClockBuild {
	switch age := c.Wall.Sub(c.Floor); {
	case age < 0:
		return ClockBuild{"bad", "Impossible", "The device says a time " + span(-age) + " before this program was made.",
			"Let the device reach a time server, or set its clock."}
	case age > oldProgram:
		return ClockBuild{"warn", "Odd", "The device says a time " + span(age) + " after this program was made.",
			"If the date is wrong, set the clock; if it is right, look for a newer version of the program."}
	default:
		return ClockBuild{"ok", "Possible", "The device says a time " + span(age) + " after this program was made.", ""}
	}
}

// A ClockHint is a time that somebody else told. It is shown, and not believed.
type ClockHint struct {
	Source string    `json:"source"`
	Time   time.Time `json:"time"`
	Heard  time.Time `json:"heard"`   // guarded time then
	AheadS int64     `json:"ahead_s"` // of the wall clock then, in seconds
}

// A TimeAnswer is what a time server said. It is shown, and not believed.
type TimeAnswer struct {
	Address   string        `json:"address"`
	Offset    time.Duration `json:"offset_ns"` // positive: the device is behind
	RoundTrip time.Duration `json:"round_trip_ns"`
	Stratum   int           `json:"stratum"`
}

func (a *api) clock(w http.ResponseWriter, _ *http.Request) { writeJSON(w, a.clockNow()) }

// clockNow is what is known of the time.
func (a *api) clockNow() Clock {
	c := a.Clock()
	build := buildOf(c)
	c.Build = &build
	return c
}

// defaultTimeServer is asked unless somebody names another.
const defaultTimeServer = "pool.ntp.org"

// A TimeQuestion names a time server.
type TimeQuestion struct {
	Server string `json:"server,omitempty"` // name or address; "": pool.ntp.org
}

// askClock asks a time server for a program.
func (a *api) askClock(w http.ResponseWriter, r *http.Request) {
	var q TimeQuestion
	if !readChange(w, r, &q) {
		return
	}
	got, err := a.AskTime(r.Context(), cmp.Or(q.Server, defaultTimeServer))
	if err != nil {
		err = &refusal{http.StatusBadGateway, err.Error()}
	}
	answer(w)(got, err)
}

// resetClock says that the wall clock is right now, and answers with what is known then.
func (a *api) resetClock(w http.ResponseWriter, _ *http.Request) {
	if err := a.ResetClock(); err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, a.clockNow())
}
