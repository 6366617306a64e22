package radserver

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"gatehouse/authcore/radius"
)

// A delayed is an answer that waits for its time.
type delayed struct {
	request  *Request
	response *radius.Response
	due      time.Time
	index    int // in the heap, -1 outside; guarded by delayQueue.mu
}

// A delayQueue keeps delayed answers, however many, for one goroutine: run.
type delayQueue struct {
	mu    sync.Mutex // guards heap
	heap  delayHeap
	early chan struct{} // the first one due has changed
}

func newDelayQueue() *delayQueue { return &delayQueue{early: make(chan struct{}, 1)} }

// push adds d, which is on no queue.
func (q *delayQueue) push(d *delayed) {
	q.mu.Lock()
	defer q.mu.Unlock()
	heap.Push(&q.heap, d)
	if d.index == 0 {
		select {
		case q.early <- struct{}{}:
		default:
		}
	}
}

// cancel takes d off, if it is still there.
func (q *delayQueue) cancel(d *delayed) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if d.index >= 0 && d.index < len(q.heap) && q.heap[d.index] == d {
		heap.Remove(&q.heap, d.index)
	}
}

// len returns how many answers wait.
func (q *delayQueue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.heap)
}

// pop takes off an answer that is due at now, or returns how long to wait for the next; a
// negative wait means that there is none.
func (q *delayQueue) pop(now time.Time) (*delayed, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.heap) == 0 {
		return nil, -1
	}
	if wait := q.heap[0].due.Sub(now); wait > 0 {
		return nil, wait
	}
	d, _ := heap.Pop(&q.heap).(*delayed)
	return d, 0
}

// run fires each answer when it is due, and calls tick with each tick, until ctx ends.
func (q *delayQueue) run(
	ctx context.Context, ticks <-chan time.Time, fire func(*delayed), tick func(),
) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		d, wait := q.pop(time.Now())
		if d != nil {
			fire(d)
			continue
		}
		var due <-chan time.Time
		if wait >= 0 {
			timer.Reset(wait)
			due = timer.C
		}
		select {
		case <-due:
		case <-q.early:
		case <-ticks:
			tick()
		case <-ctx.Done():
			return
		}
	}
}

// A delayHeap implements heap.Interface; the first one due is at the top.
type delayHeap []*delayed

func (h delayHeap) Len() int           { return len(h) }
func (h delayHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

func (h delayHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push and Pop are heap's.
func (h *delayHeap) Push(x any) {
	d, _ := x.(*delayed)
	d.index = len(*h)
	*h = append(*h, d)
}

func (h *delayHeap) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	d.index = -1
	return d
}
