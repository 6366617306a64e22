package store

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// A scanned item is one that is on disk.
type scanned struct {
	name    digest
	version uint64 // of badger: later puts have greater ones
	placed
	bytes   int
	missing int // further parts not seen yet
}

// placed is what a ledger says of an item on disk.
type placed struct {
	stamp   uint64
	further int32 // parts
}

// keys returns the keys of all parts of an item.
func (p placed) keys(kind byte, name digest) [][]byte {
	keys := [][]byte{headKey(kind, name)}
	for i := range int(p.further) {
		keys = append(keys, partKey(kind, name, p.stamp, i+1))
	}
	return keys
}

// A scan looks through what a cache has on disk, without verifying it.
type scan struct {
	items   []scanned
	at      map[digest]int // index in items
	orphans [][]byte       // keys of what no item can be read from
}

// scanItems goes through all items of a kind.
func (d *disk) scanItems(kind byte) (*scan, error) {
	s := &scan{at: map[digest]int{}}
	prefix := []byte{kind}
	err := d.view(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		read := 0
		for it.Seek(prefix); it.ValidForPrefix(prefix); it.Next() {
			if read += int(it.Item().EstimatedSize()); read >= trimBytes {
				d.trim()
				read = 0
			}
			err := it.Item().Value(func(v []byte) error {
				s.add(it.Item(), v)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return s, err
}

// add takes a pair: first parts come before the further ones.
func (s *scan) add(from *badger.Item, value []byte) {
	key := from.Key()
	name, stamp, part, ok := parseKey(key)
	size := len(key) + len(value) + entryBytes
	if ok && part == 0 {
		h, _, whole := parseHeader(value)
		if whole {
			further := furtherParts(h.length)
			s.at[name] = len(s.items)
			s.items = append(s.items, scanned{name: name, version: from.Version(),
				placed: placed{h.stamp, int32(further)}, bytes: size, missing: further})
			return
		}
	} else if ok {
		if i, known := s.at[name]; known && s.items[i].stamp == stamp && part <= int(s.items[i].further) {
			s.items[i].bytes += size
			s.items[i].missing--
			return
		}
	}
	s.orphans = append(s.orphans, bytes.Clone(key))
}

// ledger returns the whole items, and the keys of what is of no use.
func (s *scan) ledger(kind byte) (held *ledger[placed], useless [][]byte) {
	slices.SortFunc(s.items, func(a, b scanned) int { return cmp.Compare(a.version, b.version) })
	held, useless = newLedger[placed](), s.orphans
	for _, i := range s.items {
		if i.missing == 0 {
			held.put(i.name, i.bytes, i.placed)
			continue
		}
		useless = append(useless, i.keys(kind, i.name)...)
	}
	return held, useless
}
