package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/appliance/store"
	"gatehouse/authcore/identity"
)

// A process of its own runs one of the jobs when this is set: "JOB ARGUMENTS".
const childJob = "GATEHOUSE_TEST_STORE"

func TestMain(m *testing.M) {
	job := strings.Fields(os.Getenv(childJob))
	if len(job) == 0 {
		os.Exit(m.Run())
	}
	jobs := map[string]func([]string) error{"reindex": reindexForEver, "many": holdMany,
		"put": putForEver}
	if err := jobs[job[0]](job[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child returns the command that runs a job.
func child(job string, env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childJob+"="+job), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

const killedUsers = 400

// reindexForEver changes everybody over and over, and prints each version in force.
func reindexForEver(args []string) error {
	s, err := store.Open(config(args[0]))
	if err != nil {
		return err
	}
	first, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	h := s.Health()
	fmt.Println("open", h.Rebuilt, h.Mode)
	for v := first; ; v++ {
		users, err := s.Index(background, people(killedUsers, killedUsers, v), version(v))
		if err != nil {
			return err
		}
		s.InForce(users)
		fmt.Println("version", v)
		s.Look(background)
	}
}

func version(v int) [32]byte { return [32]byte{1, byte(v >> 8), byte(v)} }

// killLoop kills a process that indexes, over and over: the database opens again without being
// rebuilt and holds one version, whole, and not an older one than was said to be in force.
func killLoop(t *testing.T, rounds int) {
	dir := dbDir(t)
	last := 0
	for round := range rounds {
		last = max(last, killOnce(t, "reindex", dir, last+1))
		s := open(t, config(dir))
		if h := s.Health(); h.Rebuilt != 0 || h.Mode != store.OnDisk {
			t.Fatalf("round %d: Health: got %+v", round, h)
		}
		v, users := last, identity.Users(nil)
		ok := last == 0
		for ; !ok && v <= last+1; v++ {
			if users, ok = s.Unchanged(version(v)); ok {
				break
			}
		}
		if !ok {
			t.Fatalf("round %d: version %d was in force, and is gone", round, last)
		}
		for i := 0; users != nil && i < killedUsers; i++ {
			wantUser(t, users, person(i, v))
		}
		last = v
		s.Settle() // or five deaths in a row would be blamed on the database
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killOnce runs a job in a process for a random time, and returns the last version it said.
func killOnce(t *testing.T, job, dir string, from int) (last int) {
	t.Helper()
	cmd := child(fmt.Sprint(job, " ", dir, " ", from))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines, n := rand.IntN(6), 0
	for scan := bufio.NewScanner(out); scan.Scan(); n++ {
		if v, ok := strings.CutPrefix(scan.Text(), "version "); ok {
			last, _ = strconv.Atoi(v)
		}
		if n == lines { // and a moment into what it does next
			time.AfterFunc(time.Duration(rand.IntN(8000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Fatalf("the process ended by itself: %v", err)
	}
	return last
}

// TestKilled is not parallel: a process that is being started holds the locks of the other
// tests for a moment.
func TestKilled(t *testing.T) { killLoop(t, 30) }

// TestKilledOpening kills processes that open the database: a single one costs nothing.
func TestKilledOpening(t *testing.T) {
	dir := filled(t, killedUsers)
	opening := 0
	for round := range 12 {
		cmd := child(fmt.Sprint("reindex ", dir, " 1"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range time.Tick(100 * time.Microsecond) {
			if mark, _ := os.ReadFile(dir + ".mark"); len(mark) > 0 {
				break // it has begun to open
			}
		}
		time.AfterFunc(time.Duration(rand.IntN(8_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process ended by itself")
		}
		mark, err := os.ReadFile(dir + ".mark")
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(mark), "opening") {
			opening++
		}
		s := open(t, config(dir))
		if h := s.Health(); h.Rebuilt != 0 || h.Mode != store.OnDisk {
			t.Fatalf("round %d: mark %q: Health: got %+v", round, mark, h)
		}
		if s.Latest().Len() != killedUsers {
			t.Fatalf("round %d: mark %q: got %d users", round, mark, s.Latest().Len())
		}
		s.Settle()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of them were opening", opening)
}

// holdMany indexes args[1] users, changes 100, reopens and looks up; it prints what it cost.
func holdMany(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	dir := args[0]
	if dir == "-" {
		dir = ""
	}
	s, err := store.Open(config(dir))
	if err != nil {
		return err
	}
	step := func(name string, sets []identity.Set, h byte) (identity.Users, error) {
		before, start := s.Stats().BytesWritten, time.Now()
		users, err := s.Index(context.Background(), sets, hash(h))
		if err != nil {
			return nil, err
		}
		s.InForce(users)
		took, wrote := time.Since(start), s.Stats().BytesWritten-before
		s.Look(background)
		fmt.Printf("%s %d ms %d bytes, peak %d KiB\n", name, took.Milliseconds(), wrote, statusKiB("VmHWM:"))
		return users, nil
	}
	if _, err := step("full", people(n, 0, 0), 1); err != nil {
		return err
	}
	if _, err := step("same", people(n, 0, 0), 2); err != nil {
		return err
	}
	users, err := step("hundred", people(n, 100, 1), 3)
	if err != nil {
		return err
	}
	if dir != "" {
		if err := s.Close(); err != nil {
			return err
		}
		start := time.Now()
		if s, err = store.Open(config(dir)); err != nil {
			return err
		}
		var ok bool
		if users, ok = s.Unchanged(hash(3)); !ok {
			return fmt.Errorf("after opening again the users have changed: %+v", s.Health())
		}
		took := time.Since(start)
		debug.FreeOSMemory()
		fmt.Printf("open %d ms, %d bytes on disk, %d KiB resident\n", took.Milliseconds(), s.Health().BytesOnDisk, statusKiB("VmRSS:"))
	}
	for i := range n {
		v := 0
		if i < 100 {
			v = 1
		}
		u, ok, err := users.Find(identity.Addresses, fmt.Sprintf("user-%06d@example.org", i))
		if err != nil || !ok || u.Name != person(i, v).Name {
			return fmt.Errorf("user %d: %v, %v", i, ok, err)
		}
	}
	debug.FreeOSMemory()
	fmt.Printf("done, peak %d KiB, %d goroutines\n", statusKiB("VmHWM:"), runtime.NumGoroutine())
	return s.Close()
}

// statusKiB returns a line of /proc/self/status, -1 if there is none.
func statusKiB(line string) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return -1
	}
	for _, have := range strings.Split(string(b), "\n") {
		if v, ok := strings.CutPrefix(have, line); ok {
			n, _ := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			return n
		}
	}
	return -1
}

// manyUsers indexes n users in a process of its own under a memory limit, and checks its peak.
func manyUsers(t *testing.T, n int, dir string) {
	t.Helper()
	out, err := child(fmt.Sprintf("many %s %d", dir, n), "GOMEMLIMIT=64MiB").Output()
	if err != nil {
		t.Fatalf("%d users: %v\n%s", n, err, out)
	}
	t.Logf("%d users:\n%s", n, out)
	var peak int64
	i := strings.LastIndex(string(out), "done, peak ")
	if i < 0 {
		t.Fatal("it did not finish")
	}
	if _, err := fmt.Sscanf(string(out)[i:], "done, peak %d", &peak); err != nil {
		t.Fatal(err)
	}
	const limit = 128 << 10
	if peak <= 0 || peak > limit && !raceEnabled {
		t.Errorf("%d users: the peak was %d KiB, want 128 MiB at most", n, peak)
	}
}

func TestManyUsers(t *testing.T) {
	manyUsers(t, 20_000, dbDir(t))
	manyUsers(t, 20_000, "-")
}
