package appliance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"gatehouse/appliance/clock"
	"gatehouse/webui"
)

// openClock opens the guarded clock over the process's. There is one whatever is wrong with its
// file.
func (a *Appliance) openClock() (err error) {
	logger := a.config.Logger.With("part", "clock")
	a.clock, err = clock.Open(clock.Config{
		Path:  filepath.Join(a.config.StateDir, clock.FileName),
		Floor: a.config.Built, Wall: a.config.Now, Logger: logger,
	})
	if err != nil {
		logger.Warn("what was known of the time is lost, going by the build time", "err", err)
	}
	a.counters.gauge("gatehouse_clock_sure", func() float64 {
		if _, sure := a.clock.Now(); sure {
			return 1
		}
		return 0
	})
	return nil
}

// askTime is webui.Backend.AskTime. Only the port of time servers is asked.
func (a *Appliance) askTime(ctx context.Context, server string) (webui.TimeAnswer, error) {
	answer, err := clock.AskSNTP(ctx, net.JoinHostPort(server, "123"), a.config.Now)
	return webui.TimeAnswer(answer), err
}

// resetClock makes decisions go by the wall clock, because a person says that it is right.
func (a *Appliance) resetClock() error {
	err := a.clock.Reset()
	if errors.Is(err, clock.ErrBelowFloor) {
		return fmt.Errorf("%w: %w", webui.ErrRefused, err)
	}
	return err
}

func (a *Appliance) clockStatus() webui.Clock { return webClock(a.clock.Report()) }

func webClock(r clock.Report) webui.Clock {
	c := webui.Clock{
		Now: r.Now, Wall: r.Wall, Sure: r.Sure, Why: r.Why, Expected: r.Expected, Floor: r.Floor,
		Mark: r.Mark, MarkedAt: r.MarkedAt, Kernel: r.Kernel, Hints: []webui.ClockHint{},
		Problem: r.Problem,
	}
	for _, h := range r.Hints {
		c.Hints = append(c.Hints, webui.ClockHint(h))
	}
	return c
}
