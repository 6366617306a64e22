package store_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/appliance/store"
	"gatehouse/authcore/identity"
	"gatehouse/testdata/tinydisk"
)

// filled makes a database of n users, closes it and returns its directory.
func filled(t *testing.T, n int) string {
	t.Helper()
	dir := dbDir(t)
	s := open(t, config(dir))
	index(t, s, people(n, 0, 0), hash(1))
	level(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// opensWhole opens dir, indexes if it must, and looks everybody up. It returns whether the
// database had been set aside.
func opensWhole(t *testing.T, dir string, n int) (rebuilt bool) {
	t.Helper()
	s := open(t, config(dir))
	users, ok := s.Unchanged(hash(1))
	if !ok {
		users = index(t, s, people(n, 0, 0), hash(1))
	}
	for i := range n {
		u := person(i, 0)
		got, ok, err := users.Find(identity.Usernames, identity.FoldUsername(u.Username))
		switch {
		case errors.Is(err, store.ErrLost): // found while reading: the next look rebuilds
			s.Look(background)
			users = index(t, s, people(n, 0, 0), hash(1))
			rebuilt = true
		case err != nil || !ok || got.Name != u.Name:
			t.Fatalf("Find(%s): got %v, %v, %v", u.Username, got, ok, err)
		}
	}
	h := s.Health()
	if h.Mode != store.OnDisk || h.Red {
		t.Errorf("Health: got %+v, want a disk", h)
	}
	if h.Rebuilt > 0 && h.RebuiltWhy == "" {
		t.Error("nothing says why the database was rebuilt")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return rebuilt || h.Rebuilt > 0
}

func TestDamageManifestDeleted(t *testing.T) {
	t.Parallel()
	const n = 4000 // more than a memtable: some of it is in tables
	dir := filled(t, n)
	if err := os.Remove(filepath.Join(dir, "MANIFEST")); err != nil {
		t.Fatal(err)
	}
	if !opensWhole(t, dir, n) {
		t.Error("the database was not rebuilt")
	}
	if !exists(dir + ".aside") {
		t.Error("the damaged database was not kept")
	}
	if opensWhole(t, dir, n) {
		t.Error("the new database was rebuilt again")
	}
}

// TestDamageOverwritten overwrites tables at random.
func TestDamageOverwritten(t *testing.T) {
	t.Parallel()
	const n = 4000
	dir := filled(t, n)
	for round := range 3 {
		for _, name := range files(t, dir, ".sst") {
			f, err := os.OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			rubbish := make([]byte, 64)
			for i := range rubbish {
				rubbish[i] = byte(rand.Uint32())
			}
			if _, err := f.WriteAt(rubbish, rand.Int64N(info.Size()-64)); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if !opensWhole(t, dir, n) {
			t.Errorf("round %d: the database was not rebuilt", round)
		}
	}
}

// TestDamageTruncated cuts tables at random, to nothing too, and lets a table lie about that was
// never finished, which is no damage.
func TestDamageTruncated(t *testing.T) {
	t.Parallel()
	const n = 4000
	dir := filled(t, n)
	unfinished := filepath.Join(dir, "999999.sst")
	if err := os.WriteFile(unfinished, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if opensWhole(t, dir, n) || exists(unfinished) {
		t.Error("a table that was never finished had the database rebuilt, or stays")
	}
	for round := range 3 {
		for _, name := range files(t, dir, ".sst") {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			size := rand.Int64N(info.Size())
			if round == 0 {
				size = 0
			}
			if err := os.Truncate(name, size); err != nil {
				t.Fatal(err)
			}
		}
		if !opensWhole(t, dir, n) {
			t.Errorf("round %d: the database was not rebuilt", round)
		}
	}
}

// TestDamageRecord meets a damaged record while running: it is lost, nothing else is; the
// database is rebuilt, and the owner is asked to index again.
func TestDamageRecord(t *testing.T) {
	t.Parallel()
	cfg := config(dbDir(t))
	var lost sync.WaitGroup
	lost.Add(1)
	cfg.OnLost = lost.Done
	s := open(t, cfg)
	users := index(t, s, people(100, 0, 0), hash(1))
	if err := store.Damage(s, "user-000007", []byte("not what was written")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := users.Find(identity.Usernames, "user-000007"); !errors.Is(err, store.ErrLost) {
		t.Fatalf("Find of a damaged record: got %v, want ErrLost", err)
	}
	wantUser(t, users, person(8, 0))
	s.Look(t.Context())
	lost.Wait()
	store.Forget(users)
	wantUser(t, users, person(9, 0))
	for _, key := range []string{"user-000007", "user-000100"} {
		if _, _, err := users.Find(identity.Usernames, key); !errors.Is(err, store.ErrLost) {
			t.Errorf("Find(%s) after damage: got %v; absence proves nothing", key, err)
		}
	}
	if _, ok := s.Unchanged(hash(1)); ok {
		t.Error("Unchanged: got users of which some are lost")
	}
	s.Look(t.Context()) // a new database
	users = index(t, s, people(100, 0, 0), hash(1))
	wantUser(t, users, person(7, 0))
	wantNobody(t, users, identity.Usernames, "user-000100")
	if h := s.Health(); h.Mode != store.OnDisk || h.Red || h.Rebuilt != 1 {
		t.Errorf("Health: got %+v", h)
	}
}

// TestDamageHealedByIndex repairs what an index meets.
func TestDamageHealedByIndex(t *testing.T) {
	t.Parallel()
	s := open(t, config(dbDir(t)))
	index(t, s, people(100, 0, 0), hash(1))
	if err := store.Damage(s, "user-000007", []byte("rubbish")); err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // the second writes the damaged slot
		users := index(t, s, people(100, 0, 0), hash(byte(i+2)))
		wantUser(t, users, person(7, 0))
	}
	if h := s.Health(); h.Rebuilt != 0 {
		t.Errorf("Health: got %+v", h)
	}
}

// TestMark sets aside what ended the process before.
func TestMark(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, "opening 0\n": 0, "opening 4\n": 0, "reopening 0\n": 1, "running 1\n": 0, "running 4\n": 0, "running 5\n": 1, "rubbish": 0,
	} {
		dir := filled(t, 10)
		if err := os.WriteFile(dir+".mark", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, config(dir))
		if h := s.Health(); h.Rebuilt != want || h.Mode != store.OnDisk {
			t.Errorf("mark %q: got %+v, want %d rebuilt", text, h, want)
		}
		_, ok := s.Unchanged(hash(1))
		if ok == (want == 1) {
			t.Errorf("mark %q: Unchanged: got %v", text, ok)
		}
		running, err := os.ReadFile(dir + ".mark")
		if err != nil || !strings.HasPrefix(string(running), "running ") ||
			want == 1 && string(running) != "running 1\n" {
			t.Errorf("mark %q: while running it says %q, %v", text, running, err)
		}
		s.Settle()
		if settled, err := os.ReadFile(dir + ".mark"); err != nil || len(settled) != 0 {
			t.Errorf("mark %q: once settled it says %q, %v", text, settled, err)
		}
	}
}

func TestOpenInUse(t *testing.T) {
	t.Parallel()
	cfg := config(dbDir(t))
	s := open(t, cfg)
	users := index(t, s, people(10, 0, 0), hash(1))
	if _, err := store.Open(cfg); !errors.Is(err, store.ErrInUse) {
		t.Errorf("Open of a database in use: got %v, want ErrInUse", err)
	}
	wantUser(t, users, person(3, 0))
}

// TestFullDiskWatch leaves a disk that gets full, and comes back: users are found all the time.
func TestFullDiskWatch(t *testing.T) {
	t.Parallel()
	cfg := config(dbDir(t))
	s := open(t, cfg)
	users := index(t, s, people(200, 0, 0), hash(1))
	changed := 0
	for round := range 3 {
		s.SetMinFree(1 << 60)
		s.Look(t.Context())
		if h := s.Health(); h.Mode != store.InMemory || !h.Red || !strings.Contains(h.Reason, "full") {
			t.Fatalf("Health without room: got %+v", h)
		}
		store.Forget(users)
		wantUser(t, users, person(5, changed))
		wantNobody(t, users, identity.Usernames, "nobody")
		if round == 1 { // a change while in memory
			changed = 1
			users = index(t, s, people(200, 200, 1), hash(2))
		}
		s.Look(t.Context()) // still no room
		s.SetMinFree(1 << 20)
		s.Look(t.Context())
		if h := s.Health(); h.Mode != store.OnDisk || h.Red || h.Rebuilt != 0 {
			t.Fatalf("Health with room again: got %+v", h)
		}
		store.Forget(users)
		wantUser(t, users, person(5, changed))
		if got, ok := s.Unchanged(hash(byte(1 + changed))); !ok || got != users {
			t.Fatalf("Unchanged: got %v, %v", got, ok)
		}
		level(t, s)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	again, ok := s.Unchanged(hash(2))
	if !ok {
		t.Fatal("the change made in memory did not reach the disk")
	}
	wantUser(t, again, person(5, 1))
}

// TestFullDisk indexes on a file system that is too small: memory takes over in the middle.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tinydisk.New(t, "size=24m"), "db")
	cfg := config(dir)
	cfg.MinFreeBytes = 10 << 20
	s := open(t, cfg)
	if h := s.Health(); h.Mode != store.OnDisk {
		t.Fatalf("Health: got %+v", h)
	}
	const n = 12_000
	users := index(t, s, people(n, 0, 0), hash(1))
	for v := 1; s.Health().Mode == store.OnDisk && v < 20; v++ {
		users = index(t, s, people(n, n, v), hash(1))
		s.Look(t.Context())
	}
	if h := s.Health(); h.Mode != store.InMemory || !h.Red || users.Len() != n {
		t.Fatalf("Health: got %+v", h)
	}
	if _, ok, err := users.Find(identity.Usernames, "user-000005"); !ok || err != nil {
		t.Errorf("Find: got %v, %v", ok, err)
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	root := tinydisk.New(t, "size=32m")
	dir := filepath.Join(root, "db")
	now := time.Now()
	cfg := config(dir)
	cfg.Now = func() time.Time { return now }
	for _, before := range []string{"empty", "filled"} {
		if before == "filled" {
			s := open(t, cfg)
			index(t, s, people(50, 0, 0), hash(1))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		remount(t, root, syscall.MS_RDONLY)
		s := open(t, cfg)
		if h := s.Health(); h.Mode != store.InMemory || !h.Red || h.Rebuilt != 0 {
			t.Fatalf("%s: Health: got %+v", before, h)
		}
		users := index(t, s, people(50, 0, 0), hash(1))
		wantUser(t, users, person(7, 0))
		s.Look(t.Context())
		remount(t, root, 0)
		now = now.Add(time.Hour)
		s.Look(t.Context())
		if h := s.Health(); h.Mode != store.OnDisk || h.Red || h.Rebuilt != 0 {
			t.Errorf("%s: Health of a disk that can be written again: got %+v", before, h)
		}
		wantUser(t, users, person(8, 0))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, "size=32m"); err != nil {
		t.Fatalf("mounting anew: %v", err)
	}
}
