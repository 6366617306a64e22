package appliance_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/sync/bundle"
)

// A publisher is a fleet manager's web server with one bundle, in a directory of its own.
type publisher struct {
	*httptest.Server
	t   testing.TB
	key bundle.SigningKey

	mu       sync.Mutex
	files    map[string][]byte
	requests int
}

func newPublisher(t testing.TB) *publisher {
	t.Helper()
	p := &publisher{t: t, key: must(bundle.GenerateKey())(t), files: map[string][]byte{}}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.requests++
		data, ok := p.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(data))))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(p.Close)
	return p
}

// build makes a bundle of what is in dir, but for what belongs to one gateway.
func (p *publisher) build(dir string, serial uint64) (archive, signature []byte) {
	p.t.Helper()
	b := must(bundle.Build(os.DirFS(dir), bundle.BuildOptions{ID: "branch", Serial: serial, AllowPlain: true}))(p.t)
	return b.Archive, must(p.key.Sign(bytes.NewReader(b.Archive), b.Manifest.Comment()))(p.t)
}

func (p *publisher) publish(path string, archive, signature []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[path], p.files[path+".minisig"] = archive, signature
}

// trust has the site take the publisher's bundles.
func (p *publisher) trust(s *site) {
	s.write("fleet.pub", string(p.key.Trusted("fleet").Text()))
	s.write("web.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})))
}

// headOffice returns a configuration directory like that of s, to build from.
func headOffice(s *site) *site {
	s.t.Helper()
	o := &site{t: s.t, dir: s.t.TempDir(), ca: s.ca, serverCA: s.serverCA}
	for _, name := range []string{"policy.yaml", "radius/wifi.yaml", "ca/acme.pem"} {
		o.write(name, string(must(os.ReadFile(filepath.Join(s.dir, name)))(s.t)))
	}
	o.writeServer("rsa", lab.RSA2048)
	o.write("users/staff.yaml", aliceAnd("bob"))
	return o
}

// aliceAnd is a file of two users.
func aliceAnd(name string) string {
	return "- {username: alice, email: alice@acme.example}\n" +
		fmt.Sprintf("- {username: %s, email: %s@acme.example}\n", name, name)
}

// TestBundleIsFetched has a gateway fetch what head office publishes, and sign in who is in it; then
// the next one; and go on with it when that is refused, and when nobody answers any more.
func TestBundleIsFetched(t *testing.T) {
	t.Parallel()
	s, p := newSite(t), newPublisher(t)
	p.trust(s)
	s.boot.Node.ID = "oslo-1"
	s.boot.Fleet.Pull.URL = p.URL + "/fleet/{id}.tar.gz"
	s.boot.Fleet.Pull.CA = "web.pem"
	s.boot.Fleet.Pull.Interval = 300 * time.Millisecond
	office := headOffice(s)
	s.start()
	bob := station{leaf: s.user(lab.UserOptions{Kind: lab.EmailSAN, Identity: "bob@acme.example"})}
	s.reject(bob, "user_unknown")

	publish := func(serial uint64) {
		archive, signature := p.build(office.dir, serial)
		p.publish("/fleet/oslo-1.tar.gz", archive, signature)
		s.eventually(fmt.Sprintf("serial %d in force", serial), func() bool {
			return strings.Contains(s.scrape(), fmt.Sprintf("gatehouse_bundle_serial %d\n", serial))
		})
		s.eventually("confirmed", func() bool { return strings.Contains(s.scrape(), `confirmed="true"`) })
	}
	publish(1)
	s.accept(bob)
	if !strings.Contains(s.log.String(), `"arrived":"pull"`) {
		t.Error("nobody says how it came")
	}
	if strings.Contains(s.log.String(), "has no meaning here") {
		t.Error("a file that gatehouse.yaml names is called unknown")
	}
	office.write("users/staff.yaml", aliceAnd("carol"))
	publish(2)
	s.reject(bob, "user_unknown")

	archive, signature := p.build(office.dir, 3)
	signature[len(signature)-10] ^= 1
	p.publish("/fleet/oslo-1.tar.gz", archive, signature)
	s.eventually("refused", func() bool {
		return strings.Contains(s.scrape(), `gatehouse_bundle_apply_total{result="refused"} 1`)
	})
	s.reject(bob, "user_unknown")
	p.Close()
	s.eventually("failing to fetch", func() bool { return strings.Contains(s.scrape(), "gatehouse_fetch_failing 1") })
	s.accept(s.alice())
}
