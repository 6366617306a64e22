package websession

import (
	"sync"
	"time"
)

// How long somebody waits after a wrong password.
const (
	freeTries  = 3                // without a pause
	firstPause = time.Second      // doubled with every further one
	longest    = 5 * time.Minute  // pause
	forgetting = 30 * time.Minute // after which nothing is held against anybody

	maxRemembered = 1024 // names and addresses
)

// A Backoff makes whoever guesses wait: by the account that is guessed at, and by the address it
// is done from. The console is none of its business, so nobody can be locked out for good.
type Backoff struct {
	now func() time.Time

	mu    sync.Mutex
	tries map[string]*tries
}

// tries are what one name or address did wrong.
type tries struct {
	count int
	last  time.Time
}

// NewBackoff returns one that holds nothing against anybody. A nil now is time.Now.
func NewBackoff(now func() time.Time) *Backoff {
	if now == nil {
		now = time.Now
	}
	return &Backoff{now: now, tries: map[string]*tries{}}
}

// Wait returns how long must pass before another try of any of the names counts; 0: none.
func (b *Backoff) Wait(names ...string) time.Duration {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	var wait time.Duration
	for _, name := range names {
		if t := b.tries[name]; t != nil {
			wait = max(wait, t.last.Add(pause(t.count)).Sub(now))
		}
	}
	return max(wait, 0)
}

// pause returns how long it lasts after so many wrong tries.
func pause(count int) time.Duration {
	if count < freeTries {
		return 0
	}
	p := firstPause
	for range count - freeTries {
		if p *= 2; p >= longest {
			return longest
		}
	}
	return p
}

// Failed counts a wrong try against each of the names.
func (b *Backoff) Failed(names ...string) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		t := b.tries[name]
		if t == nil {
			b.makeRoom(now)
			t = &tries{}
			b.tries[name] = t
		}
		if now.Sub(t.last) >= forgetting {
			t.count = 0
		}
		t.count++
		t.last = now
	}
}

// Succeeded forgets what was held against the names.
func (b *Backoff) Succeeded(names ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		delete(b.tries, name)
	}
}

// makeRoom forgets what is old or, if that is not enough, what is oldest.
func (b *Backoff) makeRoom(now time.Time) {
	if len(b.tries) < maxRemembered {
		return
	}
	var oldest string
	for name, t := range b.tries {
		if now.Sub(t.last) >= forgetting {
			delete(b.tries, name)
		} else if o := b.tries[oldest]; o == nil || t.last.Before(o.last) {
			oldest = name
		}
	}
	if len(b.tries) >= maxRemembered {
		delete(b.tries, oldest)
	}
}
