package clock_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/appliance/clock"
)

// TestRunWritesEveryHourAndAtTheEnd runs for some hours of invented time; nothing else writes.
func TestRunWritesEveryHourAndAtTheEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clock")
	synctest.Test(t, func(t *testing.T) {
		floor := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
		start := time.Now()
		c, err := clock.Open(clock.Config{
			Path: path, Floor: floor, Logger: slog.New(slog.DiscardHandler),
			Wall:   func() time.Time { return floor.Add(time.Since(start)) },
			Kernel: func() (bool, bool) { return false, false },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		want := func(mark time.Time) {
			t.Helper()
			synctest.Wait()
			content, err := os.ReadFile(path)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			got, err := clock.Parse(string(content))
			if mark.IsZero() && err == nil || !got.Equal(mark) {
				t.Errorf("after %v: got mark %v, want %v", time.Since(start), got, mark)
			}
		}
		time.Sleep(59 * time.Minute)
		c.Now()
		want(time.Time{})
		time.Sleep(time.Minute)
		want(floor.Add(time.Hour))
		time.Sleep(119 * time.Minute)
		want(floor.Add(2 * time.Hour))
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: got %v", err)
		}
		want(floor.Add(2*time.Hour + 59*time.Minute))
	})
}

// TestDefaultsAskTheMachine opens a clock on this machine's own clocks.
func TestDefaultsAskTheMachine(t *testing.T) {
	t.Parallel()
	c, err := clock.Open(clock.Config{
		Path: filepath.Join(t.TempDir(), "clock"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now().Round(0)
	if now, sure := c.Now(); !sure || now.Before(before) || now.After(time.Now()) {
		t.Errorf("got %v, %v, want this machine's time", now, sure)
	}
}
