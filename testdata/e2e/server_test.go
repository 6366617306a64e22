//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A server is `gatehouse serve` on a demo configuration, adapted.
type server struct {
	t       *testing.T
	program []string // the binary, behind its emulator if it needs one
	dir     string
	process *process
	read    int // decisions returned so far
}

// newServer makes the configuration with program itself; start runs it.
func newServer(t *testing.T, dir string, program ...string) *server {
	t.Helper()
	s := &server{t: t, program: program, dir: dir}
	run(t, s.command("init", s.config(), "--demo")...)
	return s
}

func (s *server) config() string { return filepath.Join(s.dir, "config") }
func (s *server) state() string  { return filepath.Join(s.dir, "state") }

// demo returns the path of a file that belongs to the demo user.
func (s *server) demo(name string) string { return filepath.Join(s.config(), "demo", name) }

func (s *server) secret() string {
	s.t.Helper()
	secret, err := os.ReadFile(s.demo("secret"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(secret))
}

func (s *server) command(args ...string) []string {
	return append(append([]string{}, s.program...), args...)
}

func (s *server) write(name, format string, args ...any) {
	s.t.Helper()
	path := filepath.Join(s.config(), filepath.FromSlash(name))
	if err := os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// listen writes the node settings: RADIUS on auth, nothing else that another could be using.
func (s *server) listen(auth string) {
	s.t.Helper()
	s.write("gatehouse.yaml", `schema: 1
node: {id: e2e}
listen: {auth: %q, acct: "", ui: "", metrics: ""}
log: {format: json}
`, auth)
}

// start runs the server behind prefix, a command that runs another, and waits until it serves.
func (s *server) start(within time.Duration, prefix ...string) {
	s.t.Helper()
	serve := s.command("serve", "--config", s.config(), "--state", s.state())
	s.process = start(s.t, "gatehouse", append(prefix, serve...)...)
	eventually(s.t, "ready", within, func() (bool, string) {
		select {
		case <-s.process.done:
			s.t.Fatal("gatehouse ended before it was ready")
		default:
		}
		out, err := try(s.command("health", "--state", s.state())...)
		return err == nil, out
	})
}

// setState gives the demo user a state and waits until that is in force.
func (s *server) setState(state string) {
	s.t.Helper()
	const inForce = `"msg":"configuration in force"`
	s.write("users/demo.yaml",
		"- {username: demo, email: demo@demo.example, groups: [demo], state: %s}\n", state)
	text, _ := s.process.out.read()
	before := strings.Count(text, inForce)
	if err := s.process.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
	s.process.waitFor(s.t, "that the configuration is in force", 20*time.Second,
		func(text string) bool { return strings.Count(text, inForce) > before })
}

// A decision is what the log says about one authentication.
type decision struct {
	Msg, Result, Reason, Client, Station, User string

	TLSVersion string `json:"tls_version"`
}

// decision returns the next decision that has not been returned yet.
func (s *server) decision() decision {
	s.t.Helper()
	var all []decision
	s.process.waitFor(s.t, "what it decided", 20*time.Second, func(text string) bool {
		all = decisions(text)
		return len(all) > s.read
	})
	s.read++
	return all[s.read-1]
}

func decisions(log string) []decision {
	var all []decision
	for line := range strings.Lines(log) {
		var d decision
		if json.Unmarshal([]byte(line), &d) == nil && d.Msg == "decision" && d.Result != "discard" {
			all = append(all, d)
		}
	}
	return all
}
