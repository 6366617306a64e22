//go:build e2e

package e2e

import (
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// emulated is how long a start or an authentication may take under an emulator on a machine
// that does other things too; alone it is about a second.
const emulated = time.Minute

// TestE2EMainJob lets the release binaries of other processors do their work: make a demo
// configuration, serve it, authenticate the demo user, refuse her once she is suspended. What
// the race detector and vet cannot see there is alignment, atomics and 32-bit lengths.
func TestE2EMainJob(t *testing.T) {
	targets := []struct{ name, emulator string }{
		{"armv7", "qemu-arm"},
		{"arm64", "qemu-aarch64"},
		{"386", ""},
	}
	if runtime.GOARCH != "amd64" {
		targets[2].emulator = "qemu-i386"
	}
	dist := crossBuild(t, "armv7", "arm64", "386")
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			program := []string{filepath.Join(dist, "gatehouse-linux-"+target.name)}
			if target.emulator != "" {
				need(t, target.emulator)
				program = append([]string{target.emulator}, program...)
			}
			mainJob(t, program)
		})
	}
}

// crossBuild runs cross-build.sh in a copy of the tree, so that what lies in dist/ stays, and
// returns the directory of the binaries.
func crossBuild(t *testing.T, names ...string) string {
	t.Helper()
	need(t, "tar")
	dir := t.TempDir()
	tree := "tar -C " + root + " --exclude=./.git --exclude=./bin --exclude=./dist --exclude=./demo" +
		" -cf - . | tar -C '" + dir + "' -xf -"
	run(t, "sh", "-c", tree)
	build := exec.Command(filepath.Join(dir, "cross-build.sh"), names...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cross-build.sh %s: %v\n%s", strings.Join(names, " "), err, tail(string(out)))
	}
	return filepath.Join(dir, "dist")
}

func mainJob(t *testing.T, program []string) {
	t.Helper()
	s := newServer(t, t.TempDir(), program...)
	address := freeAddress(t)
	s.listen(address)
	s.start(emulated)
	for _, version := range []string{"1.2", "1.3"} {
		out, err := s.probe(address, version)
		want := decision{Msg: "decision", Result: "accept", Reason: "accepted",
			Client: "loopback-ipv4", Station: "02-00-00-00-00-01", User: "demo", TLSVersion: version}
		if got := s.decision(); err != nil || got != want {
			t.Fatalf("probe by TLS %s: %v, decision %+v, want %+v\n%s", version, err, got, want, out)
		}
	}
	s.setState("suspended")
	out, err := s.probe(address, "1.3")
	if got := s.decision(); err == nil || got.Reason != "user_suspended" {
		t.Fatalf("probe of a suspended user: error %v, decision %+v, want user_suspended\n%s",
			err, got, out)
	}
	s.process.stop()
	if code := s.process.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("serve ended with exit code %d, want 0", code)
	}
}

// probe authenticates the demo user by one version of TLS, with the program under test.
func (s *server) probe(address, version string) (string, error) {
	return try(s.command("probe", "--server", address, "--secret-file", s.demo("secret"),
		"--identity", "demo", "--cert", s.demo("user.pem"), "--key", s.demo("user-key.pem"),
		"--ca", s.demo("server-ca.pem"), "--server-name", "radius.demo.example",
		"--tls-min", version, "--tls-max", version, "--timeout", "20s")...)
}

// freeAddress returns a loopback address with a UDP port that nobody had a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().String()
}
