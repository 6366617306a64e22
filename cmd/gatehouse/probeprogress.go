package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"gatehouse/authcore/supplicant"
)

// progressEvery is how often the line of progress is drawn anew.
const progressEvery = 500 * time.Millisecond

// eraseLine goes back to the start of a terminal's line and empties it.
const eraseLine = "\r\x1b[K"

// showProgress keeps a line about load on w while w is a terminal. hide takes it away again,
// and must be called before anything else is written.
func showProgress(w io.Writer, load *supplicant.Load, count int) (hide func()) {
	if !isTerminal(w) {
		return func() {}
	}
	tick := time.NewTicker(progressEvery)
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { runProgress(w, tick.C, stop, progressLines(load.Progress, count)) })
	return func() {
		tick.Stop()
		close(stop)
		running.Wait()
	}
}

// runProgress draws a line at each tick until stop is closed. Progress that cannot be written
// is no reason to end the load.
func runProgress(w io.Writer, tick <-chan time.Time, stop <-chan struct{}, line func() string) {
	for {
		select {
		case <-tick:
			_, _ = io.WriteString(w, eraseLine+line())
		case <-stop:
			_, _ = io.WriteString(w, eraseLine)
			return
		}
	}
}

// progressLines returns what tells the progress since the last time it was asked.
func progressLines(progress func() supplicant.LoadProgress, count int) func() string {
	var last supplicant.LoadProgress
	return func() string {
		now := progress()
		seconds := max(now.Elapsed-last.Elapsed, time.Millisecond).Seconds()
		rate := float64(now.Finished-last.Finished) / seconds
		last = now
		of := ""
		if count > 0 {
			of = fmt.Sprintf(" of %d", count)
		}
		return fmt.Sprintf("%d%s, %.0f/s: %d accepted, %d rejected, %d unanswered, p50 %.1f ms",
			now.Finished, of, rate, now.Accepted, now.Rejected+now.Aborted,
			now.Timeouts+now.Unreachable, float64(now.P50/time.Microsecond)/1000)
	}
}
