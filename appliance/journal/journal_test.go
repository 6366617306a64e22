package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/journal"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 5, time.UTC)

func config() journal.Config {
	return journal.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// open opens a journal that must be usable, and closes it with the test.
func open(t testing.TB, path string, cfg journal.Config) *journal.Journal {
	t.Helper()
	j, err := journal.Open(path, cfg)
	if err == nil {
		err = j.Err()
	}
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return j
}

func add(t testing.TB, j *journal.Journal, r journal.Record) {
	t.Helper()
	if err := j.Append(t.Context(), r); err != nil {
		t.Fatalf("Append: %v", err)
	}
}

func place(t testing.TB) string { return filepath.Join(t.TempDir(), "journal") }

func TestJournalRemembers(t *testing.T) {
	t.Parallel()
	path := place(t)
	j := open(t, path, config())
	records := []journal.Record{
		{Kind: journal.Ratchet, Key: "branch/alice", Time: noon},
		{Kind: journal.TOTPStep, Key: "alice", Value: []byte{1, 2, 3}, Time: noon},
		{Kind: journal.TOTPStep, Key: "bob", Value: bytes.Repeat([]byte{7}, journal.MaxValueBytes)},
		{Kind: journal.Notice, Key: strings.Repeat("k", journal.MaxKeyBytes), Value: []byte("x"), Time: noon},
	}
	for _, r := range records {
		add(t, j, r)
	}
	add(t, j, journal.Record{Kind: journal.TOTPStep, Key: "alice", Value: []byte{9}, Time: noon.Add(time.Hour)})
	records[1].Value, records[1].Time = []byte{9}, noon.Add(time.Hour)
	add(t, j, journal.Record{Kind: journal.Lockout, Key: "gone", Time: noon})
	if err := j.Remove(t.Context(), journal.Lockout, "gone", noon); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as it is, then from the file
		for _, want := range records {
			got, ok := j.Last(want.Kind, want.Key)
			if diff := cmp.Diff(want, got); !ok || diff != "" {
				t.Errorf("Last(%v, %.20s) (-want +got):\n%s", want.Kind, want.Key, diff)
			}
		}
		for _, k := range []journal.Kind{journal.Lockout, journal.Bundle} {
			if r, ok := j.Last(k, "gone"); ok {
				t.Errorf("Last of what is not there: got %+v", r)
			}
		}
		if diff := cmp.Diff(records[1:3], slices.Collect(j.Each(journal.TOTPStep))); diff != "" {
			t.Error(diff)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = open(t, path, config())
	}
}

func TestJournalRefuses(t *testing.T) {
	t.Parallel()
	j := open(t, place(t), config())
	for name, r := range map[string]journal.Record{
		"no_kind":      {Key: "a"},
		"unknown_kind": {Kind: 99, Key: "a"},
		"no_key":       {Kind: journal.Ratchet},
		"long_key":     {Kind: journal.Ratchet, Key: strings.Repeat("k", journal.MaxKeyBytes+1)},
		"long_value":   {Kind: journal.Ratchet, Key: "a", Value: make([]byte, journal.MaxValueBytes+1)},
	} {
		if err := j.Append(t.Context(), r); !errors.Is(err, journal.ErrRecord) {
			t.Errorf("%s: got %v, want ErrRecord", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	good := journal.Record{Kind: journal.Ratchet, Key: "a"}
	if err := j.Append(ctx, good); !errors.Is(err, context.Canceled) {
		t.Errorf("Append with a cancelled context: got %v", err)
	}
	if _, ok := j.Last(journal.Ratchet, "a"); ok {
		t.Error("it was remembered all the same")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), good); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Append after Close: got %v", err)
	}
}

func TestJournalInUse(t *testing.T) {
	t.Parallel()
	path := place(t)
	j := open(t, path, config())
	if _, err := journal.Open(path, config()); !errors.Is(err, journal.ErrInUse) {
		t.Errorf("Open of a journal in use: got %v, want ErrInUse", err)
	}
	add(t, j, journal.Record{Kind: journal.Ratchet, Key: "a"})
}

// TestJournalGroups appends from many goroutines at once, with compaction under way.
func TestJournalGroups(t *testing.T) {
	t.Parallel()
	path := place(t)
	j := open(t, path, config())
	var all sync.WaitGroup
	for w := range 16 {
		all.Go(func() {
			for i := range 40 {
				err := j.Append(context.Background(), journal.Record{Kind: journal.TOTPStep, Key: fmt.Sprint(w),
					Value: bytes.Repeat([]byte{byte(i)}, 500), Time: noon})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := j.FileBytes(); got > 80<<10 {
		t.Errorf("the file has %d bytes: it was never compacted", got)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, path, config())
	for w := range 16 {
		if r, ok := j.Last(journal.TOTPStep, fmt.Sprint(w)); !ok || r.Value[0] != 39 {
			t.Errorf("writer %d: got %v, %v; want the last", w, r.Value, ok)
		}
	}
}

func TestJournalFull(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.MaxBytes = 4 << 10
	path := place(t)
	j := open(t, path, cfg)
	n := 0
	var err error
	for ; err == nil; n++ {
		err = j.Append(t.Context(), journal.Record{Kind: journal.Lockout, Key: fmt.Sprint(n), Value: make([]byte, 100)})
	}
	if !errors.Is(err, journal.ErrFull) || n < 20 {
		t.Fatalf("after %d: got %v, want ErrFull", n, err)
	}
	if err := j.Remove(t.Context(), journal.Lockout, "3", noon); err != nil {
		t.Errorf("Remove from a full journal: %v", err)
	}
	add(t, j, journal.Record{Kind: journal.Lockout, Key: "new", Value: make([]byte, 100)})
	for range 2000 { // the same again and again is no more to remember
		if err := j.Remove(t.Context(), journal.Lockout, "new", noon); err != nil {
			t.Fatal(err)
		}
		add(t, j, journal.Record{Kind: journal.Lockout, Key: "new", Value: make([]byte, 100)})
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, cfg)
}

// TestJournalTorn cuts the file at every byte: what is whole is served, the rest is cut, and
// appending goes on.
func TestJournalTorn(t *testing.T) {
	t.Parallel()
	path := place(t)
	j := open(t, path, config())
	ends := []int64{j.FileBytes()}
	for i := range 4 {
		add(t, j, journal.Record{Kind: journal.Ratchet, Key: fmt.Sprint(i), Value: []byte("value"), Time: noon})
		ends = append(ends, j.FileBytes())
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for cut := range len(whole) + 1 {
		for name, tail := range map[string][]byte{"cut": nil, "zeros": make([]byte, 50), "rubbish": []byte("rubbish that a crash left behind")} {
			if cut == len(whole) && name == "cut" || cut < int(ends[0]) && name != "cut" {
				continue
			}
			path := filepath.Join(dir, fmt.Sprint(cut, name))
			if err := os.WriteFile(path, append(bytes.Clone(whole[:cut]), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			j := open(t, path, config())
			want := 0
			for want < 4 && ends[want+1] <= int64(cut) {
				want++
			}
			if got := len(slices.Collect(j.Each(journal.Ratchet))); got != want {
				t.Fatalf("%s at %d: got %d records, want %d", name, cut, got, want)
			}
			add(t, j, journal.Record{Kind: journal.Notice, Key: "after"})
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			j = open(t, path, config())
			if _, ok := j.Last(journal.Notice, "after"); !ok {
				t.Fatalf("%s at %d: what was appended afterwards is gone", name, cut)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestJournalDamaged changes every byte of what was acknowledged before the last frame: what
// stands before is served, and nobody may rely on the rest.
func TestJournalDamaged(t *testing.T) {
	t.Parallel()
	path := place(t)
	j := open(t, path, config())
	ends := []int64{j.FileBytes()}
	for i := range 4 {
		add(t, j, journal.Record{Kind: journal.Ratchet, Key: fmt.Sprint(i), Value: []byte("value"), Time: noon})
		ends = append(ends, j.FileBytes())
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for at := ends[0]; at < ends[3]; at++ {
		path := filepath.Join(dir, fmt.Sprint(at))
		b := bytes.Clone(whole)
		b[at] ^= 0x55
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Open(path, config())
		if err != nil {
			t.Fatal(err)
		}
		if !errors.Is(j.Err(), journal.ErrDamaged) {
			t.Fatalf("byte %d: got %v, want ErrDamaged", at, j.Err())
		}
		want := 0
		for ends[want+1] <= at {
			want++
		}
		if got := len(slices.Collect(j.Each(journal.Ratchet))); got != want {
			t.Fatalf("byte %d: got %d records, want %d", at, got, want)
		}
		if err := j.Append(t.Context(), journal.Record{Kind: journal.Notice, Key: "a"}); !errors.Is(err, journal.ErrDamaged) {
			t.Fatalf("byte %d: Append: got %v, want ErrDamaged", at, err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, b) {
			t.Fatalf("byte %d: the evidence was changed: %v", at, err)
		}
	}
}

// TestJournalForeign opens what is no journal.
func TestJournalForeign(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, b := range map[string][]byte{
		"text":  []byte("this is no journal at all, but it is long enough"),
		"short": []byte("other"),
		"large": bytes.Repeat([]byte("GHjrnl1\n"), 1<<16),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := config()
		cfg.MaxBytes = 1 << 16
		j, err := journal.Open(path, cfg)
		if err != nil || !errors.Is(j.Err(), journal.ErrDamaged) {
			t.Errorf("%s: got %v and %v, want ErrDamaged", name, err, j.Err())
		}
		_ = j.Close() // nothing was open
	}
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(filepath.Join(dir, "dir"), config())
	if err != nil || j.Err() == nil {
		t.Errorf("a directory: got %v and %v", err, j.Err())
	}
	if err := j.Append(t.Context(), journal.Record{Kind: journal.Notice, Key: "a"}); err == nil {
		t.Error("Append to a directory worked")
	}
	_ = j.Close()
}

// TestJournalUnsure writes the file anew after a sync that failed: what the disk holds of the
// old one is not known.
func TestJournalUnsure(t *testing.T) {
	t.Parallel()
	path := place(t)
	j := open(t, path, config())
	add(t, j, journal.Record{Kind: journal.Ratchet, Key: "a"})
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	j.BreakSync()
	add(t, j, journal.Record{Kind: journal.Ratchet, Key: "b"})
	after, err := os.Stat(path)
	if err != nil || os.SameFile(before, after) {
		t.Errorf("the file was not written anew: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if got := len(slices.Collect(open(t, path, config()).Each(journal.Ratchet))); got != 2 {
		t.Errorf("got %d records, want 2", got)
	}
}

func FuzzParseFile(f *testing.F) {
	path := filepath.Join(f.TempDir(), "journal")
	j := open(f, path, config())
	for i := range 3 {
		if err := j.Append(f.Context(), journal.Record{Kind: journal.TOTPStep, Key: fmt.Sprint(i), Value: []byte("v")}); err != nil {
			f.Fatal(err)
		}
	}
	if err := j.Remove(f.Context(), journal.TOTPStep, "1", noon); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-3])
	f.Add([]byte("GHjr"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, end, torn, damaged := journal.ParseFile(b)
		if end > len(b) || torn && damaged || !torn && !damaged && end != len(b) {
			t.Fatalf("ParseFile(%x): end %d, torn %v, damaged %v", b, end, torn, damaged)
		}
		if again := journal.Rewritten(b); again != nil && !bytes.Equal(again, b[:end]) {
			t.Errorf("ParseFile(%x): encoded again %x", b[:end], again)
		}
	})
}
