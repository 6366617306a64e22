package main

import (
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gatehouse/authcore/pki/lab"
)

// A labRecord is what the directory of a lab CA remembers, looked at again whenever somebody
// asks. A broken file is told once, and what it said when it was last good stays.
type labRecord struct {
	revocations lab.Revocations

	mu      sync.Mutex // guards what follows
	revoked watchedFile
	known   watchedFile
	issued  map[string]bool // by serial number in decimal; nil: everything was issued
	version int64           // goes up with each change of the revocations
}

// openRecord reads the record in dir.
func openRecord(dir string) (*labRecord, error) {
	r := &labRecord{
		revoked: watchedFile{path: filepath.Join(dir, revokedFile)},
		known:   watchedFile{path: filepath.Join(dir, issuedFile)},
	}
	if err := r.refresh(); errors.Is(err, fs.ErrPermission) {
		return nil, exitWith(exitPermission, err)
	} else if err != nil {
		return nil, exitWith(exitUnreadable, err)
	}
	return r, nil
}

// refresh reads again what has changed and returns what is wrong with it, once.
func (r *labRecord) refresh() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.refreshRevoked(), r.refreshIssued())
}

func (r *labRecord) refreshRevoked() error {
	data, changed, err := r.revoked.read()
	if !changed || err != nil {
		return err
	}
	var undated time.Time
	if r.revoked.last != nil {
		undated = r.revoked.last.ModTime()
	}
	all, err := parseRevoked(r.revoked.path, data, undated)
	if err != nil {
		return err
	}
	r.revocations.Replace(all)
	r.version++
	return nil
}

func (r *labRecord) refreshIssued() error {
	data, changed, err := r.known.read()
	if !changed || err != nil {
		return err
	}
	if r.known.last == nil {
		r.issued = nil
		return nil
	}
	issued, err := parseIssued(r.known.path, data)
	if err == nil {
		r.issued = issued
	}
	return err
}

// isIssued reports whether the CA has issued serial, as far as is remembered.
func (r *labRecord) isIssued(serial *big.Int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.issued == nil || r.issued[serial.String()]
}

// currentVersion changes whenever the revocations do.
func (r *labRecord) currentVersion() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}

// A watchedFile is read again when it is another one, or has another size or time.
type watchedFile struct {
	path string
	seen bool
	last fs.FileInfo // nil: it was not there
}

// read returns what the file holds, if it has changed since it was last read.
func (w *watchedFile) read() (data []byte, changed bool, err error) {
	info, err := os.Stat(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = nil, nil
	}
	if err != nil {
		return nil, false, err
	}
	if w.seen && sameFile(w.last, info) {
		return nil, false, nil
	}
	w.seen, w.last = true, info
	data, opened, err := readRecord(w.path)
	if opened != nil || err == nil {
		w.last = opened
	}
	return data, true, err
}

func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
