package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sort"
)

// chunkBytes is how much memory a slab takes at a time.
const chunkBytes = 256 << 10

// A slab holds pairs in memory, with 16 bytes for each besides its own. It is written by one
// goroutine, then sealed; from then on it is immutable and safe for concurrent use.
type slab struct {
	seed    maphash.Seed
	chunks  [][]byte // each: name length, value length (uvarint), name, value
	entries []entry  // by hash once sealed
	partial bool     // some of what it was made of was damaged: absence proves nothing
}

type entry struct {
	hash  uint64
	chunk uint16
	at    uint32
}

func newSlab() *slab { return &slab{seed: maphash.MakeSeed()} }

// add copies a pair. Adding a name twice is for its caller to avoid.
func (s *slab) add(name, value []byte) {
	need := len(name) + len(value) + 2*binary.MaxVarintLen32
	last := len(s.chunks) - 1
	if last < 0 || len(s.chunks[last])+need > cap(s.chunks[last]) {
		s.chunks = append(s.chunks, make([]byte, 0, max(chunkBytes, need)))
		last++
	}
	c := s.chunks[last]
	s.entries = append(s.entries, entry{maphash.Bytes(s.seed, name), uint16(last), uint32(len(c))})
	c = binary.AppendUvarint(c, uint64(len(name)))
	c = binary.AppendUvarint(c, uint64(len(value)))
	s.chunks[last] = append(append(c, name...), value...)
}

// full reports whether another pair might not be addressable: beyond 16 GiB.
func (s *slab) full() bool { return len(s.chunks) > 1<<16-2 }

func (s *slab) seal() {
	slices.SortFunc(s.entries, func(a, b entry) int { return cmp.Compare(a.hash, b.hash) })
	s.entries = slices.Clip(s.entries)
}

// pair returns what add copied for e. It shares the slab's memory.
func (s *slab) pair(e entry) (name, value []byte) {
	c := s.chunks[e.chunk][e.at:]
	nameLen, n := binary.Uvarint(c)
	valueLen, m := binary.Uvarint(c[n:])
	c = c[n+m:]
	end := nameLen + valueLen
	return c[:nameLen:nameLen], c[nameLen:end:end]
}

// find returns the place of the pair called name in entries.
func (s *slab) find(name []byte) (int, bool) {
	hash := maphash.Bytes(s.seed, name)
	i := sort.Search(len(s.entries), func(i int) bool { return s.entries[i].hash >= hash })
	for ; i < len(s.entries) && s.entries[i].hash == hash; i++ {
		if have, _ := s.pair(s.entries[i]); bytes.Equal(have, name) {
			return i, true
		}
	}
	return i, false
}

// get is a getter.
func (s *slab) get(name []byte) ([]byte, error) {
	if i, ok := s.find(name); ok {
		_, value := s.pair(s.entries[i])
		return value, nil
	}
	if s.partial {
		return nil, ErrLost
	}
	return nil, errAbsent
}

// view and alive make it a source.
func (s *slab) view(f func(getter) error) error { return f(s.get) }
func (s *slab) alive() bool                     { return true }

// each calls f with every pair until it returns an error. Both share the slab's memory.
func (s *slab) each(f func(name, value []byte) error) error {
	for _, e := range s.entries {
		if err := f(s.pair(e)); err != nil {
			return err
		}
	}
	return nil
}
