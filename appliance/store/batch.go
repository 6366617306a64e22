package store

import (
	"context"
	"time"
)

// Writing is paced: a burst would make badger hold several tables in memory at once.
const (
	batchBytes = 128 << 10
	batchPause = 2 * time.Millisecond
)

// A batch collects writes and hands them over in portions. Its owner calls flush last.
type batch struct {
	d       *disk
	check   func() error // before each portion: is there room
	pending []pair       // without value: to be removed
	bytes   int
	bulk    int // bytes since the last trim
}

// put writes a pair; key and value belong to the batch afterwards.
func (b *batch) put(ctx context.Context, key, value []byte) error {
	return b.add(ctx, pair{key, value})
}

// remove deletes a key, which belongs to the batch afterwards.
func (b *batch) remove(ctx context.Context, key []byte) error {
	return b.add(ctx, pair{name: key})
}

func (b *batch) add(ctx context.Context, p pair) error {
	b.pending = append(b.pending, p)
	if b.bytes += len(p.name) + len(p.value) + entryBytes; b.bytes < batchBytes {
		return nil
	}
	if err := b.flush(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(batchPause):
		return nil
	}
}

// flush hands over what is pending. Other writers wait meanwhile, but not while it is being
// collected.
func (b *batch) flush() error {
	if len(b.pending) == 0 {
		return nil
	}
	if err := b.check(); err != nil {
		return err
	}
	if b.bulk += b.bytes; b.bulk >= trimBytes {
		b.d.trim()
		b.bulk = 0
	}
	err := b.d.write(b.handOver)
	clear(b.pending)
	b.pending, b.bytes = b.pending[:0], 0
	return err
}

func (b *batch) handOver() error {
	wb := b.d.db.NewWriteBatch()
	defer wb.Cancel() // does nothing after Flush
	for _, p := range b.pending {
		write := func() error { return wb.Set(p.name, p.value) }
		if p.value == nil {
			write = func() error { return wb.Delete(p.name) }
		}
		if err := write(); err != nil {
			return err
		}
		b.d.tally(p)
	}
	return wb.Flush()
}
