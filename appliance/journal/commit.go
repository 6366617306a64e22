package journal

import (
	"context"
	"errors"
	"fmt"
)

// Bounds of writing.
const (
	maxWaiting      = 1024     // callers of Append at the same time
	compactFrom     = 64 << 10 // bytes of the file below which garbage is no matter
	maxGarbageRatio = 2        // of the file to what it remembers
)

// errBusy says that too many are waiting.
var errBusy = errors.New("appending to the journal: too many are waiting")

// errUnsure says that the directory could not be synced.
var errUnsure = errors.New("the disk does not say what it holds")

// A waiting change has a caller.
type waiting struct {
	change change
	done   bool // guarded, as err, by fileMu
	err    error
}

// write queues c. Whoever gets the file writes what all of them have queued.
func (j *Journal) write(ctx context.Context, c change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &waiting{change: c}
	j.queueMu.Lock()
	if len(j.queue) >= maxWaiting {
		j.queueMu.Unlock()
		return errBusy
	}
	j.queue = append(j.queue, w)
	j.queueMu.Unlock()

	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	for !w.done {
		j.commit(j.take())
	}
	if w.err != nil {
		return fmt.Errorf("appending to the journal: %w", w.err)
	}
	return nil
}

// take takes a frame's worth off the queue, in order.
func (j *Journal) take() []*waiting {
	j.queueMu.Lock()
	defer j.queueMu.Unlock()
	n, bytes := 0, 0
	for n < len(j.queue) {
		if bytes += int(j.queue[n].change.size()); bytes > maxFrameBytes {
			break
		}
		n++
	}
	taken := append([]*waiting(nil), j.queue[:n]...)
	j.queue = append(j.queue[:0], j.queue[n:]...)
	return taken
}

// commit writes a frame, remembers what is in it, and tells the callers.
func (j *Journal) commit(taken []*waiting) {
	var frame []byte
	var fits []*waiting
	j.mu.RLock()
	err, live := j.usable(), j.live
	j.mu.RUnlock()
	for _, w := range taken {
		w.done, w.err = true, err
		if err == nil && !w.change.remove && live+w.change.size() > j.cfg.MaxBytes {
			w.err = ErrFull
		}
		if w.err == nil {
			live += w.change.size()
			frame = w.change.append(frame)
			fits = append(fits, w)
		}
	}
	if len(fits) == 0 {
		return
	}
	if err = j.repair(); err == nil {
		err = j.file.write(frame)
	}
	if err != nil {
		for _, w := range fits {
			w.err = err
		}
		return
	}
	j.mu.Lock()
	for _, w := range fits {
		j.apply(w.change)
	}
	j.mu.Unlock()
	j.compact()
}

// usable says why nothing can be appended.
func (j *Journal) usable() error {
	if j.closed {
		return ErrClosed
	}
	return j.err
}

// repair writes a file anew of which it is not known what the disk holds.
func (j *Journal) repair() error {
	if !j.file.unsure {
		return nil
	}
	if err := j.rewrite(); err != nil {
		return err
	}
	if j.file.unsure {
		return errUnsure
	}
	return nil
}

// compact writes the file anew when more than half of it is garbage. It is called by the holder
// of fileMu, who alone changes what is remembered.
func (j *Journal) compact() {
	if j.file.end < compactFrom || j.file.end < maxGarbageRatio*j.live {
		return
	}
	if err := j.rewrite(); err != nil {
		// Nothing is lost: the old file is whole and goes on growing.
		j.cfg.Logger.Warn("journal not compacted", "file", j.path, "err", err)
	}
}

func (j *Journal) rewrite() error {
	made, err := makeFile(j.path, j.snapshot())
	if err != nil {
		return err
	}
	old := *j.file
	*j.file = *made
	if err := old.close(); err != nil {
		j.cfg.Logger.Warn("old journal not closed well", "file", j.path, "err", err)
	}
	return nil
}

// load reads the file.
func (j *Journal) load() error {
	f, c, err := openFile(j.path, j.maxFileBytes())
	for _, one := range c.changes {
		j.apply(one)
	}
	if c.torn {
		j.cfg.Logger.Warn("journal tail cut: it was torn off before it was acknowledged",
			"file", j.path, "bytes", c.end)
	}
	j.file = f
	return err
}

// maxFileBytes bounds the file that is read: as much garbage as is remembered, and what cannot
// be compacted for want of room.
func (j *Journal) maxFileBytes() int64 { return 4*j.cfg.MaxBytes + compactFrom }
