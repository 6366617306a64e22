package store

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Bounds of what is kept on disk; on a small one it is less (see cacheShare). Beyond them, what
// was put longest ago goes.
var (
	answersOnDisk = bounds{entries: 20_000, bytes: 32 << 20}
	listsOnDisk   = bounds{entries: 64, bytes: 32 << 20}
)

// A Cache keeps what can be fetched again: OCSP answers, or CRLs. It is bounded, survives a
// restart, and never fails: what cannot be read is a miss. While there is no disk, a little is
// kept in memory, and brought to the disk when it comes back.
//
// All methods are safe for concurrent use, and may be called from the function given to Walk.
// A Get waits for nobody; the others wait for each other, and for no index.
type Cache struct {
	store *Store
	kind  byte
	limit bounds       // on disk
	share atomic.Int64 // bytes of a small disk

	items, bytes atomic.Int64 // see publish

	writing sync.Mutex            // held by whoever writes, for as long as that takes
	shelf   atomic.Pointer[shelf] // nil: there is no disk. Changed, and written, by who is writing

	mu    sync.RWMutex // guards spare. Who is writing changes it, and so may read without mu
	spare *spare
}

func newCache(s *Store, kind byte, onDisk, inMemory bounds) *Cache {
	return &Cache{store: s, kind: kind, limit: onDisk, spare: newSpare(inMemory, s.cfg.Dir == "")}
}

// mayHold returns how much is kept on disk.
func (c *Cache) mayHold() bounds {
	return bounds{c.limit.entries, min(c.limit.bytes, c.share.Load())}
}

// Answers returns the cache of OCSP answers: 20,000, or 32 MiB, at most.
func (s *Store) Answers() *Cache { return s.answers }

// Lists returns the cache of CRLs: 64, or 32 MiB, at most.
func (s *Store) Lists() *Cache { return s.lists }

func (s *Store) caches() [2]*Cache { return [2]*Cache{s.answers, s.lists} }

// Get returns a copy of what was put last under key. What is broken is dropped, and a miss; the
// error is always nil.
func (c *Cache) Get(key []byte) (value []byte, ok bool, err error) {
	it, ok := c.find(digestOf(key))
	if !ok || !bytes.Equal(it.key, key) {
		return nil, false, nil
	}
	return it.value, true, nil
}

// find looks in memory, then on disk, and again if the disk has come or gone meanwhile.
func (c *Cache) find(name digest) (it item, ok bool) {
	for range 3 {
		from := c.shelf.Load()
		if it, ok, known := c.recall(name); known {
			return it, ok
		}
		if from != nil {
			it, err := from.read(name)
			if err == nil {
				return it, true
			}
			c.heed(from, name, err)
		}
		if c.shelf.Load() == from {
			break
		}
	}
	return it, false
}

// recall looks in memory. Known says that the disk need not be asked.
func (c *Cache) recall(name digest) (it item, ok, known bool) {
	c.mu.RLock()
	k, ok := c.spare.get(name)
	known = c.spare.speaksFor(name)
	c.mu.RUnlock()
	return k.item.clone(), ok, known // what is kept is never written
}

// heed is told why an item could not be read. A broken one is dropped, unless somebody is
// writing: it will be found broken again, or is being replaced. One that is absent though it has
// been counted is how badger speaks of a damaged block.
func (c *Cache) heed(from *shelf, name digest, err error) {
	if !errors.Is(err, errItem) && !errors.Is(err, errAbsent) {
		c.fault(from, err)
		return
	}
	if !c.writing.TryLock() {
		return
	}
	defer c.writing.Unlock()
	if from.held == nil || c.shelf.Load() != from {
		return // counting takes too long for who wants an answer
	}
	_, held := from.held.get(name)
	if !held && errors.Is(err, errAbsent) {
		return
	}
	switch _, err := from.read(name); {
	case errors.Is(err, errItem):
		c.store.cfg.Logger.Warn("broken item dropped from the database")
		c.dropLocked(name)
		c.publish()
	case held && errors.Is(err, errAbsent):
		c.fault(from, fmt.Errorf("%w: a cached item is not there", errDamaged))
	}
}

// fault passes on what is wrong with the database.
func (c *Cache) fault(from *shelf, err error) {
	switch {
	case errors.Is(err, errClosed):
	case errors.Is(err, errNoRoom):
		c.store.nudge()
	default:
		c.store.reportDamage(from.disk, err)
	}
}

// Put keeps a copy of value, of 8 MiB at most, under key, of 1 KiB at most. Durable, it is synced
// before Put returns; otherwise a power cut may lose it. What cannot be written to the disk is
// kept in memory: Health says so, not Put. Error: key or value are too large.
func (c *Cache) Put(key, value []byte, durable bool) error {
	if len(key) > maxItemKeyBytes || len(value) > maxItemBytes {
		return fmt.Errorf("caching %d bytes under a key of %d bytes: too large", len(value), len(key))
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	defer c.publish()
	it := item{digestOf(key), key, value}
	to := c.shelf.Load()
	if to != nil && !c.spare.allGone {
		err := to.put(it, durable)
		if err == nil {
			c.mu.Lock()
			c.spare.forget(it.name)
			c.mu.Unlock()
			return nil
		}
		c.fault(to, err)
	}
	it = it.clone()
	c.mu.Lock()
	c.spare.keep(it)
	c.mu.Unlock()
	return nil
}

// Delete forgets what was put under keys. The error is always nil: what cannot be removed from
// the disk now is not read any more, and removed later.
func (c *Cache) Delete(keys ...[]byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	defer c.publish()
	for _, key := range keys {
		c.dropLocked(digestOf(key))
	}
	return nil
}

// dropLocked removes an item from disk and memory.
func (c *Cache) dropLocked(name digest) {
	from, err := c.shelf.Load(), errClosed
	if from != nil {
		if err = from.erase(name); err != nil {
			c.fault(from, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.spare.forget(name)
	} else {
		c.spare.drop(name)
	}
}

// Walk calls fn with every item, until it returns false; what is put meanwhile may be left out.
// Key and value are valid during the call. The error is always nil.
func (c *Cache) Walk(fn func(key, value []byte) bool) error {
	read := 0
	for _, name := range c.names() {
		it, ok := c.find(name)
		if !ok {
			continue
		}
		if !fn(it.key, it.value) {
			break
		}
		if read += len(it.value); read >= trimBytes {
			read = 0
			if from := c.shelf.Load(); from != nil {
				from.disk.trim()
			}
		}
	}
	return nil
}

// names returns the names of all items, oldest first.
func (c *Cache) names() (names []digest) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if from := c.countedLocked(); from != nil {
		for name := range from.held.oldestFirst() {
			if !c.spare.speaksFor(name) {
				names = append(names, name)
			}
		}
	}
	for name := range c.spare.oldestFirst() {
		names = append(names, name)
	}
	return names
}
