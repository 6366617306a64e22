package confdir

import (
	"bytes"
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"
)

// An overlay is the directory as it would be after a change. It is safe for concurrent use.
type overlay struct {
	base    fs.FS
	written map[string][]byte
	removed map[string]bool
	hidden  string // a folder that is left out; "": none
}

func newOverlay(base fs.FS, c Change) *overlay {
	o := &overlay{base: base, written: map[string][]byte{}, removed: map[string]bool{}}
	for _, f := range c.Write {
		o.written[f.Path] = f.Data
	}
	for _, name := range c.Remove {
		o.removed[name] = true
	}
	return o
}

// hiding is base without a folder.
func hiding(base fs.FS, folder string) fs.FS { return &overlay{base: base, hidden: folder} }

// isGone reports whether name is not to be seen.
func (o *overlay) isGone(name string) bool {
	return o.removed[name] || o.hidden != "" && (name == o.hidden || strings.HasPrefix(name, o.hidden+"/"))
}

// holds reports whether a file that is written lies in dir or below.
func (o *overlay) holds(dir string) bool {
	for name := range o.written {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

// Open is fs.FS, for files.
func (o *overlay) Open(name string) (fs.File, error) {
	if data, ok := o.written[name]; ok {
		return &file{entry{path.Base(name), int64(len(data)), false}, bytes.NewReader(data)}, nil
	}
	if o.isGone(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return o.base.Open(name)
}

// Stat is fs.StatFS.
func (o *overlay) Stat(name string) (fs.FileInfo, error) {
	if data, ok := o.written[name]; ok {
		return entry{path.Base(name), int64(len(data)), false}, nil
	}
	if o.isGone(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	info, err := fs.Stat(o.base, name)
	if err != nil && o.holds(name) {
		return entry{path.Base(name), 0, true}, nil
	}
	return info, err
}

// ReadDir is fs.ReadDirFS.
func (o *overlay) ReadDir(dir string) ([]fs.DirEntry, error) {
	prefix := ""
	if dir != "." {
		prefix = dir + "/"
	}
	base, err := fs.ReadDir(o.base, dir)
	if err != nil && (dir == "." || !o.holds(dir)) {
		return nil, err
	}
	seen := map[string]bool{}
	var list []fs.DirEntry
	for _, e := range base {
		if name := prefix + e.Name(); !o.isGone(name) {
			if data, ok := o.written[name]; ok {
				e = entry{e.Name(), int64(len(data)), false}
			}
			seen[e.Name()] = true
			list = append(list, e)
		}
	}
	for name, data := range o.written {
		rest, below := strings.CutPrefix(name, prefix)
		first, _, deeper := strings.Cut(rest, "/")
		if !below || seen[first] {
			continue
		}
		seen[first] = true
		list = append(list, entry{first, int64(len(data)), deeper})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name() < list[j].Name() })
	return list, nil
}

// entry is a file or folder that is not there yet, as its own fs.FileInfo and fs.DirEntry.
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

// file is an open file that is not there yet.
type file struct {
	entry
	*bytes.Reader
}

func (f *file) Stat() (fs.FileInfo, error) { return f.entry, nil }
func (f *file) Close() error               { return nil }
func (f *file) Size() int64                { return f.entry.size }
