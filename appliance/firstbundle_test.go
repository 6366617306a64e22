package appliance_test

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"

	"gatehouse/authcore/pki/lab"
)

// newEmptySite is a gateway as it comes from the box: fleet.pub beside gatehouse.yaml, and no
// configuration at all. It returns its first bundle.
func newEmptySite(t *testing.T, requireSigned bool) (s *site, archive, signature []byte) {
	t.Helper()
	s = newSite(t)
	p := newPublisher(t)
	office := headOffice(s)
	archive, signature = p.build(office.dir, 1)
	s.dir = t.TempDir()
	s.write("fleet.pub", string(p.key.Trusted("fleet").Text()))
	s.boot.Fleet.RequireSigned = requireSigned
	s.run()
	return s, archive, signature
}

// servesBundle wants the first bundle in force, and its people signing in.
func (s *site) servesBundle() {
	s.t.Helper()
	s.eventually("confirmed", func() bool { return strings.Contains(s.scrape(), `confirmed="true"`) })
	s.accept(station{leaf: s.user(lab.UserOptions{Kind: lab.EmailSAN, Identity: "bob@acme.example"})})
}

// TestFirstBundleInTheUI: a gateway with nothing in force knows no token and no account. Whoever
// stands before it makes the first account by the set-up code, and brings the bundle.
func TestFirstBundleInTheUI(t *testing.T) {
	t.Parallel()
	for name, requireSigned := range map[string]bool{"loose": false, "signed_only": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, archive, signature := newEmptySite(t, requireSigned)
			s.awaitSetUp()
			b := s.browser()
			if path := b.setUp(s.code()); path != "/" {
				t.Fatalf("setting up ends at %s", path)
			}
			if path, page := b.get("/setup/config"); path != "/setup/config" || !strings.Contains(page, "Upload a bundle") {
				t.Fatalf("got %s: %s", path, page)
			}
			path, page := b.upload(archive, signature)
			if !strings.HasPrefix(path, "/setup/config/pushes/") {
				t.Fatalf("uploading ends at %s: %s", path, page)
			}
			s.servesBundle()
			if _, page = b.get(path); !strings.Contains(page, "In force") {
				t.Errorf("the account that brought it is told: %s", page)
			}
		})
	}
}

// upload brings a bundle by the form.
func (b *browser) upload(archive, signature []byte) (string, string) {
	b.s.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range []struct {
		field, name string
		data        []byte
	}{{"signature", "b.tar.gz.minisig", signature}, {"archive", "b.tar.gz", archive}} {
		part := must(w.CreateFormFile(f.field, f.name))(b.s.t)
		_ = must(part.Write(f.data))(b.s.t)
	}
	if err := w.Close(); err != nil {
		b.s.t.Fatal(err)
	}
	return b.read(b.client.Post("https://"+b.s.appliance.WebAddr()+"/setup/config/bundle", w.FormDataContentType(), &body))
}
