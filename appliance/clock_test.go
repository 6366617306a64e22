package appliance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDO6ClockIsShown runs with a wall clock that is not believed, sets it right, and stops.
func TestDO6ClockIsShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const wrong = 40 * 365 * 24 * time.Hour
	s.clock.move(-wrong)
	t.Cleanup(func() { // after the appliance has stopped
		if content, err := os.ReadFile(filepath.Join(s.state, "clock")); err != nil {
			t.Errorf("at the end: got %q, %v, want a file", content, err)
		}
	})
	s.run()
	s.eventually("said in the log", func() bool {
		return strings.Contains(s.log.String(), "the wall clock is not believed")
	})
	if c := s.appliance.Status().Clock; c.Sure || !strings.Contains(c.Why, "years behind") {
		t.Errorf("got %+v, want unsure", c)
	}
	if text := s.scrape(); !strings.Contains(text, "gatehouse_clock_sure 0\n") {
		t.Errorf("the metrics lack gatehouse_clock_sure 0:\n%s", text)
	}
	s.clock.move(wrong)
	if c := s.appliance.Status().Clock; !c.Sure {
		t.Errorf("got %+v, want sure", c)
	}
	if text := s.scrape(); !strings.Contains(text, "gatehouse_clock_sure 1\n") {
		t.Errorf("the metrics lack gatehouse_clock_sure 1:\n%s", text)
	}
}

// TestDamagedClockIsNoReasonNotToStart serves all the same, and says so.
func TestDamagedClockIsNoReasonNotToStart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := os.WriteFile(filepath.Join(s.state, "clock"), []byte("gatehouse clo"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.accept(s.alice())
	if c := s.appliance.Status().Clock; !c.Sure || !strings.Contains(c.Problem, "damaged") {
		t.Errorf("got %+v, want sure, with the problem", c)
	}
	if text := s.log.String(); !strings.Contains(text, "what was known of the time is lost") {
		t.Errorf("the log says nothing:\n%s", tail(text))
	}
}
