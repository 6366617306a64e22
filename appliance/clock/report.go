package clock

import (
	"fmt"
	"slices"
	"time"

	"gatehouse/authcore/audit"
)

// maxHints bounds how many sources of hints are remembered.
const maxHints = 8

// A Hint is a time that somebody else told.
type Hint struct {
	Source string    `json:"source"`
	Time   time.Time `json:"time"`
	Heard  time.Time `json:"heard"`   // guarded time then
	AheadS int64     `json:"ahead_s"` // of the wall clock then; negative: behind it
}

// A Report is what is known of the time, for people. All times are in UTC.
type Report struct {
	Now  time.Time `json:"now"`  // guarded
	Wall time.Time `json:"wall"` // what the machine says
	Sure bool      `json:"sure"`
	Why  string    `json:"why"` // in words, with figures
	// Expected is the time before which it cannot be.
	Expected time.Time `json:"expected"`
	Floor    time.Time `json:"floor"`              // when the program was made, or a constant
	Mark     time.Time `json:"mark,omitzero"`      // what the file holds; zero: nothing
	MarkedAt time.Time `json:"marked_at,omitzero"` // when it was written; zero: in an earlier run
	// Kernel is whether a time server has synchronised the kernel's clock; nil: not known.
	Kernel  *bool  `json:"kernel_synchronised"`
	Hints   []Hint `json:"hints"`             // oldest first
	Problem string `json:"problem,omitempty"` // with the file
}

// Hint notes the time that source told, for people to compare. Only the last of each source and
// the last eight sources are remembered.
func (c *Clock) Hint(source string, t time.Time) {
	source = audit.Printable(source)
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.readLocked()
	c.hints = slices.DeleteFunc(c.hints, func(h Hint) bool { return h.Source == source })
	if len(c.hints) == maxHints {
		c.hints = slices.Delete(c.hints, 0, 1)
	}
	c.hints = append(c.hints, Hint{
		Source: source, Time: t.Round(0).UTC(), Heard: r.now,
		AheadS: int64(t.Sub(r.wall) / time.Second),
	})
}

// Report returns what is known of the time.
func (c *Clock) Report() Report {
	synchronised, ok := c.config.Kernel()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.readLocked()
	report := Report{
		Now: r.now, Wall: r.wall, Sure: r.verdict == believed, Why: c.whyLocked(r),
		Expected: r.expected, Floor: c.floor, Mark: c.file.mark, MarkedAt: c.file.written,
		Hints: append([]Hint{}, c.hints...),
	}
	if ok {
		report.Kernel = &synchronised
	}
	if c.file.problem != nil {
		report.Problem = c.file.problem.Error()
	}
	return report
}

// whyLocked says in words why r is as it is.
func (c *Clock) whyLocked(r reading) string {
	off := span(r.wall.Sub(r.expected))
	switch {
	case r.verdict == behind:
		return fmt.Sprintf("the wall clock is %s behind: it says %s, and it cannot be before %s",
			off, stamp(r.wall), stamp(r.expected))
	case r.verdict == ahead:
		return fmt.Sprintf("the wall clock is %s ahead: it says %s, and by what is known it is %s; "+
			"more than %s are not believed", off, stamp(r.wall), stamp(r.expected), span(horizon))
	case c.guard.step.size != 0:
		return fmt.Sprintf("the wall clock is believed, %s ahead of what is known; it becomes known when "+
			"it has stood for %s (or %s, when a time server has synchronised it), so far %s",
			off, span(c.guard.stand(false)), span(shortStand), span(r.elapsed-c.guard.step.since))
	}
	return "the wall clock is believed: it agrees with what is known"
}

// stamp prints t for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// span prints a length of time in its largest unit of which there are at least two, rounded down.
func span(d time.Duration) string {
	d = d.Abs()
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{year, "years"}, {day, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if d >= 2*unit.length {
			return fmt.Sprintf("%d %s", d/unit.length, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
