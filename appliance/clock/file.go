package clock

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The file is text, so that people can read it:
//
//	gatehouse clock 1
//	mark 2026-11-22T22:13:52Z
//	crc 1a2b3c4d
//
// The CRC (Castagnoli) is over the lines before it.
const (
	fileHead = "gatehouse clock 1\nmark "
	maxFile  = 256 // bytes
)

// latest bounds what a file may say; what lies behind it is damage.
var latest = time.Date(2200, time.January, 1, 0, 0, 0, 0, time.UTC)

// ErrDamaged means that the file does not hold what was written.
var ErrDamaged = errors.New("the file is damaged")

// marshal returns the content of the file with mark, to the second.
func marshal(mark time.Time) string {
	body := fileHead + mark.UTC().Format(time.RFC3339) + "\n"
	sum := crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli))
	return fmt.Sprintf("%scrc %08x\n", body, sum)
}

// parse returns the mark in the content of the file; anything that marshal would not write is
// ErrDamaged.
func parse(content string) (time.Time, error) {
	rest, _ := strings.CutPrefix(content, fileHead)
	line, _, _ := strings.Cut(rest, "\n")
	mark, err := time.Parse(time.RFC3339, line)
	if err != nil || marshal(mark) != content || mark.Before(earliest) || mark.After(latest) {
		return time.Time{}, ErrDamaged
	}
	return mark.UTC(), nil
}

// readFile returns the mark in the file; the zero time when there is none.
func readFile(path string) (time.Time, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	_ = f.Close() // it was only read
	if err != nil {
		return time.Time{}, err
	}
	return parse(string(content))
}

// writeFile puts a file with mark in the place of the one before, if any: there is a whole one
// at any time.
func writeFile(path string, mark time.Time) error {
	dir, temp := filepath.Dir(path), path+".new"
	// One that a crash left may belong to somebody else.
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(marshal(mark))
	if err == nil {
		err = handOver(f, dir)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(dir)
}

// handOver gives what root writes to the owner of the directory: the service runs as somebody
// else, and must be able to read it.
func handOver(f *os.File, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
