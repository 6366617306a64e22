package appliance_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestChangedFileGoesLive changes files and tells nobody.
func TestChangedFileGoesLive(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.watched = true
	s.start()
	s.write("users/more.csv", "username\nbob\n")
	s.eventually("live", func() bool { return s.appliance.Report().Generation == 2 })
	s.write("users/more.csv", "username\n\"bob\n")
	s.eventually("found broken", func() bool { return s.appliance.Report().Errors > 0 })
	if n := s.appliance.Report().Generation; n != 2 {
		t.Errorf("generation %d by a broken file", n)
	}
}

// TestStateInConfiguration has the state directory where it does not belong: every write of the
// database would be a change of the configuration.
func TestStateInConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dir = s.state // a socket's name is short
	s.state = filepath.Join(s.dir, "state")
	s.watched = true
	s.run()
	if !strings.Contains(s.log.String(), "changes of the configuration are not noticed") {
		t.Error("not said")
	}
}
