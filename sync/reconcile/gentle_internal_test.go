package reconcile

import (
	"bytes"
	"io/fs"
	"testing"
	"testing/fstest"
)

// TestReadingGivesWay reads a large file of users, during which others must be let to the CPU
// every few KiB, and what is read stays the same.
func TestReadingGivesWay(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("- {username: alice}\n"), 10_000)
	breaths := 0
	fsys := gentle(fstest.MapFS{"users/staff.yaml": {Data: content}}, func() { breaths++ })
	got, err := fs.ReadFile(fsys, "users/staff.yaml")
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("read %d bytes, %v; want %d", len(got), err, len(content))
	}
	if least := len(content) / gentleRead; breaths < least {
		t.Errorf("%d breaths while %d bytes were read, want at least %d", breaths, len(content), least)
	}
	entries, err := fs.ReadDir(fsys, "users")
	if err != nil || len(entries) != 1 {
		t.Errorf("listing users: %v, %v", entries, err)
	}
}
