package journal

// ParseFile is what Open does to the bytes of a file: the number of changes before the first
// frame that is not whole, and what becomes of the rest.
func ParseFile(b []byte) (changes, end int, torn, damaged bool) {
	c := parseFile(b)
	return len(c.changes), c.end, c.torn, c.damaged
}

// Rewritten returns what a journal of what b holds looks like, under the same salt.
func Rewritten(b []byte) []byte {
	c := parseFile(b)
	if c.end == 0 {
		return nil
	}
	out := append([]byte(magic), c.salt[:]...)
	var frame []byte
	number := uint64(0)
	for rest := b[prefixBytes:c.end]; len(rest) > 0; {
		n, changes, ok := c.salt.parseFrame(rest)
		if !ok || n != number+1 {
			return nil
		}
		rest = rest[headerBytes+len(changes):]
		frame, number = frame[:0], n
		for len(changes) > 0 {
			var one change
			one, changes, _ = parseChange(changes)
			frame = one.append(frame)
		}
		out = c.salt.appendFrame(out, n, frame)
	}
	return out
}

// FileBytes returns the length of the file.
func (j *Journal) FileBytes() int64 {
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	return j.file.end
}

// BreakSync makes the next write find a file of which it is not known what the disk holds.
func (j *Journal) BreakSync() {
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	j.file.unsure = true
}
