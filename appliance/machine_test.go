package appliance

import (
	"math"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

func TestReadMachine(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	const meminfo = "MemTotal:         524288 kB\nMemFree:           1000 kB\n"
	tests := []struct {
		name          string
		fs            fstest.MapFS
		limit         int64 // MiB
		conversations int
	}{
		{"512_mib", fstest.MapFS{"proc/meminfo": file(meminfo)}, 128, 2048},
		{"256_mib", fstest.MapFS{"proc/meminfo": file("MemTotal: 250000 kB\n")}, 64, 1024},
		{"64_mib", fstest.MapFS{"proc/meminfo": file("MemTotal: 65536 kB\n")}, 64, 1024},
		{"cgroup_v2", fstest.MapFS{"proc/meminfo": file("MemTotal: 16777216 kB\n"),
			"sys/fs/cgroup/memory.max": file("536870912\n")}, 128, 2048},
		{"cgroup_v2_max", fstest.MapFS{"proc/meminfo": file(meminfo),
			"sys/fs/cgroup/memory.max": file("max\n")}, 128, 2048},
		{"cgroup_v1", fstest.MapFS{"proc/meminfo": file("MemTotal: 16777216 kB\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("1073741824\n")}, 256, 4096},
		{"systemd_service", fstest.MapFS{"proc/meminfo": file("MemTotal: 16777216 kB\n"),
			"proc/self/cgroup": file("0::/system.slice/gatehouse.service\n"),
			"sys/fs/cgroup/system.slice/gatehouse.service/memory.max": file("402653184\n")}, 96, 1536},
		{"slice_above_the_service", fstest.MapFS{"proc/meminfo": file("MemTotal: 16777216 kB\n"),
			"proc/self/cgroup":                                      file("0::/edge.slice/gatehouse.service\n"),
			"sys/fs/cgroup/edge.slice/memory.max":                   file("402653184\n"),
			"sys/fs/cgroup/other.slice/memory.max":                  file("1048576\n"),
			"sys/fs/cgroup/edge.slice/x/memory.max":                 file("1048576\n"),
			"sys/fs/cgroup/edge.slice/memory.high":                  file("1048576\n"),
			"sys/fs/cgroup/edge.slice/gatehouse.service/memory.max": file("max\n")}, 96, 1536},
		{"cgroup_v1_service", fstest.MapFS{"proc/meminfo": file("MemTotal: 16777216 kB\n"),
			"proc/self/cgroup": file("5:cpu,cpuacct:/x\n4:memory:/system.slice/gatehouse.service\n0::/\n"),
			"sys/fs/cgroup/memory/system.slice/gatehouse.service/memory.limit_in_bytes": file("402653184\n"),
		}, 96, 1536},
		{"cgroup_path_garbage", fstest.MapFS{"proc/meminfo": file(meminfo),
			"proc/self/cgroup": file("0::../../..\nnonsense\n::::\n\n")}, 128, 2048},
		{"large", fstest.MapFS{"proc/meminfo": file("MemTotal: 67108864 kB\n")}, 16384, 16384},
		{"garbage", fstest.MapFS{"proc/meminfo": file("MemTotal: many kB\n"),
			"sys/fs/cgroup/memory.max": file("536870912")}, 128, 2048},
	}
	for _, tt := range tests {
		m := readMachine(tt.fs)
		if got := m.memoryLimit() >> 20; got != tt.limit {
			t.Errorf("%s: got a limit of %d MiB, want %d", tt.name, got, tt.limit)
		}
		if got := m.conversations(math.MaxInt64); got != tt.conversations {
			t.Errorf("%s: got %d conversations, want %d", tt.name, got, tt.conversations)
		}
	}
	if got := readMachine(fstest.MapFS{}).conversations(math.MaxInt64); got != mostConversations {
		t.Errorf("a machine that does not tell: got %d conversations, want %d", got, mostConversations)
	}
	if got := (machine{memory: 1 << 40}).conversations(96 << 20); got != 1536 {
		t.Errorf("a limit of 96 MiB by GOMEMLIMIT: got %d conversations, want 1536", got)
	}
}

// TestBreather works for half a second, and must have let others to the CPU all along, but not at
// every opportunity.
func TestBreather(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b breather
		const step, steps = 50 * time.Microsecond, 10_000
		began := time.Now()
		for range steps {
			time.Sleep(step) // work
			b.breathe()
		}
		idle := time.Since(began) - steps*step
		if share := float64(idle) / float64(time.Since(began)); share < 0.1 || share > 0.3 {
			t.Errorf("%.2f of the time was left to others, want about a sixth", share)
		}
	})
}
