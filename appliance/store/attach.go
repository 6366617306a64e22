package store

// useCachesLocked has the caches use the disk, if they do not yet.
func (s *Store) useCachesLocked() {
	for _, c := range s.caches() {
		c.use(s.disk)
	}
}

// use puts a disk in use that was opened, and brings to it what memory has kept meanwhile. If
// that fails, memory goes on standing before the disk; use is called again, then, or the disk
// is left.
func (c *Cache) use(d *disk) {
	if c.level() {
		return // who is writing may take long
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	defer c.publish()
	to := c.shelf.Load()
	if to == nil {
		to = &shelf{disk: d, kind: c.kind, limit: c.mayHold,
			room: func() error { return c.store.room(1) }}
	}
	if !c.spare.empty() {
		if err := c.restoreLocked(to); err != nil {
			c.fault(to, err)
			return
		}
	}
	c.shelf.Store(to)
	c.mu.Lock()
	c.spare = newSpare(c.spare.limit, c.spare.diskless)
	c.mu.Unlock()
}

// level reports whether the disk has everything.
func (c *Cache) level() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.shelf.Load() != nil && c.spare.empty()
}

// restoreLocked brings what memory has to the disk, and removes what is out of date there.
func (c *Cache) restoreLocked(to *shelf) error {
	if err := to.room(); err != nil {
		return err
	}
	if err := to.count(); err != nil {
		return err
	}
	var outdated []digest
	for name := range to.held.oldestFirst() {
		k, kept := c.spare.get(name)
		if c.spare.speaksFor(name) && !(kept && k.onDisk) {
			outdated = append(outdated, name)
		}
	}
	for _, name := range outdated {
		if err := to.erase(name); err != nil {
			return err
		}
	}
	for name, k := range c.spare.oldestFirst() {
		if _, there := to.held.get(name); there {
			continue
		}
		if err := to.put(k.item, false); err != nil {
			return err
		}
	}
	return to.disk.sync()
}

// leave stops using the disk, which is still open. What was put last moves to memory.
func (c *Cache) leave() {
	c.writing.Lock()
	defer c.writing.Unlock()
	defer c.publish()
	from := c.shelf.Load()
	if from != nil && from.count() == nil {
		for name := range from.held.newestFirst() {
			if c.spare.speaksFor(name) {
				continue
			}
			it, err := from.read(name)
			if err != nil {
				continue
			}
			c.mu.Lock()
			full := !c.spare.salvage(it)
			c.mu.Unlock()
			if full {
				break
			}
		}
	}
	c.shelf.Store(nil)
}

// shut stops using the disk, for good.
func (c *Cache) shut() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.shelf.Store(nil)
}

// prepare counts what is on disk, which the first Put would have to wait for.
func (c *Cache) prepare() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.countedLocked()
	c.publish()
}

// countedLocked returns the shelf, counted, or nil.
func (c *Cache) countedLocked() *shelf {
	from := c.shelf.Load()
	if from == nil {
		return nil
	}
	if err := from.count(); err != nil {
		c.fault(from, err)
		return nil
	}
	return from
}

// publish makes the size known.
func (c *Cache) publish() {
	items, bytes := c.spare.len(), c.spare.bytes
	if from := c.shelf.Load(); from != nil && from.held != nil {
		items, bytes = items+from.held.len(), bytes+from.held.bytes
	}
	c.items.Store(int64(items))
	c.bytes.Store(bytes)
}

// size returns the number of items and the bytes they take. It waits for nobody.
func (c *Cache) size() (items int, bytes int64) { return int(c.items.Load()), c.bytes.Load() }
