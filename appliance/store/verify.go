package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"
)

// verifyTables reads every table in dir and checks its index and its blocks. Badger opens tables
// in goroutines of its own, where a damaged one ends the process: here that is an error.
func verifyTables(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	for _, name := range names {
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
