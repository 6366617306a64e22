package confdir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/confdir"
	"gatehouse/testdata/tinydisk"
)

// fill leaves so many bytes of the disk of dir.
func fill(t *testing.T, dir string, leave int64) (ballast string) {
	t.Helper()
	ballast = filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	page := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err == nil {
		err = errors.Join(f.Truncate(info.Size()-leave), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return ballast
}

// TestApplyOnADiskThatIsFull takes a real one, with less and less of it full, until the change fits:
// till then every file is what it was, nothing lies around, and it is said to be the disk.
func TestApplyOnADiskThatIsFull(t *testing.T) {
	w := newWorldAt(t, tinydisk.New(t, "size=256k,nr_inodes=64"))
	large := confdir.Change{Write: []confdir.File{
		{Path: "ca/acme.yaml", Data: []byte("scope: {domains: [acme.example]}\n")},
		{Path: "radius/lan.yaml", Secret: true,
			Data: []byte(strings.ReplaceAll(wifi, "192.0.2.0", "198.51.100.0") + strings.Repeat("# much to say\n", 2000))},
	}, Remove: []string{"radius/wifi.yaml"}}
	before, refused := w.files(), 0
	for leave := int64(0); ; leave += 4096 {
		ballast := fill(t, w.path, leave)
		err := w.dir.Apply(t.Context(), large)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if err == nil {
			break
		}
		if refused++; !errors.Is(err, syscall.ENOSPC) || leave > 64<<10 {
			t.Fatalf("with %d bytes left: %v", leave, err)
		}
		if diff := cmp.Diff(before, w.files()); diff != "" {
			t.Fatalf("with %d bytes left something has changed:\n%s", leave, diff)
		}
	}
	if refused < 5 {
		t.Errorf("it was refused %d times only", refused)
	}
	after := w.files()
	for _, f := range large.Write {
		if after[f.Path] != string(f.Data) {
			t.Errorf("%s is %q", f.Path, after[f.Path])
		}
	}
	if _, ok := after["radius/wifi.yaml"]; ok || len(after) != len(before)+1 {
		t.Errorf("there are %d files, and wifi.yaml is there: %t", len(after), ok)
	}
}
