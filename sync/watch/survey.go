package watch

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Bounds of a survey. What lies beyond is not noticed; nor is it read, by any configuration.
const (
	maxDirs    = 4096
	maxEntries = 50_000
	maxDepth   = 8
	maxHops    = 40 // of symbolic links, as for the kernel
)

// limits are what it means to have too few watches or instances of inotify.
var limits = []error{syscall.ENOSPC, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM}

// A survey is what there is to watch for a directory, and its fingerprint. All directories in
// it are named without symbolic links.
type survey struct {
	watch   func(dir string)           // told of each directory before it is read; nil: nobody
	watched map[string]bool            // those that watch was told of
	whole   map[string]bool            // directories of which everything counts
	names   map[string]map[string]bool // what counts in other directories
	sum     [sha256.Size]byte

	hash    hash.Hash
	entries int
}

func newSurvey(watch func(string)) *survey {
	return &survey{watch: watch, watched: map[string]bool{}, whole: map[string]bool{},
		names: map[string]map[string]bool{}, hash: sha256.New()}
}

// take surveys dir and everything below it.
func (s *survey) take(dir string) {
	if abs, err := filepath.Abs(dir); err == nil { // there is no working directory otherwise
		dir = abs
	}
	s.walk(s.resolve(dir), 0)
	s.sum = [sha256.Size]byte(s.hash.Sum(nil))
}

// resolve follows path to what it names, there or not, and notes every place at which the way
// could turn: each symbolic link and the end itself.
func (s *survey) resolve(path string) string {
	at, rest, hops := "/", strings.Split(path, "/"), 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		target, err := os.Readlink(next)
		if err == nil || len(rest) == 0 {
			s.note(at, name)
			target, err = os.Readlink(next) // again, for now it is watched
		}
		if err != nil {
			at = next
			continue
		}
		if hops++; hops > maxHops {
			return next
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at
}

// note says that name counts in dir.
func (s *survey) note(dir, name string) {
	if s.names[dir] == nil {
		s.names[dir] = map[string]bool{}
	}
	s.names[dir][name] = true
	s.tell(dir)
}

func (s *survey) tell(dir string) {
	if s.watch != nil && !s.watched[dir] && len(s.watched) < maxDirs {
		s.watched[dir] = true
		s.watch(dir)
	}
}

// walk surveys a directory that has no symbolic link in its name, once.
func (s *survey) walk(dir string, depth int) {
	if s.whole[dir] || depth > maxDepth || len(s.whole) >= maxDirs {
		return
	}
	s.whole[dir] = true
	s.tell(dir)
	entries, err := os.ReadDir(dir)
	fmt.Fprintf(s.hash, "%q %v\n", dir, err)
	for _, e := range entries {
		if isHidden(e.Name()) {
			continue
		}
		if s.entries++; s.entries > maxEntries {
			return
		}
		s.entry(filepath.Join(dir, e.Name()), e, depth)
	}
}

// entry surveys what is in a directory. A link is what it points to.
func (s *survey) entry(path string, e fs.DirEntry, depth int) {
	if e.IsDir() {
		s.walk(path, depth+1)
		return
	}
	end := path
	if e.Type()&fs.ModeSymlink != 0 {
		end = s.resolve(path)
	}
	info, err := os.Stat(end)
	switch {
	case err != nil:
		fmt.Fprintf(s.hash, "%q %v\n", path, err)
	case info.IsDir():
		fmt.Fprintf(s.hash, "%q %q\n", path, end)
		s.walk(end, depth+1)
	default:
		var inode uint64
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			inode = st.Ino
		}
		fmt.Fprintf(s.hash, "%q %d %d %d %v\n", path, info.Size(), info.ModTime().UnixNano(), inode,
			info.Mode())
	}
}
