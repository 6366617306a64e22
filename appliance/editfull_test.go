package appliance_test

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/pki/lab"
	"gatehouse/testdata/tinydisk"
	"gatehouse/webui"
)

// TestEditOnADiskThatIsFull is refused by the API and on the page, with the cause and what to do;
// every file and what is in force stay, people go on signing in, and with room the same edit works.
func TestEditOnADiskThatIsFull(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(*site) func(){
		"of bytes": (*site).fillBytes, "of names": (*site).fillNames,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.watched = true
			s.onTinyDisk("size=256k,nr_inodes=64")
			s.start()
			s.awaitSetUp()
			b := s.browser()
			if path := b.setUp(s.code()); path != "/" {
				t.Fatalf("set up: at %s", path)
			}
			s.editsWithoutRoom(b, fill(s))
		})
	}
}

// editsWithoutRoom tries on a full disk, calls free, and tries again.
func (s *site) editsWithoutRoom(b *browser, free func()) {
	t := s.t
	t.Helper()
	files, modes, generation := s.files(), s.modes(), s.appliance.Report().Generation
	other := must(lab.NewCA(lab.CAOptions{Name: "Other CA"}))(t)
	change := webui.RADIUSChange{CAs: []string{"acme"}, SSID: []string{"corp"},
		Uploads: []webui.CAUpload{{Name: "other", PEM: string(other.CertificatePEM())}}}
	form := url.Values{"name": {"guest"}, "was": {""}, "client": {"lobby"}, "address": {"192.0.2.9"},
		"secret": {""}, "method": {"passwordless"}, "ca": {"acme"}, "ssid": {"guest"}}
	code, text := s.asking("PUT", "/api/v1/radius/wifi", change, nil)
	_, page := b.post("/setup/add-radius", form)
	for who, got := range map[string]string{"the API": text, "the page": page} {
		for _, want := range []string{"he disk is full: nothing was changed; make room", "then do it again"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not say %q: %s", who, want, got)
			}
		}
	}
	if kept := strings.Contains(page, `value="lobby"`); code != 409 || !kept {
		t.Errorf("got %d, and what was filled in is kept: %t", code, kept)
	}
	if diff := cmp.Diff(files, s.files()) + cmp.Diff(modes, s.modes()); diff != "" {
		t.Errorf("something has changed:\n%s", diff)
	}
	if got := s.appliance.Report().Generation; got != generation {
		t.Errorf("generation %d is in force, want %d", got, generation)
	}
	s.signIn(s.device("1.3"), "accepted", false)
	free()
	if code, text := s.asking("PUT", "/api/v1/radius/wifi", change, nil); code != 200 {
		t.Errorf("with room: got %d %s", code, text)
	}
	if _, page := b.post("/setup/add-radius", form); !strings.Contains(page, "guest is saved: live") {
		t.Errorf("with room: %s", page)
	}
	after := s.files()
	if !strings.Contains(after["radius/wifi.yaml"], "corp") || after["radius/guest.yaml"] == "" || after["ca/other.pem"] == "" {
		t.Errorf("with room the files are %v", s.modes())
	}
}

// onTinyDisk moves the configuration to a file system of its own.
func (s *site) onTinyDisk(options string) {
	s.t.Helper()
	files := s.files()
	tinydisk.Mount(s.t, s.dir, options)
	for name, content := range files {
		s.write(name, content)
	}
}

// fillBytes takes the last byte of the disk, and returns what makes room again.
func (s *site) fillBytes() (free func()) {
	s.t.Helper()
	err := os.WriteFile(filepath.Join(s.dir, "ballast"), make([]byte, 1<<20), 0o600)
	return s.filled(err)
}

// fillNames takes the last inode of the disk, and returns what makes room again.
func (s *site) fillNames() (free func()) {
	s.t.Helper()
	err := os.Mkdir(filepath.Join(s.dir, "ballast"), 0o700)
	for name := "a"; err == nil; name += "a" {
		err = os.WriteFile(filepath.Join(s.dir, "ballast", name), nil, 0o600)
	}
	return s.filled(err)
}

func (s *site) filled(err error) (free func()) {
	s.t.Helper()
	if !errors.Is(err, syscall.ENOSPC) {
		s.t.Fatalf("filling the disk: %v", err)
	}
	return func() {
		s.t.Helper()
		if err := os.RemoveAll(filepath.Join(s.dir, "ballast")); err != nil {
			s.t.Error(err)
		}
	}
}

// files returns what the configuration directory has, by path.
func (s *site) files() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for name := range s.modes() {
		all[name] = s.read(name)
	}
	return all
}

// modes returns the permissions of every file of the configuration directory, but for the ballast.
func (s *site) modes() map[string]fs.FileMode {
	s.t.Helper()
	all := map[string]fs.FileMode{}
	err := fs.WalkDir(os.DirFS(s.dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(name, "ballast") {
			return err
		}
		info, err := e.Info()
		if err == nil {
			all[name] = info.Mode().Perm()
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}
