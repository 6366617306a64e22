// Package journal is the small file for what must never be forgotten: ratchets, TOTP steps and
// lockouts, bundle serials, who is able to send Message-Authenticator, notices sent. It is
// append-only, checksummed and synced: Append returns when a record is on the disk. Calls at the
// same time share a sync.
//
// A tail that a crash has torn off was never acknowledged, and is cut. Damage before that is
// another matter: what stands before it is served, Err says so, and nothing more is written;
// whoever relies on the journal to say no (passwords, not certificates) must say no.
//
// The wall: it never knows the database, which may be thrown away. It has no goroutine but that
// of MessageAuthenticator.Run.
package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// A Kind says what a record is about. The list is closed; the numbers are those of the file.
type Kind uint8

// The kinds.
const (
	Ratchet              Kind = 1
	TOTPStep             Kind = 2
	Lockout              Kind = 3
	Bundle               Kind = 4
	MessageAuthenticated Kind = 5
	Notice               Kind = 6
	App                  Kind = 7 // what service providers were given of an app
)

var kindNames = [...]string{Ratchet: "ratchet", TOTPStep: "totp_step", Lockout: "lockout",
	Bundle: "bundle", MessageAuthenticated: "message_authenticator", Notice: "notice", App: "app"}

func (k Kind) valid() bool { return k >= Ratchet && k <= App }

// String returns the kind's name in logs.
func (k Kind) String() string {
	if !k.valid() {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return kindNames[k]
}

// A Record is one thing to remember. The last of a kind and key counts.
type Record struct {
	Kind  Kind
	Key   string // 1 to MaxKeyBytes
	Value []byte // up to MaxValueBytes; empty and nil are the same
	Time  time.Time
}

// Bounds of a record.
const (
	MaxKeyBytes   = 1 << 10
	MaxValueBytes = 4 << 10
)

// defaultMaxBytes bounds what the journal remembers.
const defaultMaxBytes = 8 << 20

// Errors.
var (
	// ErrInUse says that another process has the journal open.
	ErrInUse = errors.New("the journal is in use by another process")
	// ErrDamaged says that the journal has lost records that were acknowledged, or may have.
	ErrDamaged = errors.New("the journal is damaged")
	// ErrFull says that the journal remembers as much as it may.
	ErrFull = errors.New("the journal is full")
	// ErrClosed says that the journal has been closed.
	ErrClosed = errors.New("the journal is closed")
	// ErrRecord says that a record cannot be remembered: its kind, or its size.
	ErrRecord = errors.New("unusable record")
)

// Config is what a Journal works with.
type Config struct {
	Logger   *slog.Logger
	MaxBytes int64 // of what is remembered, as records of the file; 0: 8 MiB
}

type key struct {
	kind Kind
	key  string
}

// A Journal is the open file. It is safe for concurrent use.
type Journal struct {
	path string
	cfg  Config
	lock *os.File

	queueMu sync.Mutex // guards queue; taken before nothing else
	queue   []*waiting

	fileMu sync.Mutex // held by the one who writes the queue
	file   *file

	mu     sync.RWMutex // guards everything below
	last   map[key]Record
	live   int64 // bytes that last would take
	err    error // why the journal cannot be relied on
	closed bool
}

// Open opens or makes the journal at path, in a directory that exists. The only error is
// ErrInUse: a journal that cannot be read is returned all the same, with Err saying why, for
// authentication by certificate goes on.
func Open(path string, cfg Config) (*Journal, error) {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	j := &Journal{path: path, cfg: cfg, last: map[key]Record{}}
	lock, err := lockFile(path + ".lock")
	if errors.Is(err, ErrInUse) {
		return nil, err
	}
	j.lock = lock
	if err == nil {
		err = j.load()
	}
	if err != nil {
		j.err = fmt.Errorf("opening the journal: %w", err)
		cfg.Logger.Error("journal cannot be relied on: passwords are refused", "file", path, "err", err)
	}
	return j, nil
}

// Err returns why the journal cannot be relied on, or nil. Whatever asks it for a reason to say
// no must say no while it is not nil. An error of Append that does not last is not among them.
func (j *Journal) Err() error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.err
}

// Last returns the last record of that kind and key, and false if there is none. Its Value is
// shared and must not be written.
func (j *Journal) Last(kind Kind, name string) (Record, bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	r, ok := j.last[key{kind, name}]
	return r, ok
}

// Each yields the last record of every key of that kind, as they are at the call, in the order
// of keys.
func (j *Journal) Each(kind Kind) iter.Seq[Record] {
	j.mu.RLock()
	defer j.mu.RUnlock()
	var list []Record
	for k, r := range j.last {
		if k.kind == kind {
			list = append(list, r)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Key < list[j].Key })
	return slices.Values(list)
}

// Append remembers r, and returns when it is on the disk. Once begun it is not cut short: an
// error of ctx means that nothing was written. After any other error r may or may not be there
// when the journal is opened again; it is not remembered until then.
//
// Errors: ErrRecord, ErrFull, ErrDamaged, ErrClosed, or what the disk says.
func (j *Journal) Append(ctx context.Context, r Record) error {
	if !r.Kind.valid() || r.Key == "" || len(r.Key) > MaxKeyBytes || len(r.Value) > MaxValueBytes {
		return fmt.Errorf("appending to the journal: %w: %v", ErrRecord, r.Kind)
	}
	r.Value = slices.Clone(r.Value)
	if !r.Time.IsZero() {
		r.Time = time.Unix(0, r.Time.UnixNano()).UTC() // as it will be read
	}
	return j.write(ctx, change{record: r})
}

// Remove forgets the record of that kind and key, as Append remembers one. Forgetting what is
// not there is no error.
func (j *Journal) Remove(ctx context.Context, kind Kind, name string, at time.Time) error {
	if _, ok := j.Last(kind, name); !ok && j.Err() == nil {
		return ctx.Err()
	}
	return j.write(ctx, change{record: Record{Kind: kind, Key: name, Time: at}, remove: true})
}

// Close closes the file. Append fails afterwards; Last and Each go on answering.
func (j *Journal) Close() error {
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	var err error
	if j.file != nil {
		err = j.file.close()
	}
	if j.lock != nil {
		err = errors.Join(err, j.lock.Close())
	}
	return err
}

// apply enters a change that is on the disk.
func (j *Journal) apply(c change) {
	k := key{c.record.Kind, c.record.Key}
	if old, ok := j.last[k]; ok {
		j.live -= change{record: old}.size()
	}
	if c.remove {
		delete(j.last, k)
		return
	}
	j.last[k] = c.record
	j.live += c.size()
}

// snapshot yields everything remembered, in a fixed order.
func (j *Journal) snapshot() []change {
	keys := slices.SortedFunc(maps.Keys(j.last), func(a, b key) int {
		if a.kind != b.kind {
			return int(a.kind) - int(b.kind)
		}
		return strings.Compare(a.key, b.key)
	})
	list := make([]change, 0, len(keys))
	for _, k := range keys {
		list = append(list, change{record: j.last[k]})
	}
	return list
}
