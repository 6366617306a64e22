package bundle

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
	"time"
)

// An overlay is a read-only tree of files that are in memory, or in another tree. It is
// immutable once made and safe for concurrent use.
type overlay struct {
	base  fs.FS           // of files without content
	files map[string]held // by path
	dirs  map[string][]fs.DirEntry
}

// held is one file of an overlay.
type held struct {
	size    int64
	content []byte // nil: it is that of the same path in base
}

func inMemory(content []byte) held {
	if content == nil {
		content = []byte{}
	}
	return held{int64(len(content)), content}
}

// newOverlay takes ownership of files.
func newOverlay(base fs.FS, files map[string]held) *overlay {
	o := &overlay{base: base, files: files, dirs: map[string][]fs.DirEntry{".": nil}}
	for name, h := range files {
		o.enter(name, entry{name: path.Base(name), size: h.size})
	}
	for _, list := range o.dirs {
		sort.Slice(list, func(i, j int) bool { return list[i].Name() < list[j].Name() })
	}
	return o
}

// enter puts e into the folder of name, and that into its own.
func (o *overlay) enter(name string, e entry) {
	dir := path.Dir(name)
	if _, known := o.dirs[dir]; !known {
		o.dirs[dir] = nil
		o.enter(dir, entry{name: path.Base(dir), dir: true})
	}
	o.dirs[dir] = append(o.dirs[dir], e)
}

// Open is fs.FS.
func (o *overlay) Open(name string) (fs.File, error) {
	if h, ok := o.files[name]; ok {
		e := entry{name: path.Base(name), size: h.size}
		if h.content != nil {
			return &file{e, bytes.NewReader(h.content)}, nil
		}
		f, err := o.base.Open(name)
		if err != nil {
			return nil, err
		}
		return &borrowed{f, e}, nil
	}
	if list, ok := o.dirs[name]; ok && fs.ValidPath(name) {
		return &folder{entry: entry{name: path.Base(name), dir: true}, rest: list}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// entry is a file or folder, as its own fs.FileInfo and fs.DirEntry.
type entry struct {
	name string
	size int64
	dir  bool
}

func (e entry) Name() string               { return e.name }
func (e entry) Size() int64                { return e.size }
func (e entry) IsDir() bool                { return e.dir }
func (e entry) Type() fs.FileMode          { return e.Mode().Type() }
func (e entry) ModTime() time.Time         { return time.Time{} }
func (e entry) Sys() any                   { return nil }
func (e entry) Info() (fs.FileInfo, error) { return e, nil }

func (e entry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir | 0o500
	}
	return 0o400
}

type file struct {
	entry
	*bytes.Reader
}

func (f *file) Stat() (fs.FileInfo, error) { return f.entry, nil }
func (f *file) Close() error               { return nil }
func (f *file) Size() int64                { return f.entry.size }

// borrowed is a file of base, which is as large as the manifest says, or else is not the same.
type borrowed struct {
	fs.File
	entry entry
}

func (f *borrowed) Stat() (fs.FileInfo, error) { return f.entry, nil }

type folder struct {
	entry
	rest []fs.DirEntry
}

func (f *folder) Stat() (fs.FileInfo, error) { return f.entry, nil }
func (f *folder) Close() error               { return nil }

func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrInvalid}
}

// ReadDir is fs.ReadDirFile.
func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		list := slices.Clone(f.rest)
		f.rest = nil
		return list, nil
	}
	if len(f.rest) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.rest))
	list := slices.Clone(f.rest[:n])
	f.rest = f.rest[n:]
	return list, nil
}
