package appliance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/appliance"
	"gatehouse/appliance/bootconf"
	"gatehouse/appliance/control"
	"gatehouse/authcore/pki/lab"
)

const sharedSecret = "a shared secret of the tests"

// A site is a configuration directory and the appliance that runs on it, in this process.
type site struct {
	t         testing.TB
	dir       string
	state     string
	log       *logBuffer
	appliance *appliance.Appliance
	boot      *bootconf.Config
	port      int
	watched   bool    // changes are noticed without reload
	ca        *lab.CA // vouches for users
	serverCA  *lab.CA
	clock     clock
	ocsp      []string // responders that users' certificates name, unless told otherwise
}

// newSite writes a configuration that works: one CA, an ECDSA server credential, the user
// alice. Tests change it before start.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), state: shortTempDir(t), log: newLogBuffer(), boot: bootconf.Default()}
	s.boot.Listen = bootconf.Listen{
		Auth: "127.0.0.1:0", UI: "127.0.0.1:0", Metrics: "127.0.0.1:0",
	}
	s.ca = must(lab.NewCA(lab.CAOptions{Name: "User CA"}))(t)
	s.serverCA = must(lab.NewCA(lab.CAOptions{Name: "Server CA"}))(t)
	s.writeServer("ecdsa", lab.P256)
	s.write("ca/acme.pem", string(s.ca.CertificatePEM()))
	s.write("policy.yaml", "revocation: {ocsp: off}\neap: {reject_delay: 500ms}\n")
	s.write("radius/wifi.yaml", fmt.Sprintf(`authentication: {method: passwordless, ca: [acme]}
clients:
  - {name: ap1, address: 127.0.0.0/8, secret: %q}
  - {name: ap6, address: "::1", secret: %q}
`, sharedSecret, sharedSecret))
	s.write("users/staff.yaml", "- {username: alice, email: alice@acme.example, groups: [staff], vlan: \"20\"}\n")
	return s
}

func (s *site) writeServer(name string, kind lab.KeyKind) {
	s.t.Helper()
	leaf := must(s.serverCA.IssueServer(lab.ServerOptions{
		Options: lab.Options{KeyKind: kind}, DNSNames: []string{"radius.acme.example"},
	}))(s.t)
	s.write("server/"+name+"/certificate.pem", string(leaf.CertificatePEM()))
	s.write("server/"+name+"/key.pem", string(leaf.KeyPEM()))
}

// write puts a file into the configuration directory.
func (s *site) write(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// start runs the appliance until the test ends, and waits until it serves.
func (s *site) start() *site {
	s.t.Helper()
	s.run()
	s.waitReady()
	s.eventually("loaded", func() bool { return s.loads() > 0 }) // which is said after it is so
	return s
}

// run runs the appliance until the test ends.
func (s *site) run() {
	s.t.Helper()
	config := appliance.Config{
		Boot: s.boot, Tree: os.DirFS(s.dir), StateDir: s.state, Now: s.clock.Now,
		Logger: slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if s.watched {
		config.Dir = s.dir
	}
	var a *appliance.Appliance
	// Programs that other tests start hold the locks of the life before until they have begun.
	s.eventually("alone in its state directory", func() bool {
		var err error
		a, err = appliance.New(config)
		if err != nil && !errors.Is(err, control.ErrRunning) {
			s.t.Fatal(err)
		}
		return err == nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("appliance.Run: %v", err)
		}
		if s.t.Failed() {
			s.t.Logf("log:\n%s", tail(s.log.String()))
		}
	})
	s.appliance = a
	s.port = int(a.AuthAddr().Port())
}

func (s *site) waitReady() {
	s.t.Helper()
	s.eventually("ready", func() bool { return s.appliance.Report().Ready })
}

// eventually waits for something that another goroutine brings about.
func (s *site) eventually(what string, ok func() bool) {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			s.t.Fatalf("still not %s; log:\n%s", what, tail(s.log.String()))
		case <-tick.C:
		}
	}
}

// reload makes the appliance read its configuration again and waits until it is in force, which
// it may have been all the time.
func (s *site) reload() {
	s.t.Helper()
	before := s.loads()
	s.appliance.Reload()
	s.eventually("reloaded", func() bool { return s.loads() > before })
}

// loads counts the loads that have ended well.
func (s *site) loads() int { return strings.Count(s.log.String(), `"configuration in force`) }

// decision returns the next decision that has not been returned yet.
func (s *site) decision() decision {
	s.t.Helper()
	return s.log.next(s.t, s)
}

// A decision is a decision log line.
type decision struct {
	Msg, Result, Reason, Server, Client, Station, User, Method, Detail string

	OuterIdentity string `json:"outer_identity"`
	TLSVersion    string `json:"tls_version"`
	CertSHA256    string `json:"cert_sha256"`
	OCSP          string
	OCSPSource    string `json:"ocsp_source"`
	OCSPAge       int64  `json:"ocsp_age_s"`
	Resumed       bool
	Rounds        int
	Generation    uint64
}

// A logBuffer holds what was logged.
type logBuffer struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
	read int // decisions returned so far
}

func newLogBuffer() *logBuffer { return &logBuffer{} }

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// decisions returns all decisions but discards.
func (l *logBuffer) decisions() []decision {
	var all []decision
	for line := range strings.Lines(l.String()) {
		var d decision
		if json.Unmarshal([]byte(line), &d) == nil && d.Msg == "decision" && d.Result != "discard" {
			all = append(all, d)
		}
	}
	return all
}

func (l *logBuffer) next(t testing.TB, s *site) decision {
	t.Helper()
	var d decision
	s.eventually("decided", func() bool {
		all := l.decisions()
		if len(all) <= l.read {
			return false
		}
		d = all[l.read]
		l.read++
		return true
	})
	return d
}

// A clock is the wall clock, moved by the test.
type clock struct {
	mu    sync.Mutex // guards moved
	moved time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.moved)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved += d
}

// must unwraps a result whose error fails the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// shortTempDir returns a directory whose name leaves room for a unix socket's 108 bytes.
func shortTempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
