package clock_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/appliance/clock"
)

const someFile = "gatehouse clock 1\nmark 2026-11-22T22:13:52Z\ncrc dccbe4d1\n"

func TestFile(t *testing.T) {
	t.Parallel()
	mark := time.Date(2026, time.November, 22, 22, 13, 52, 0, time.UTC)
	if got := clock.Marshal(mark); got != someFile {
		t.Errorf("Marshal: got %q, want %q", got, someFile)
	}
	if got, err := clock.Parse(someFile); err != nil || !got.Equal(mark) {
		t.Errorf("Parse: got %v, %v, want %v", got, err, mark)
	}
	for name, content := range map[string]string{
		"empty":           "",
		"half":            someFile[:30],
		"without_its_end": strings.TrimSuffix(someFile, "\n"),
		"more":            someFile + "\n",
		"another_mark":    strings.Replace(someFile, "2026", "2027", 1),
		"another_crc":     strings.Replace(someFile, "crc d", "crc e", 1),
		"another_format":  strings.Replace(someFile, "clock 1", "clock 2", 1),
		"another_zone":    strings.Replace(someFile, "Z", "+00:00", 1),
		"1970":            clock.Marshal(time.Unix(0, 0)),
		"2200":            clock.Marshal(time.Date(2200, 1, 1, 0, 0, 1, 0, time.UTC)),
		"far_away":        clock.Marshal(time.Date(12026, 1, 1, 0, 0, 1, 0, time.UTC)),
		"long":            strings.Repeat(someFile, 100),
		"zeros":           strings.Repeat("\x00", len(someFile)),
	} {
		if got, err := clock.Parse(content); !errors.Is(err, clock.ErrDamaged) {
			t.Errorf("%s: Parse: got %v, %v, want ErrDamaged", name, got, err)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add(someFile)
	f.Add("gatehouse clock 1\nmark \ncrc \n")
	f.Fuzz(func(t *testing.T, content string) {
		mark, err := clock.Parse(content)
		if err == nil && clock.Marshal(mark) != content {
			t.Errorf("%q: got %q when written again", content, clock.Marshal(mark))
		}
	})
}

// TestDamagedFileIsTheFloor opens files that are not right: there is a clock all the same, and
// it says why.
func TestDamagedFileIsTheFloor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		make func(path string) error
		want error
	}{
		"damaged": {func(path string) error {
			return os.WriteFile(path, []byte(strings.Replace(someFile, "22:", "23:", 1)), 0o600)
		}, clock.ErrDamaged},
		"directory":     {func(path string) error { return os.Mkdir(path, 0o700) }, syscall.EISDIR},
		"symbolic_link": {func(path string) error { return os.Symlink("/dev/zero", path) }, syscall.ELOOP},
		"endless": {func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat(someFile, 1000)), 0o600)
		}, clock.ErrDamaged},
	} {
		w := newWorld(t)
		if err := tt.make(w.path); err != nil {
			t.Fatal(err)
		}
		if err := w.boot(); !errors.Is(err, tt.want) {
			t.Errorf("%s: Open: got %v, want %v", name, err, tt.want)
		}
		w.want(name, true, 0)
		w.wantKnown(name, built.Sub(w.truth))
		if r := w.clock.Report(); r.Problem == "" || !r.Mark.IsZero() {
			t.Errorf("%s: got problem %q and mark %v, want a problem and no mark", name, r.Problem, r.Mark)
		}
	}
}

// TestMarkIsNeverBelowTheFloor installs a program that is newer than the file.
func TestMarkIsNeverBelowTheFloor(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.floor = w.truth.Add(day)
	w.off(0)
	w.want("before the program was made", false, day)
	w.wantResetRefused()
}

// TestFileIsReplaced writes over what a crash left, and leaves nothing of its own when it cannot.
func TestFileIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mustBoot()
	if err := os.WriteFile(w.path+".new", []byte("gatehouse clo"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := w.clock.Save(); err != nil {
		t.Fatalf("Save: %v", err)
	}
	info, err := os.Stat(w.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v, want mode 0600", info, err)
	}
	if r := w.clock.Report(); !r.Mark.Equal(built) || !r.MarkedAt.Equal(w.truth) {
		t.Errorf("got mark %v at %v, want %v at %v", r.Mark, r.MarkedAt, built, w.truth)
	}
	lost := newWorld(t)
	lost.mustBoot()
	if err := os.Mkdir(lost.path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := lost.clock.Reset(); err == nil {
		t.Error("Reset over a directory: got no error")
	}
	lost.wantKnown("in memory", 0)
	if lost.clock.Report().Problem == "" {
		t.Error("got no problem in the report")
	}
	if files, err := filepath.Glob(lost.path + ".*"); err != nil || len(files) > 0 {
		t.Errorf("got %v, %v, want nothing left over", files, err)
	}
}

// TestFileBelongsToTheOwnerOfTheDirectory writes as root, as a person who resets the clock would:
// the service must be able to read it. Whoever is not root owns both.
func TestFileBelongsToTheOwnerOfTheDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Dir(w.path), 4711, 4712); err != nil {
			t.Fatal(err)
		}
	}
	w.mustBoot()
	w.reset()
	owner := func(path string) [2]uint32 {
		t.Helper()
		var s syscall.Stat_t
		if err := syscall.Stat(path, &s); err != nil {
			t.Fatal(err)
		}
		return [2]uint32{s.Uid, s.Gid}
	}
	if got, want := owner(w.path), owner(filepath.Dir(w.path)); got != want {
		t.Errorf("the file belongs to %v, want %v", got, want)
	}
}
