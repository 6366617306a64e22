package appliance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/gops/signal"

	"gatehouse/appliance/control"
	"gatehouse/webui"
)

// A program is the finished program on a site's configuration, in a process of its own.
type program struct {
	*site
	cmd     *exec.Cmd
	log     string // file
	metrics string // address
	web     string // where its pages begin
	ended   chan error
}

// startProgram builds the program and runs it until the test ends; it is ready on return. The
// gops agent is on, to look into it.
func (s *site) startProgram() *program {
	s.t.Helper()
	dir := s.t.TempDir()
	p := &program{site: s, log: filepath.Join(dir, "log"), ended: make(chan error, 1)}
	binary := filepath.Join(dir, "gatehouse")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd/gatehouse")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("building gatehouse: %v\n%s", err, out)
	}
	s.port, p.metrics = freePort(s.t), fmt.Sprintf("127.0.0.1:%d", freePort(s.t))
	web := fmt.Sprintf("127.0.0.1:%d", freePort(s.t))
	p.web = "https://" + web
	s.write("gatehouse.yaml", fmt.Sprintf("schema: 1\nnode: {id: oslo-1}\nlisten: {auth: \"127.0.0.1:%d\", "+
		"acct: \"\", ui: %q, metrics: %q, gops: \"127.0.0.1:0\"}\n", s.port, web, p.metrics))
	log := must(os.Create(p.log))(s.t)
	defer func() { _ = log.Close() }() // the process has its own
	p.cmd = exec.Command(binary, "serve", "--config", s.dir, "--state", s.state)
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	s.t.Cleanup(p.stop)
	p.eventually("ready", time.Minute, func() bool {
		status, err := p.status()
		return err == nil && status.Ready
	})
	return p
}

// stop ends the program, and shows whom it refused and the end of its log if the test failed.
func (p *program) stop() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
	text, err := os.ReadFile(p.log)
	if err != nil || !p.t.Failed() {
		return
	}
	var refused strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"msg":"decision"`) && !strings.Contains(line, `"result":"accept"`) {
			refused.WriteString(line)
		}
	}
	p.t.Logf("not accepted:\n%s\nlog:\n%s", tail(refused.String()), tail(string(text)))
}

// eventually asks again and again, while the program runs.
func (p *program) eventually(what string, within time.Duration, ok func() bool) {
	p.t.Helper()
	late := time.After(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case err := <-p.ended:
			p.ended <- err
			p.t.Fatalf("waiting until %s: the program ended: %v", what, err)
		case <-late:
			status, err := p.status()
			p.t.Fatalf("not %s within %v: %v, %+v", what, within, err, status)
		case <-tick.C:
		}
	}
}

// status is how the program is doing. To say so, it stops everything for a moment.
func (p *program) status() (status webui.Status, err error) {
	response, err := control.Client(p.state).Get("http://gatehouse/api/v1/status")
	if err != nil {
		return status, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	return status, json.NewDecoder(response.Body).Decode(&status)
}

// metric returns the first of that name.
func (p *program) metric(name string) float64 {
	p.t.Helper()
	response := must(http.Get("http://" + p.metrics + "/metrics"))(p.t)
	defer func() { _ = response.Body.Close() }() // it was only read
	return field(p.t, "\n"+string(must(io.ReadAll(response.Body))(p.t)), "\n"+name+" ")
}

// A footprint is what a program takes that has nothing to do.
type footprint struct {
	resident   float64 // MiB, as the kernel counts
	heap       float64 // MiB, without garbage
	goroutines float64
}

func (f footprint) String() string {
	return fmt.Sprintf("%.1f MiB resident, %.2f MiB of heap, %.0f goroutines",
		f.resident, f.heap, f.goroutines)
}

// footprint collects garbage and looks.
func (p *program) footprint() footprint {
	p.t.Helper()
	f := footprint{resident: p.resident("VmRSS")}
	p.agent(signal.GC)
	p.agent(signal.GC)
	_, heap, _ := strings.Cut(p.agent(signal.MemStats), "heap-alloc:") // 12.3MB (12897485 bytes)
	f.heap = field(p.t, heap, "(") / (1 << 20)
	f.goroutines = field(p.t, p.agent(signal.Stats), "goroutines: ")
	return f
}

// cpuTime is what the program has taken, user and system, to 10 ms.
func (p *program) cpuTime() time.Duration {
	p.t.Helper()
	data := must(os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)))(p.t)
	_, rest, _ := strings.Cut(string(data), ") ") // the name may hold blanks
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		p.t.Fatalf("no CPU time in %s", data)
	}
	user, system := must(strconv.Atoi(fields[11]))(p.t), must(strconv.Atoi(fields[12]))(p.t)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident returns a field of /proc/PID/status, in MiB.
func (p *program) resident(name string) float64 {
	p.t.Helper()
	data := must(os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)))(p.t)
	return field(p.t, string(data), name+":") / 1024
}

// field reads the number behind a name.
func field(t testing.TB, text, name string) (n float64) {
	t.Helper()
	_, rest, found := strings.Cut(text, name)
	if _, err := fmt.Sscan(rest, &n); err != nil || !found {
		t.Fatalf("no number behind %q in\n%s", name, text)
	}
	return n
}

// agent has the gops agent do something, and returns what it says.
func (p *program) agent(what byte) string {
	p.t.Helper()
	port := must(os.ReadFile(filepath.Join(p.state, "gops", fmt.Sprint(p.cmd.Process.Pid))))(p.t)
	conn := must(net.Dial("tcp", "127.0.0.1:"+string(port)))(p.t)
	defer func() { _ = conn.Close() }() // it was only read
	if _, err := conn.Write([]byte{what}); err != nil {
		p.t.Fatal(err)
	}
	return string(must(io.ReadAll(conn))(p.t))
}
