//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

const netnsPrefix = "gatehouse-e2e-"

// newNetns makes a network namespace with nothing but loopback; it goes when the test ends.
func newNetns(t *testing.T, role string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "network namespaces need root")
	}
	name := fmt.Sprintf("%s%d-%s", netnsPrefix, os.Getpid(), role)
	if out, err := try("ip", "netns", "add", name); err != nil {
		missing(t, fmt.Sprintf("making a network namespace: %v: %s", err, out))
	}
	t.Cleanup(func() {
		if out, err := try("ip", "netns", "del", name); err != nil {
			t.Errorf("removing the network namespace %s: %v: %s", name, err, out)
		}
	})
	run(t, "ip", "-n", name, "link", "set", "lo", "up")
	return name
}

// sweepNetns removes what test binaries that were killed have left behind. Their processes
// ended with them.
func sweepNetns(t *testing.T) {
	t.Helper()
	list, err := try("ip", "netns", "list")
	if err != nil {
		return // newNetns says it better
	}
	for line := range strings.Lines(list) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest, ours := strings.CutPrefix(name, netnsPrefix)
		pid, _, _ := strings.Cut(rest, "-")
		if _, err := strconv.Atoi(pid); !ours || err != nil {
			continue
		}
		if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
			run(t, "ip", "netns", "del", name)
		}
	}
}

// cable joins two namespaces by a pair of interfaces, both up. The pair is never seen outside.
func cable(t *testing.T, netnsA, portA, netnsB, portB string) {
	t.Helper()
	run(t, "ip", "-n", netnsA, "link", "add", portA, "type", "veth",
		"peer", "name", portB, "netns", netnsB)
	run(t, "ip", "-n", netnsA, "link", "set", portA, "up")
	run(t, "ip", "-n", netnsB, "link", "set", portB, "up")
}
