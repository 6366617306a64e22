package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/store"
	"gatehouse/authcore/identity"
)

// answerKey is a key as revocation makes them: 32 bytes for the issuer, then the serial.
func answerKey(i int) []byte {
	issuer := sha256.Sum256([]byte("issuer"))
	return binary.BigEndian.AppendUint64(issuer[:], uint64(i))
}

// answer makes the i-th answer in one of its versions, of usual length.
func answer(i, version int) []byte { return value(1_400+i%200, i, version) }

// value makes a value of which every byte depends on i and version.
func value(size, i, version int) []byte {
	v := make([]byte, size)
	for at := range v {
		v[at] = byte(at ^ at>>8 ^ i*31 ^ version*7)
	}
	return v
}

func put(t testing.TB, c *store.Cache, key, value []byte, durable bool) {
	t.Helper()
	if err := c.Put(key, value, durable); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func wantItem(t testing.TB, c *store.Cache, key, want []byte) {
	t.Helper()
	got, ok, err := c.Get(key)
	if err != nil || !ok || !bytes.Equal(got, want) {
		t.Fatalf("Get(%x): got %d bytes, %v, %v; want the %d bytes put", key, len(got), ok, err, len(want))
	}
}

func wantMiss(t testing.TB, c *store.Cache, key []byte) {
	t.Helper()
	if got, ok, err := c.Get(key); err != nil || ok || got != nil {
		t.Fatalf("Get(%x): got %d bytes, %v, %v; want a miss", key, len(got), ok, err)
	}
}

// sizes of values around those at which the number of parts changes.
var sizes = []int{0, 1, 1_500, 8<<10 - 1, 8 << 10, 8<<10 + 1, 16 << 10, 300_000, 1 << 20}

// TestCache keeps values of all sizes, replaces each by one of another size, and deletes them: on
// disk, after opening again, and in memory.
func TestCache(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"disk", "memory"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			cfg := config("")
			if where == "disk" {
				cfg.Dir = dbDir(t)
			}
			s := open(t, cfg)
			reopen := func() {
				if where == "disk" {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					s = open(t, cfg)
				}
			}
			for version := range 3 {
				for i := range sizes {
					key, v := answerKey(i), value(sizes[(i+version)%len(sizes)], i, version)
					put(t, s.Lists(), key, v, i%2 == 0)
					wantItem(t, s.Lists(), key, v)
					wantMiss(t, s.Answers(), key) // they are two
				}
				if where == "disk" {
					wantPairs(t, s, s.Lists(), 174) // what was replaced has left no part
				}
				reopen()
				for i := range sizes {
					v := value(sizes[(i+version)%len(sizes)], i, version)
					wantItem(t, s.Lists(), answerKey(i), v)
				}
				s.Look(t.Context())
				if h := s.Health(); h.Lists == 0 || h.Answers != 0 {
					t.Errorf("Health: got %+v", h)
				}
			}
			for i := range sizes {
				if err := s.Lists().Delete(answerKey(i), answerKey(99)); err != nil {
					t.Fatal(err)
				}
				wantMiss(t, s.Lists(), answerKey(i))
			}
			reopen()
			for i := range sizes {
				wantMiss(t, s.Lists(), answerKey(i))
			}
			s.Look(t.Context())
			if h := s.Health(); h.Lists != 0 || h.ListBytes != 0 {
				t.Errorf("Health of an empty cache: got %+v", h)
			}
			if where == "disk" {
				wantPairs(t, s, s.Lists(), 0)
			}
		})
	}
}

func wantPairs(t testing.TB, s *store.Store, c *store.Cache, want int) {
	t.Helper()
	if got, err := store.Pairs(s, c); err != nil || got != want {
		t.Errorf("got %d pairs on disk, %v; want %d", got, err, want)
	}
}

// TestCacheOwnership changes what was put and what was got.
func TestCacheOwnership(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{dbDir(t), ""} {
		c := open(t, config(dir)).Answers()
		key, v := answerKey(1), answer(1, 0)
		put(t, c, key, v, false)
		clear(v)
		got, _, _ := c.Get(key)
		clear(got)
		wantItem(t, c, answerKey(1), answer(1, 0))
	}
}

func TestCacheTooLarge(t *testing.T) {
	t.Parallel()
	c := open(t, config(dbDir(t))).Answers()
	if err := c.Put(make([]byte, 1<<10), make([]byte, 8<<20), false); err != nil {
		t.Errorf("Put of the largest: got %v", err)
	}
	for _, size := range [][2]int{{1<<10 + 1, 1}, {1, 8<<20 + 1}} {
		if err := c.Put(make([]byte, size[0]), make([]byte, size[1]), false); err == nil {
			t.Errorf("Put of key and value of %d bytes: got no error", size)
		}
		wantMiss(t, c, make([]byte, size[0]))
	}
}

// TestCacheWalk sees every item once, may use the cache meanwhile, and stops when told to.
func TestCacheWalk(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{dbDir(t), ""} {
		c := open(t, config(dir)).Answers()
		want := map[string]string{}
		for i := range 100 {
			put(t, c, answerKey(i), answer(i, 1), false)
			want[string(answerKey(i))] = string(answer(i, 1))
		}
		got := map[string]string{}
		walk := func() {
			err := c.Walk(func(key, value []byte) bool {
				got[string(key)] = string(value)
				if err := c.Delete(key); err != nil {
					t.Error(err)
				}
				return len(got) < 40
			})
			if err != nil {
				t.Errorf("Walk: %v", err)
			}
		}
		walk()
		if len(got) != 40 {
			t.Errorf("Walk told to stop at 40: got %d", len(got))
		}
		for i := range 40 {
			wantMiss(t, c, answerKey(i)) // the oldest come first
		}
		for len(got) < 100 {
			before := len(got)
			if walk(); len(got) == before {
				t.Fatalf("Walk: got %d of 100", before)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Walk (-want +got):\n%s", diff)
		}
	}
}

// TestCacheBounds puts more than may be kept: what was put longest ago goes, with all its parts.
func TestCacheBounds(t *testing.T) {
	t.Parallel()
	cfg := config(dbDir(t))
	s := open(t, cfg)
	c := s.Answers()
	store.SetBounds(c, 50, 1<<20)
	for i := range 60 {
		put(t, c, answerKey(i), answer(i, 0), false)
	}
	put(t, c, answerKey(10), answer(10, 1), false) // the newest now
	put(t, c, answerKey(60), answer(60, 0), false)
	wantMiss(t, c, answerKey(9))
	wantMiss(t, c, answerKey(11))
	wantItem(t, c, answerKey(10), answer(10, 1))
	wantItem(t, c, answerKey(12), answer(12, 0))
	if h := s.Health(); h.Answers != 50 {
		t.Errorf("Health: got %+v, want 50 answers", h)
	}
	wantPairs(t, s, c, 50)
	for i := range 5 {
		put(t, c, answerKey(100+i), value(300_000, i, 0), false)
	}
	wantMiss(t, c, answerKey(101))
	wantItem(t, c, answerKey(102), value(300_000, 2, 0))
	if h := s.Health(); h.AnswerBytes > 1<<20 || h.AnswerBytes < 900_000 {
		t.Errorf("Health: got %+v, want about 900 KB", h)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	store.SetBounds(s.Answers(), 2, 1<<20)
	s.Look(t.Context())
	wantMiss(t, s.Answers(), answerKey(102))
	wantItem(t, s.Answers(), answerKey(104), value(300_000, 4, 0))
	if h := s.Health(); h.Answers != 2 {
		t.Errorf("Health after opening with less: got %+v, want 2", h)
	}
	wantPairs(t, s, s.Answers(), 2*37)
}

// TestCacheMemoryBounds fills the memory that stands in for the disk.
func TestCacheMemoryBounds(t *testing.T) {
	t.Parallel()
	s := open(t, config(""))
	for i := range 2_100 {
		put(t, s.Answers(), answerKey(i), answer(i, 0)[:100], false)
	}
	wantMiss(t, s.Answers(), answerKey(99))
	wantItem(t, s.Answers(), answerKey(100), answer(100, 0)[:100])
	for i := range 3 {
		put(t, s.Lists(), answerKey(i), value(5<<20, i, 0), false)
	}
	wantMiss(t, s.Lists(), answerKey(1))
	wantItem(t, s.Lists(), answerKey(2), value(5<<20, 2, 0))
	put(t, s.Lists(), answerKey(3), value(8<<20, 3, 0), false)
	wantItem(t, s.Lists(), answerKey(3), value(8<<20, 3, 0))
	if h := s.Health(); h.Answers != 2_000 || h.Lists != 1 {
		t.Errorf("Health: got %+v", h)
	}
}

// TestCacheReadingWritesNothing is what flash asks for.
func TestCacheReadingWritesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, config(dbDir(t)))
	for i := range 50 {
		put(t, s.Answers(), answerKey(i), answer(i, 0), false)
	}
	put(t, s.Lists(), answerKey(0), value(300_000, 0, 0), false)
	before := s.Stats()
	if before.BytesWritten < 50*1_400+300_000 {
		t.Fatalf("Stats: got %+v", before)
	}
	for i := range 10_000 {
		wantItem(t, s.Answers(), answerKey(i%50), answer(i%50, 0))
		if i%100 == 0 {
			wantItem(t, s.Lists(), answerKey(0), value(300_000, 0, 0))
			wantMiss(t, s.Answers(), answerKey(1_000+i))
		}
	}
	s.Look(t.Context())
	if after := s.Stats(); after != before {
		t.Errorf("Stats: got %+v, want as before reading: %+v", after, before)
	}
}

// TestCacheDuringIndex gets and puts while an index waits for its next user.
func TestCacheDuringIndex(t *testing.T) {
	t.Parallel()
	s := open(t, config(dbDir(t)))
	put(t, s.Answers(), answerKey(1), answer(1, 0), true)
	reading, goOn := make(chan struct{}), make(chan struct{})
	stops := identity.Set{Source: "users", All: func() iter.Seq2[*identity.User, error] {
		return func(yield func(*identity.User, error) bool) {
			if !yield(person(0, 0), nil) {
				return
			}
			close(reading)
			<-goOn
			yield(person(1, 0), nil)
		}
	}}
	done := make(chan error, 1)
	go func() {
		_, err := s.Index(context.Background(), []identity.Set{stops}, hash(1))
		done <- err
	}()
	<-reading
	wantItem(t, s.Answers(), answerKey(1), answer(1, 0))
	put(t, s.Answers(), answerKey(1), answer(1, 1), true)
	wantItem(t, s.Answers(), answerKey(1), answer(1, 1))
	put(t, s.Lists(), answerKey(1), value(300_000, 1, 0), true)
	wantItem(t, s.Lists(), answerKey(1), value(300_000, 1, 0))
	if err := s.Answers().Delete(answerKey(1)); err != nil {
		t.Fatal(err)
	}
	wantMiss(t, s.Answers(), answerKey(1))
	if h := s.Health(); h.Answers != 0 || h.Lists != 1 {
		t.Errorf("Health: got %+v", h)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestCacheOneVersion replaces a value of many parts over and over, each version of one letter,
// while others read it and the disk comes and goes: nobody sees two letters, nor one that is older
// than what was put before he asked.
func TestCacheOneVersion(t *testing.T) {
	t.Parallel()
	const versions = 24
	s := open(t, config(dbDir(t)))
	c, key := s.Lists(), answerKey(1)
	versionOf := func(v int) []byte {
		return bytes.Repeat([]byte{byte(v)}, 10_000+v*1_000)
	}
	put(t, c, key, versionOf(0), false)
	var last atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var seen atomic.Int64
	for range 3 {
		all.Go(func() {
			for ctx.Err() == nil {
				atLeast := int(last.Load())
				got, ok, err := c.Get(key)
				if err != nil || !ok || int(got[0]) < atLeast || !bytes.Equal(got, versionOf(int(got[0]))) {
					t.Errorf("Get: got %d bytes, %v, %v; want version %d or later", len(got), ok, err, atLeast)
					return
				}
				seen.Add(1)
			}
		})
	}
	for v := 1; v <= versions; v++ {
		put(t, c, key, versionOf(v), v%3 == 0)
		last.Store(int64(v))
		switch v % 8 {
		case 3:
			s.SetMinFree(1 << 60)
		case 5, 1:
			s.Look(ctx)
		case 7:
			s.SetMinFree(1 << 20)
		}
	}
	cancel()
	all.Wait()
	if seen.Load() == 0 {
		t.Error("nobody read")
	}
	s.Look(t.Context())
	wantPairs(t, s, c, 1+(len(versionOf(versions))-1)/(8<<10))
}

// TestCacheLargeKeysDiffer does not take one key for another of the same beginning.
func TestCacheLargeKeysDiffer(t *testing.T) {
	t.Parallel()
	c := open(t, config(dbDir(t))).Answers()
	for i, key := range []string{"", "a", "ab", strings.Repeat("a", 1_023), strings.Repeat("a", 1_024)} {
		put(t, c, []byte(key), fmt.Append(nil, i), false)
	}
	wantItem(t, c, nil, []byte("0"))
	wantItem(t, c, []byte("ab"), []byte("2"))
	wantItem(t, c, bytes.Repeat([]byte("a"), 1_024), []byte("4"))
	wantMiss(t, c, bytes.Repeat([]byte("a"), 1_022))
}
