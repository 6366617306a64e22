package journal_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/appliance/journal"
	"gatehouse/testdata/tinydisk"
)

// childJournal names the journal to a process that is there to be killed.
const childJournal = "GATEHOUSE_TEST_JOURNAL"

func TestMain(m *testing.M) {
	if path := os.Getenv(childJournal); path != "" {
		os.Exit(appendForEver(path))
	}
	os.Exit(m.Run())
}

// appendForEver counts up several keys at once, and prints "KEY COUNT" for whatever has been
// acknowledged.
func appendForEver(path string) int {
	j, err := journal.Open(path, config())
	if err == nil {
		err = j.Err()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex // guards standard output
	var all sync.WaitGroup
	for key := range 4 {
		all.Go(func() {
			name := strconv.Itoa(key)
			r, _ := j.Last(journal.Bundle, name)
			n := count(r)
			for {
				n++
				r := journal.Record{Kind: journal.Bundle, Key: name, Value: binary.BigEndian.AppendUint64(make([]byte, 400), n)}
				if err := j.Append(context.Background(), r); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				mu.Lock()
				fmt.Println(name, n)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return 1
}

func count(r journal.Record) uint64 {
	if len(r.Value) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(r.Value[len(r.Value)-8:])
}

// TestJournalKilled kills a process that appends, over and over: nothing acknowledged is lost.
// It is not parallel: a process that is being started holds the locks of the other tests for a
// moment.
func TestJournalKilled(t *testing.T) {
	path := place(t)
	acknowledged := map[string]uint64{}
	for round := range 30 {
		lines := rand.IntN(120) + 1
		killAfter(t, path, lines, func(line string) {
			var key string
			var n uint64
			if _, err := fmt.Sscan(line, &key, &n); err == nil {
				acknowledged[key] = n
			}
		})
		j, err := journal.Open(path, config())
		if err != nil || j.Err() != nil {
			t.Fatalf("round %d: %v, %v", round, err, j.Err())
		}
		for key, want := range acknowledged {
			r, _ := j.Last(journal.Bundle, key)
			if got := count(r); got < want || got > want+1 {
				t.Errorf("round %d: key %s has %d, but %d was acknowledged", round, key, got, want)
			}
			acknowledged[key] = count(r) // the next process goes on from there
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(acknowledged) == 0 {
		t.Error("nothing was ever acknowledged")
	}
}

// killAfter starts a child, kills it after so many lines, and calls f with every line.
func killAfter(t *testing.T, path string, lines int, f func(string)) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childJournal+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(out)
	for n := 0; scan.Scan(); n++ {
		f(scan.Text())
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
}

// TestJournalDiskFull fills the file system: what was acknowledged stays, what is refused says
// so, and with room again all goes on.
func TestJournalDiskFull(t *testing.T) {
	t.Parallel()
	dir := tinydisk.New(t, "size=256k")
	path := filepath.Join(dir, "journal")
	j := open(t, path, config())
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	var err error
	for ; err == nil; n++ {
		err = j.Append(t.Context(), journal.Record{Kind: journal.Lockout, Key: fmt.Sprint(n), Value: make([]byte, 1000)})
	}
	if !errors.Is(err, syscall.ENOSPC) || j.Err() != nil {
		t.Fatalf("after %d: got %v and %v, want ENOSPC", n, err, j.Err())
	}
	n--
	if _, ok := j.Last(journal.Lockout, fmt.Sprint(n)); ok {
		t.Error("what was refused is remembered")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	add(t, j, journal.Record{Kind: journal.Notice, Key: "room again"})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, path, config())
	if got := len(slices.Collect(j.Each(journal.Lockout))); got != n {
		t.Errorf("got %d records, want the %d acknowledged", got, n)
	}
	if _, ok := j.Last(journal.Notice, "room again"); !ok {
		t.Error("what was appended with room again is gone")
	}
}

func TestMessageAuthenticator(t *testing.T) {
	t.Parallel()
	path := place(t)
	j := open(t, path, config())
	m := journal.NewMessageAuthenticator(j, func() time.Time { return noon })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 50 { // every address twice
				addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(i + w%2*100)})
				m.Learn(addr)
				if !m.Learnt(addr) {
					t.Errorf("%v was not learnt at once", addr)
				}
			}
		})
	}
	all.Wait()
	m.Learn(netip.MustParseAddr("2001:db8::1"))
	m.Learn(netip.Addr{})
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, path, config())
	if got := len(slices.Collect(j.Each(journal.MessageAuthenticated))); got != 101 {
		t.Errorf("got %d records, want 101", got)
	}
	m = journal.NewMessageAuthenticator(j, func() time.Time { return noon })
	if !m.Learnt(netip.MustParseAddr("192.0.2.7")) || !m.Learnt(netip.MustParseAddr("2001:db8::1")) {
		t.Error("what was learnt is forgotten")
	}
	if m.Learnt(netip.MustParseAddr("192.0.2.250")) {
		t.Error("an address that was never there is learnt")
	}
}

// TestMessageAuthenticatorBounded learns no more once it is full, and forgets nobody.
func TestMessageAuthenticatorBounded(t *testing.T) {
	t.Parallel()
	m := journal.NewMessageAuthenticator(open(t, place(t), config()), time.Now)
	addr := netip.MustParseAddr("10.0.0.0")
	first := addr
	for range 16384 {
		m.Learn(addr)
		addr = addr.Next()
	}
	m.Learn(addr)
	if m.Learnt(addr) || !m.Learnt(first) {
		t.Errorf("got learnt %v and %v, want the first and not the last", m.Learnt(addr), m.Learnt(first))
	}
}

// BenchmarkAppend appends one after the other; the sync is most of it.
func BenchmarkAppend(b *testing.B) {
	j := open(b, place(b), config())
	for b.Loop() {
		add(b, j, journal.Record{Kind: journal.TOTPStep, Key: "alice", Value: []byte("step"), Time: noon})
	}
}
