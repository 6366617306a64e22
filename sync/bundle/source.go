package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A source is the directory that a bundle is made of.
type source struct {
	fsys     fs.FS
	files    map[string][]byte   // all that belongs into a bundle, by path
	groups   map[string][]string // recipients by the name of their file
	skipped  []string            // what belongs to one gateway, and into no bundle
	unknown  []string            // what nobody knows
	unpacked int64
}

// readSource reads the directory. Every error about its content is an *Error.
func readSource(fsys fs.FS) (*source, error) {
	s := &source{fsys: fsys, files: map[string][]byte{}, groups: map[string][]string{}}
	if err := s.walk(".", 0); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *source) walk(dir string, depth int) error {
	entries, err := fs.ReadDir(s.fsys, dir)
	if err != nil {
		return fmt.Errorf("reading the directory: %w", err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if isPassedOver(name) {
			continue
		}
		info, err := fs.Stat(s.fsys, name) // follows links
		switch {
		case err != nil:
			return fmt.Errorf("reading %s: %w", name, err)
		case name == "gatehouse.yaml" || name == "radsec" || name == "demo":
			s.skipped = append(s.skipped, name)
		case info.IsDir() && depth >= maxPathSegments:
			return malformed(SourceBad, "%s: more than %d folders deep", name, maxPathSegments)
		case info.IsDir():
			err = s.walk(name, depth+1)
		case !info.Mode().IsRegular():
			err = malformed(SourceBad, "%s is neither a file nor a folder", name)
		default:
			err = s.take(name, info.Size())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isPassedOver reports whether nobody has anything to do with name: what version control and
// editors leave behind, and documentation. It is what the loader passes over.
func isPassedOver(name string) bool {
	base := path.Base(name)
	for _, suffix := range []string{"~", ".swp", ".swo", ".bak", ".orig", ".tmp", ".md", "#"} {
		if strings.HasSuffix(base, suffix) {
			return true
		}
	}
	return base[0] == '.' || base[0] == '#' || strings.HasPrefix(base, "README")
}

func (s *source) take(name string, size int64) error {
	isGroup := path.Dir(name) == secretsDir && path.Ext(name) == recipientsExt
	if kindOf(name) == "" && !isGroup {
		s.unknown = append(s.unknown, name)
		return nil
	}
	if s.unpacked += size; s.unpacked > MaxUnpackedBytes || len(s.files) >= MaxEntries-1 {
		return malformed(ArchiveTooBig, "the directory has more than %d bytes or %d files",
			MaxUnpackedBytes, MaxEntries-1)
	}
	data, err := readLimited(s.fsys, name)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if isGroup {
		return s.takeGroup(name, data)
	}
	s.files[name] = data
	return nil
}

func readLimited(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading: closing loses nothing
	data, err := io.ReadAll(io.LimitReader(f, MaxUnpackedBytes+1))
	if err == nil && len(data) > MaxUnpackedBytes {
		err = errors.New("it is too large")
	}
	return data, err
}

// takeGroup reads secrets/NAME.recipients: one age1… a line, with comments, as age -R takes it.
func (s *source) takeGroup(name string, data []byte) error {
	var list []string
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := encrypt(nil, []string{line}); err != nil {
			return malformed(SourceBad, "%s:%d:1: this is no recipient of age (age1…)", name, n)
		}
		list = append(list, line)
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) == 0 {
		return malformed(SourceBad, "%s: there is no recipient in it", name)
	}
	if !isName(stemOf(name)) {
		return malformed(SourceBad, "%s: the name is not usable", name)
	}
	s.groups[stemOf(name)] = list
	return nil
}

// spots returns all secrets and references, by file and line.
func (s *source) spots() ([]spot, error) {
	var all []spot
	for _, name := range s.sorted() {
		found, err := findSpots(name, s.files[name])
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (s *source) sorted() []string {
	var names []string
	for name := range s.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
