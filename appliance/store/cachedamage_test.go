package store_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"gatehouse/appliance/store"
	"gatehouse/authcore/identity"
	"gatehouse/testdata/tinydisk"
)

// crl makes the i-th CRL in one of its versions, of 37 parts.
func crl(i, version int) []byte { return value(300_000, i, version) }

// TestCacheBroken breaks single items: each is a miss, is dropped with all its parts, and can be
// put again; nothing else is harmed.
func TestCacheBroken(t *testing.T) {
	t.Parallel()
	s := open(t, config(dbDir(t)))
	users := index(t, s, people(50, 0, 0), hash(1))
	a, l := s.Answers(), s.Lists()
	for i := range 4 {
		put(t, a, answerKey(i), answer(i, 0), false)
		put(t, l, answerKey(i), crl(i, 0), false)
	}
	for what, err := range map[string]error{
		"answer":        store.DamageItem(s, a, answerKey(0), 0),
		"list":          store.DamageItem(s, l, answerKey(0), 0),
		"part of list":  store.DamageItem(s, l, answerKey(1), 36),
		"part is gone ": store.RemovePart(s, l, answerKey(2), 20),
	} {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	wantMiss(t, a, answerKey(0))
	for i := range 3 {
		wantMiss(t, l, answerKey(i))
	}
	for i := 1; i < 4; i++ {
		wantItem(t, a, answerKey(i), answer(i, 0))
	}
	wantItem(t, l, answerKey(3), crl(3, 0))
	wantUser(t, users, person(7, 0))
	wantPairs(t, s, a, 3)
	wantPairs(t, s, l, 37)
	if h := s.Health(); h.Answers != 3 || h.Lists != 1 || h.Red || h.Rebuilt != 0 {
		t.Errorf("Health: got %+v", h)
	}
	for i := range 3 {
		put(t, l, answerKey(i), crl(i, 1), false)
		wantItem(t, l, answerKey(i), crl(i, 1))
	}
}

// TestCacheBrokenBefore opens a database with broken items: what cannot be read from is removed
// when it is counted.
func TestCacheBrokenBefore(t *testing.T) {
	t.Parallel()
	cfg := config(dbDir(t))
	s := open(t, cfg)
	for i := range 3 {
		put(t, s.Lists(), answerKey(i), crl(i, 0), false)
	}
	if err := store.RemovePart(s, s.Lists(), answerKey(0), 3); err != nil {
		t.Fatal(err)
	}
	if err := store.DamageItem(s, s.Lists(), answerKey(1), 3); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	for i := range 2 {
		wantMiss(t, s.Lists(), answerKey(i)) // and nothing is counted for it
	}
	s.Look(t.Context())
	wantPairs(t, s, s.Lists(), 2*37) // the damaged one is whole for who does not verify
	wantMiss(t, s.Lists(), answerKey(1))
	wantPairs(t, s, s.Lists(), 37)
	wantItem(t, s.Lists(), answerKey(2), crl(2, 0))
}

// filledCaches makes a database of users, answers and lists, and returns its directory.
func filledCaches(t *testing.T, users, answers, lists int) string {
	t.Helper()
	dir := dbDir(t)
	s := open(t, config(dir))
	index(t, s, people(users, 0, 0), hash(1))
	for i := range answers {
		put(t, s.Answers(), answerKey(i), answer(i, 0), false)
	}
	for i := range lists {
		put(t, s.Lists(), answerKey(i), crl(i, 0), false)
	}
	level(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestCacheDamaged cuts and overwrites tables with answers and lists in them. Whatever is found
// afterwards is what was put, users are all there in the end, and the caches work.
func TestCacheDamaged(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(*os.File, int64) error{
		"emptied":     func(f *os.File, _ int64) error { return f.Truncate(0) },
		"truncated":   func(f *os.File, size int64) error { return f.Truncate(rand.Int64N(size)) },
		"overwritten": overwrite,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filledCaches(t, 200, 3_000, 5)
			for _, table := range files(t, dir, ".sst") {
				damageFile(t, table, damage)
			}
			if !opensWhole(t, dir, 200) {
				t.Error("the database was not rebuilt")
			}
			s := open(t, config(dir))
			found := readsCaches(t, s, 3_000, 5)
			t.Logf("%d answers and lists have survived", found)
			put(t, s.Answers(), answerKey(1), answer(1, 9), true)
			put(t, s.Lists(), answerKey(1), crl(1, 9), true)
			wantItem(t, s.Answers(), answerKey(1), answer(1, 9))
			wantItem(t, s.Lists(), answerKey(1), crl(1, 9))
		})
	}
}

// TestCacheDamagedRunning overwrites blocks of tables that are in use: what was counted and is not
// found any more has the database rebuilt. (A damaged index, at the end of a table, ends the
// process from within badger; the next one finds the damage when it opens.)
func TestCacheDamagedRunning(t *testing.T) {
	t.Parallel()
	dir := filledCaches(t, 200, 3_000, 5)
	s := open(t, config(dir))
	s.Look(t.Context())
	for _, table := range files(t, dir, ".sst") {
		damageFile(t, table, func(f *os.File, size int64) error {
			for range 200 {
				if err := overwrite(f, size*3/4); err != nil {
					return err
				}
			}
			return nil
		})
	}
	before := readsCaches(t, s, 3_000, 5)
	for range 3 {
		s.Look(t.Context())
	}
	index(t, s, people(200, 0, 0), hash(1))
	after := readsCaches(t, s, 3_000, 5)
	if h := s.Health(); (before < 3_005) != (h.Rebuilt > 0) || h.Mode != store.OnDisk {
		t.Errorf("%d were found, then %d: Health: got %+v", before, after, h)
	}
	put(t, s.Lists(), answerKey(1), crl(1, 9), true)
	wantItem(t, s.Lists(), answerKey(1), crl(1, 9))
}

func damageFile(t *testing.T, name string, damage func(*os.File, int64) error) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err == nil {
		err = damage(f, info.Size())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func overwrite(f *os.File, size int64) error {
	rubbish := make([]byte, 64)
	for i := range rubbish {
		rubbish[i] = byte(rand.Uint32())
	}
	_, err := f.WriteAt(rubbish, rand.Int64N(max(size-64, 1)))
	return err
}

// readsCaches asks for everything: what is there is what was put. It returns how much is.
func readsCaches(t *testing.T, s *store.Store, answers, lists int) (found int) {
	t.Helper()
	check := func(c *store.Cache, i int, want []byte) {
		got, ok, err := c.Get(answerKey(i))
		if err != nil || ok && !bytes.Equal(got, want) {
			t.Fatalf("Get of item %d: got %d bytes, %v; want the %d put, or a miss", i, len(got), err, len(want))
		}
		if ok {
			found++
		}
	}
	for i := range answers {
		check(s.Answers(), i, answer(i, 0))
	}
	for i := range lists {
		check(s.Lists(), i, crl(i, 0))
	}
	return found
}

// TestCacheFullDisk leaves a full disk and comes back: what was put last is found all the time,
// and what was replaced or deleted meanwhile does not come back with the disk.
func TestCacheFullDisk(t *testing.T) {
	t.Parallel()
	cfg := config(dbDir(t))
	s := open(t, cfg)
	a, l := s.Answers(), s.Lists()
	for i := range 10 {
		put(t, a, answerKey(i), answer(i, 0), false)
		put(t, l, answerKey(i), crl(i, 0), false)
	}
	away := func(f func()) {
		t.Helper()
		s.SetMinFree(1 << 60)
		f()
		s.Look(t.Context())
		if h := s.Health(); h.Mode != store.InMemory || h.Answers != 10 || h.Lists != 10 {
			t.Fatalf("Health without room: got %+v", h)
		}
		wantItem(t, l, answerKey(2), crl(2, 0))
	}
	away(func() { put(t, a, answerKey(1), answer(1, 1), true) }) // before the disk is left
	wantItem(t, a, answerKey(1), answer(1, 1))
	put(t, a, answerKey(2), answer(2, 1), true)
	if err := l.Delete(answerKey(3), answerKey(99)); err != nil {
		t.Fatal(err)
	}
	if err := a.Delete(answerKey(4)); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		wantItem(t, a, answerKey(0), answer(0, 0))
		wantItem(t, a, answerKey(1), answer(1, 1))
		wantItem(t, a, answerKey(2), answer(2, 1))
		wantItem(t, l, answerKey(2), crl(2, 0))
		wantMiss(t, l, answerKey(3))
		wantMiss(t, a, answerKey(4))
	}
	check()
	before := s.Stats().BytesWritten
	s.SetMinFree(1 << 20)
	s.Look(t.Context())
	check()
	if h := s.Health(); h.Mode != store.OnDisk || h.Answers != 9 || h.Lists != 9 {
		t.Errorf("Health with room again: got %+v", h)
	}
	if wrote := s.Stats().BytesWritten - before; wrote > 20_000 {
		t.Errorf("coming back wrote %d bytes, though most was there", wrote)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	a, l = s.Answers(), s.Lists()
	check()
	wantPairs(t, s, l, 9*37)
}

// TestCacheOutdated puts more than memory holds while the disk is away, so that memory forgets:
// the disk's older versions must not be taken for the last.
func TestCacheOutdated(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2_500, 7_000} { // some are known to be out of date, or all are
		s := open(t, config(dbDir(t)))
		a := s.Answers()
		for i := range n {
			put(t, a, answerKey(i), []byte("old"), false)
		}
		s.SetMinFree(1 << 60)
		s.Look(t.Context())
		for i := range n {
			put(t, a, answerKey(i), []byte("new"), false)
		}
		check := func() {
			t.Helper()
			for i := range n {
				if i < n-2_000 {
					wantMiss(t, a, answerKey(i))
				} else {
					wantItem(t, a, answerKey(i), []byte("new"))
				}
			}
		}
		check()
		s.SetMinFree(1 << 20)
		s.Look(t.Context())
		check()
		wantPairs(t, s, a, 2_000)
		put(t, a, answerKey(1), []byte("newest"), false)
		wantItem(t, a, answerKey(1), []byte("newest"))
	}
}

// TestCacheRebuilt sets a damaged database aside while running: answers move to the new one.
func TestCacheRebuilt(t *testing.T) {
	t.Parallel()
	cfg := config(dbDir(t))
	s := open(t, cfg)
	users := index(t, s, people(100, 0, 0), hash(1))
	for i := range 100 {
		put(t, s.Answers(), answerKey(i), answer(i, 0), false)
	}
	put(t, s.Lists(), answerKey(0), crl(0, 0), false)
	if err := store.Damage(s, "user-000007", []byte("not what was written")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := users.Find(identity.Usernames, "user-000007"); err == nil {
		t.Fatal("Find of a damaged record: got no error")
	}
	for range 2 {
		s.Look(t.Context())
		if got := readsCaches(t, s, 100, 1); got != 101 {
			t.Errorf("got %d of 101", got)
		}
	}
	if h := s.Health(); h.Mode != store.OnDisk || h.Rebuilt != 1 || h.Answers != 100 || h.Lists != 1 {
		t.Errorf("Health: got %+v", h)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := readsCaches(t, open(t, cfg), 100, 1); got != 101 {
		t.Errorf("after opening again: got %d of 101", got)
	}
}

// TestCacheReadOnly keeps what it is given though nothing can be written.
func TestCacheReadOnly(t *testing.T) {
	t.Parallel()
	root := tinydisk.New(t, "size=32m")
	remount(t, root, syscall.MS_RDONLY)
	s := open(t, config(filepath.Join(root, "db")))
	put(t, s.Answers(), answerKey(1), answer(1, 0), true)
	put(t, s.Lists(), answerKey(1), crl(1, 0), true)
	wantItem(t, s.Answers(), answerKey(1), answer(1, 0))
	wantItem(t, s.Lists(), answerKey(1), crl(1, 0))
	if h := s.Health(); h.Mode != store.InMemory || !h.Red || h.Answers != 1 || h.Lists != 1 {
		t.Errorf("Health: got %+v", h)
	}
}

// TestCacheSmallDisk puts far more on a small file system than it has room for: the cache keeps
// less, the last is found, the database stays on disk.
func TestCacheSmallDisk(t *testing.T) {
	t.Parallel()
	cfg := config(filepath.Join(tinydisk.New(t, "size=24m"), "db"))
	cfg.MinFreeBytes = 8 << 20
	s := open(t, cfg)
	users := index(t, s, people(100, 0, 0), hash(1))
	for i := range 30 {
		v := value(700_000, i%5, i)
		put(t, s.Lists(), answerKey(i%5), v, false)
		wantItem(t, s.Lists(), answerKey(i%5), v)
		s.Look(t.Context())
		wantItem(t, s.Lists(), answerKey(i%5), v)
		if h := s.Health(); h.Mode != store.OnDisk || h.Lists == 0 || h.ListBytes > 3<<20 {
			t.Fatalf("Health: got %+v", h)
		}
	}
	put(t, s.Lists(), answerKey(1), value(6<<20, 1, 99), false)
	wantMiss(t, s.Lists(), answerKey(1)) // too large here, and the one before is out of date
	wantUser(t, users, person(7, 0))
}

// putForEver replaces an answer and a list over and over, and prints each version that is there.
func putForEver(args []string) error {
	s, err := store.Open(config(args[0]))
	if err != nil {
		return err
	}
	first, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	fmt.Println("open")
	for v := first; ; v++ {
		if err := s.Lists().Put(answerKey(1), crl(1, v), false); err != nil {
			return err
		}
		if err := s.Answers().Put(answerKey(1), answer(1, v), true); err != nil {
			return err
		}
		fmt.Println("version", v)
	}
}

// TestCacheKilled kills a process that puts: both values are there and whole, of the version that
// it said or the next, and no part of another is left.
func TestCacheKilled(t *testing.T) {
	dir, last := dbDir(t), 0
	for range 8 {
		last = max(last, killOnce(t, "put", dir, last+1))
		s := open(t, config(dir))
		if h := s.Health(); h.Rebuilt != 0 || h.Mode != store.OnDisk {
			t.Fatalf("Health: got %+v", h)
		}
		for _, c := range []struct {
			cache *store.Cache
			of    func(i, version int) []byte
		}{{s.Answers(), answer}, {s.Lists(), crl}} {
			got, ok, err := c.cache.Get(answerKey(1))
			if err != nil || last > 0 && !ok ||
				ok && !bytes.Equal(got, c.of(1, last)) && !bytes.Equal(got, c.of(1, last+1)) {
				t.Fatalf("after version %d: got %d bytes, %v, %v", last, len(got), ok, err)
			}
		}
		s.Look(t.Context())
		if n, err := store.Pairs(s, s.Lists()); err != nil || n%37 != 0 || last > 0 && n != 37 {
			t.Errorf("after version %d: got %d parts of a list, %v", last, n, err)
		}
		s.Settle()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if last == 0 {
		t.Error("no process lived long enough to put anything")
	}
}
