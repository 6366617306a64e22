package appliance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/appliance"
	"gatehouse/appliance/control"
	"gatehouse/appliance/store"
	"gatehouse/authcore/supplicant"
	"gatehouse/webui"
)

// crowd is a file of n users, the first changed of whom have another name than the rest.
func crowd(n, changed int) string {
	var b strings.Builder
	for i := range n {
		name := "Person"
		if i < changed {
			name = "Somebody"
		}
		fmt.Fprintf(&b, "{\"username\": \"user%06d\", \"email\": \"user%06d@acme.example\", \"name\": \"%s %d\", \"groups\": [\"staff\"]}\n",
			i, i, name, i)
	}
	return b.String()
}

func (s *site) store() webui.Store {
	s.t.Helper()
	var status webui.Status
	if err := json.Unmarshal([]byte(s.ask(http.MethodGet, "/api/v1/status", "")), &status); err != nil {
		s.t.Fatal(err)
	}
	return status.Store
}

// written waits until at least so many records were put, and returns the store then.
func (s *site) written(records int) webui.Store {
	s.t.Helper()
	s.eventually(fmt.Sprintf("written %d records", records), func() bool {
		return s.store().Records >= int64(records)
	})
	s.eventually("in force", func() bool { return s.store().Users > 0 })
	return s.store()
}

// TestUsersCostTheirChange writes what has changed and nothing else: on a reload, and over a
// restart.
func TestUsersCostTheirChange(t *testing.T) {
	t.Parallel()
	const n = 20_000
	s := newSite(t)
	s.write("users/crowd.jsonl", crowd(n, 0))
	t.Run("first_run", func(t *testing.T) {
		s.t = t
		s.start()
		const all = 2 * 2 * (n + 1) // by name and by address, in both slots
		first := s.written(all + 4) // with what stands about the slots
		if first.Mode != "disk" || first.Red || first.Users != n+1 || first.BytesWritten < n*200 {
			t.Fatalf("got %+v, want %d users on disk", first, n+1)
		}
		s.write("policy.yaml", "revocation: {ocsp: off}\neap: {reject_delay: 600ms}\n")
		s.reload()
		if now := s.store(); now.BytesWritten != first.BytesWritten {
			t.Errorf("a reload without changed users wrote %d bytes", now.BytesWritten-first.BytesWritten)
		}
		s.write("users/crowd.jsonl", crowd(n, 100))
		s.reload()
		now := s.written(all + 4 + 2*100)
		if wrote := now.BytesWritten - first.BytesWritten; wrote < 100*200 || wrote > 100*1000 {
			t.Errorf("a reload with 100 of %d users changed wrote %d bytes", n, wrote)
		}
		if text := s.scrape(); !strings.Contains(text, fmt.Sprintf("gatehouse_store_users %d\n", n+1)) ||
			!strings.Contains(text, "gatehouse_store_red 0\n") {
			t.Errorf("the metrics lack the store:\n%s", text)
		}
	})
	t.Run("restart", func(t *testing.T) {
		s.t = t
		s.start()
		s.eventually("in force", func() bool { return s.store().Users == n+1 })
		if now := s.store(); now.BytesWritten != 0 || now.Rebuilt != 0 {
			t.Errorf("got %+v, want nothing written", now)
		}
		s.accept(s.alice())
	})
}

// TestRestartOverBrokenUsers starts with a broken file of users: who was in it comes from the
// disk. With nothing on the disk nobody is let in.
func TestRestartOverBrokenUsers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("users/more.csv", "username\nbob\n")
	for _, life := range []struct {
		name   string
		before func()
		reason string
	}{
		{"at_first", func() {}, ""},
		{"broken", func() { s.write("users/staff.yaml", "- {usernam: alice}\n") }, ""},
		{"broken_still", func() {}, ""},
		{"nothing_on_disk", func() {
			if err := os.RemoveAll(filepath.Join(s.state, "db")); err != nil {
				t.Fatal(err)
			}
		}, "user_unknown"},
	} {
		t.Run(life.name, func(t *testing.T) { // one life of the process each
			s.t = t
			life.before()
			s.start()
			s.eventually("saying what is broken", func() bool {
				return (s.appliance.Report().Errors > 0) == (life.name != "at_first")
			})
			if life.reason == "" {
				s.accept(s.alice())
			} else {
				ok, output := s.eapol(s.alice())
				if d := s.decision(); ok || d.Reason != life.reason {
					t.Errorf("got ok %v, %+v, want %s\n%s", ok, d, life.reason, tail(output))
				}
			}
		})
	}
}

// TestReloadUnderLoad suspends a user and lets her in again, over and over, while her devices
// sign in all the time: every decision is that of its generation, and none fails for the change.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("users/crowd.jsonl", crowd(2000, 0))
	s.start()
	load, err := supplicant.NewLoad(supplicant.LoadConfig{Config: s.device("1.3"), Duration: time.Minute, Parallel: 4})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		load.Run(ctx)
	}()
	decided := func(generation uint64) func() bool {
		return func() bool {
			for _, d := range s.log.decisions() {
				if d.Generation >= generation {
					return true
				}
			}
			return false
		}
	}
	for g := uint64(1); g <= 7; g++ {
		s.eventually(fmt.Sprintf("deciding by generation %d", g), decided(g))
		state := "suspended"
		if g%2 == 0 {
			state = "active"
		}
		s.write("users/staff.yaml", "- {username: alice, email: alice@acme.example, groups: [staff], state: "+state+"}\n")
		s.write("users/crowd.jsonl", crowd(2000, int(g)*100))
		s.reload()
	}
	s.eventually("deciding by generation 8", decided(8))
	stop()
	<-done
	for _, d := range s.log.decisions() {
		want := "accepted"
		if d.Generation%2 == 0 {
			want = "user_suspended"
		}
		if d.Reason != want && d.Reason != "peer_timeout" { // the load was cut short
			t.Errorf("generation %d: got %s (%s), want %s", d.Generation, d.Reason, d.Detail, want)
		}
	}
}

// TestStoreInUse has another process on the database of a state directory without a socket.
func TestStoreInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	logger := slog.New(slog.DiscardHandler)
	other, err := store.Open(store.Config{Dir: filepath.Join(s.state, "db"), Logger: logger, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	_, err = appliance.New(appliance.Config{Boot: s.boot, Tree: os.DirFS(s.dir), StateDir: s.state, Logger: logger})
	if !errors.Is(err, control.ErrRunning) || !errors.Is(err, store.ErrInUse) {
		t.Errorf("got %v, want that another process has it", err)
	}
}
