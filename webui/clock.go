package webui

import (
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
	Address   string
	Offset    time.Duration // positive: the device is behind
	RoundTrip time.Duration
	Stratum   int
}

func (a *api) clock(w http.ResponseWriter, _ *http.Request) { writeJSON(w, a.Clock()) }

// resetClock says that the wall clock is right now, and answers with what is known then.
func (a *api) resetClock(w http.ResponseWriter, _ *http.Request) {
	if err := a.ResetClock(); err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, a.Clock())
}
