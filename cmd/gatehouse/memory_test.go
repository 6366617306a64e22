package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServeManyUsers loads users under a memory limit, into an empty state directory: the peak
// is that of a device of 256 MiB.
func TestServeManyUsers(t *testing.T) {
	t.Parallel()
	serveManyUsers(t, 20_000, "64MiB", 96<<10)
}

// serveManyUsers runs the program as it is shipped, without the race detector, which takes
// several times the memory. Peak is in KiB.
func serveManyUsers(t *testing.T, users int, limit string, peak int) {
	dir, err := os.MkdirTemp("", "gh") // t.TempDir is too long for a control socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program, config, state := filepath.Join(dir, "gatehouse"), filepath.Join(dir, "config"), filepath.Join(dir, "state")
	execute(t, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-o", program, ".")
	execute(t, nil, program, "init", config, "--demo")
	for name, content := range map[string]string{
		"users/many.yaml": manyUsers(users),
		"gatehouse.yaml":  "schema: 1\nlisten: {auth: \"127.0.0.1:0\", acct: \"\", ui: \"\", metrics: \"\"}\n",
	} {
		if err := os.WriteFile(filepath.Join(config, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	serve := exec.Command(program, "serve", "--config", config, "--state", state)
	serve.Env = append(os.Environ(), "GOMEMLIMIT="+limit, "GOGC=")
	serve.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()

	// Each has a name and an address, in two slots.
	status := waitStatus(t, program, state, ended, int64(4*users))
	if status.Configuration.Users != users+1 || status.Store.Mode != "disk" {
		t.Errorf("got %+v, want %d users on disk", status, users+1)
	}
	if got := peakKiB(t, serve.Process.Pid); got > peak {
		t.Errorf("%d users took %d KiB at the peak, want at most %d", users, got, peak)
	} else {
		t.Logf("%d users took %d KiB at the peak", users, got)
	}
	if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func manyUsers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "- {username: user%06d, email: user%06d@demo.example, name: \"Person Number %d\", groups: [demo, staff]}\n", i, i, i)
	}
	return b.String()
}

func execute(t *testing.T, env []string, command ...string) {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
}

// A storeView is what `gatehouse status --json` says of users.
type storeView struct {
	Ready         bool
	Configuration struct{ Users int }
	Store         struct {
		Mode    string
		Records int64 `json:"records_written"`
	}
}

// waitStatus waits until the process serves and has written so many records.
func waitStatus(t *testing.T, program, state string, ended <-chan error, records int64) (view storeView) {
	t.Helper()
	deadline := time.After(4 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := exec.Command(program, "status", "--state", state, "--json").Output()
		if err == nil && json.Unmarshal(out, &view) == nil && view.Ready && view.Store.Records >= records {
			return view
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		case <-deadline:
			t.Fatalf("still not there: %+v", view)
		case <-tick.C:
		}
	}
}

// peakKiB returns the most memory that the process has had resident, as the kernel counts.
func peakKiB(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	var n int
	if _, err := fmt.Sscanf(rest, "%d kB", &n); err != nil {
		t.Fatalf("reading VmHWM: %v", err)
	}
	return n
}
