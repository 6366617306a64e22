package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxInputFile bounds, in bytes, every file that a command is given to read.
const maxInputFile = 1 << 20

// A newFile is one file that a command is about to make.
type newFile struct {
	path string // relative to the directory of the whole
	data []byte
	mode fs.FileMode
}

// secretFile is a file that only its owner may read.
func secretFile(path string, data []byte) newFile { return newFile{path, data, 0o600} }

// publicFile is a file that everybody may read.
func publicFile(path, text string) newFile { return newFile{path, []byte(text), 0o644} }

// writeNew makes files below dir, with the directories that they need. It overwrites nothing:
// a file that is there already is a negative answer, before anything has been written.
func writeNew(dir string, files []newFile) error {
	for _, f := range files {
		_, err := os.Lstat(filepath.Join(dir, f.path))
		if err == nil {
			return exitf(exitNo, "%s is there already, and nothing is overwritten",
				filepath.Join(dir, f.path))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return unreadable(err)
		}
	}
	for _, f := range files {
		if err := writeNewFile(filepath.Join(dir, f.path), f.data, f.mode); err != nil {
			return unreadable(err)
		}
	}
	return nil
}

// writeNewFile makes one file and its directories: 0700 where it is the first and secret,
// 0755 otherwise.
func writeNewFile(path string, data []byte, mode fs.FileMode) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), directoryMode(mode)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(data)
	return err
}

func directoryMode(file fs.FileMode) fs.FileMode {
	if file&0o077 == 0 {
		return 0o700
	}
	return 0o755
}

// readInput reads a file that the command line names, "-" being stdin.
func readInput(path string, stdin io.Reader) ([]byte, error) {
	in, name := stdin, "standard input"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, unreadable(err)
		}
		defer f.Close()
		in, name = f, path
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInputFile+1))
	switch {
	case err != nil:
		return nil, unreadable(fmt.Errorf("reading %s: %w", name, err))
	case len(data) > maxInputFile:
		return nil, exitf(exitUnreadable, "%s: has more than %d bytes", name, maxInputFile)
	}
	return data, nil
}

// openConfig returns the configuration directory, once it is one.
func openConfig(dir string) (fs.FS, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, unreadable(fmt.Errorf("reading the configuration directory: %w", err))
	}
	if !info.IsDir() {
		return nil, exitf(exitUnreadable,
			"reading the configuration directory: %s is not a directory", dir)
	}
	if _, err := os.ReadDir(dir); err != nil {
		return nil, unreadable(fmt.Errorf("reading the configuration directory: %w", err))
	}
	return os.DirFS(dir), nil
}

// shellWord quotes s for a POSIX shell where it has to be.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("/._-+=:@%,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
