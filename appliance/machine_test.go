package appliance

import (
	"testing"
	"testing/fstest"
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
		{"large", fstest.MapFS{"proc/meminfo": file("MemTotal: 67108864 kB\n")}, 16384, 16384},
		{"garbage", fstest.MapFS{"proc/meminfo": file("MemTotal: many kB\n"),
			"sys/fs/cgroup/memory.max": file("536870912")}, 128, 2048},
	}
	for _, tt := range tests {
		m := readMachine(tt.fs)
		if got := m.memoryLimit() >> 20; got != tt.limit {
			t.Errorf("%s: got a limit of %d MiB, want %d", tt.name, got, tt.limit)
		}
		if got := m.conversations(); got != tt.conversations {
			t.Errorf("%s: got %d conversations, want %d", tt.name, got, tt.conversations)
		}
	}
	if got := readMachine(fstest.MapFS{}).conversations(); got != mostConversations {
		t.Errorf("a machine that does not tell: got %d conversations, want %d", got, mostConversations)
	}
}
