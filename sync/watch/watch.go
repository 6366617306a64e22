// Package watch notices that something may have changed in a directory and says only "look
// again". It is the only user of fsnotify, and knows its traps.
//
// What is watched are directories, never files: a file's own watch goes blind with the first
// rename over it. These are the directory and all below it, the one above it, and those in which
// a symbolic link on the way to any of them lies, so that a link that is turned is noticed. All
// watches are made anew for every look. Events may be lost (a full queue), or never be there (a
// network file system, an overlay changed from below), so a fingerprint of names, sizes, times
// and inodes is compared now and then as well.
//
// The wall: it imports nothing of ours and reads no file. Run owns the goroutines.
package watch

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Config is what a Watcher works with. LookAgain and Logger are required.
type Config struct {
	LookAgain func() // called from the goroutine of Run; it should not block
	Logger    *slog.Logger
	Poll      time.Duration // between comparisons of the fingerprint; 0: 60 s
	Quiet     time.Duration // without an event before a look; 0: 400 ms
	Most      time.Duration // from the first event to a look, quiet or not; 0: 5 s
}

// A Watcher watches one directory. Only Run is to be called, once.
type Watcher struct {
	dir string
	cfg Config

	// Of the goroutine of Run.
	notify *fsnotify.Watcher // nil: there are no events, only the fingerprint
	seen   *survey           // what the watches are for
	blind  bool              // it has been said that there are no events
	open   func() (*fsnotify.Watcher, error)
}

// New returns a Watcher of dir, which need not be there yet, that does nothing before Run.
func New(dir string, cfg Config) *Watcher {
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&cfg.Poll, time.Minute}, {&cfg.Quiet, 400 * time.Millisecond}, {&cfg.Most, 5 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
	return &Watcher{dir: dir, cfg: cfg, open: fsnotify.NewWatcher}
}

// Run calls LookAgain at once, for nobody knows what happened before, and then after every
// change, until ctx ends. It returns nil.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.disarm()
	poll := time.NewTicker(w.cfg.Poll)
	defer poll.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	b := burst{quiet: w.cfg.Quiet, most: w.cfg.Most}
	for {
		stirred := false
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.events():
			stirred = !ok || w.concerns(e)
			if !ok {
				w.notify = nil // the library has given up; the look that follows begins anew
			}
		case err := <-w.errors():
			w.cfg.Logger.Debug("events were lost", "err", err)
			stirred = true
		case <-poll.C:
			stirred = w.changed()
		case <-timer.C:
			if stirred = !w.settled(&b); !stirred {
				b.end()
				w.arm()
				w.cfg.LookAgain()
			}
		}
		if stirred {
			now := time.Now()
			b.stir(now)
			timer.Reset(b.due().Sub(now))
		}
	}
}

func (w *Watcher) events() <-chan fsnotify.Event {
	if w.notify == nil {
		return nil
	}
	return w.notify.Events
}

func (w *Watcher) errors() <-chan error {
	if w.notify == nil {
		return nil
	}
	return w.notify.Errors
}

// concerns reports whether e is about something that may be read.
func (w *Watcher) concerns(e fsnotify.Event) bool {
	dir, name := filepath.Split(e.Name)
	dir = filepath.Clean(dir)
	return w.seen.names[dir][name] || w.seen.whole[e.Name] || w.seen.whole[dir] && !isHidden(name)
}

// isHidden reports whether nobody reads a file or directory of that name, unless by a link.
func isHidden(name string) bool { return strings.HasPrefix(name, ".") }

// changed reports whether the fingerprint is another than at the last look, or at the last
// call.
func (w *Watcher) changed() bool {
	now := newSurvey(nil)
	now.take(w.dir)
	if w.seen != nil && now.sum == w.seen.sum {
		return false
	}
	if w.seen != nil {
		w.seen.sum = now.sum
	}
	return true
}

// settled reports whether a burst is over. With events the silence said so; without them the
// fingerprint must.
func (w *Watcher) settled(b *burst) bool {
	return w.notify != nil || !b.stirred() || b.overdue(time.Now()) || !w.changed()
}

// arm makes all watches anew, in a new instance of inotify: the library's own book of watches
// goes wrong where a directory is replaced by another of the same name, or is known by two
// names. What happens from here on is either an event or found by the look that follows.
func (w *Watcher) arm() {
	before := w.notify
	next, err := w.open()
	s := newSurvey(func(dir string) {
		if err == nil {
			err = exhausted(next.Add(dir))
		}
	})
	s.take(w.dir)
	w.seen = s
	switch {
	case err == nil && w.blind:
		w.cfg.Logger.Info("changes are noticed at once again", "file", w.dir)
	case err != nil && !w.blind:
		w.cfg.Logger.Warn("changes are noticed late: the system gives no events of the directory",
			"file", w.dir, "every", w.cfg.Poll, "err", err)
	}
	if w.blind = err != nil; w.blind && next != nil {
		_ = next.Close() // half of the watches are worse than none: they hide what is missing
		next = nil
	}
	w.notify = next
	if before != nil {
		_ = before.Close() // it only read
	}
}

func (w *Watcher) disarm() {
	if w.notify != nil {
		_ = w.notify.Close() // it only read
	}
}

// exhausted returns err if it says that no more can be watched. Other errors are about one
// directory, which is gone or closed to us: the one above it tells when that changes.
func exhausted(err error) error {
	for _, e := range limits {
		if errors.Is(err, e) {
			return err
		}
	}
	return nil
}
