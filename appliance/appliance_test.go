package appliance_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/appliance"
	"gatehouse/appliance/bootconf"
	"gatehouse/appliance/control"
	"gatehouse/appliance/health"
)

// TestHealthIsTheSameEverywhere asks over HTTPS and over the control socket.
func TestHealthIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	web := &http.Client{Transport: &http.Transport{
		// The certificate is the device's own; a person compares its fingerprint.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	for name, get := range map[string]func(string) (*http.Response, error){
		"web": func(path string) (*http.Response, error) { return web.Get("https://" + s.appliance.WebAddr() + path) },
		"control": func(path string) (*http.Response, error) {
			return control.Client(s.state).Get("http://gatehouse" + path)
		},
	} {
		for _, path := range []string{"/livez", "/readyz", "/healthz"} {
			response := must(get(path))(t)
			body := must(io.ReadAll(response.Body))(t)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("%s %s: got %s, want 200: %s", name, path, response.Status, body)
			}
			if path == "/livez" {
				continue
			}
			var r health.Report
			if err := json.Unmarshal(body, &r); err != nil || !r.Ready || r.Generation != 1 {
				t.Errorf("%s %s: got %s (%v), want ready in generation 1", name, path, body, err)
			}
		}
	}
	if info := must(os.Stat(filepath.Join(s.state, control.SocketName)))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("the control socket has mode %v, want 0600", info.Mode().Perm())
	}
}

// TestNothingGoodAtBoot stays up, answers no RADIUS, says why, and serves once it is mended.
func TestNothingGoodAtBoot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.replace("radius/wifi.yaml", "method: passwordless", "methud: passwordless")
	s.run()
	s.eventually("reporting", func() bool { return s.appliance.Report().Errors > 0 })
	if r := s.appliance.Report(); r.Ready || r.Reason != "not_ready" {
		t.Errorf("got %+v, want not ready", r)
	}
	s.reports("not_ready", http.StatusServiceUnavailable)
	s.replace("radius/wifi.yaml", "methud: passwordless", "method: passwordless")
	s.reload()
	s.reports("", http.StatusOK)
	s.accept(s.alice())
}

func (s *site) reports(reason string, status int) {
	s.t.Helper()
	response := must(control.Client(s.state).Get("http://gatehouse/readyz"))(s.t)
	defer func() { _ = response.Body.Close() }()
	var r health.Report
	if err := json.NewDecoder(response.Body).Decode(&r); err != nil {
		s.t.Fatal(err)
	}
	if response.StatusCode != status || r.Reason != reason {
		s.t.Errorf("got %s, %+v, want %d for %q", response.Status, r, status, reason)
	}
}

// TestBrokenFileKeepsLastGood breaks one file of a running gateway: what it holds stays, the
// rest of the change goes live.
func TestBrokenFileKeepsLastGood(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	s.write("ca/acme.pem", "-----BEGIN CERTIFICATE-----\nhalf a fi")
	s.write("users/staff.yaml", "- {username: alice2, email: alice@acme.example, groups: [staff]}\n")
	s.reload()
	if d := s.accept(s.alice()); d.User != "alice2" || d.Generation != 2 {
		t.Errorf("got %+v, want alice2 by the kept CA in generation 2", d)
	}
	if r := s.appliance.Report(); !r.Ready || r.Errors != 1 {
		t.Errorf("got %+v, want ready with 1 error", r)
	}
}

// TestStartUpErrors cannot have what another process has.
func TestStartUpErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	config := func(state string, listen bootconf.Listen) appliance.Config {
		boot := bootconf.Default()
		boot.Listen = listen
		return appliance.Config{
			Boot: boot, Tree: os.DirFS(s.dir), StateDir: state, Logger: slog.New(slog.DiscardHandler),
		}
	}
	tests := []struct {
		name   string
		config appliance.Config
		want   error
	}{
		{"same_state", config(s.state, bootconf.Listen{}), control.ErrRunning},
		{"auth_in_use", config(shortTempDir(t), bootconf.Listen{Auth: s.appliance.AuthAddr().String()}), syscall.EADDRINUSE},
		{"ui_in_use", config(shortTempDir(t), bootconf.Listen{UI: s.appliance.WebAddr()}), syscall.EADDRINUSE},
		{"metrics_in_use", config(shortTempDir(t), bootconf.Listen{Metrics: s.appliance.MetricsAddr()}), syscall.EADDRINUSE},
	}
	for _, tt := range tests {
		if _, err := appliance.New(tt.config); !errors.Is(err, tt.want) {
			t.Errorf("%s: New: got %v, want %v", tt.name, err, tt.want)
		}
	}
	s.accept(s.alice())
}

// TestWebCertificate is kept over a restart, valid for the build date, and made anew in time.
func TestWebCertificate(t *testing.T) {
	t.Parallel()
	state := shortTempDir(t)
	now := time.Now()
	start := func(built, at time.Time) tls.Certificate {
		t.Helper()
		return must(appliance.WebCertificate(appliance.Config{
			StateDir: state, Built: built, Now: func() time.Time { return at },
			Logger: slog.New(slog.DiscardHandler),
		}))(t)
	}
	first := start(now.AddDate(0, -1, 0), now)
	again := start(now, now.AddDate(1, 0, 0))
	if !first.Leaf.Equal(again.Leaf) {
		t.Error("got another certificate after a restart")
	}
	if got, want := first.Leaf.NotBefore, now.AddDate(0, -1, 0); got.After(want) {
		t.Errorf("valid from %v, want from the build date %v", got, want)
	}
	if life := first.Leaf.NotAfter.Sub(first.Leaf.NotBefore); life > 825*24*time.Hour {
		t.Errorf("valid for %v, want at most 825 days", life)
	}
	late := first.Leaf.NotAfter.AddDate(0, 0, -10)
	renewed := start(now, late)
	if renewed.Leaf.Equal(first.Leaf) {
		t.Error("got the old certificate ten days before its end")
	}
	// What power cuts leave: half a file, an empty one, a key of another certificate.
	for name, content := range map[string]string{
		"certificate.pem": "-----BEGIN CERTIFICATE-----\nMIIB", "key.pem": "",
	} {
		if err := os.WriteFile(filepath.Join(state, "tls", name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		anew := start(now, late)
		if anew.Leaf.Equal(renewed.Leaf) {
			t.Errorf("damaged %s: got the certificate that is gone", name)
		}
		if !anew.Leaf.Equal(start(now, late).Leaf) {
			t.Errorf("damaged %s: what was made anew is not kept", name)
		}
	}
	if info := must(os.Stat(filepath.Join(state, "tls", "key.pem")))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v, want 0600", info.Mode().Perm())
	}
}

// TestGopsIsOptIn finds no agent by default, and one on loopback, loudly, when it is asked for.
func TestGopsIsOptIn(t *testing.T) {
	s := newSite(t).start() // not parallel: the agent is the process's
	if _, err := os.Stat(filepath.Join(s.state, "gops")); err == nil {
		t.Error("the gops agent is on by default")
	}
	on := newSite(t)
	on.boot.Listen.GOPS = "127.0.0.1:0"
	on.start()
	dir := filepath.Join(on.state, "gops")
	on.eventually("running gops", func() bool {
		files, err := os.ReadDir(dir)
		return err == nil && len(files) == 1
	})
	if info := must(os.Stat(dir))(t); info.Mode().Perm() != 0o700 {
		t.Errorf("the agent's directory has mode %v, want 0700", info.Mode().Perm())
	}
	on.eventually("saying so", func() bool { return strings.Contains(on.log.String(), "gops diagnosis agent is on") })
}
