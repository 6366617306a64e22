package appliance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMA4LearntSurvivesRestart has a client in auto mode: once it has sent a
// Message-Authenticator without EAP it must always do so, after a restart too, and when the
// journal that says so has been damaged.
func TestMA4LearntSurvivesRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.replace("radius/wifi.yaml", "{name: ap1,", "{name: ap1, message_authenticator: auto,")
	const unsigned = "User-Name = alice, User-Password = x"
	const signed = unsigned + ", Message-Authenticator = 0x00"
	answered := func(attributes string) bool {
		return strings.Contains(s.radclient("auth", sharedSecret, attributes), "Received Access-Reject")
	}
	for _, life := range []struct {
		name   string
		before func()
		want   bool // an answer to a request without Message-Authenticator
		learn  bool
	}{
		{"at_first", func() {}, true, true},
		{"after_a_restart", func() {}, false, false},
		{"journal_damaged", s.damageJournal, false, false},
		{"journal_gone", func() { s.removeState("journal") }, true, false},
	} {
		t.Run(life.name, func(t *testing.T) { // one life of the process each
			s.t = t
			life.before()
			s.start()
			damaged := life.name == "journal_damaged"
			if s.appliance.Status().Journal.Red != damaged ||
				strings.Contains(s.scrape(), "gatehouse_journal_red 1\n") != damaged {
				t.Errorf("got journal %+v, want red %v there and in the metrics", s.appliance.Status().Journal, damaged)
			}
			if got := answered(unsigned); got != life.want {
				t.Errorf("without Message-Authenticator: answered %v, want %v", got, life.want)
			}
			if !life.learn {
				return
			}
			if !answered(signed) {
				t.Error("with Message-Authenticator: not answered")
			}
			if answered(unsigned) {
				t.Error("without it, once learnt: answered")
			}
		})
	}
}

// damageJournal changes the first octets of the journal.
func (s *site) damageJournal() {
	s.t.Helper()
	path := filepath.Join(s.state, "journal")
	data := must(os.ReadFile(path))(s.t)
	for i := range min(8, len(data)) {
		data[i] ^= 0x55
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) removeState(name string) {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.state, name)); err != nil {
		s.t.Fatal(err)
	}
}
