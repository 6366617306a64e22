package reconcile

import (
	"maps"
	"slices"
	"time"
)

const (
	deleteAfter = 10 * time.Second // of quiet
	deleteMost  = 12               // times that, quiet or not
)

// deletions are the objects in force of which a file has been deleted. They go only when nothing
// has changed for a while, since a copy in progress deletes what it is about to bring; but they
// do go, whatever else goes on.
type deletions struct {
	quiet time.Duration
	since map[string]time.Time // when each was missed first
	timer *time.Timer          // runs while there are any; nil: there never were
	due   bool                 // it has been quiet for long enough
	meant map[string]bool      // objects of which a person has deleted files through us
}

// heldAgainstWill reports whether what a person has deleted waits all the same: the look that
// found it gone came before he could say so.
func (d *deletions) heldAgainstWill() bool {
	for object := range d.since {
		if d.meant[object] {
			return true
		}
	}
	return false
}

// over returns what fires when it has been quiet for long enough.
func (d *deletions) over() <-chan time.Time {
	if d.timer == nil {
		return nil
	}
	return d.timer.C
}

// A round is what one load does about deletions.
type round struct {
	*deletions
	now   time.Time
	any   bool // may wait
	since map[string]time.Time
}

// begin starts a round. Changed means that files are not what they were; all, that deletions
// are to count at once.
func (d *deletions) begin(changed, all bool) *round {
	if changed {
		d.due = false
	}
	return &round{deletions: d, now: time.Now(), any: !d.due && !all, since: map[string]time.Time{}}
}

// hold is load.Options.Hold.
func (r *round) hold(object string) bool {
	since, known := r.deletions.since[object]
	if !known {
		since = r.now
	}
	if !r.any || r.meant[object] || r.now.Sub(since) >= deleteMost*r.quiet {
		return false
	}
	r.since[object] = since
	return true
}

// end makes the round what counts. It goes on waiting where nothing has changed meanwhile.
func (r *round) end(changed bool) {
	d := r.deletions
	d.due = false
	more := slices.ContainsFunc(slices.Collect(maps.Keys(r.since)), func(object string) bool {
		_, known := d.since[object]
		return !known
	})
	d.since = r.since
	switch {
	case len(d.since) == 0:
		d.stop()
	case d.timer == nil:
		d.timer = time.NewTimer(d.quiet)
	case changed || more:
		d.timer.Reset(d.quiet)
	}
}

func (d *deletions) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
