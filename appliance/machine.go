package appliance

import (
	"bytes"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

const (
	// memoryShare is the part of the machine's memory that Gatehouse plans with.
	memoryShare = 4
	// leastMemory is what it plans with on a machine of 256 MiB or less.
	leastMemory = 64 << 20
	// gcPercent lets the heap grow further between collections than Go does by default: with
	// a memory limit above it, that is CPU saved for memory that would lie idle.
	gcPercent = 300
	// conversationMemory is what one conversation may take, in bytes.
	conversationMemory = 32 << 10
	// conversationShare is the part of the memory limit that conversations may take.
	conversationShare                     = 2
	leastConversations, mostConversations = 256, 16384
)

// A machine is what there is to plan with.
type machine struct {
	memory int64 // bytes; of the control group or the whole machine, whichever is less
}

// readMachine asks the kernel through fsys, the root of the file system.
func readMachine(fsys fs.FS) machine {
	m := machine{memory: math.MaxInt64}
	if kib, ok := memTotal(fsys); ok {
		m.memory = kib << 10
	}
	for _, name := range []string{
		"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes",
	} {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			continue
		}
		// "max" is no number, and means none.
		if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && n > 0 {
			m.memory = min(m.memory, n)
		}
	}
	return m
}

// memTotal returns MemTotal of /proc/meminfo, in KiB.
func memTotal(fsys fs.FS) (int64, bool) {
	data, err := fs.ReadFile(fsys, "proc/meminfo")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(data) {
		rest, ok := bytes.CutPrefix(line, []byte("MemTotal:"))
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(string(rest)), "kB")), 10, 64)
		return n, err == nil && n > 0
	}
	return 0, false
}

// memoryLimit returns what the Go runtime is to stay below, in bytes.
func (m machine) memoryLimit() int64 { return max(m.memory/memoryShare, leastMemory) }

// conversations returns how many conversations fit the memory limit.
func (m machine) conversations() int {
	n := m.memoryLimit() / conversationShare / conversationMemory
	return int(min(max(n, leastConversations), mostConversations))
}

// tuneRuntime sets the memory limit and the pace of the garbage collector by the machine,
// unless the environment says otherwise (GOMEMLIMIT, GOGC).
func tuneRuntime(m machine, logger *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(m.memoryLimit())
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	logger.Info("memory limit", "bytes", debug.SetMemoryLimit(-1))
}

// Tune plans with the machine that the process runs on: the memory limit of the Go runtime and
// the pace of its garbage collector. It is for the process as a whole, so the program calls it,
// once, before New.
func Tune(logger *slog.Logger) { tuneRuntime(readMachine(os.DirFS("/")), logger) }
