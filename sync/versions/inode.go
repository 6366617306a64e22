package versions

import (
	"io/fs"
	"syscall"
)

// inode tells a file from another one of the same name, size and time.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino) // 32 bits wide on some machines
	}
	return 0
}
