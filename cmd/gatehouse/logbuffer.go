package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// logDelay is how long a line of the log may wait for others to be written with it.
	logDelay = 100 * time.Millisecond
	// logBytes is how much may wait.
	logBytes = 32 << 10
)

// A logBuffer writes lines together, so that a write for each sign-in does not cost more than
// the line. A warning is written at once, with all that was said before. Who uses one calls
// flush at the end; a process that is killed or crashes loses the lines of its last 100 ms. It is
// safe for concurrent use.
type logBuffer struct {
	w io.Writer

	mu      sync.Mutex // guards what follows, and the order of writes
	waiting []byte
	timed   bool // flush is about to be called
}

// Write takes one line or several.
func (b *logBuffer) Write(lines []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, lines...)
	switch {
	case len(b.waiting) >= logBytes:
		b.flushLocked()
	case !b.timed:
		b.timed = true
		time.AfterFunc(logDelay, b.expire)
	}
	return len(lines), nil
}

// expire flushes what has waited long enough.
func (b *logBuffer) expire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.timed = false
	b.flushLocked()
}

// flush writes what waits.
func (b *logBuffer) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flushLocked()
}

func (b *logBuffer) flushLocked() {
	if len(b.waiting) > 0 {
		_, _ = b.w.Write(b.waiting) // a log that cannot be written to can be told nobody
		b.waiting = b.waiting[:0]
	}
}

// A promptHandler hands records on to a handler that writes to buffer, and has warnings and
// errors written at once.
type promptHandler struct {
	slog.Handler
	buffer *logBuffer
}

// Handle implements slog.Handler.
func (h promptHandler) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.buffer.flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h promptHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return promptHandler{h.Handler.WithAttrs(attrs), h.buffer}
}

// WithGroup implements slog.Handler.
func (h promptHandler) WithGroup(name string) slog.Handler {
	return promptHandler{h.Handler.WithGroup(name), h.buffer}
}
