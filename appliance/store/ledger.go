package store

import "iter"

// bounds say how much a cache may hold.
type bounds struct {
	entries int
	bytes   int64
}

// A ledger remembers a V for each digest, in the order in which they were put, and what they
// take. It needs about 70 bytes for each besides V. It is not safe for concurrent use.
type ledger[V any] struct {
	at    map[digest]int32 // index in rows
	rows  []row[V]         // a ring; the first is not in use and stands between newest and oldest
	free  int32            // the first of the unused rows, chained by newer; 0: none
	bytes int64
}

type row[V any] struct {
	name         digest
	bytes        int32
	older, newer int32
	v            V
}

func newLedger[V any]() *ledger[V] {
	return &ledger[V]{at: map[digest]int32{}, rows: make([]row[V], 1)}
}

func (l *ledger[V]) len() int { return len(l.at) }

// over reports whether l holds more than it may.
func (l *ledger[V]) over(b bounds) bool { return len(l.at) > b.entries || l.bytes > b.bytes }

func (l *ledger[V]) get(name digest) (v V, ok bool) {
	i, ok := l.at[name]
	return l.rows[i].v, ok
}

// put makes name the newest.
func (l *ledger[V]) put(name digest, bytes int, v V) { l.insert(name, bytes, v, 0) }

// putOldest makes name the oldest.
func (l *ledger[V]) putOldest(name digest, bytes int, v V) {
	l.insert(name, bytes, v, l.rows[0].newer)
}

// insert puts name before the row at.
func (l *ledger[V]) insert(name digest, bytes int, v V, at int32) {
	if i, ok := l.at[name]; ok {
		if i == at {
			at = l.rows[i].newer
		}
		l.remove(name)
	}
	i := l.free
	if i != 0 {
		l.free = l.rows[i].newer
	} else {
		i = int32(len(l.rows))
		l.rows = append(l.rows, row[V]{})
	}
	older := l.rows[at].older
	l.rows[i] = row[V]{name: name, bytes: int32(bytes), older: older, newer: at, v: v}
	l.rows[older].newer, l.rows[at].older = i, i
	l.at[name] = i
	l.bytes += int64(bytes)
}

func (l *ledger[V]) remove(name digest) {
	i, ok := l.at[name]
	if !ok {
		return
	}
	r := l.rows[i]
	l.rows[r.older].newer, l.rows[r.newer].older = r.newer, r.older
	l.rows[i] = row[V]{newer: l.free}
	l.free = i
	delete(l.at, name)
	l.bytes -= int64(r.bytes)
}

// oldest returns what was put longest ago; l must hold something.
func (l *ledger[V]) oldest() (digest, V) {
	r := l.rows[l.rows[0].newer]
	return r.name, r.v
}

// oldestFirst yields all; l must not be changed meanwhile.
func (l *ledger[V]) oldestFirst() iter.Seq2[digest, V] {
	return func(yield func(digest, V) bool) {
		for i := l.rows[0].newer; i != 0; i = l.rows[i].newer {
			if !yield(l.rows[i].name, l.rows[i].v) {
				return
			}
		}
	}
}

// newestFirst yields all; l must not be changed meanwhile.
func (l *ledger[V]) newestFirst() iter.Seq2[digest, V] {
	return func(yield func(digest, V) bool) {
		for i := l.rows[0].older; i != 0; i = l.rows[i].older {
			if !yield(l.rows[i].name, l.rows[i].v) {
				return
			}
		}
	}
}
