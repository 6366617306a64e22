package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"
)

// verifyTables reads every table that the database in dir has and checks its index and its
// blocks. Badger opens tables in goroutines of its own, where a damaged one ends the process:
// here that is an error. Tables that are not in the manifest were being written when the
// process died; badger removes them.
func verifyTables(dir string) error {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new database, or the canary will be missing
	}
	if err != nil {
		return err
	}
	var manifest badger.Manifest
	err = guard(func() (err error) {
		manifest, _, err = badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir))
		return err
	})
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("reading the manifest: %w", err)
	}
	for id := range manifest.Tables {
		name := table.NewFilename(id, dir)
		if err := guard(func() error { return verifyTable(name) }); err != nil {
			return fmt.Errorf("table %s: %w", filepath.Base(name), err)
		}
	}
	return nil
}

func verifyTable(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.Size() < 8 { // an empty file cannot be mapped
		return errDamaged
	}
	f, err := z.OpenMmapFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close(-1) }() // it was only read
	t, err := table.OpenTable(f, table.Options{ReadOnly: true, ChkMode: options.OnBlockRead})
	if err != nil {
		return errors.Join(errDamaged, err)
	}
	return t.VerifyChecksum()
}

// removeUnborn removes logs that were being made when the process died: badger refuses to open
// an empty one. What is synced is never in an empty file.
func removeUnborn(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.Type().IsRegular() || ext != ".mem" && ext != ".vlog" {
			continue
		}
		info, err := e.Info()
		if err == nil && info.Size() == 0 {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
