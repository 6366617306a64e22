package fetch

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const maxRecordBytes = 8 << 10

// A place is where a pair goes in a directory. Beside the pair it has hidden files: the part, the
// signature before its rename, and the record.
type place struct {
	dir, name string
}

// A record says what arrived last. It is kept on disk, so that a restart costs one question.
type record struct {
	Address    string     `json:"address"` // the address's, without its query; hashed
	Validators validators `json:"validators"`
	Size       int64      `json:"size"`
	Archive    string     `json:"archive"`   // SHA-256, lower hex; "": nothing arrived
	Signature  string     `json:"signature"` // SHA-256 of the .minisig
}

func (p place) archive() string          { return filepath.Join(p.dir, p.name) }
func (p place) signature() string        { return p.archive() + signatureSuffix }
func (p place) hidden(end string) string { return filepath.Join(p.dir, "."+p.name+end) }

// clean removes what a process that was killed may have left.
func (p place) clean() {
	for _, end := range []string{".part", signatureSuffix, ".json.new"} {
		_ = os.Remove(p.hidden(end)) // it is rarely there
	}
}

// open starts a part.
func (p place) open(to *part) error {
	file, err := os.OpenFile(p.hidden(".part"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	*to = part{file: file, sum: sha256.New()}
	return err
}

// put moves the part and the signature to where they are looked for. The old signature goes
// first and the new one comes last: no pair of which the halves are of two versions is ever
// there, and a process that dies between leaves an archive that waits for its signature.
func (p place) put(archive *part, signature []byte) error {
	if err := writeSynced(p.hidden(signatureSuffix), signature); err != nil {
		return err
	}
	if err := os.Remove(p.signature()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := archive.file.Close(); err != nil {
		return err
	}
	if err := p.rename(p.hidden(".part"), p.archive()); err != nil {
		return err
	}
	*archive = part{}
	return p.rename(p.hidden(signatureSuffix), p.signature())
}

// rename is on the disk when it returns.
func (p place) rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(p.dir)
}

// load returns the record of what arrived last from at, or none.
func (p place) load(at address) record {
	var r record
	data, err := os.ReadFile(p.hidden(".json"))
	if err != nil || len(data) > maxRecordBytes || json.Unmarshal(data, &r) != nil ||
		r.Address != at.key() {
		return record{}
	}
	return r
}

// save keeps r.
func (p place) save(at address, r record) error {
	r.Address = at.key()
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := writeSynced(p.hidden(".json.new"), data); err != nil {
		return err
	}
	return p.rename(p.hidden(".json.new"), p.hidden(".json"))
}

// key is the address's for comparison: a presigned query changes and the file remains.
func (a address) key() string { return hexSum([]byte(shown(a.archive))) }

func writeSynced(name string, data []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(name) // nothing half-written stays
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// freeBytes is what a process without privileges may still write to dir's file system.
func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("asking for free space: %w", err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}
