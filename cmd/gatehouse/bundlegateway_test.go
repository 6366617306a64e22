package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/appliance"
	"gatehouse/appliance/bootconf"
	"gatehouse/authcore/supplicant"
	"gatehouse/sync/bundle"
	"gatehouse/webui"
)

// A bundleGateway is an appliance in this process, on a demo configuration, that trusts one key.
// Everything it may touch lies below root.
type bundleGateway struct {
	t                   *testing.T
	root, config, state string
	key                 bundle.SigningKey
	identity            *bundle.Identity
	log                 lockedBuffer
	device              supplicant.Config // the demo user's
	appliance           *appliance.Appliance
}

// gatewayVersion is what the program calls itself while these tests run.
const gatewayVersion = "1.4.0"

var gatewayLabels = map[string]string{"region": "emea", "site": "harbour"}

func newBundleGateway(t *testing.T) *bundleGateway {
	t.Helper()
	root, err := os.MkdirTemp("", "gh") // t.TempDir is too long for a control socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) }) // it lies in a temporary directory
	was := version
	version = gatewayVersion
	t.Cleanup(func() { version = was })
	g := &bundleGateway{t: t, root: root, config: filepath.Join(root, "config"), state: filepath.Join(root, "state")}
	if _, err := initDirectory(g.config, true); err != nil {
		t.Fatal(err)
	}
	if g.key, err = bundle.GenerateKey(); err != nil {
		t.Fatal(err)
	}
	g.write("config/fleet.pub", g.key.Trusted("fleet").Text())
	g.run()
	if g.identity, _, err = bundle.OpenIdentity(g.state); err != nil {
		t.Fatal(err)
	}
	g.device = g.demoDevice()
	return g
}

// run runs the appliance until the test ends, and waits until it serves.
func (g *bundleGateway) run() {
	g.t.Helper()
	boot := bootconf.Default()
	boot.Node = bootconf.Node{ID: "oslo-1", Labels: gatewayLabels}
	boot.Listen = bootconf.Listen{Auth: "127.0.0.1:0"}
	a, err := appliance.New(appliance.Config{Boot: boot, Tree: os.DirFS(g.config), StateDir: g.state, Version: version,
		Logger: slog.New(slog.NewJSONHandler(&g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	g.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			g.t.Errorf("appliance.Run: %v", err)
		}
	})
	g.appliance = a
	g.eventually("ready", func() bool { return a.Report().Ready })
}

// demoDevice is what the demo user signs in with.
func (g *bundleGateway) demoDevice() supplicant.Config {
	g.t.Helper()
	demo := func(name string) string { return filepath.Join(g.config, "demo", name) }
	secret, err := readSecret(demo("secret"), nil)
	c := supplicant.Config{Server: g.appliance.AuthAddr().String(), Secret: secret, Identity: demoUser,
		ServerName: demoServerName}
	if err == nil {
		c.Certificate, err = readCredential(demo("user.pem"), demo("user-key.pem"), nil)
	}
	if err == nil {
		c.RootCAs, err = readCAs(demo("server-ca.pem"), nil)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

// signIn demands that the demo user gets in.
func (g *bundleGateway) signIn() {
	g.t.Helper()
	report, err := supplicant.Run(g.t.Context(), g.device)
	if err != nil || !report.OK() {
		g.t.Errorf("the demo user does not get in: %v, %+v", err, report)
	}
}

// write puts a file below root, in one step.
func (g *bundleGateway) write(name string, data []byte) {
	g.t.Helper()
	path := filepath.Join(g.root, filepath.FromSlash(name))
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path+"~", data, 0o600)
	}
	if err == nil {
		err = os.Rename(path+"~", path)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// office returns the files of a bundle that works here.
func (g *bundleGateway) office() map[string]string {
	files := filesOf(g.t, g.config)
	maps.DeleteFunc(files, func(name, _ string) bool {
		return name == "gatehouse.yaml" || name == "fleet.pub" || strings.HasPrefix(name, "demo/")
	})
	return files
}

// bundle asks what there is to know about bundles.
func (g *bundleGateway) bundle() (b webui.Bundle) {
	g.t.Helper()
	if err := (process{g.state}).ask(g.t.Context(), http.MethodGet, "/api/v1/bundle", nil, nil, &b); err != nil {
		g.t.Fatal(err)
	}
	return b
}

// arrives puts a bundle into incoming/ and has the gateway look.
func (g *bundleGateway) arrives(name string, archive, signature []byte) {
	g.t.Helper()
	g.write("state/incoming/"+name, archive)
	g.write("state/incoming/"+name+signatureExt, signature)
	g.appliance.Reload()
}

// applied brings a bundle and waits until it is in force and has passed its trial.
func (g *bundleGateway) applied(f *forge, serial uint64) {
	g.t.Helper()
	archive := f.archive(g.t)
	g.arrives("good.tar.gz", archive, sign(g.t, g.key, archive))
	g.eventually(fmt.Sprintf("serial %d in force", serial), func() bool {
		v := g.bundle().InForce
		return v != nil && v.Serial == serial && v.Confirmed && !g.there("incoming/good.tar.gz")
	})
}

func (g *bundleGateway) there(name string) bool {
	_, err := os.Lstat(filepath.Join(g.state, name))
	return err == nil
}

// A picture is what a refusal must leave as it was.
type picture struct {
	Generation uint64
	InForce    string
	Serials    []webui.BundleSerial
	Keys       []webui.BundleKey
	Versions   []string // names of all files below versions/
	Config     map[string]string
	Around     []string // what lies in root and in the state directory
}

func (g *bundleGateway) picture() picture {
	g.t.Helper()
	b := g.bundle()
	p := picture{Generation: g.appliance.Report().Generation, Serials: b.Serials, Keys: b.Keys,
		Config: filesOf(g.t, g.config), Versions: g.names("state/versions", true),
		Around: slices.Concat(g.names(".", false), g.names("state", false))}
	if b.InForce != nil {
		p.InForce = b.InForce.Name
	}
	return p
}

// names lists what is in a directory, hidden or not.
func (g *bundleGateway) names(dir string, deep bool) (names []string) {
	g.t.Helper()
	err := fs.WalkDir(os.DirFS(g.root), dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		names = append(names, name)
		if e.IsDir() && !deep {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return names
}

// eventually waits for something that the appliance brings about.
func (g *bundleGateway) eventually(what string, ok func() bool) {
	g.t.Helper()
	g.log.wait(g.t, what, ok)
}

// wait waits for something that whoever writes into b brings about.
func (b *lockedBuffer) wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("still not %s; log:\n%s", what, b.tail())
		case <-tick.C:
		}
	}
}

// A lockedBuffer may be written and read at the same time.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *lockedBuffer) tail() string {
	lines := strings.Split(b.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// gatehouse carries out a command line in this process.
func gatehouse(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// decoded reads the JSON that a command has printed.
func decoded[T any](t *testing.T, stdout string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	return v
}
