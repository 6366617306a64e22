package appliance_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/appliance/confdir"
	"gatehouse/webui"
)

const guestWiFi = `authentication: {method: passwordless, ca: [acme]}
clients: [{name: guest1, address: 192.0.2.0/24, secret: another secret of the tests}]
`

// TestEditIsInForce when it returns, deletions too, and the log says who and under which generation.
func TestEditIsInForce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.watched = true
	s.start()
	before := s.appliance.Report().Generation
	generation, err := s.appliance.Edit("account admin", confdir.Change{
		Write: []confdir.File{{Path: "radius/guest.yaml", Data: []byte(guestWiFi), Secret: true}}})
	if err != nil || generation <= before || s.appliance.Report().Generation != generation {
		t.Errorf("generation %d after %d, %v", generation, before, err)
	}
	for _, want := range []string{`"msg":"tested"`, `"by":"account admin"`, `"file":"radius/wifi.yaml"`} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if strings.Contains(s.log.String(), "another secret") {
		t.Error("a secret is in the log")
	}
	gone, err := s.appliance.Edit("console", confdir.Change{Remove: []string{"radius/guest.yaml"}})
	if err != nil || gone <= generation {
		t.Errorf("removed: generation %d after %d, %v", gone, generation, err)
	}
}

// TestEditRefused changes nothing, and says why in words.
func TestEditRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.watched = true
	s.start()
	before := s.appliance.Report().Generation
	_, err := s.appliance.Edit("console", confdir.Change{Remove: []string{"ca/acme.pem"}})
	if !errors.Is(err, webui.ErrInvalid) || !strings.Contains(err.Error(), "no CA is left") {
		t.Errorf("the last CA: %v", err)
	}
	if got := s.appliance.Report().Generation; got != before {
		t.Errorf("generation %d, want %d", got, before)
	}
	if err := os.Symlink("wifi.yaml", filepath.Join(s.dir, "radius", "other.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.appliance.Edit("console", confdir.Change{Remove: []string{"radius/other.yaml"}}); err == nil {
		t.Error("a link was removed")
	}
}

// TestEditIsManaged where loose files do not count.
func TestEditIsManaged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := s.start().appliance.Edit("console", confdir.Change{}); !errors.Is(err, webui.ErrRefused) {
		t.Errorf("without a known directory: %v", err)
	}
}
