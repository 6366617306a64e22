//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestE2ENothingMissingOnARM runs the store's test of 32-bit CPUs, on which badger with other
// options loses records without an error, as armv7 under an emulator. It runs natively as 386 in
// `make test`.
func TestE2ENothingMissingOnARM(t *testing.T) {
	need(t, "qemu-arm")
	program := filepath.Join(t.TempDir(), "store.test")
	build := exec.Command("go", "test", "-c", "-o", program, "./appliance/store")
	build.Dir = root
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm", "GOARM=7", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the test: %v\n%s", err, tail(string(out)))
	}
	test := exec.Command("qemu-arm", program, "-test.run", "^TestNothingMissing", "-test.v")
	test.Dir = filepath.Join(root, "appliance", "store")
	out, err := test.CombinedOutput()
	if err != nil {
		t.Fatalf("on ARM: %v\n%s", err, tail(string(out)))
	}
	for _, name := range []string{"TestNothingMissing ", "TestNothingMissingCached "} {
		if !bytes.Contains(out, []byte("--- PASS: "+name)) {
			t.Errorf("%sdid not run:\n%s", name, tail(string(out)))
		}
	}
}
