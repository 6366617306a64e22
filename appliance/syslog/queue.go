package syslog

import "sync"

const (
	maxWaiting      = 4096
	maxWaitingBytes = 2 << 20
)

// An entry is a message that waits.
type entry struct {
	text    []byte
	dropped int // messages that found no room right before it
}

// A queue holds what is to be sent, in order. Nobody waits for it for longer than it takes to move
// a pointer. It is safe for concurrent use, by one reader.
type queue struct {
	wake chan struct{} // something was put in

	mu      sync.Mutex // guards what follows
	entries []entry
	bytes   int
	unsaid  int // dropped since the last that was put in
	dropped uint64
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// add puts text in, which belongs to the queue from then on, or drops it.
func (q *queue) add(text []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.entries) >= maxWaiting || q.bytes+len(text) > maxWaitingBytes {
		q.unsaid++
		q.dropped++
		return
	}
	q.entries = append(q.entries, entry{text, q.unsaid})
	q.bytes += len(text)
	q.unsaid = 0
	select {
	case q.wake <- struct{}{}:
	default: // the reader will look anyway
	}
}

// peek returns the first entries, up to limit bytes and at least one if there is any. They stay in
// the queue.
func (q *queue) peek(limit int) []entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, bytes := 0, 0
	for n < len(q.entries) && (n == 0 || bytes+len(q.entries[n].text) <= limit) {
		bytes += len(q.entries[n].text)
		n++
	}
	return append([]entry(nil), q.entries[:n]...)
}

// remove takes out batch, which is what peek has returned.
func (q *queue) remove(batch []entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range batch {
		q.bytes -= len(e.text)
	}
	clear(q.entries[:len(batch)]) // for the texts to be freed
	q.entries = q.entries[len(batch):]
}

func (q *queue) counts() (waiting int, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries), q.dropped
}
