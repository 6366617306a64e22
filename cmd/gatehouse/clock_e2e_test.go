//go:build e2e

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// timeServer is an address that nobody else has; the port of time servers is the only one asked.
const timeServer = "127.0.0.9"

// TestE2ETimeServer asks chrony by how much the clock is off, which on one machine is next to
// nothing, and is told in time when it has died.
func TestE2ETimeServer(t *testing.T) {
	r := newRig(t, "")
	log, err := os.Create(filepath.Join(filepath.Dir(r.state), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }() // it was only handed on
	r.start(log)
	r.status()
	dir := t.TempDir()
	chrony := exec.Command("chronyd", "-x", "-d", "-f", "/dev/null", "-u", "root", "local stratum 8", "allow 127.0.0.0/8",
		"bindaddress "+timeServer, "cmdport 0", "pidfile "+dir+"/pid", "driftfile "+dir+"/drift")
	chrony.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	chrony.Stdout, chrony.Stderr = &said, &said
	if err := chrony.Start(); err != nil {
		t.Fatalf("%v; testdata/peers/install.sh e2e installs it", err)
	}
	ask := func() (string, error) {
		out, err := exec.Command(r.program, "clock", "ask", timeServer, "--state", r.state).CombinedOutput()
		return string(out), err
	}
	var answer string
	r.until("an answer of the time server", 20*time.Second, func() (err error) { answer, err = ask(); return err })
	for _, want := range []string{"the wall clock is ", "says " + timeServer + ":123", "stratum 8, not signed"} {
		if !strings.Contains(answer, want) {
			t.Errorf("got %q, want %q in it", answer, want)
		}
	}
	_, rest, _ := strings.Cut(answer, " by ")
	figure, _, _ := strings.Cut(rest, ",")
	if off, err := time.ParseDuration(figure); err != nil || off > 5*time.Second {
		t.Errorf("it is off by %q", figure)
	}
	_ = chrony.Process.Kill() // it is there
	_ = chrony.Wait()         // killed
	if answer, err := ask(); err == nil || !strings.Contains(answer, "time server") {
		t.Errorf("of a dead one: %v %s\n%s", err, answer, said.String())
	}
}
