package store

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// trimBytes is how much is written or read in bulk between two calls of trim.
const trimBytes = 8 << 20

// madvPageout is MADV_PAGEOUT of Linux 5.4: take the pages back, losing nothing.
const madvPageout = 21

// trim gives back the pages of tables that bulk work has mapped: they would count as this
// process's memory for as long as nobody needs it. It is best effort. Badger may unmap a table
// meanwhile; the advice harms nothing that is mapped there next (MADV_DONTNEED would).
func (d *disk) trim() {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }() // it was only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if !strings.HasSuffix(line, ".sst") || !strings.Contains(line, d.dir) {
			continue
		}
		span, _, _ := strings.Cut(line, " ")
		from, to, _ := strings.Cut(span, "-")
		start, err1 := strconv.ParseUint(from, 16, strconv.IntSize)
		end, err2 := strconv.ParseUint(to, 16, strconv.IntSize)
		if err1 == nil && err2 == nil && end > start {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(start), uintptr(end-start), madvPageout)
		}
	}
}
