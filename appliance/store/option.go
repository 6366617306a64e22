package store

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// badgerOptions is the one set of options that loses nothing on 32 bit: there the arena in which
// a table is built (twice the table) must never grow, or badger overwrites what it has built.
// Keep these ratios: a memtable is a quarter of a table, every level has tables of one size,
// a block (16 KiB) is larger than any pair, and fewer than four tables stall level 0. Stream,
// Backup and StreamWriter are never used.
func badgerOptions(dir string, log *badgerLog) badger.Options {
	o := badger.DefaultOptions(dir).
		WithMemTableSize(1 << 20).
		WithNumMemtables(2).
		WithBaseTableSize(4 << 20).
		WithBaseLevelSize(8 << 20).
		WithNumLevelZeroTables(1).
		WithNumLevelZeroTablesStall(3).
		WithNumCompactors(2). // the minimum
		WithNumGoroutines(1).
		WithBlockSize(16 << 10).
		WithValueThreshold(64 << 10). // every value in the tree: the value log needs no cleaning
		WithValueLogFileSize(4 << 20).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithDetectConflicts(false). // one writer
		WithMetricsEnabled(false).
		WithSyncWrites(false). // all of it can be built anew; flips are synced
		WithChecksumVerificationMode(options.OnBlockRead).
		WithLogger(log)
	o.TableSizeMultiplier = 1
	return o
}

// A badgerLog passes badger's lines on. Badger leaves a table out whose checksum is wrong and
// only says so: what it held would be forgotten, and what it replaced would come back.
type badgerLog struct {
	logger *slog.Logger
	errors atomic.Int64
}

func (l *badgerLog) log(level slog.Level, format string, args []any) {
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	l.logger.Log(context.Background(), level, "database says", "detail", text)
}

func (l *badgerLog) Errorf(format string, args ...any) {
	l.errors.Add(1)
	l.log(slog.LevelWarn, format, args) // what an error means is decided by who meets it
}

func (l *badgerLog) Warningf(format string, args ...any) { l.log(slog.LevelWarn, format, args) }
func (l *badgerLog) Infof(format string, args ...any)    { l.log(slog.LevelDebug, format, args) }
func (l *badgerLog) Debugf(string, ...any)               {} // per table and memtable
