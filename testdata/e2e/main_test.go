//go:build e2e

// Package e2e holds the slow tests that take the finished program into the world: a branch with
// a switch and a device in network namespaces, and the binaries of other processors under an
// emulator. They need root and the programs of testdata/peers/install.sh; testdata/e2e.sh runs
// them. What a test starts and makes, it ends and removes, on failure too.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// root is the top of the source tree, seen from this package.
const root = "../.."

// native is the path of the program under test, built for this machine.
var native string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatehouse-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	native = filepath.Join(dir, "gatehouse")
	build := exec.Command("go", "build", "-trimpath", "-o", native, "./cmd/gatehouse")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building gatehouse: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// missing ends a test that lacks something to run with: by a skip that says what, with CI=true
// by failure.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// need ends the test unless all programs are installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program+" is not installed; testdata/peers/install.sh e2e installs it")
		}
	}
}
