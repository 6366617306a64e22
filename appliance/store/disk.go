package store

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// Errors of whatever holds pairs.
var (
	errAbsent  = errors.New("absent")
	errDamaged = errors.New("the database is damaged")
	errClosed  = errors.New("the database is closed")
)

// entryBytes is what badger adds to an entry, about.
const entryBytes = 32

// What one update takes: badger's limit is 15 % of a memtable.
const (
	portionParts = 12  // of items
	portionKeys  = 500 // to remove
)

// A disk is an open database. It is safe for concurrent use: the user index has one writer, and
// so has each cache.
type disk struct {
	db      *badger.DB
	dir     string // absolute
	log     *badgerLog
	mu      sync.RWMutex // held for reading by whoever reads or writes, for writing by close
	closed  bool         // guarded by mu
	writing sync.Mutex   // held from a write to its sync: badger syncs the last memtable only
	written *written
	breathe func() // see Config
}

// openDisk opens or makes the database in dir. It checks nothing of what is in it. A damaged
// database may end the process here: see mark.
func openDisk(dir string, log *badgerLog, breathe func()) (*disk, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	d := &disk{dir: dir, log: log, written: &written{}, breathe: breathe}
	before := log.errors.Load()
	err = guard(func() (err error) {
		d.db, err = badger.Open(badgerOptions(dir, log))
		return err
	})
	if err != nil {
		return nil, err
	}
	if log.errors.Load() != before {
		return nil, errors.Join(fmt.Errorf("%w: it opened with errors", errDamaged), d.close())
	}
	return d, nil
}

// close waits for who is reading.
func (d *disk) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return guard(d.db.Close)
}

// guard turns a panic in badger, and a read of a mapped file that has become shorter, into an
// error. What happens in badger's own goroutines cannot be caught.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	return f()
}

// view calls f with a consistent view of the database. Values are valid until f returns.
func (d *disk) view(f func(*badger.Txn) error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return errClosed
	}
	return guard(func() error { return d.db.View(f) })
}

// value reads one key within a view.
func value(txn *badger.Txn, key []byte) (v []byte, err error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, err
	}
	err = item.Value(func(b []byte) error { v = b; return nil })
	return v, err
}

// get returns a copy of a key's value.
func (d *disk) get(key []byte) (v []byte, err error) {
	err = d.view(func(txn *badger.Txn) error {
		b, err := value(txn, key)
		v = bytes.Clone(b)
		return err
	})
	return v, err
}

// each calls f with every pair of s, in the order of keys, until it returns an error. Name and
// value are valid during the call; without values, value is nil.
func (d *disk) each(s slot, values bool, f func(name, value []byte) error) error {
	return d.view(func(txn *badger.Txn) error {
		prefix := slotPrefix(s)
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		read := 0
		for it.Seek(prefix); it.ValidForPrefix(prefix); it.Next() {
			if read += int(it.Item().EstimatedSize()); read >= trimBytes {
				d.trim()
				read = 0
			}
			d.breathe()
			name := it.Item().Key()[len(prefix):]
			if !values {
				if err := f(name, nil); err != nil {
					return err
				}
				continue
			}
			err := it.Item().Value(func(v []byte) error { return f(name, v) })
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// count returns the number of pairs in s.
func (d *disk) count(s slot) (n int, err error) {
	err = d.each(s, false, func(_, _ []byte) error { n++; return nil })
	return n, err
}

// set writes entries in one transaction and brings it to the disk.
func (d *disk) set(entries ...pair) error { return d.update(true, entries, nil) }

// update puts pairs and removes keys in one transaction, which has room for portionParts or
// portionKeys; with sync, it is on the disk when update returns.
func (d *disk) update(sync bool, put []pair, remove [][]byte) error {
	return d.write(func() error {
		err := d.db.Update(func(txn *badger.Txn) error {
			for _, p := range put {
				if err := txn.Set(p.name, p.value); err != nil {
					return err
				}
				d.tally(p)
			}
			for _, key := range remove {
				if err := txn.Delete(key); err != nil {
					return err
				}
				d.tally(pair{name: key})
			}
			return nil
		})
		if err != nil || !sync {
			return err
		}
		return d.db.Sync()
	})
}

// write calls f, one writer at a time. Only who keeps close from being called (it needs the
// Store's mu) may call it within a view.
func (d *disk) write(f func() error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return errClosed
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	return guard(f)
}

// removeKeys removes keys in portions.
func (d *disk) removeKeys(keys [][]byte) error {
	for portion := range slices.Chunk(keys, portionKeys) {
		if err := d.update(false, nil, portion); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) sync() error { return d.write(d.db.Sync) }

// tally counts a pair put, or a key removed if it has no value.
func (d *disk) tally(p pair) {
	if p.value == nil {
		d.written.deletes.Add(1)
	} else {
		d.written.puts.Add(1)
	}
	d.written.bytes.Add(int64(len(p.name) + len(p.value) + entryBytes))
}
