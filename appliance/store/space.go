package store

import (
	"io/fs"
	"path/filepath"
	"syscall"
)

// freeBytes returns how much an ordinary user may still write to the file system of dir, or of
// its parent while dir is absent.
func freeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	err := syscall.Statfs(dir, &st)
	if err == syscall.ENOENT {
		err = syscall.Statfs(filepath.Dir(dir), &st)
	}
	if err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// diskUsage returns what the files below dir take on the disk, in bytes. Badger's files are
// sparse: their length says nothing.
func diskUsage(dir string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // a file that has just gone
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				n += int64(st.Blocks) * 512 // of stat(2), whatever the file system
			}
		}
		return nil
	})
	return n
}
