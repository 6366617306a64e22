package versions

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
)

// maxArrivals bounds what is looked at in incoming/ at once.
const maxArrivals = 100

// An Arrival is an archive in incoming/.
type Arrival struct {
	Name   string    // of the file, with ArchiveSuffix
	Time   time.Time // of its last change
	Signed bool      // its signature lies beside it
	Stamp  string    // another one is another content
}

// Arrivals returns what has arrived, oldest first. Hidden files are none of it: whoever copies
// uses them for what is not complete.
func (d *Dir) Arrivals() ([]Arrival, error) {
	entries, err := os.ReadDir(d.Incoming())
	if err != nil {
		return nil, fmt.Errorf("listing what has arrived: %w", err)
	}
	var list []Arrival
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || !strings.HasSuffix(name, ArchiveSuffix) {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		a := Arrival{Name: name, Time: info.ModTime(), Stamp: stampOf(info)}
		if sig, err := os.Lstat(filepath.Join(d.Incoming(), name+SignatureSuffix)); err == nil && sig.Mode().IsRegular() {
			a.Signed = true
			a.Stamp += " " + stampOf(sig)
		}
		list = append(list, a)
	}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Name, b.Name)) < 0
	})
	return list[:min(len(list), maxArrivals)], nil
}

// Strays names what lies in incoming/ and is no file, hidden ones aside, and says what it is: links
// are not followed, for whoever may write there must not have us read what he may not. At most
// maxArrivals are named.
func (d *Dir) Strays() ([]string, error) {
	entries, err := os.ReadDir(d.Incoming())
	if err != nil {
		return nil, fmt.Errorf("listing what has arrived: %w", err)
	}
	var list []string
	for _, e := range entries {
		if !e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") && len(list) < maxArrivals {
			list = append(list, e.Name()+" is "+whatIs(e.Type()))
		}
	}
	return list, nil
}

func whatIs(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeDir != 0:
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}

func stampOf(info fs.FileInfo) string {
	return fmt.Sprintf("%d %d %d", info.Size(), info.ModTime().UnixNano(), inode(info))
}

// OpenArrival opens what has arrived; the Version has no Key.
func (d *Dir) OpenArrival(a Arrival) (*Version, error) {
	path := filepath.Join(d.Incoming(), a.Name)
	signature, err := readSmall(path+SignatureSuffix, maxSignature)
	if err != nil {
		return nil, fmt.Errorf("reading the signature of %s: %w", a.Name, err)
	}
	f, size, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", a.Name, err)
	}
	return &Version{Archive: f, Size: size, Signature: signature}, nil
}

// OpenUnsigned opens an archive whose signature is not there; the Version has neither that nor a Key.
func (d *Dir) OpenUnsigned(a Arrival) (*Version, error) {
	f, size, err := openRegular(filepath.Join(d.Incoming(), a.Name))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", a.Name, err)
	}
	return &Version{Archive: f, Size: size}, nil
}

// Remove removes what has arrived, if it is still the same. Should it be there again after a power
// cut, it is what was applied or refused already.
func (d *Dir) Remove(a Arrival) error {
	now, err := d.Arrivals()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(now, func(b Arrival) bool { return a.Name == b.Name && a.Stamp == b.Stamp }) {
		return nil
	}
	for _, name := range []string{a.Name + SignatureSuffix, a.Name} {
		err := d.cfg.Step("remove incoming/" + name)
		if err == nil {
			err = os.Remove(filepath.Join(d.Incoming(), name))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what was dealt with: %w", err)
		}
	}
	return nil
}

func readerOf(data []byte) io.Reader { return bytes.NewReader(data) }
