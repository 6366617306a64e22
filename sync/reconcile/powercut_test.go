package reconcile_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A node is a file, a directory or a link of a disk.
type node struct {
	mode    fs.FileMode
	data    string            // of a file; of a link, where it leads
	entries map[string]uint64 // of a directory: numbers of nodes
}

// A tree is a disk, by number. The root is 0.
type tree map[uint64]node

// A recorder follows what is certainly on a disk, and what only seems to be until it is synced.
type recorder struct {
	state   string
	ids     map[uint64]uint64 // by inode
	held    []*os.File        // so that no inode is used again
	durable tree
	current tree
	last    tree   // what was there before, too, as it was last
	syncing string // what the step that was announced last syncs
	err     error
}

func record(t *testing.T, state string) *recorder {
	t.Helper()
	r := &recorder{state: state, ids: map[uint64]uint64{}, last: tree{}}
	r.scan()
	r.durable = r.current
	t.Cleanup(func() {
		for _, f := range r.held {
			_ = f.Close() // only a handle
		}
	})
	return r
}

// before is called before a step, when the one before it has been taken.
func (r *recorder) before(step string) {
	r.scan()
	r.durable = maps.Clone(r.durable)
	if r.syncing != "" {
		r.sync(r.syncing)
	}
	r.syncJournal()
	r.syncing, _ = strings.CutPrefix(step, "sync ")
	if r.syncing == step {
		r.syncing = ""
	}
}

// scan reads the disk.
func (r *recorder) scan() {
	r.current = tree{}
	r.visit(r.state)
	maps.Copy(r.last, r.current)
}

func (r *recorder) visit(path string) uint64 {
	info, err := os.Lstat(path)
	if err != nil {
		r.err = err
		return 0
	}
	id := r.id(path, info.Sys().(*syscall.Stat_t).Ino)
	n := node{mode: info.Mode()}
	switch {
	case info.IsDir():
		n.entries = map[string]uint64{}
		list, err := os.ReadDir(path)
		if err != nil {
			r.err = err
		}
		for _, e := range list {
			n.entries[e.Name()] = r.visit(filepath.Join(path, e.Name()))
		}
	case info.Mode()&fs.ModeSymlink != 0:
		if n.data, err = os.Readlink(path); err != nil {
			r.err = err
		}
	default:
		data, err := os.ReadFile(path)
		if err != nil {
			r.err = err
		}
		n.data = string(data)
	}
	r.current[id] = n
	return id
}

// id numbers an inode, and holds it. The first one is that of the root.
func (r *recorder) id(path string, inode uint64) uint64 {
	id, ok := r.ids[inode]
	if !ok {
		id = uint64(len(r.ids))
		r.ids[inode] = id
		f, err := os.OpenFile(path, unix.O_PATH|unix.O_NOFOLLOW, 0)
		if err != nil {
			r.err = err
		}
		r.held = append(r.held, f)
	}
	return id
}

// sync makes a file's content, or a directory's entries, durable.
func (r *recorder) sync(path string) {
	id := uint64(0)
	for part := range strings.SplitSeq(path, "/") {
		if part == "." {
			continue
		}
		next, ok := r.current[id].entries[part]
		if !ok {
			r.err = fmt.Errorf("%s is synced, and is not there", path)
			return
		}
		id = next
	}
	r.durable[id] = r.current[id]
}

// syncJournal takes what the journal has acknowledged as durable: it has tests of its own.
func (r *recorder) syncJournal() {
	root := r.durable[0]
	root.entries = maps.Clone(root.entries)
	for name, id := range r.current[0].entries {
		if strings.HasPrefix(name, "journal") {
			root.entries[name], r.durable[id] = id, r.current[id]
		}
	}
	r.durable[0] = root
}

// An entryChange is one change of a directory that is not durable yet.
type entryChange struct {
	dir      uint64
	from, to string // "": it is created, or removed
	id       uint64
}

// pending returns the changes of all directories.
func (r *recorder) pending() []entryChange {
	var list []entryChange
	for dir := range uint64(len(r.ids)) {
		old, fresh := r.durable[dir].entries, r.current[dir].entries
		var removed []entryChange
		for _, name := range slices.Sorted(maps.Keys(old)) {
			if fresh[name] != old[name] {
				removed = append(removed, entryChange{dir: dir, from: name, id: old[name]})
			}
		}
		for _, name := range slices.Sorted(maps.Keys(fresh)) {
			id := fresh[name]
			if old[name] == id {
				continue
			}
			made := entryChange{dir: dir, to: name, id: id}
			// The same inode was renamed; what had the name has been replaced.
			i := slices.IndexFunc(removed, func(c entryChange) bool { return c.id == id })
			if i < 0 {
				gone := func(c entryChange) bool { return !slices.Contains(slices.Collect(maps.Values(fresh)), c.id) }
				i = slices.IndexFunc(removed, func(c entryChange) bool { return c.from == name && gone(c) })
			}
			if i >= 0 {
				made.from = removed[i].from
				removed = slices.Delete(removed, i, i+1)
			}
			list = append(list, made)
		}
		list = append(list, removed...)
	}
	return list
}

// A cut is what a disk holds after the power was cut, by path.
type cut map[string]node

func (c cut) digest() [32]byte {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(h, "%q %v %q\n", path, c[path].mode, c[path].data)
	}
	return [32]byte(h.Sum(nil))
}

// cuts returns what the disk may hold if the power is cut now: any of the pending changes may have
// got there, and of contents that were not synced nothing, a half, or all.
func (r *recorder) cuts() []cut {
	changes := r.pending()
	var list []cut
	for _, chosen := range choices(len(changes)) {
		entries := map[uint64]map[string]uint64{}
		possible := true
		for dir := range uint64(len(r.ids)) {
			entries[dir] = maps.Clone(r.durable[dir].entries)
			if entries[dir] == nil {
				entries[dir] = map[string]uint64{}
			}
		}
		for i, c := range changes {
			if chosen[i] && c.from != "" {
				delete(entries[c.dir], c.from)
			}
		}
		for i, c := range changes {
			if chosen[i] && c.to != "" {
				_, taken := entries[c.dir][c.to]
				possible = possible && !taken
				entries[c.dir][c.to] = c.id
			}
		}
		for _, share := range []int{0, 1, 2} {
			if possible {
				made := cut{}
				r.build(made, entries, 0, ".", share)
				list = append(list, made)
			}
		}
	}
	return list
}

// choices returns which of n changes are made: all subsets, or when there are many, those that
// differ from all or nothing by one.
func choices(n int) [][]bool {
	const many = 5
	var list [][]bool
	if n <= many {
		for bits := range 1 << n {
			chosen := make([]bool, n)
			for i := range n {
				chosen[i] = bits>>i&1 == 1
			}
			list = append(list, chosen)
		}
		return list
	}
	for _, most := range []bool{false, true} {
		for other := range n + 1 {
			chosen := slices.Repeat([]bool{most}, n)
			if other < n {
				chosen[other] = !most
			}
			list = append(list, chosen)
		}
	}
	return list
}

// build enters what is below a node. Of what was not synced a share remains: 0, 1 or 2 halves.
func (r *recorder) build(into cut, entries map[uint64]map[string]uint64, id uint64, path string, share int) {
	n := r.last[id]
	if safe, synced := r.durable[id]; n.mode.IsRegular() && (!synced || safe.data != n.data) {
		n.data = n.data[:len(n.data)*share/2]
	}
	into[path] = n
	if !n.mode.IsDir() {
		return
	}
	for name, child := range entries[id] {
		r.build(into, entries, child, filepath.Join(path, name), share)
	}
}

// write makes a cut in an empty directory.
func (c cut) write(t *testing.T, dir string) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(c)) {
		n, name := c[path], filepath.Join(dir, path)
		var err error
		switch {
		case path == ".":
		case n.mode.IsDir():
			err = os.Mkdir(name, n.mode.Perm())
		case n.mode&fs.ModeSymlink != 0:
			err = os.Symlink(n.data, name)
		default:
			err = os.WriteFile(name, []byte(n.data), n.mode.Perm())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
