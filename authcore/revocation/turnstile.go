package revocation

import (
	"context"
	"sync"
)

const (
	// maxAsking bounds those who ask responders at once.
	maxAsking = 256
	// maxAskingOne bounds those who ask the same host at once: one that does not answer must
	// not hold up those who ask another.
	maxAskingOne = 32
)

// A turnstile lets a few through at a time, and fewer to each host; the others queue. It is
// safe for concurrent use.
type turnstile struct {
	all chan struct{}

	mu    sync.Mutex // guards what follows
	hosts map[string]*queue
}

// A queue is those who ask one host, or wait for that.
type queue struct {
	places chan struct{}
	length int
}

func newTurnstile() turnstile {
	return turnstile{all: make(chan struct{}, maxAsking), hosts: map[string]*queue{}}
}

// pass calls fn when there is room for one more who asks host, and reports false if ctx ended
// before that.
func (t *turnstile) pass(ctx context.Context, host string, fn func()) bool {
	q := t.join(host)
	defer t.leave(host, q)
	for _, places := range []chan struct{}{q.places, t.all} {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-ctx.Done():
			return false
		}
	}
	fn()
	return true
}

func (t *turnstile) join(host string) *queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.hosts[host]
	if q == nil {
		q = &queue{places: make(chan struct{}, maxAskingOne)}
		t.hosts[host] = q
	}
	q.length++
	return q
}

func (t *turnstile) leave(host string, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.length--; q.length == 0 {
		delete(t.hosts, host)
	}
}
