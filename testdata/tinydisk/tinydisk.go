// Package tinydisk is for tests: a file system that is soon full.
package tinydisk

import (
	"os"
	"syscall"
	"testing"
)

// Mount mounts a file system in memory at dir, until the test ends; options are those of tmpfs, like
// "size=256k,nr_inodes=64". Only root can: without root the test is skipped, and with CI=true it fails.
func Mount(t testing.TB, dir, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("mounting a small file system: %v", err)
		}
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
}

// New returns the directory of one.
func New(t testing.TB, options string) string {
	t.Helper()
	dir := t.TempDir()
	Mount(t, dir, options)
	return dir
}
