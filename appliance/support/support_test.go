package support_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gatehouse/appliance/support"
	"gatehouse/authcore/pki/lab"
)

// pack returns the files of an archive, by name.
func pack(t *testing.T, ctx context.Context, secrets *support.Secrets, parts ...support.Part) map[string]string {
	t.Helper()
	var b bytes.Buffer
	if err := support.Write(ctx, &b, parts, secrets, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	packed, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	files, archive := map[string]string{}, tar.NewReader(packed)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil || header.Mode != 0o600 {
			t.Fatal(err, header.Mode)
		}
		files[strings.TrimPrefix(header.Name, "gatehouse-support/")] = string(text)
	}
}

// TestSecretsAreRemoved in every form in which a text may hold them.
func TestSecretsAreRemoved(t *testing.T) {
	t.Parallel()
	var secrets support.Secrets
	const secret = `p<l&"a\nted / é`
	secrets.Add(secret, "longer p<l", "abc", "")
	in := "plain " + secret + ` json "p\u003cl\u0026\"a\\nted / é" html p&lt;l&amp;&#34;a\nted / é url p%3Cl%26%22a%5Cnted+%2F+%C3%A9 short abc`
	want := `plain [redacted] json "[redacted]" html [redacted] url [redacted] short abc`
	if got := string(secrets.Remove([]byte(in))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestArchiveIsBounded in bytes and in time, and says what is missing.
func TestArchiveIsBounded(t *testing.T) {
	t.Parallel()
	var secrets support.Secrets
	secrets.Add("planted-secret")
	big := strings.Repeat("x", support.MaxPart-7) + "planted-secret" // cut in two by the bound
	var parts []support.Part
	for _, name := range strings.Split("abcdefghijklmnop", "") {
		parts = append(parts, support.Text(name, big))
	}
	parts = append(parts, support.Part{Name: "broken", Write: func(io.Writer) error { return errors.New("no planted-secret") }})
	files := pack(t, t.Context(), &secrets, parts...)
	all := 0
	for name, text := range files {
		if all += len(text); strings.Contains(text, "planted") {
			t.Errorf("%s ends in %q", name, text[max(0, len(text)-40):])
		}
	}
	if all > 12<<20+4096 || len(files) != len(parts) || !strings.HasSuffix(files["a"], "\ncut here\n") ||
		!strings.Contains(files["p"], "large enough") {
		t.Errorf("%d bytes in %d files, the last is %q", all, len(files), files["p"])
	}
	if got := pack(t, t.Context(), &secrets, parts[16])["broken"]; got != "\nnot complete: no [redacted]\n" {
		t.Errorf("a part that fails: %q", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := pack(t, ended, nil, parts[0])["a"]; !strings.Contains(got, "time was up") {
		t.Errorf("out of time: %q", got)
	}
}

// TestConfigurationIsAnOutline: what is known to be harmless is shown, and nothing else.
func TestConfigurationIsAnOutline(t *testing.T) {
	t.Parallel()
	ca, err := lab.NewCA(lab.CAOptions{Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{
		"policy.yaml": {Data: []byte("# planted\neap: {tls_min: \"1.3\"}\nnotices: {webhook: \"https://u:planted@hooks.example/planted?planted\"," +
			" smtp: {username: gw, password: planted}}\nplanted: planted\n")},
		"radius/wifi.yaml":   {Data: []byte("clients:\n  - {name: ap1, address: 10.0.0.1, secret: planted, coa: {secret: planted}}\n")},
		"radius/broken.yaml": {Data: []byte("clients: [{name: planted, address: planted}]\n")},
		"radius/none.yaml":   {Data: []byte("clients: [{secret: \"planted\n")},
		"users/staff.yaml":   {Data: []byte("- {username: planted}\n")},
		"users/staff.csv":    {Data: []byte("username\nplanted\n")},
		"ap.secret":          {Data: []byte("planted")},
		"ca/acme.pem":        {Data: append(ca.CertificatePEM(), ca.KeyPEM()...)},
		"server/a/key.pem":   {Data: ca.KeyPEM()},
		".git/config":        {Data: []byte("planted")},
	}
	files := pack(t, t.Context(), nil, support.Configuration(fsys, map[string]bool{"radius/broken.yaml": true})...)
	for name, text := range files {
		if strings.Contains(text, "planted") || strings.Contains(text, strings.Split(string(ca.KeyPEM()), "\n")[1]) {
			t.Errorf("%s:\n%s", name, text)
		}
	}
	for name, wants := range map[string][]string{
		"config/policy.yaml":        {"  tls_min: \"1.3\"\n", "webhook: https://hooks.example/[redacted]\n", "password: [redacted]", "[unknown key]: [redacted]"},
		"config/radius/wifi.yaml":   {"name: \"ap1\"", "address: \"10.0.0.1\"", "secret: [redacted]"},
		"config/radius/broken.yaml": {"has errors", "name: [redacted]"},
		"config/radius/none.yaml":   {"no YAML"},
		"config/ca/acme.pem":        {"Acme", "BEGIN CERTIFICATE", "something else than a certificate, left out"},
		"config/left-out.txt":       {"users/staff.yaml: 22 bytes", "ap.secret: 7 bytes", "server/a/key.pem", "users/staff.csv"},
	} {
		for _, want := range wants {
			if !strings.Contains(files[name], want) {
				t.Errorf("%s lacks %q:\n%s", name, want, files[name])
			}
		}
	}
	if len(files) != 6 {
		t.Errorf("%d files: %v", len(files), files)
	}
}
