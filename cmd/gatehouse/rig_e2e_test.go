//go:build e2e

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/authcore/supplicant"
)

// A rig is the finished program on a demo configuration, with addresses that stay the same over
// its starts.
type rig struct {
	t                      *testing.T
	program, config, state string
	auth, metrics          string
	device                 supplicant.Config // the demo user's
	serve                  *exec.Cmd
	ended                  chan error
}

// newRig builds the program and its configuration; limits is more for gatehouse.yaml.
func newRig(t *testing.T, limits string) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "gh") // t.TempDir is too long for a control socket
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		t: t, program: filepath.Join(dir, "gatehouse"), config: filepath.Join(dir, "config"),
		state: filepath.Join(dir, "state"), auth: freePort(t, "udp"), metrics: freePort(t, "tcp"),
	}
	t.Cleanup(func() {
		r.kill()
		_ = os.RemoveAll(dir) // what cannot be removed lies in a temporary directory
	})
	execute(t, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-o", r.program, ".")
	execute(t, nil, r.program, "init", r.config, "--demo")
	r.write("gatehouse.yaml", fmt.Sprintf("schema: 1\nlisten: {auth: %q, acct: \"\", ui: \"\", metrics: %q}\n%s",
		r.auth, r.metrics, limits))
	r.device = r.demoDevice()
	return r
}

// freePort returns a loopback address whose port nobody had a moment ago.
func freePort(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		return c.LocalAddr().String()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func (r *rig) write(name, content string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.config, name), []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) demo(name string) string { return filepath.Join(r.config, "demo", name) }

// demoDevice is what the demo user signs in with.
func (r *rig) demoDevice() supplicant.Config {
	r.t.Helper()
	secret, err := readSecret(r.demo("secret"), nil)
	c := supplicant.Config{Server: r.auth, Secret: secret, Identity: "demo", ServerName: demoServerName}
	if err == nil {
		c.Certificate, err = readCredential(r.demo("user.pem"), r.demo("user-key.pem"), nil)
	}
	if err == nil {
		c.RootCAs, err = readCAs(r.demo("server-ca.pem"), nil)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// start runs the program; what it logs goes to log.
func (r *rig) start(log io.Writer, env ...string) {
	r.t.Helper()
	r.serve = exec.Command(r.program, "serve", "--config", r.config, "--state", r.state)
	r.serve.Env = append(os.Environ(), env...)
	r.serve.Stderr = log
	r.serve.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.serve.Start(); err != nil {
		r.t.Fatal(err)
	}
	serve, ended := r.serve, make(chan error, 1)
	r.ended = ended
	go func() { ended <- serve.Wait() }()
}

// kill ends the program as a power cut would, if it runs. It fails the test if the program had
// ended by itself.
func (r *rig) kill() {
	if r.serve == nil {
		return
	}
	_ = r.serve.Process.Kill() // if it has ended, the way it did tells
	err := <-r.ended
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		r.t.Errorf("serve ended by itself: %v", err)
	}
	r.serve = nil
}

// status waits until the program is ready, and returns what it says.
func (r *rig) status() (view statusView) {
	r.t.Helper()
	r.until("ready", 30*time.Second, func() error {
		view = statusView{}
		err := process{r.state}.ask(r.t.Context(), http.MethodGet, "/api/v1/status", nil, nil, &view)
		if err == nil && !view.Ready {
			err = errors.New(view.Reason)
		}
		return err
	})
	return view
}

// until asks again and again until do has no error.
func (r *rig) until(what string, within time.Duration, do func() error) {
	r.t.Helper()
	late := time.After(within)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case err := <-r.ended:
			r.ended <- err
			r.t.Fatalf("waiting until %s: serve ended: %v", what, err)
		case <-late:
			r.t.Fatalf("not %s within %v: %v", what, within, err)
		case <-tick.C:
		}
	}
}

// signIn has the demo user sign in, each request sent once only.
func (r *rig) signIn(timeout time.Duration) error {
	device := r.device
	device.Timeout, device.Retries = timeout, -1
	report, err := supplicant.Run(r.t.Context(), device)
	if err == nil && !report.OK() {
		err = fmt.Errorf("%s: %s", report.Result, report.Reason)
	}
	return err
}

// probe starts the load generator in a process of its own; report waits for what it tells.
func (r *rig) probe(args ...string) (cmd *exec.Cmd, report func() supplicant.LoadReport) {
	r.t.Helper()
	cmd = exec.Command(r.program, append([]string{"probe", "--json", "--server", r.auth,
		"--secret-file", r.demo("secret"), "--identity", "demo", "--cert", r.demo("user.pem"),
		"--key", r.demo("user-key.pem"), "--ca", r.demo("server-ca.pem"),
		"--server-name", demoServerName}, args...)...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	return cmd, func() (report supplicant.LoadReport) {
		r.t.Helper()
		err := cmd.Wait() // not every sign-in has to end well
		if jsonErr := json.Unmarshal([]byte(out.String()), &report); jsonErr != nil {
			r.t.Fatalf("%v: %v, %s", cmd.Args, err, errs.String())
		}
		return report
	}
}

// counter returns a metric of the running program; 0 if it is not there.
func (r *rig) counter(name string) (value float64) {
	r.t.Helper()
	response, err := http.Get("http://" + r.metrics + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				r.t.Fatalf("%s: %v", line, err)
			}
		}
	}
	return value
}

// cpu returns the CPU time that the program has taken, user and system, to 10 ms.
func (r *rig) cpu() time.Duration {
	r.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.serve.Process.Pid))
	if err != nil {
		r.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ") // the name may hold blanks
	var user, system int
	skip := new(string)
	if _, err := fmt.Sscan(rest, skip, skip, skip, skip, skip, skip, skip, skip, skip, skip, skip,
		&user, &system); err != nil {
		r.t.Fatalf("reading the CPU time: %v", err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
