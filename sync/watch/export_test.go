package watch

import (
	"time"

	"github.com/fsnotify/fsnotify"
)

// WithoutEvents makes w one that gets no events as long as err returns an error.
func (w *Watcher) WithoutEvents(err func() error) *Watcher {
	w.open = func() (*fsnotify.Watcher, error) {
		if err := err(); err != nil {
			return nil, err
		}
		return fsnotify.NewWatcher()
	}
	return w
}

// Due plays a burst of events at the given times after a moment, and returns when to look.
func Due(quiet, most time.Duration, events ...time.Duration) time.Duration {
	start := time.Unix(1_700_000_000, 0)
	b := burst{quiet: quiet, most: most}
	for _, e := range events {
		b.stir(start.Add(e))
	}
	return b.due().Sub(start)
}

// Surveyed returns the directories that are watched for dir.
func Surveyed(dir string) map[string]bool {
	s := newSurvey(func(string) {})
	s.take(dir)
	return s.watched
}
