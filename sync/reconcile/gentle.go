package reconcile

import (
	"io"
	"io/fs"
)

// gentleRead is how much of a file is read between two breaths, in bytes: what takes less than a
// millisecond to judge.
const gentleRead = 4 << 10

// gentle returns fsys with a breath taken after every few KiB that are read: whoever goes through
// many users lets others have the CPU in between.
func gentle(fsys fs.FS, breathe func()) fs.FS {
	if breathe == nil {
		return fsys
	}
	return gentleFS{fsys, breathe}
}

type gentleFS struct {
	fs.FS
	breathe func()
}

func (g gentleFS) Open(name string) (fs.File, error) {
	f, err := g.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return gentleFile{f, g.breathe}, nil
}

func (g gentleFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(g.FS, name) }

func (g gentleFS) Stat(name string) (fs.FileInfo, error) { return fs.Stat(g.FS, name) }

type gentleFile struct {
	fs.File
	breathe func()
}

func (f gentleFile) Read(p []byte) (int, error) {
	f.breathe()
	return f.File.Read(p[:min(len(p), gentleRead)])
}

// gentleAt is gentle for an archive.
type gentleAt struct {
	io.ReaderAt
	breathe func()
}

func (g gentleAt) ReadAt(p []byte, off int64) (int, error) {
	if g.breathe != nil {
		g.breathe()
	}
	return g.ReaderAt.ReadAt(p, off)
}
