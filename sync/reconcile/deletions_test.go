package reconcile_test

import (
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// users returns how many users are in force.
func (s *setup) users() int { return s.holder.Load().Users().Len() }

// sleep lets time pass, which in a bubble costs none.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// withMore starts over a directory with users/more.csv in it.
func withMore(t *testing.T) (*directory, *setup) {
	t.Helper()
	dir := newDirectory(t)
	dir.put("users/more.csv", "username\nzoe\n")
	s := start(t, dir, nil)
	if s.users() != 3 {
		t.Fatalf("%d users", s.users())
	}
	return dir, s
}

func TestDeletionWaitsForQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, s := withMore(t)
		dir.put("users/more.csv", "")
		s.look()
		if s.users() != 3 || len(s.results) != 2 || len(s.Last().Problems) == 0 {
			t.Errorf("deleted: %d users, %d results, %v", s.users(), len(s.results), s.Last().Problems)
		}
		sleep(9 * time.Second)
		s.look() // nothing new
		dir.put("users/other.csv", "username\nyan\n")
		s.look()
		if s.users() != 4 {
			t.Errorf("something new waits for the deletion: %d users", s.users())
		}
		sleep(9900 * time.Millisecond)
		if s.users() != 4 {
			t.Error("it has not been quiet for long enough")
		}
		sleep(200 * time.Millisecond)
		if r := s.Last(); s.users() != 3 || !r.Swapped || strings.Contains(fmt.Sprint(r.Problems), "deleted") {
			t.Errorf("%d users, %+v", s.users(), r)
		}
		n := len(s.results)
		sleep(time.Hour)
		if len(s.results) != n {
			t.Errorf("it goes on: %d results", len(s.results))
		}
	})
}

func TestDeletedAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, s := withMore(t)
		good := dir.files
		for file := range good {
			dir.put(file, "")
		}
		s.look()
		if s.users() != 3 || s.Last().Problems.HasErrors() {
			t.Errorf("all deleted: %d users, %v", s.users(), s.Last().Problems)
		}
		sleep(5 * time.Second)
		dir.mu.Lock()
		dir.files = good
		dir.mu.Unlock()
		s.look()
		n := len(s.results)
		sleep(time.Hour)
		if s.users() != 3 || len(s.results) != n {
			t.Errorf("%d users, %d results", s.users(), len(s.results))
		}
	})
}

// A directory that never comes to rest cannot keep what was deleted for ever.
func TestDeletionCountsInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, s := withMore(t)
		dir.put("users/more.csv", "")
		for i := range 30 {
			dir.put("policy.yaml", string(dir.files["policy.yaml"].Data)+"#\n")
			s.look()
			want := 3
			if i >= 24 { // 2 minutes
				want = 2
			}
			if s.users() != want {
				t.Fatalf("after %d s: %d users, want %d", i*5, s.users(), want)
			}
			sleep(5 * time.Second)
		}
	})
}

func TestReloadDeletesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, before := range []func(*setup){func(*setup) {}, (*setup).look} {
			dir, s := withMore(t)
			dir.put("users/more.csv", "")
			before(s)
			s.Reload()
			synctest.Wait()
			n := len(s.results)
			if sleep(time.Minute); s.users() != 2 || len(s.results) != n {
				t.Errorf("%d users, %d results", s.users(), len(s.results))
			}
		}
	})
}

// turning is a directory that is another from one opening of a file to the next.
type turning struct {
	one, other fstest.MapFS
	left       *atomic.Int64 // openings before it turns
}

func (f turning) now() fstest.MapFS {
	if f.left.Add(-1) < 0 {
		return f.other
	}
	return f.one
}

func (f turning) Open(name string) (fs.File, error)          { return f.now().Open(name) }
func (f turning) ReadDir(name string) ([]fs.DirEntry, error) { return f.now().ReadDir(name) }
func (f turning) Stat(name string) (fs.FileInfo, error)      { return f.now().Stat(name) }

// TestNeverMixed turns the directory at every moment of a look, as a link is turned that it is
// reached by: what goes live is the one or the other.
func TestNeverMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		one := dir.files
		dir.put("policy.yaml", string(one["policy.yaml"].Data)+"eap: {fragment_size: 500}\n")
		dir.put("radius/branch.yaml", strings.Replace(string(one["radius/branch.yaml"].Data), "192.0.2.", "198.51.100.", 1))
		other := dir.files
		turned := false
		for moment := int64(0); !turned; moment++ {
			left := &atomic.Int64{}
			left.Store(moment)
			s := startOn(t, func() fs.FS { return turning{one, other, left} }, nil)
			sn := s.holder.Load()
			if sn == nil {
				t.Fatalf("at %d: nothing is in force: %v", moment, s.Last().Problems)
			}
			address := sn.Server("branch").Clients[0].Prefix.String()
			if size := sn.Policy().EAP.FragmentSize; (size == 500) != strings.HasPrefix(address, "198.") {
				t.Errorf("at %d: the policy has %d, the server %s", moment, size, address)
			}
			turned = left.Load() > 0
		}
	})
}
