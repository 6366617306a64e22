package store

// Bounds of what is kept in memory while there is no disk to keep it on.
var (
	answersInMemory = bounds{entries: 2_000, bytes: 4 << 20}
	listsInMemory   = bounds{entries: 64, bytes: 8<<20 + 64<<10} // the largest list fits
)

// maxGone is how many items may be known to be out of date on the disk, before all are taken to
// be.
const maxGone = 4_096

// keptBytes is what a kept item needs besides its key and value, about.
const keptBytes = 160

// A spare takes the place of the disk while it is gone or cannot be written, and stands before
// it until it has what is here. It remembers what on the disk is out of date too: an answer that
// has been deleted or replaced must not come back with the disk.
type spare struct {
	*ledger[kept]
	limit    bounds
	diskless bool                // there never is a disk
	gone     map[digest]struct{} // out of date on disk, and not held here
	allGone  bool                // everything on disk is
}

// A kept item is one in memory.
type kept struct {
	item
	onDisk bool // the disk has it, when it is there
}

func newSpare(limit bounds, diskless bool) *spare {
	return &spare{ledger: newLedger[kept](), limit: limit, diskless: diskless,
		gone: map[digest]struct{}{}}
}

// empty reports whether the disk has everything, and nothing that is out of date.
func (s *spare) empty() bool { return s.len() == 0 && len(s.gone) == 0 && !s.allGone }

// speaksFor reports whether the disk must not be asked for name.
func (s *spare) speaksFor(name digest) bool {
	_, held := s.at[name]
	_, gone := s.gone[name]
	return held || gone || s.allGone
}

// keep makes it, which it owns then, the newest.
func (s *spare) keep(it item) {
	delete(s.gone, it.name)
	s.put(it.name, it.cost(), kept{item: it})
	for s.over(s.limit) {
		name, k := s.oldest()
		s.remove(name)
		if !k.onDisk {
			s.markGone(name)
		}
	}
}

// salvage makes it, which the disk has, the oldest. It reports whether there was room.
func (s *spare) salvage(it item) bool {
	if s.len() >= s.limit.entries || s.bytes+int64(it.cost()) > s.limit.bytes {
		return false
	}
	s.putOldest(it.name, it.cost(), kept{it, true})
	return true
}

// forget is called when the disk has name, or has it no more.
func (s *spare) forget(name digest) {
	s.remove(name)
	delete(s.gone, name)
}

// drop forgets name, on the disk too.
func (s *spare) drop(name digest) {
	s.remove(name)
	s.markGone(name)
}

func (s *spare) markGone(name digest) {
	if s.diskless || s.allGone {
		return
	}
	s.gone[name] = struct{}{}
	if len(s.gone) > maxGone {
		s.gone, s.allGone = map[digest]struct{}{}, true
	}
}

func (it item) cost() int { return keptBytes + len(it.key) + len(it.value) }
