//go:build e2e

package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

const (
	killRounds = 200
	killUsers  = 1000
)

// TestE2EKilledUnderLoad kills the program over and over while devices sign in, at any moment:
// serving, opening the database, indexing users that have changed. Each start opens the database
// or rebuilds it, says which, has all users, lets a device in, and remembers every NAS that the
// journal had.
func TestE2EKilledUnderLoad(t *testing.T) {
	r := newRig(t, "")
	text, err := os.ReadFile(filepath.Join(r.config, "radius", "demo.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r.write("radius/demo.yaml", strings.ReplaceAll(string(text), `"}`, `", message_authenticator: auto}`))
	r.changeUsers(0)
	k := &killer{rig: r, rebuilt: map[string]int{}}
	load, report := r.probe("--parallel", "8", "--duration", "1h", "--timeout", "200ms")
	for round := range killRounds {
		if round%5 == 4 { // one more that dies before it serves
			if round%2 == 0 {
				r.changeUsers(round)
			}
			r.start(io.Discard)
			<-time.After(time.Duration(rand.IntN(40)) * time.Millisecond)
			r.kill()
			k.early++
		}
		k.round()
		if t.Failed() {
			break
		}
	}
	k.forgotten()
	if err := load.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	got := report()
	t.Logf("%d kills, %d of them before it served: opened %d, rebuilt %v; %d NASes remembered\n"+
		"meanwhile %d sign-ins accepted, %d rejected, %d cut off or found nobody",
		k.opened+k.rebuilds()+k.early, k.early, k.opened, k.rebuilt, len(k.learnt),
		got.Accepted, got.Rejected, got.Unanswered())
	if k.opened < killRounds/2 {
		t.Errorf("the database was opened %d times, want half of %d at least", k.opened, killRounds)
	}
	for why := range k.rebuilt {
		if !strings.HasPrefix(why, "the process ended") {
			t.Errorf("a kill damaged the database: %s", why)
		}
	}
	if got.KeysWrong > 0 || got.Accepted < killRounds {
		t.Errorf("of the load, got %+v: want right keys and %d accepted", got.LoadCounts, killRounds)
	}
}

// changeUsers writes users that differ from one version to another.
func (r *rig) changeUsers(version int) {
	r.t.Helper()
	r.write("users/many.yaml", strings.ReplaceAll(manyUsers(killUsers), "staff", fmt.Sprint("staff", version)))
}

// A killer kills a program and looks what is left.
type killer struct {
	*rig
	opened, early int
	rebuilt       map[string]int // by why
	learnt        []net.Conn     // of NASes that the journal has, each from its own address
}

func (k *killer) rebuilds() (n int) {
	for _, count := range k.rebuilt {
		n += count
	}
	return n
}

// round starts the program, looks whether all is there, has it learn another NAS, and kills it.
func (k *killer) round() {
	k.t.Helper()
	var log bytes.Buffer // read when the program has ended
	k.start(&log)
	k.until("a device accepted", 30*time.Second, func() error { return k.signIn(100 * time.Millisecond) })
	status := k.status()
	switch s := status.Store; {
	case s.Mode != "disk" || s.Red || status.Journal.Red || status.Configuration.Users != killUsers+1:
		k.t.Errorf("got %+v, journal red %v, %d users", s, status.Journal.Red, status.Configuration.Users)
	case s.Rebuilt > 0:
		k.rebuilt[s.RebuiltWhy]++
	default:
		k.opened++
	}
	k.remembers()
	k.learn()
	<-time.After(time.Duration(rand.IntN(100)) * time.Millisecond)
	// It dies with a record on its way into the journal, or the moment after.
	k.send(k.nas(200+rand.IntN(50)), true)
	<-time.After(time.Duration(rand.IntN(2000)) * time.Microsecond)
	k.kill()
	k.lasted()
	if k.t.Failed() {
		k.t.Logf("the log:\n%s", log.String())
	}
}

// lasted has the database believe, mostly, that the process served for long: one of many that
// ended soon after their starts would be blamed on it, and it would never be opened again.
func (k *killer) lasted() {
	k.t.Helper()
	if rand.IntN(8) == 0 {
		return
	}
	if err := os.Truncate(filepath.Join(k.state, "db.mark"), 0); err != nil {
		k.t.Error(err)
	}
}

// learn has the program learn that a NAS signs its requests, and waits until the journal has it.
func (k *killer) learn() {
	k.t.Helper()
	conn := k.nas(100 + len(k.learnt)/100)
	k.send(conn, true)
	address, _, _ := net.SplitHostPort(conn.LocalAddr().String())
	k.until("in the journal", 10*time.Second, func() error {
		journal, err := os.ReadFile(filepath.Join(k.state, "journal"))
		if err == nil && !bytes.Contains(journal, []byte(address)) {
			err = errors.New(address + " is not there")
		}
		return err
	})
	k.learnt = append(k.learnt, conn)
}

// nas returns a socket on an address of its own, in which all numbers have three digits, so
// that none is part of another.
func (k *killer) nas(third int) net.Conn {
	k.t.Helper()
	local := &net.UDPAddr{IP: net.IPv4(127, 177, byte(third), byte(100+len(k.learnt)%100))}
	dialer := net.Dialer{LocalAddr: local}
	conn, err := dialer.Dial("udp", k.auth)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// remembers has every NAS that was learnt send a request without signature: all are discarded.
func (k *killer) remembers() {
	k.t.Helper()
	for _, conn := range k.learnt {
		k.send(conn, false)
	}
	k.until("remembering every NAS", 10*time.Second, func() error {
		n := k.status().RADIUS.Discards["message_authenticator_missing"]
		if n != uint64(len(k.learnt)) {
			return fmt.Errorf("%d of %d learnt NASes were turned away", n, len(k.learnt))
		}
		return nil
	})
}

// forgotten checks the check: a NAS that was never learnt gets an answer, one that was does not.
func (k *killer) forgotten() {
	k.t.Helper()
	k.start(io.Discard)
	k.status()
	stranger := k.nas(99)
	k.send(stranger, false)
	if err := stranger.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		k.t.Fatal(err)
	}
	if _, err := stranger.Read(make([]byte, radius.MaxPacketLength)); err != nil {
		k.t.Errorf("a NAS that was never learnt got no answer: %v", err)
	}
	k.kill()
}

// send sends a request without EAP, signed or not.
func (k *killer) send(conn net.Conn, signed bool) {
	k.t.Helper()
	request := radius.New(radius.CodeAccessRequest, k.device.Secret)
	err := errors.Join(rfc2865.UserName_SetString(request, "nobody"),
		rfc2865.UserPassword_SetString(request, "no password"))
	if signed {
		err = errors.Join(err, rfc2869.MessageAuthenticator_Set(request, make([]byte, md5.Size)))
		blank, encodeErr := request.Encode()
		mac := hmac.New(md5.New, k.device.Secret)
		mac.Write(blank)
		err = errors.Join(err, encodeErr, rfc2869.MessageAuthenticator_Set(request, mac.Sum(nil)))
	}
	raw, encodeErr := request.Encode()
	if err := errors.Join(err, encodeErr); err != nil {
		k.t.Fatal(err)
	}
	// What the kernel tells of the process before this one counts for nothing.
	if _, err := conn.Write(raw); err != nil {
		_, err = conn.Write(raw)
		if err != nil {
			k.t.Fatal(err)
		}
	}
}
