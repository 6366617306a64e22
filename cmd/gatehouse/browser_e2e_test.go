//go:build e2e

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// browserDir has the scenarios, and what they run on.
const browserDir = "../../testdata/peers/browser"

// reasonsDoc says in words what every reason means.
const reasonsDoc = "../../docs/reasons.md"

// deskPassword is that of every account: admin, theo of the role tech, and vera, a viewer.
const deskPassword = "correct horse battery"

// staff are the users of a branch that the browser looks at.
const staff = `- {username: alice, email: alice@demo.example, name: Alice Adams, groups: [demo]}
- {username: otto, email: otto@demo.example}
- {username: rita, email: rita@demo.example}
- {username: mallory, email: mallory@demo.example}
- {username: wanda, email: wanda@demo.example}
- {username: sven, email: sven@demo.example, state: suspended}
`

// A branch is what scenarios in a browser start from: the program with its configuration, a CA
// that runs a responder, and a folder of people who are let in or are not.
type branch struct {
	*rig
	people string // NAME.pem and NAME-key.pem, other-ca.pem
	fleet  string // fleet.key, and what head office makes bundles of
	ocsp   string // address of the responder of the demo CA

	mu   sync.Mutex // guards what follows
	port int        // handed out last
}

// address returns a loopback address that nobody else is given: of the desks that are set up side by
// side, or by the kernel, which takes its ports from elsewhere.
func (b *branch) address(t *testing.T) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for range 1000 {
		b.port++
		address := fmt.Sprintf("127.0.0.1:%d", b.port)
		stream, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		_ = stream.Close() // the program takes it from here
		if packets, err := net.ListenPacket("udp", address); err == nil {
			_ = packets.Close() // likewise
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// A desk is what one scenario is told: an appliance of its own.
type desk struct {
	Program, Config, State, People, Fleet string
	Lab, Responder                        string // the demo CA, and where its responder listens
	Spare                                 string // an address for a server of the scenario's own
	URL, Auth, Secret, ServerCA           string
	Scratch, Pictures, Reasons            string
	Account, Password                     string
}

func newBranch(t *testing.T) *branch {
	t.Helper()
	b := &branch{rig: newRig(t, ""), people: t.TempDir(), fleet: t.TempDir(), port: 20000 + rand.IntN(8000)}
	responder := b.responder()
	b.ocsp = responder
	other := t.TempDir()
	execute(t, nil, b.program, "pki", "ca", other, "--name", "Somebody Else CA")
	for name, odd := range map[string][]string{"alice": nil, "erin": nil, "rita": nil, "sven": nil,
		"otto": {"--expired"}, "wanda": {"--wrong-purpose"}} {
		b.issue(b.demo("."), b.people, name, append(odd, "--ocsp", responder)...)
	}
	b.issue(other, other, "mallory")
	for from, to := range map[string]string{"mallory.pem": "mallory.pem", "mallory-key.pem": "mallory-key.pem", "ca.pem": "other-ca.pem"} {
		execute(t, nil, "cp", filepath.Join(other, from), filepath.Join(b.people, to))
	}
	execute(t, nil, b.program, "pki", "revoke", b.demo("."), filepath.Join(b.people, "rita.pem"), "--reason", "keyCompromise")
	b.configure()
	return b
}

// issue makes name a certificate, good or odd.
func (b *branch) issue(ca, out, name string, more ...string) {
	b.t.Helper()
	execute(b.t, nil, append([]string{b.program, "pki", "issue", ca, "--kind", "email-san", "--name", name + "@demo.example",
		"--file", name, "--out", out}, more...)...)
}

// responder answers for the demo CA until the test ends, and returns where.
func (b *branch) responder() (url string) {
	b.t.Helper()
	address := b.address(b.t)
	responder := exec.Command(b.program, "pki", "ocsp", b.demo("."), "--listen", address)
	responder.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := responder.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		_ = responder.Process.Kill() // it may have ended
		_ = responder.Wait()         // how does not matter
	})
	return "http://" + address
}

// configure writes what all desks begin with, and what head office has: the same and one user more.
func (b *branch) configure() {
	b.t.Helper()
	b.write("users/staff.yaml", staff)
	b.write("policy.yaml", "revocation: {ocsp: require}\neap: {reject_delay: 500ms}\n")
	b.write("ca/demo.yaml", "revocation: {allow_addresses: [127.0.0.1/32]}\n")
	if err := os.MkdirAll(filepath.Join(b.config, "saml", "wiki"), 0o755); err != nil {
		b.t.Fatal(err)
	}
	hash := exec.Command(b.program, "admin", "hash")
	hash.Stdin = strings.NewReader(deskPassword + "\n")
	out, err := hash.Output()
	if err != nil {
		b.t.Fatal(err)
	}
	accounts := "accounts:\n"
	for account, role := range map[string]string{"admin": "admin", "theo": "tech", "vera": "viewer"} {
		accounts += fmt.Sprintf("  - {username: %s, role: %s, password: %q}\n", account, role, strings.TrimSpace(string(out)))
	}
	b.write("admins.yaml", accounts)
	b.write("saml/idp.yaml", "entity_id: https://sso.demo.example/saml\nhost: sso.demo.example\nca: [demo]\n")
	b.write("saml/wiki/app.yaml", "name: Wiki\nactivated: true\nname_id: username\nattributes: {uid: username, mail: email}\n")
	b.write("saml/wiki/sp-metadata.xml", string((&movingSP{address: "https://wiki.demo.example"}).metadata()))
	execute(b.t, nil, b.program, "bundle", "keygen", "--no-password", "-o", filepath.Join(b.fleet, "fleet.key"))
	execute(b.t, nil, "cp", filepath.Join(b.fleet, "fleet.pub"), b.config)
	office := filepath.Join(b.fleet, "office")
	execute(b.t, nil, "cp", "-a", b.config, office)
	execute(b.t, nil, "rm", "-r", filepath.Join(office, "demo"), filepath.Join(office, "gatehouse.yaml"),
		filepath.Join(office, "fleet.pub"), filepath.Join(office, "saml"))
}

// desk sets an appliance up for one scenario. With accounts, somebody has been made an account already.
func (b *branch) desk(t *testing.T, accounts bool) (*rig, *desk) {
	t.Helper()
	dir, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, program: b.program, config: filepath.Join(dir, "config"), state: filepath.Join(dir, "state"),
		auth: b.address(t), metrics: b.address(t)}
	t.Cleanup(func() {
		r.kill()
		_ = os.RemoveAll(dir) // what cannot be removed lies in a temporary directory
	})
	execute(t, nil, "cp", "-a", b.config, r.config)
	ui := b.address(t)
	r.write("gatehouse.yaml", fmt.Sprintf("schema: 1\nnode: {id: oslo-1}\nlisten: {auth: %q, acct: \"\", ui: %q, metrics: %q, sso: %q}\n"+
		"fleet: {trusted_keys: [fleet.pub]}\n", r.auth, ui, r.metrics, b.address(t)))
	secret, err := os.ReadFile(r.demo("secret"))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{Program: r.program, Config: r.config, State: r.state, People: b.people, Fleet: b.fleet,
		Lab: b.demo("."), Responder: b.ocsp, Spare: b.address(t), URL: "https://" + ui, Auth: r.auth,
		Secret: strings.TrimSpace(string(secret)), ServerCA: r.demo("server-ca.pem"),
		Scratch: t.TempDir(), Pictures: os.Getenv("SCREENSHOTS"), Reasons: reasonsDoc, Account: "admin", Password: deskPassword}
	if !accounts {
		execute(t, nil, "rm", filepath.Join(r.config, "admins.yaml"))
	}
	return r, d
}

// play runs a scenario; without scripts, the pages are not allowed any.
func (d *desk) play(t *testing.T, scenario string, scripts bool) {
	t.Helper()
	settings, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(d.Scratch, "desk.json")
	if err := os.WriteFile(file, settings, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", filepath.Join(browserDir, "play.js"), file, scenario, fmt.Sprint(scripts))
	cmd.Env = append(os.Environ(), "HOME="+d.Scratch)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	} else if len(out) > 0 {
		t.Logf("%v\n%s", time.Since(began).Round(time.Millisecond), out)
	}
}

// TestE2EBrowser plays the scenarios in Chromium, each with an appliance of its own: what the
// pages promise with scripts, and, but for live rows, without.
func TestE2EBrowser(t *testing.T) {
	if _, err := os.Stat(filepath.Join(browserDir, "node_modules")); err != nil {
		t.Fatalf("playwright-core and axe-core are not installed; testdata/peers/install.sh e2e installs them")
	}
	b := newBranch(t)
	for _, tt := range []struct {
		scenario string
		accounts bool
		without  bool // play it without scripts, too
	}{
		{"firstboot", false, true},
		{"signins", true, true},
		{"reasons", true, false},
		{"check", true, true},
		{"users", true, true},
		{"ocsp", true, true},
		{"ap", true, true},
		{"onboard", true, true},
		{"saml", true, true},
		{"radius", true, true},
		{"bundle", true, true},
		{"roles", true, true},
		{"keyboard", true, false},
		{"tour", true, false},
	} {
		for _, scripts := range []bool{true, false} {
			name := tt.scenario
			if !scripts {
				if !tt.without {
					continue
				}
				name += "_without_scripts"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel() // they wait more than they work
				r, d := b.desk(t, tt.accounts)
				log, err := os.Create(filepath.Join(d.Scratch, "log"))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = log.Close() }() // it was only handed on
				r.start(log)
				r.status()
				d.play(t, tt.scenario, scripts)
			})
		}
	}
}
