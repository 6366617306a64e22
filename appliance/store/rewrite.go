package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
)

// A diskError is what the disk or badger did wrong, as opposed to who handed in the users.
type diskError struct{ err error }

func (e *diskError) Error() string { return e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

func onDisk(err error) error {
	for _, other := range []error{nil, errCollision, errGivesWay,
		context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, other) {
			return err
		}
	}
	return &diskError{err}
}

// errCollision is met once in many billion indexes: the hash has a new seed every time.
var errCollision = errors.New("two names have the same hash: try again")

// A rewriter brings a slot up to date by difference. It remembers 16 bytes for every pair: a
// hash of the name, of which there must be no two, and one of the content, of which the lowest
// bit says whether the pair has been put. A collision could hide a deletion or a change; finish
// counts what is there, and contents are compared by 63 bits of SHA-256.
type rewriter struct {
	disk  *disk
	slot  slot
	seed  maphash.Seed
	known map[uint64]uint64
	stale int // pairs of before that have not been put
	put   int
	batch batch
}

// maxExpected is for how many pairs memory is taken because a mark on the disk says so.
const maxExpected = 1 << 18

// newRewriter reads what s holds, about so many pairs. What is damaged is left out, and so written
// anew.
func newRewriter(d *disk, s slot, pairs uint32, check func() error) (*rewriter, error) {
	w := &rewriter{disk: d, slot: s, seed: maphash.MakeSeed(), batch: batch{d: d, check: check},
		known: make(map[uint64]uint64, min(pairs, maxExpected))}
	err := d.each(s, true, func(name, value []byte) error {
		hash := maphash.Bytes(w.seed, name)
		if _, ok := w.known[hash]; ok {
			return errCollision
		}
		content := uint64(0) // of nothing that could be put
		if _, err := unseal(name, value); err == nil {
			content = contentHash(value)
		}
		w.known[hash] = content
		w.stale++
		return nil
	})
	return w, onDisk(err)
}

const putBit = 1

// contentHash returns 63 bits of a value's checksum, the lowest bit clear.
func contentHash(value []byte) (h uint64) {
	for _, b := range value[len(value)-sumBytes:][:8] {
		h = h<<8 | uint64(b)
	}
	return h &^ putBit
}

// add puts a pair, and reports whether one of that name has been put before. The pair stays the
// caller's: nearly all are there already, and nothing is kept of them.
func (w *rewriter) add(ctx context.Context, p pair) (taken bool, err error) {
	hash := maphash.Bytes(w.seed, p.name)
	have, known := w.known[hash]
	if known && have&putBit != 0 {
		return true, nil
	}
	want := contentHash(p.value)
	w.known[hash] = want | putBit
	w.put++
	if known {
		w.stale--
	}
	if known && have == want && want != 0 {
		return false, nil
	}
	return false, onDisk(w.batch.put(ctx, inSlot(w.slot, p.name), bytes.Clone(p.value)))
}

// finish deletes what has not been put, and counts.
func (w *rewriter) finish(ctx context.Context) error {
	if w.stale > 0 {
		if err := w.prune(ctx); err != nil {
			return onDisk(err)
		}
	}
	if err := w.batch.flush(); err != nil {
		return onDisk(err)
	}
	n, err := w.disk.count(w.slot)
	if err == nil && n != w.put {
		err = fmt.Errorf("%w: %d records of %d are there", errDamaged, n, w.put)
	}
	return onDisk(err)
}

func (w *rewriter) prune(ctx context.Context) error {
	return w.disk.each(w.slot, false, func(name, _ []byte) error {
		if w.known[maphash.Bytes(w.seed, name)]&putBit != 0 {
			return nil
		}
		return w.batch.remove(ctx, inSlot(w.slot, bytes.Clone(name)))
	})
}
