package radserver

import "time"

// Bounds of a backlog. A request takes half a KiB to two.
const (
	// maxOngoing is how many requests within conversations wait. Beyond it the socket is left
	// to hold more.
	maxOngoing = 512
	// maxBeginning is how many requests that begin conversations wait.
	maxBeginning = 1024
	// maxPatience is how long one that begins a conversation may wait: a NAS asks again after
	// 2 to 5 s, and then counts on the answer to the newer request.
	maxPatience = 3 * time.Second
	// maxReadAhead bounds the datagrams read for each request served, so that a flood of them
	// takes the time of some requests and not of all.
	maxReadAhead = 64
)

// A backlog holds the requests that a read loop has admitted and not served yet. It is empty
// as long as the loop keeps up.
//
// When it does not, what is under way goes before what begins: a conversation that was begun
// has cost most of its CPU time already, and to leave it unfinished, because its packets stand
// in line behind those of others who have only just come, wastes that. So beyond its capacity
// the server carries out as many conversations as ever, and new ones wait in order of their
// coming, the oldest giving way. It belongs to one goroutine.
type backlog struct {
	ongoing   ring
	beginning ring
}

func newBacklog() *backlog {
	return &backlog{
		ongoing:   ring{slots: make([]*Request, maxOngoing)},
		beginning: ring{slots: make([]*Request, maxBeginning)},
	}
}

func (b *backlog) empty() bool { return b.ongoing.n+b.beginning.n == 0 }

// hasRoom reports whether whatever comes next can be put.
func (b *backlog) hasRoom() bool { return b.ongoing.n < len(b.ongoing.slots) }

// put adds r, for which there must be room, and returns the one that gives way to it, or nil.
func (b *backlog) put(r *Request) (evicted *Request) {
	if !r.begins() {
		b.ongoing.push(r)
		return nil
	}
	if b.beginning.n == len(b.beginning.slots) {
		evicted = b.beginning.pop()
	}
	b.beginning.push(r)
	return evicted
}

// take returns the next one to serve, or nil. late means that it has waited for too long.
func (b *backlog) take() (r *Request, late bool) {
	if b.ongoing.n > 0 {
		return b.ongoing.pop(), false
	}
	if b.beginning.n == 0 {
		return nil, false
	}
	r = b.beginning.pop()
	return r, time.Since(r.arrived) > maxPatience
}

// A ring is a queue in a slice that does not grow.
type ring struct {
	slots    []*Request
	first, n int
}

func (q *ring) push(r *Request) {
	q.slots[(q.first+q.n)%len(q.slots)] = r
	q.n++
}

func (q *ring) pop() *Request {
	r := q.slots[q.first]
	q.slots[q.first] = nil
	q.first = (q.first + 1) % len(q.slots)
	q.n--
	return r
}
