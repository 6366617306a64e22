package notice

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/appliance/journal"
)

// forgetAfter is how long after its end an Item that is no longer in the configuration is
// remembered: it may come back with an old backup.
const forgetAfter = 90 * day

// A notice is an Item at a stage.
type notice struct {
	item  Item
	stage int
}

// A ledger knows what was told: one record a channel and Item, with the most urgent stage and the
// end of the Item, so that it can be forgotten one day. What the journal does not take is known
// until the process ends. It is safe for concurrent use.
type ledger struct {
	journal *journal.Journal

	mu    sync.Mutex     // guards loose
	loose map[string]int // stages by key
}

func newLedger(j *journal.Journal) *ledger {
	return &ledger{journal: j, loose: map[string]int{}}
}

func recordKey(channel string, i *Item) string {
	return channel + " " + hex.EncodeToString(i.Fingerprint[:])
}

// due returns what is to be told under the name of a channel, in the order of items.
func (l *ledger) due(channel string, items []Item, now time.Time, days []int) []notice {
	var list []notice
	for _, i := range items {
		stage := i.stage(now, days)
		if stage == early {
			continue
		}
		told, ok := l.stage(recordKey(channel, &i))
		// What was told but is not reached was told by a clock that was wrong.
		if ok && told <= stage && i.reached(now, told) {
			continue
		}
		list = append(list, notice{i, stage})
	}
	return list
}

// stage returns the most urgent stage that is known under key.
func (l *ledger) stage(key string) (int, bool) {
	l.mu.Lock()
	stage, ok := l.loose[key]
	l.mu.Unlock()
	if ok {
		return stage, true
	}
	r, ok := l.journal.Last(journal.Notice, key)
	if !ok {
		return 0, false
	}
	stage, _, err := parseValue(r.Value)
	return stage, err == nil
}

// told writes down that part was told, all of it at once, for then it is one sync of the disk. What
// cannot be written is remembered all the same; the error says why.
func (l *ledger) told(ctx context.Context, channel string, part []notice, now time.Time) error {
	var last error
	var all sync.WaitGroup
	for _, n := range part {
		all.Go(func() {
			key := recordKey(channel, &n.item)
			err := l.journal.Append(ctx, journal.Record{
				Kind: journal.Notice, Key: key, Value: value(n.stage, n.item.NotAfter), Time: now,
			})
			l.mu.Lock()
			defer l.mu.Unlock()
			if err != nil {
				l.loose[key], last = n.stage, err // one is enough to tell
			} else {
				delete(l.loose, key)
			}
		})
	}
	all.Wait()
	return last
}

// prune forgets what is not among items and ended long ago.
func (l *ledger) prune(ctx context.Context, items []Item, now time.Time) {
	present := make(map[string]bool, len(items))
	for _, i := range items {
		present[hex.EncodeToString(i.Fingerprint[:])] = true
	}
	gone := func(key string) bool { return !present[key[strings.LastIndexByte(key, ' ')+1:]] }
	l.mu.Lock()
	for key := range l.loose {
		if gone(key) {
			delete(l.loose, key)
		}
	}
	l.mu.Unlock()
	for r := range l.journal.Each(journal.Notice) {
		_, end, err := parseValue(r.Value)
		if gone(r.Key) && (err != nil || now.Sub(end) > forgetAfter) {
			// What cannot be forgotten today is tried again in an hour.
			_ = l.journal.Remove(ctx, journal.Notice, r.Key, now)
		}
	}
}

// value is "STAGE END" in decimal, END in seconds since 1970.
func value(stage int, end time.Time) []byte {
	b := strconv.AppendInt(nil, int64(stage), 10)
	return strconv.AppendInt(append(b, ' '), end.Unix(), 10)
}

func parseValue(b []byte) (stage int, end time.Time, err error) {
	first, second, _ := strings.Cut(string(b), " ")
	stage, err = strconv.Atoi(first)
	seconds, err2 := strconv.ParseInt(second, 10, 64)
	return stage, time.Unix(seconds, 0), errors.Join(err, err2)
}
