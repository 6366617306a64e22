package clock_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/appliance/clock"
)

// TestDO6Outcomes goes through the table in the package's comment.
func TestDO6Outcomes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]func(*testing.T){
		"1970_at_boot": func(t *testing.T) {
			w := settled(t)
			w.epoch = true
			w.off(10 * day)
			w.want("without a time server", false, -10*day)
			w.pass(3 * day)
			w.want("three days later", false, -10*day)
			w.wantResetRefused()
			w.epoch = false // a time server answers
			w.want("with a time server", true, 0)
			w.wantKnown("at once", -10*day)
			w.pass(time.Hour + time.Minute)
			w.wantKnown("an hour later", 0)
		},
		"1970_at_first_boot": func(t *testing.T) {
			w := newWorld(t)
			w.epoch = true
			w.mustBoot()
			w.want("without a time server", false, built.Sub(w.truth))
			w.epoch = false
			w.want("with a time server", true, 0)
		},
		"fake_clock_at_boot": func(t *testing.T) {
			w := settled(t)
			w.wrong = -10 * day // as it was when it was switched off
			w.off(10 * day)
			w.want("at boot", true, -10*day)
			w.pass(time.Minute)
			w.wrong = 0
			w.want("with a time server", true, 0)
		},
		"25_years_ahead_at_boot": func(t *testing.T) {
			w := settled(t)
			w.wrong = 25 * year
			w.off(day)
			w.want("at boot", false, -day)
			w.pass(3 * day)
			w.want("three days later", false, -day)
			w.off(time.Hour)
			w.want("at the next boot", false, -day-time.Hour)
			w.wrong = 0
			w.want("taken back", true, 0)
		},
		"25_years_ahead_while_running": func(t *testing.T) {
			w := settled(t)
			w.wrong = 25 * year
			w.want("at once", false, 0)
			w.synced = new(true)
			w.pass(3 * day)
			w.want("three days later", false, 0)
			w.wrong = 0
			w.want("taken back", true, 0)
		},
		"1_year_ahead_for_some_hours": func(t *testing.T) {
			w := settled(t)
			w.wrong = year
			w.want("at once", true, year)
			w.pass(23 * time.Hour)
			w.want("hours later", true, year)
			w.wantKnown("hours later", 0)
			w.off(0)
			w.want("after a restart", true, year)
			w.pass(23 * time.Hour)
			w.wrong = 0
			w.want("taken back", true, 0)
			w.pass(25 * time.Hour)
			w.wantKnown("a day after", 0)
		},
		"1_year_ahead_for_a_day": func(t *testing.T) {
			w := settled(t)
			w.wrong = year
			w.pass(24*time.Hour + 2*time.Minute)
			w.wantKnown("a day later", year)
			w.wrong = 0
			w.want("taken back", false, year)
			w.pass(2 * day)
			w.want("two days after", false, year)
			w.reset()
			w.want("a person says so", true, 0)
			w.wrong = year
			w.off(0)
			w.wantKnown("at the next boot", 0)
		},
		"2_hours_ahead_at_boot_taken_back": func(t *testing.T) {
			w := settled(t)
			w.wrong = 2 * time.Hour
			w.off(day)
			w.want("at boot", true, 2*time.Hour)
			w.pass(50 * time.Minute)
			w.wrong = 0
			w.want("taken back", true, 0)
		},
		"1_hour_behind_while_running": func(t *testing.T) {
			w := settled(t)
			w.wrong = -time.Hour
			w.want("at once", false, 0)
			w.synced = new(true)
			w.pass(3 * day)
			w.want("three days later", false, 0)
			w.off(30 * time.Minute)
			w.want("at the next boot", false, -30*time.Minute)
			w.reset()
			w.want("a person says so", true, -time.Hour)
		},
		"noise": func(t *testing.T) {
			w := settled(t)
			for range 1000 { // and leap seconds
				w.wrong = 2 * time.Second
				w.want("2 s ahead", true, 2*time.Second)
				w.pass(time.Minute)
				w.wrong = -2 * time.Second
				if now, sure := w.clock.Now(); !sure || now.Before(w.truth) {
					t.Fatalf("2 s behind: got %v, %v, want it not to go back", now, sure)
				}
				w.pass(time.Minute)
			}
			w.wrong = 0
			w.pass(3 * time.Hour)
			w.wantKnown("in the end", 0)
		},
		"two_years_on_a_shelf": func(t *testing.T) {
			w := settled(t)
			w.off(2 * year)
			w.want("at boot", true, 0)
			w.pass(23 * time.Hour)
			w.wantKnown("hours later", -2*year)
			w.pass(2 * time.Hour)
			w.wantKnown("a day later", 0)
		},
		"two_years_on_a_shelf_synchronised": func(t *testing.T) {
			w := settled(t)
			w.off(2 * year)
			w.synced = new(false)
			w.pass(2 * time.Hour)
			w.wantKnown("not synchronised", -2*year)
			w.synced = new(true)
			w.pass(time.Minute)
			w.wantKnown("synchronised", 0)
		},
		"four_years_on_a_shelf": func(t *testing.T) {
			w := settled(t)
			w.off(4 * year)
			w.want("at boot", false, -4*year)
			w.pass(2 * day)
			w.want("two days later", false, -4*year)
			w.reset()
			w.want("a person says so", true, 0)
			w.off(time.Hour)
			w.want("at the next boot", true, 0)
			w.wantKnown("at the next boot", -time.Hour)
		},
		"four_years_on_a_shelf_newer_program": func(t *testing.T) {
			w := settled(t)
			w.floor = w.truth.Add(3 * year)
			w.off(4 * year)
			w.want("at boot", true, 0)
		},
		"fresh_install": func(t *testing.T) {
			w := newWorld(t)
			w.truth = built.Add(200 * day)
			w.mustBoot()
			w.want("at once", true, 0)
			w.pass(23 * time.Hour)
			w.wantKnown("hours later", -200*day)
			w.pass(2 * time.Hour)
			w.wantKnown("a day later", 0)
		},
		"unknown_build_time": func(t *testing.T) {
			w := newWorld(t)
			w.floor = time.Unix(0, 0)
			w.truth = built.Add(25 * year)
			w.mustBoot()
			w.want("at once", true, 0)
			w.epoch = true
			if _, sure := w.clock.Now(); sure {
				t.Error("1970: got sure, want unsure")
			}
			w.epoch = false
			w.pass(25 * time.Hour)
			w.wrong = 4 * year
			w.want("ahead of the mark", false, 0)
		},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); row(t) })
	}
}

// TestOC16CreepingIsNotFollowed moves the wall clock a little at a time: neither way does the
// time that is known follow by more than was said.
func TestOC16CreepingIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step, least, most time.Duration
		sure              bool
	}{
		{-4 * time.Minute, -2 * time.Second, 0, false},
		{4 * time.Minute, 0, 5 * time.Minute, true},
	} {
		w := settled(t)
		for range 60 {
			w.wrong += tt.step
			w.pass(time.Minute)
		}
		known := w.clock.Report().Expected.Sub(w.truth)
		if _, sure := w.clock.Now(); sure != tt.sure || known < tt.least || known > tt.most {
			t.Errorf("60 times %v: got sure %v, known %v, want %v, %v to %v",
				tt.step, sure, known, tt.sure, tt.least, tt.most)
		}
	}
}

// TestOC16GuardedTimeNeverGoesBackByLittle moves the wall clock back by less than the slack:
// guarded time waits for it.
func TestOC16GuardedTimeNeverGoesBackByLittle(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.wrong = -4 * time.Minute
	w.want("at once", true, 0)
	last, _ := w.clock.Now()
	for range 6 * 24 * 60 {
		w.pass(time.Minute)
		now, sure := w.clock.Now()
		if !sure || now.Sub(last) < 59*time.Second {
			t.Fatalf("a minute on: got %v, %v after %v, want it to go on", now, sure, last)
		}
		last = now
	}
	w.want("six days later", true, -4*time.Minute)
}

// TestStepMustStandWithoutABreak lets a step of two hours come and go.
func TestStepMustStandWithoutABreak(t *testing.T) {
	t.Parallel()
	for name, interrupt := range map[string]time.Duration{
		"taken_back": 0, "another": 4 * time.Hour, "unsure": -day,
	} {
		w := settled(t)
		w.wrong = 2 * time.Hour
		w.pass(23 * time.Hour)
		w.wrong = interrupt
		w.pass(time.Minute)
		w.wrong = 2 * time.Hour
		w.pass(23 * time.Hour)
		w.wantKnown(name, 0)
		w.pass(2 * time.Hour)
		w.wantKnown(name+", in the end", 2*time.Hour)
	}
}

// TestChangesAreLoggedOnce asks often, and reads the log.
func TestChangesAreLoggedOnce(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.log.Reset()
	const unsure, sure = `"the wall clock is not believed"`, `"the wall clock is believed again"`
	want := func(what string, unsures, sures int) {
		t.Helper()
		text := w.log.String()
		if u, s := strings.Count(text, unsure), strings.Count(text, sure); u != unsures || s != sures {
			t.Errorf("%s: got %d and %d lines, want %d and %d:\n%s", what, u, s, unsures, sures, text)
		}
	}
	w.wrong = -26*year - day
	for range 100 {
		w.clock.Now()
	}
	w.pass(time.Hour)
	want("unsure", 1, 0)
	if !strings.Contains(w.log.String(), "the wall clock is 26 years behind: it says 2000-") {
		t.Errorf("got no figures:\n%s", w.log.String())
	}
	for i := range 100 { // flapping
		w.wrong = -year * time.Duration(i%2)
		w.clock.Now()
	}
	want("flapping", 1, 1)
	w.pass(2 * time.Minute)
	want("flapped", 2, 1)
	w.wrong = 0
	w.pass(2 * time.Minute)
	want("sure", 2, 2)
}

// TestNowAllocatesNothing, whether or not the clock is believed.
func TestNowAllocatesNothing(t *testing.T) {
	w := settled(t)
	for name, wrong := range map[string]time.Duration{"sure": 0, "step": day, "unsure": -day} {
		w.wrong = wrong
		w.clock.Now() // logs
		if n := testing.AllocsPerRun(100, func() { w.clock.Now() }); n != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, n)
		}
	}
}

func BenchmarkNow(b *testing.B) {
	c, err := clock.Open(clock.Config{
		Path: filepath.Join(b.TempDir(), "clock"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Now()
	}
}
