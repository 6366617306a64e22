//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// An output holds what a process has printed and tells who waits when there is more.
type output struct {
	mu   sync.Mutex // guards what follows
	text strings.Builder
	more chan struct{} // closed at the next write
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.text.Write(p)
}

// read returns all that was printed and a channel that is closed when there is more.
func (o *output) read() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.more
}

// A process is a program that runs beside the test, at most until the test ends.
type process struct {
	name string
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when the program has ended
}

// start runs a program, named name in messages. It ends with the test, whatever becomes of
// that; what it printed last is shown if the test fails.
func start(t *testing.T, name string, command ...string) *process {
	t.Helper()
	p := &process{
		name: name, cmd: exec.Command(command[0], command[1:]...),
		out: &output{more: make(chan struct{})}, done: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	// A test binary that is killed or panics runs no clean-up: the kernel ends the children.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ends is told by what it printed
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			text, _ := p.out.read()
			t.Logf("end of the output of %s:\n%s", name, tail(text))
		}
	})
	return p
}

// stop ends the program: by asking it, after five seconds by force.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be over already
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// waitFor blocks until ok says yes to what the program has printed so far.
func (p *process) waitFor(t *testing.T, what string, within time.Duration, ok func(string) bool) {
	t.Helper()
	late := time.After(within)
	for {
		text, more := p.out.read()
		if ok(text) {
			return
		}
		select {
		case <-more:
		case <-p.done:
			if text, _ = p.out.read(); !ok(text) {
				t.Fatalf("%s ended (%v) before it said %s", p.name, p.cmd.ProcessState, what)
			}
			return
		case <-late:
			t.Fatalf("%s did not say %s within %v", p.name, what, within)
		}
	}
}

// eventually asks ok again and again until it says yes; what it says otherwise is the failure.
func eventually(t *testing.T, what string, within time.Duration, ok func() (bool, string)) {
	t.Helper()
	late := time.After(within)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, said := ok()
		if yes {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("still not %s after %v:\n%s", what, within, said)
		}
	}
}

// try runs a program to its end, two minutes at most, and returns what it printed.
func try(command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	return string(out), err
}

// run is try for what must succeed.
func run(t *testing.T, command ...string) string {
	t.Helper()
	out, err := try(command...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, tail(out))
	}
	return out
}

// tail returns the last forty lines of text.
func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
