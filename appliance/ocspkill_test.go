package appliance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/appliance"
	"gatehouse/appliance/bootconf"
	"gatehouse/appliance/control"
	"gatehouse/authcore/pki/lab"
)

// childVariable holds, as JSON, the childConfig of a process that is a site's appliance.
const childVariable = "GATEHOUSE_TEST_CHILD"

type childConfig struct {
	Dir, State, Auth string
	Moved            time.Duration // of the wall clock
}

// A child is the site's appliance in a process of its own, which can be killed.
type child struct {
	s     *site
	cmd   *exec.Cmd
	ended chan error
}

// startChild runs the appliance in another process, by the site's clock as it is now, and waits
// until it serves.
func (s *site) startChild() *child {
	s.t.Helper()
	if s.port == 0 {
		s.port = freePort(s.t)
	}
	config := must(json.Marshal(childConfig{
		Dir: s.dir, State: s.state, Auth: fmt.Sprintf("127.0.0.1:%d", s.port), Moved: time.Until(s.clock.Now()),
	}))(s.t)
	c := &child{s: s, cmd: exec.Command(os.Args[0], "-test.run=^TestServeAsChild$"), ended: make(chan error, 1)}
	c.cmd.Env = append(os.Environ(), childVariable+"="+string(config))
	c.cmd.Stderr = s.log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { c.ended <- c.cmd.Wait() }()
	s.t.Cleanup(func() {
		c.kill()
		if s.t.Failed() {
			s.t.Logf("log:\n%s", tail(s.log.String()))
		}
	})
	s.eventually("ready", func() bool {
		response, err := control.Client(s.state).Get("http://gatehouse/readyz")
		if err != nil {
			return false
		}
		_ = response.Body.Close() // only the status counts
		return response.StatusCode == http.StatusOK
	})
	return c
}

// freePort returns a UDP port below those that the kernel gives to whoever asks for any: a child
// takes it, and takes it again, while other tests open sockets of their own.
func freePort(t testing.TB) int {
	for range 100 {
		port := 20000 + rand.IntN(10000)
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err == nil {
			_ = conn.Close() // the child takes it from here
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// kill ends the process as a power cut would, if it runs.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	err := <-c.ended
	c.ended <- err
}

// TestServeAsChild is the child's main function: in any other process it does nothing.
func TestServeAsChild(t *testing.T) {
	text, ok := os.LookupEnv(childVariable)
	if !ok {
		return
	}
	var config childConfig
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	boot := bootconf.Default()
	boot.Listen = bootconf.Listen{Auth: config.Auth}
	a, err := appliance.New(appliance.Config{
		Boot: boot, Tree: os.DirFS(config.Dir), StateDir: config.State,
		Now:    func() time.Time { return time.Now().Add(config.Moved) },
		Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestKilledInTheMiddle kills the process while a device waits for a responder. Afterwards, with
// no responder left, devices known to be good get in, through nextUpdate and the grace; one that
// was never seen does not, and what was revoked stays so.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	s, r := newOCSPSite(t, ", grace: 24h")
	stuck := station{leaf: s.user(lab.UserOptions{Options: lab.Options{OCSP: []string{r.handle("stuck", hang)}}})}
	known, unseen := s.alice(), s.alice()
	revoked := s.user(lab.UserOptions{})
	first := s.startChild()
	s.wantOCSP(s.accept(known), "good", "responder")
	r.revoke(revoked)
	s.rejected(station{leaf: revoked}, "cert_revoked")
	waiting := make(chan bool, 1)
	go func() {
		stuck.shortWait = true
		ok, _ := s.eapol(stuck)
		waiting <- ok
	}()
	s.eventually("waiting", func() bool { return r.count("stuck") > 0 })
	first.kill()
	r.kill()
	if <-waiting {
		t.Error("a device was let in by a process that was dead")
	}
	for _, life := range []struct {
		after  time.Duration
		source string // empty: refused
	}{{time.Minute, "cache"}, {2 * time.Hour, "grace"}, {24 * time.Hour, ""}} {
		s.clock.move(life.after)
		c := s.startChild()
		if life.source != "" {
			s.wantOCSP(s.accept(known), "good", life.source)
		} else if d := s.rejected(known, "ocsp_unavailable"); !strings.Contains(d.Detail, "the last answer (good) expired") {
			t.Errorf("beyond the grace: got %+v", d)
		}
		s.rejected(unseen, "ocsp_unavailable")
		d := s.rejected(station{leaf: revoked}, "cert_revoked")
		s.wantOCSP(d, "revoked", "cache")
		c.kill()
	}
}
