package main

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/appliance/bootconf"
)

// writes remembers each write.
type writes struct {
	mu  sync.Mutex // guards all
	all []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), nil
}

func (w *writes) get() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.all)
}

func TestLogWritesLinesTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w writes
		logger, flush := newLogger(bootconf.Log{Format: "json"}, &w)
		step := func(want ...string) {
			t.Helper()
			synctest.Wait()
			got := w.get()
			if len(got) != len(want) {
				t.Fatalf("%d writes, want %d: %q", len(got), len(want), got)
			}
			for i := range want {
				for line := range strings.Lines(got[i]) {
					word, rest, _ := strings.Cut(want[i], " ")
					if want[i] = rest; !strings.Contains(line, `"msg":"`+word+`"`) {
						t.Errorf("write %d has %q, want %q", i, line, word)
					}
				}
				if want[i] != "" {
					t.Errorf("write %d lacks %q: %q", i, want[i], got[i])
				}
			}
		}
		logger.Info("one")
		time.Sleep(logDelay - time.Nanosecond)
		logger.Info("two")
		step()
		time.Sleep(time.Nanosecond)
		step("one two")
		logger.With("part", "test").WithGroup("g").Info("three")
		logger.With("part", "test").WithGroup("g").Warn("four")
		step("one two", "three four") // a warning does not wait
		logger.Info("five")
		flush()
		flush()
		step("one two", "three four", "five")
		time.Sleep(time.Minute)
		step("one two", "three four", "five")
		logger.Info("six")
		time.Sleep(logDelay)
		step("one two", "three four", "five", "six")
	})
}

func TestLogBufferIsBounded(t *testing.T) {
	t.Parallel()
	var w writes
	b := &logBuffer{w: &w}
	line := bytes.Repeat([]byte("x"), logBytes/4)
	for range 9 {
		if n, err := b.Write(line); n != len(line) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	got := w.get()
	if len(got) < 2 || len(got[0]) != logBytes || len(b.waiting) != len(line) {
		t.Errorf("%d writes of 9 quarters, %d octets wait; want 2 and a quarter", len(got), len(b.waiting))
	}
	b.flush()
	if all := strings.Join(w.get(), ""); len(all) != 9*len(line) {
		t.Errorf("%d octets written, want %d", len(all), 9*len(line))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestLogGoesOnWithoutAnybodyToTell(t *testing.T) {
	t.Parallel()
	logger, flush := newLogger(bootconf.Log{Level: "warn", Format: "text"}, broken{})
	for range 1000 {
		logger.Error("nobody hears", slog.Int("n", 1))
	}
	flush()
}
