package appliance_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance"
)

// contentLines is what the API says a version consists of, a line each.
func (s *site) contentLines(version string) []string {
	s.t.Helper()
	var c appliance.BundleContents
	if code, text := s.asking(http.MethodGet, "/api/v1/bundle/contents?version="+version, nil, &c); code != http.StatusOK {
		s.t.Fatalf("contents of %q: %d %s", version, code, text)
	}
	lines := []string{"loose"}
	if c.Version != nil {
		lines[0] = fmt.Sprintf("serial %d, %d secrets", c.Version.Serial, c.Secrets)
	}
	for _, o := range c.Objects {
		lines = append(lines, fmt.Sprintf("%s size=%v hash=%v certificate=%v secret=%v", o.Path, o.Size > 0, o.SHA256 != "", o.Fingerprint != "", o.Secret))
	}
	return lines
}

// TestContentsAndChanges tells what loose files and bundles consist of, and what a bundle changes,
// over a life of both; and no face of it says a secret, or what one could be found by.
func TestContentsAndChanges(t *testing.T) {
	t.Parallel()
	s, p := newSite(t), newPublisher(t)
	p.trust(s)
	office := headOffice(s)
	s.start()
	want := []string{"loose",
		"ca/acme.pem size=false hash=true certificate=false secret=false",
		"policy.yaml size=false hash=false certificate=false secret=true",
		"radius/wifi.yaml size=false hash=false certificate=false secret=true",
		"server/ecdsa/certificate.pem size=false hash=true certificate=false secret=false",
		"server/ecdsa/key.pem size=false hash=false certificate=false secret=true",
		"users/staff.yaml size=false hash=false certificate=false secret=true"}
	if diff := cmp.Diff(want, s.contentLines("")); diff != "" {
		t.Errorf("loose files (-want +got)\n%s", diff)
	}
	if code, text := s.asking(http.MethodGet, "/api/v1/bundle/changes", nil, nil); code != http.StatusNotFound {
		t.Errorf("changes without a bundle: %d %s", code, text)
	}

	s.arrives(p, office, 1)
	s.applied("applied", 1)
	want = []string{"serial 1, 0 secrets",
		"ca/acme.pem size=true hash=true certificate=true secret=false",
		"policy.yaml size=true hash=true certificate=false secret=false",
		"radius/wifi.yaml size=false hash=false certificate=false secret=true",
		"server/rsa/certificate.pem size=true hash=true certificate=true secret=false",
		"server/rsa/key.pem size=false hash=false certificate=true secret=true",
		"users/staff.yaml size=true hash=true certificate=false secret=false"}
	if diff := cmp.Diff(want, s.contentLines("1")); diff != "" {
		t.Errorf("a bundle (-want +got)\n%s", diff)
	}
	if code, text := s.asking(http.MethodGet, "/api/v1/bundle/changes", nil, nil); code != http.StatusNotFound || !strings.Contains(text, "none before") {
		t.Errorf("changes of the first bundle: %d %s", code, text)
	}

	office.write("users/staff.yaml", aliceAnd("carol"))
	office.write("radius/wifi.yaml", strings.Replace(office.read("radius/wifi.yaml"), sharedSecret, "another-"+sharedSecret, 1))
	office.write("admins.yaml", fmt.Sprintf("tokens: [{name: planted-name, scopes: [read], sha256: %q}]\n", strings.Repeat("5a", 32)))
	s.arrives(p, office, 2)
	s.applied("applied", 2)
	s.tellsChanges()
	s.tellsNoSecret(office, []string{"/api/v1/bundle/contents", "/api/v1/bundle/contents?version=1", "/api/v1/bundle/changes", "/api/v1/bundle/changes?from=2&to=1"})
	s.damageVersion(1)
	if code, text := s.asking(http.MethodGet, "/api/v1/bundle/contents?version=1", nil, nil); code != http.StatusConflict || !strings.Contains(text, "serial 1 is damaged on the disk") {
		t.Errorf("a damaged version: %d %s", code, text)
	}
	if code, _ := s.asking(http.MethodGet, "/api/v1/bundle/changes?from=1&to=2", nil, nil); code != http.StatusOK {
		t.Errorf("what was compared before is forgotten: %d", code)
	}
}

// tellsChanges asks what serial 2 changes, by several people at once.
func (s *site) tellsChanges() {
	s.t.Helper()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			var c appliance.BundleChanges
			if code, text := s.asking(http.MethodGet, "/api/v1/bundle/changes", nil, &c); code != http.StatusOK {
				s.t.Errorf("changes: %d %s", code, text)
				return
			}
			var got []string
			for _, o := range c.Objects {
				got = append(got, o.Op+" "+o.Path)
			}
			for _, row := range append(c.Changes, c.Access...) {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", row.Op, row.Kind, row.Name, row.Of, row.Text)))
			}
			got = append(got, fmt.Sprintf("from %d to %d, users %+v", c.From.Serial, c.To.Serial, c.Users))
			want := []string{"added admins.yaml", "changed radius/wifi.yaml", "changed users/staff.yaml",
				"changed client ap1 wifi secret changed", "added token planted-name",
				"from 1 to 2, users {Added:1 Removed:1 Changed:0 Secrets:0}"}
			if diff := cmp.Diff(want, got); diff != "" {
				s.t.Errorf("changes (-want +got)\n%s", diff)
			}
		})
	}
	all.Wait()
}

// tellsNoSecret reads what each address answers: no secret of office, and no hash or size of a file
// that holds one.
func (s *site) tellsNoSecret(office *site, addresses []string) {
	s.t.Helper()
	forbidden := []string{sharedSecret, strings.Repeat("5a", 32), "PRIVATE KEY", "carol", "bob"}
	for _, name := range []string{"radius/wifi.yaml", "server/rsa/key.pem", "admins.yaml"} {
		sum := sha256.Sum256([]byte(office.read(name)))
		forbidden = append(forbidden, hex.EncodeToString(sum[:]), fmt.Sprintf(`"size":%d`, len(office.read(name))))
	}
	for _, address := range addresses {
		_, text := s.asking(http.MethodGet, address, nil, nil)
		for _, secret := range forbidden {
			if strings.Contains(text, secret) {
				s.t.Errorf("%s says %q", address, secret)
			}
		}
	}
}

// damageVersion alters a byte of a version that is kept.
func (s *site) damageVersion(serial uint64) {
	s.t.Helper()
	for _, v := range s.appliance.Status().Bundle.Kept {
		if v.Serial != serial {
			continue
		}
		name := filepath.Join(s.state, "versions", v.Name, "bundle.tar.gz")
		data := must(os.ReadFile(name))(s.t)
		data[len(data)/2] ^= 1
		if err := os.WriteFile(name, data, fs.FileMode(0o600)); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	s.t.Fatalf("serial %d is not kept", serial)
}
