// Package packaging holds what surrounds the program where it is installed: units, the example
// configuration, scripts and instructions. Its tests keep them true.
package packaging_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/appliance/bootconf"
	"gatehouse/authcore/policy"
	"gatehouse/sync/load"
)

// within is a time at which the certificates of the example are valid.
var within = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestExampleLoads(t *testing.T) {
	t.Parallel()
	draft, problems := load.Load(os.DirFS("example"), load.Options{Now: within})
	if draft == nil {
		t.Fatalf("Load: got no draft, problems %v", problems)
	}
	for _, p := range problems {
		t.Errorf("not expected: %v", p)
	}
	if diff := cmp.Diff(policy.Default(), draft.Policy, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("policy.yaml does not show the defaults (- default, + example):\n%s", diff)
	}
	if len(draft.Servers) != 1 || len(draft.CAs) != 1 || len(draft.Credentials) != 1 {
		t.Errorf("got %d servers, %d CAs, %d credentials, want one each",
			len(draft.Servers), len(draft.CAs), len(draft.Credentials))
	}
}

// TestExampleNode holds gatehouse.yaml against the defaults: all but the node are shown in it.
func TestExampleNode(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("example/gatehouse.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, problems := bootconf.Parse(data)
	if len(problems) > 0 {
		t.Fatalf("Parse: got %v", problems)
	}
	want := bootconf.Default()
	want.Node = got.Node
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("gatehouse.yaml does not show the defaults (- default, + example):\n%s", diff)
	}
}

// TestUnitIsSandboxed asks systemd itself how much the unit leaves open: 2.0 at the most.
func TestUnitIsSandboxed(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("systemd-analyze is not installed (Debian package systemd)")
		}
		t.Skip("systemd-analyze is not installed (Debian package systemd)")
	}
	cmd := exec.Command(tool, "security", "--offline=true", "--threshold=20", "--no-pager",
		"systemd/gatehouse.service")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Overall exposure level") {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}

// TestUnitIsUnderstood lets systemd read the unit: a misspelt setting is ignored by it with a
// line of warning, and the sandbox would be open there.
func TestUnitIsUnderstood(t *testing.T) {
	t.Parallel()
	unit, err := os.ReadFile("systemd/gatehouse.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Type=notify\n", "ExecReload=kill -HUP $MAINPID\n", "User=gatehouse\n",
		"StateDirectory=gatehouse\n", "ConfigurationDirectory=gatehouse\n", "WatchdogSec=",
		"MemoryMax=", "CapabilityBoundingSet=\n", "ProtectSystem=strict\n",
		"NoNewPrivileges=yes\n", "MemoryDenyWriteExecute=yes\n",
		"SystemCallFilter=@system-service\n", "ProtectProc=invisible\n", "PrivateDevices=yes\n",
		"serve --config /etc/gatehouse --state /var/lib/gatehouse\n",
	} {
		if !strings.Contains(string(unit), want) {
			t.Errorf("the unit has no line with %q", want)
		}
	}
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // TestUnitIsSandboxed has said so
	}
	out, _ := exec.Command(tool, "verify", "--man=no", "systemd/gatehouse.service").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		// The program need not be installed where this runs.
		if strings.Contains(line, "gatehouse.service") && !strings.Contains(line, "is not executable") {
			t.Errorf("systemd-analyze verify: %s", line)
		}
	}
}
