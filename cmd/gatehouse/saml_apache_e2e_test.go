//go:build e2e

package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// apache runs Apache with a configuration that knows DIR and ADDRESS, until the test ends.
type apache struct {
	t       testing.TB
	dir     string
	address string
	config  string
	cmd     *exec.Cmd
}

const apacheConfig = `ServerRoot "DIR"
ServerName 127.0.0.1
PidFile "DIR/pid"
ErrorLog "DIR/error.log"
LogLevel info
DocumentRoot "DIR/www"
Listen ADDRESS
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
User nobody
Group nogroup
`

func newApache(t testing.TB, more string) *apache {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp")
	if err != nil {
		t.Fatal(err)
	}
	a := &apache{t: t, dir: dir, address: freePort(t.(*testing.T), "tcp"), config: apacheConfig + more}
	t.Cleanup(func() { a.stop(); _ = os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o755), os.MkdirAll(filepath.Join(dir, "www", "private"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"www/index.html", "www/private/index.html"} {
		a.write(name, "behind the door")
	}
	return a
}

func (a *apache) write(name, content string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(content), 0o644); err != nil {
		a.t.Fatal(err)
	}
}

func (a *apache) fill(text string) string {
	return strings.NewReplacer("DIR", a.dir, "ADDRESS", a.address).Replace(text)
}

func (a *apache) start() {
	a.t.Helper()
	a.write("httpd.conf", a.fill(a.config))
	a.cmd = exec.Command("apache2", "-DFOREGROUND", "-f", filepath.Join(a.dir, "httpd.conf"))
	var out bytes.Buffer
	a.cmd.Stdout, a.cmd.Stderr = &out, &out
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := a.cmd.Start(); err != nil {
		a.t.Fatalf("apache2, of apache2: %v", err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + a.address + "/")
		if err == nil {
			_ = response.Body.Close()
			return
		}
		if time.Now().After(end) {
			a.t.Fatalf("apache does not answer: %v\n%s\n%s", err, out.String(), a.log())
		}
	}
}

func (a *apache) stop() {
	if a.cmd != nil && a.cmd.Process != nil {
		_ = a.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = a.cmd.Wait()                          // how does not matter
		a.cmd = nil
	}
}

func (a *apache) restart() { a.t.Helper(); a.stop(); a.start() }

func (a *apache) log() string { return a.told("error.log") }

// told is the end of a file that a program writes.
func (a *apache) told(name string) string {
	data, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}

// signedIn demands that the browser ends behind the door, as whom.
func (a *apache) signedIn(b *browser, how, address string) {
	a.t.Helper()
	p := b.open(address)
	if p.status != http.StatusOK || p.header.Get("X-Signed-In") != "demo" {
		a.t.Fatalf("%s: %d at %s as %q\n%s\n%s", how, p.status, p.url, p.header.Get("X-Signed-In"), p.body, a.log())
	}
}
