package appliance

import (
	"bytes"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// memoryShare is the part of the machine's memory that Gatehouse plans with.
	memoryShare = 4
	// leastMemory is what it plans with on a machine of 256 MiB or less.
	leastMemory = 64 << 20
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
	for _, name := range memoryLimitFiles(fsys) {
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

// memoryLimitFiles names the files that may hold a limit for this process: those of its control
// group and of every group above it, in the hierarchy of either version. A service's own limit
// (systemd's MemoryMax) stands in its own group; in a container that group is the root.
func memoryLimitFiles(fsys fs.FS) (names []string) {
	data, err := fs.ReadFile(fsys, "proc/self/cgroup")
	if err != nil {
		data = []byte("0::/\n1:memory:/\n")
	}
	for line := range strings.Lines(string(data)) {
		// hierarchy:controllers:path; version 2 has the hierarchy 0 and no controllers.
		field := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		var root, file string
		switch {
		case len(field) != 3:
			continue
		case field[0] == "0" && field[1] == "":
			root, file = "sys/fs/cgroup", "memory.max"
		case slices.Contains(strings.Split(field[1], ","), "memory"):
			root, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for group := path.Clean("/" + field[2]); ; group = path.Dir(group) {
			names = append(names, path.Join(root, group, file))
			if group == "/" {
				break
			}
		}
	}
	return names
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

// conversations returns how many conversations fit the memory limit in force, which is lower
// than ours where GOMEMLIMIT says so.
func (m machine) conversations(inForce int64) int {
	n := min(m.memoryLimit(), inForce) / conversationShare / conversationMemory
	return int(min(max(n, leastConversations), mostConversations))
}

// tuneRuntime sets the memory limit by the machine, unless the environment does (GOMEMLIMIT).
// The pace of the garbage collector stays Go's own: a slower one was measured to save no CPU
// here and to cost 20 MiB after a thousand sign-ins.
func tuneRuntime(m machine, logger *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(m.memoryLimit())
	}
	logger.Info("memory limit", "bytes", debug.SetMemoryLimit(-1))
}

// bulkPercent is the collector's pace while many users are indexed: that leaves much behind at
// once.
const bulkPercent = 50

// saveMemory has the garbage collector run more often until over is called, which gives back
// what is left over.
func saveMemory() (over func()) {
	before := debug.SetGCPercent(bulkPercent)
	if before >= 0 && before < bulkPercent {
		debug.SetGCPercent(before)
	}
	return func() {
		debug.SetGCPercent(before)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapIdle-m.HeapReleased > leastMemory/4 {
			debug.FreeOSMemory()
		}
	}
}

const (
	// breathEvery is for how long work on many users keeps the CPU, and breath how long it then
	// leaves it to others. While every CPU is at work the Go runtime looks at the network every
	// 10 ms only; as soon as one has nothing to do, at once.
	breathEvery = 500 * time.Microsecond
	breath      = 100 * time.Microsecond
)

// A breather makes long work give way. The zero value is ready; safe for concurrent use.
type breather struct{ last atomic.Int64 } // ns since 1970

func (b *breather) breathe() {
	if now := time.Now().UnixNano(); now-b.last.Load() >= int64(breathEvery) {
		time.Sleep(breath)
		b.last.Store(time.Now().UnixNano())
	}
}

// Tune plans with the machine that the process runs on: the memory limit of the Go runtime. It is
// for the process as a whole, so the program calls it, once, before New.
func Tune(logger *slog.Logger) { tuneRuntime(readMachine(os.DirFS("/")), logger) }
