package supplicant

import (
	"cmp"
	"errors"
	"sort"
	"sync"
	"time"
)

// maxTexts bounds how many different reasons and broken rules are told apart; the text comes
// in part from the server.
const maxTexts = 64

// otherTexts counts what came when maxTexts were there.
const otherTexts = "others"

// LoadCounts says how authentications ended. They add up to Finished.
type LoadCounts struct {
	Finished    int `json:"finished"`
	Accepted    int `json:"accepted"`
	Rejected    int `json:"rejected"`
	Aborted     int `json:"aborted"`     // the server broke the protocol, and we gave up
	Timeouts    int `json:"timeouts"`    // the server fell silent
	Unreachable int `json:"unreachable"` // nothing listens, or answers bear another secret
	KeysWrong   int `json:"keys_wrong"`  // accepted, but a key was missing or not ours
	Violations  int `json:"violations"`  // authentications in which the server broke a rule
}

// Tally is one line of a list of reasons or broken rules.
type Tally struct {
	Text  string `json:"text"`
	Count int    `json:"count"`
}

// LoadKind sums up the accepted authentications of one kind, full or resumed. Rounds and bytes
// are means; bytes are those of RADIUS packets, both ways.
type LoadKind struct {
	Count   int     `json:"count"`
	Rounds  float64 `json:"rounds"`
	Bytes   float64 `json:"bytes"`
	Latency Latency `json:"latency_ms"`
}

// kindTally is a LoadKind in the making.
type kindTally struct {
	rounds, bytes int64
	times         histogram
}

func (k *kindTally) add(r *Report) {
	k.rounds += int64(r.Rounds)
	k.bytes += int64(r.BytesSent) + int64(r.BytesReceived)
	k.times.add(r.Duration)
}

func (k *kindTally) kind() LoadKind {
	n := float64(max(k.times.count, 1))
	return LoadKind{
		Count: int(k.times.count), Rounds: round2(float64(k.rounds) / n),
		Bytes:   round2(float64(k.bytes) / n),
		Latency: k.times.latency(),
	}
}

// loadTally counts what workers report. Its size does not depend on how many do.
type loadTally struct {
	mu              sync.Mutex // guards all below
	counts          LoadCounts
	retransmissions int
	missed          int // due while no worker was free
	accepted        histogram
	full, resumed   kindTally
	reasons, rules  map[string]int
}

// add counts one authentication; err is what Conversation.Finish returned beside r.
func (t *loadTally) add(r *Report, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Finished++
	t.retransmissions += r.Retransmissions
	*t.counts.of(r.Result, err)++
	if len(r.Violations) > 0 {
		t.counts.Violations++
	}
	for _, v := range r.Violations {
		count(&t.rules, v)
	}
	if err != nil || r.Result != ResultAccept {
		count(&t.reasons, r.Reason)
		return
	}
	if !r.KeysOK {
		t.counts.KeysWrong++
	}
	t.accepted.add(r.Duration)
	if r.Resumed {
		t.resumed.add(r)
	} else {
		t.full.add(r)
	}
}

// miss counts an authentication that could not begin at its time.
func (t *loadTally) miss() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.missed++
}

// of returns the counter of an outcome.
func (c *LoadCounts) of(result Result, err error) *int {
	switch {
	case errors.Is(err, ErrTimeout):
		return &c.Timeouts
	case err != nil:
		return &c.Unreachable
	case result == ResultAccept:
		return &c.Accepted
	case result == ResultReject:
		return &c.Rejected
	}
	return &c.Aborted
}

func count(m *map[string]int, text string) {
	if *m == nil {
		*m = make(map[string]int)
	}
	if _, known := (*m)[text]; !known && len(*m) >= maxTexts {
		text = otherTexts
	}
	(*m)[text]++
}

// sorted lists a map of counts, the most frequent first.
func sorted(m map[string]int) []Tally {
	list := make([]Tally, 0, len(m))
	for text, n := range m {
		list = append(list, Tally{text, n})
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text)) < 0
	})
	return list
}

// progress tells the counts so far; report tells everything.
func (t *loadTally) progress(elapsed time.Duration) LoadProgress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return LoadProgress{LoadCounts: t.counts, Elapsed: elapsed, P50: t.accepted.percentile(50)}
}
