package store

import (
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// A shelf is where a cache keeps its items on a disk. Reading is safe for concurrent use; there
// is one writer.
type shelf struct {
	disk  *disk
	kind  byte
	limit func() bounds
	room  func() error    // before each portion
	held  *ledger[placed] // the writer's: what is there; nil: not counted yet
}

// read returns an item. Errors: errAbsent, errItem, errClosed, or what is wrong with the database.
func (s *shelf) read(name digest) (it item, err error) {
	err = s.disk.view(func(txn *badger.Txn) (err error) {
		get := func(key []byte) ([]byte, error) { return value(txn, key) }
		it, err = readItem(get, s.kind, name)
		return err
	})
	return it, err
}

// count looks through what is there, unless it has, and removes what no item can be read from.
func (s *shelf) count() error {
	if s.held != nil {
		return nil
	}
	found, err := s.disk.scanItems(s.kind)
	if err != nil {
		return err
	}
	held, useless := found.ledger(s.kind)
	s.held = held
	return s.tidy(useless)
}

// tidy removes keys, and what is too much.
func (s *shelf) tidy(useless [][]byte) error {
	limit := s.limit()
	for s.held.over(limit) {
		name, p := s.held.oldest()
		useless = append(useless, p.keys(s.kind, name)...)
		s.held.remove(name)
	}
	return s.failed(s.disk.removeKeys(useless))
}

// failed has everything counted anew after an error.
func (s *shelf) failed(err error) error {
	if err != nil {
		s.held = nil
	}
	return err
}

// put writes the further parts, then the first one, then removes what is too much. A reader, who
// reads in one view, finds the version before until the first part is there. Durable, the item
// is on the disk when put returns. One that is too large for a small disk is not kept.
func (s *shelf) put(it item, durable bool) error {
	if err := s.count(); err != nil {
		return err
	}
	if int64(it.bytesOnDisk()) > s.limit().bytes {
		return s.erase(it.name) // what it would replace is out of date
	}
	now := placed{newStamp(), int32(furtherParts(len(it.value)))}
	var portion []pair
	for i := range int(now.further) {
		portion = append(portion, it.partPair(s.kind, now.stamp, i+1))
		if len(portion) < portionParts && i+1 < int(now.further) {
			continue
		}
		if err := s.update(durable, portion); err != nil {
			return err
		}
		portion = nil
		time.Sleep(batchPause)
	}
	if err := s.update(durable, []pair{it.headPair(s.kind, now.stamp)}); err != nil {
		return err
	}
	var useless [][]byte
	if old, ok := s.held.get(it.name); ok {
		useless = old.keys(s.kind, it.name)[1:] // the first has been replaced
	}
	s.held.put(it.name, it.bytesOnDisk(), now)
	return s.tidy(useless)
}

func (s *shelf) update(durable bool, portion []pair) error {
	err := s.room()
	if err == nil {
		err = s.disk.update(durable, portion, nil)
	}
	return s.failed(err)
}

// erase removes an item.
func (s *shelf) erase(name digest) error {
	if err := s.count(); err != nil {
		return err
	}
	p, ok := s.held.get(name)
	if !ok { // badger may have passed over a damaged block when it was counted
		_, err := s.disk.get(headKey(s.kind, name))
		if errors.Is(err, errAbsent) {
			return nil
		}
	}
	s.held.remove(name)
	return s.failed(s.disk.removeKeys(p.keys(s.kind, name)))
}
