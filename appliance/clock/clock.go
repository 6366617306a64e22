package clock

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// FileName is the name of the file with the mark in the state directory.
const FileName = "clock"

// tellEvery bounds how often a change of mind is logged.
const tellEvery = time.Minute

// ErrBelowFloor is what Reset returns when the wall clock shows a time before the program was
// made: that cannot be right, whoever says so.
var ErrBelowFloor = errors.New("the wall clock is before the time at which this program was made")

// Config is what a Clock is made from. Path and Logger are required.
type Config struct {
	Path  string    // of the file with the mark; its directory must be there
	Floor time.Time // when the program was made; before 2025: unknown
	// Wall is the clock to be judged; nil: time.Now.
	Wall func() time.Time
	// Elapsed is the monotonic time since some moment; it never goes back. nil: since Open.
	Elapsed func() time.Duration
	// Kernel says whether a time server has synchronised the kernel's clock; ok is false where
	// that is not known. nil: the kernel is asked.
	Kernel func() (synchronised, ok bool)
	Logger *slog.Logger
}

// A Clock is the guarded clock. It is safe for concurrent use.
type Clock struct {
	config Config
	floor  time.Time

	saveMu sync.Mutex // held while the file is written

	mu     sync.Mutex // guards what follows
	guard  guard
	told   verdict       // what the log said last
	toldAt time.Duration // when
	hints  []Hint        // oldest first
	file   fileState
}

// fileState is what is known of the file.
type fileState struct {
	mark    time.Time // what it holds; zero: nothing
	written time.Time // when, in this run; zero: not yet
	problem error     // why it could not be read, or written last
}

// Open returns a clock that goes by the mark in the file, or by the floor where that is later.
// It always returns one: the error says why the file could not be used, in which case the floor
// has to do. A file that is damaged is ErrDamaged; one that is not there is no error.
func Open(config Config) (*Clock, error) {
	if config.Wall == nil {
		config.Wall = time.Now
	}
	if config.Elapsed == nil {
		start := time.Now()
		config.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if config.Kernel == nil {
		config.Kernel = kernel
	}
	c := &Clock{config: config, toldAt: -tellEvery, floor: config.Floor.Round(0).UTC()}
	dated := !c.floor.Before(earliest)
	if !dated {
		c.floor = earliest
	}
	mark, err := readFile(config.Path)
	if err != nil {
		err = fmt.Errorf("reading the clock's mark: %w", err)
	}
	c.file = fileState{mark: mark, problem: err}
	c.guard = guard{
		mark: later(mark, c.floor), at: config.Elapsed(), bounded: dated || !mark.IsZero(),
	}
	return c, err
}

// A reading is the clocks at one moment, and what is held of them.
type reading struct {
	wall     time.Time
	elapsed  time.Duration
	expected time.Time
	now      time.Time // guarded
	verdict  verdict
}

// Now returns the guarded time in UTC, and whether the wall clock is believed. Without sure the
// time is a lower bound of the real one, as far as is known; it allocates nothing.
func (c *Clock) Now() (t time.Time, sure bool) {
	c.mu.Lock()
	r := c.readLocked()
	why, changed := c.changedLocked(r)
	c.mu.Unlock()
	if changed {
		c.tell(r, why)
	}
	return r.now, r.verdict == believed
}

func (c *Clock) readLocked() reading {
	r := reading{elapsed: c.config.Elapsed(), wall: c.config.Wall().Round(0).UTC()}
	r.expected = c.guard.expected(r.elapsed)
	r.now, r.verdict = c.guard.judge(r.wall, r.elapsed)
	return r
}

// changedLocked reports whether r is to be logged, and why it is as it is. What comes too soon
// after the last line is told by a later reading, if it is still true.
func (c *Clock) changedLocked(r reading) (why string, changed bool) {
	if r.verdict == c.told || r.elapsed-c.toldAt < tellEvery {
		return "", false
	}
	c.told, c.toldAt = r.verdict, r.elapsed
	return c.whyLocked(r), true
}

func (c *Clock) tell(r reading, why string) {
	log := c.config.Logger.With("why", why, "wall", r.wall, "guarded", r.now)
	if r.verdict == believed {
		log.Info("the wall clock is believed again")
		return
	}
	log.Warn("the wall clock is not believed")
}

// Reset makes the wall clock the mark, because a person says that it is right now, and writes
// that down. With ErrBelowFloor nothing has changed; any other error means that the clock goes
// by the wall clock, but the next start may not.
func (c *Clock) Reset() error {
	c.mu.Lock()
	elapsed, wall := c.config.Elapsed(), c.config.Wall().Round(0).UTC()
	if wall.Before(c.floor) {
		c.mu.Unlock()
		return fmt.Errorf("%w: it says %s, and that was %s; set it first", ErrBelowFloor,
			stamp(wall), stamp(c.floor))
	}
	was := c.guard.expected(elapsed)
	c.guard.reset(wall, elapsed)
	c.told, c.toldAt = believed, elapsed
	c.mu.Unlock()
	c.config.Logger.Warn("a person says that the wall clock is right", "wall", wall, "expected", was)
	return c.save()
}
