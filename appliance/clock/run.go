package clock

import (
	"context"
	"fmt"
	"time"
)

const (
	// reviewEvery is how often the clocks are looked at when nobody asks.
	reviewEvery = time.Minute
	// saveEvery is how many reviews pass between two writes: an hour.
	saveEvery = 60
)

// Run looks at the clocks at once and every minute, writes the mark every hour and when ctx ends, and then
// returns nil. A mark that cannot be written is logged and shown, and tried again.
func (c *Clock) Run(ctx context.Context) error {
	tick := time.NewTicker(reviewEvery)
	defer tick.Stop()
	c.review() // so that the log begins with what is wrong
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			c.saveOrTell()
			return nil
		case <-tick.C:
			c.review()
			if n%saveEvery == 0 {
				c.saveOrTell()
			}
		}
	}
}

// review judges the wall clock, and lets the mark follow what has stood for long enough.
func (c *Clock) review() {
	synchronised, ok := c.config.Kernel()
	c.mu.Lock()
	r := c.readLocked()
	why, changed := c.changedLocked(r)
	settled := c.guard.settle(r.wall, r.elapsed, synchronised && ok)
	c.mu.Unlock()
	if changed {
		c.tell(r, why)
	}
	if settled {
		c.config.Logger.Info("the mark follows the wall clock", "wall", r.wall, "expected", r.expected)
	}
}

func (c *Clock) saveOrTell() {
	if err := c.save(); err != nil {
		c.config.Logger.Warn("keeping the time for the next start", "err", err)
	}
}

// save writes the expected time: the wall clock only counts as far as it has stood.
func (c *Clock) save() error {
	c.saveMu.Lock()
	defer c.saveMu.Unlock()
	c.mu.Lock()
	r := c.readLocked()
	mark := c.guard.expected(r.elapsed).Truncate(time.Second)
	c.mu.Unlock()
	err := writeFile(c.config.Path, mark)
	if err != nil {
		err = fmt.Errorf("writing the clock's mark: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.file.problem = err
	if err == nil {
		c.file.mark, c.file.written = mark, r.now
	}
	return err
}
