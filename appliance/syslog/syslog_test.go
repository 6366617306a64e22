package syslog_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/syslog"
)

// A lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A rig is a Sender that runs.
type rig struct {
	*syslog.Sender
	t    *testing.T
	log  *lockedBuffer // what it says about itself
	out  *slog.Logger  // what it sends
	stop func()
}

func newRig(t *testing.T, cfg syslog.Config) *rig {
	t.Helper()
	r := &rig{t: t, log: &lockedBuffer{}, stop: func() {}}
	cfg.Node, cfg.Now, cfg.Logger = "oslo-1", time.Now, slog.New(slog.NewTextHandler(r.log, nil))
	var err error
	if r.Sender, err = syslog.New(cfg); err != nil {
		t.Fatal(err)
	}
	r.out = slog.New(r.Handler(slog.LevelInfo))
	return r
}

// start runs it until stop, or the end of the test.
func (r *rig) start() *rig {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	r.t.Cleanup(func() { r.stop() })
	return r
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func TestSyslogByTCP(t *testing.T) {
	t.Parallel()
	c := collect(t, listen(t, "127.0.0.1:0"))
	r := newRig(t, syslog.Config{Transport: syslog.TCP, Address: c.Addr().String()})
	r.out.Info("before it runs")
	r.start()
	for i := range 500 {
		r.out.Warn("many", "i", i)
	}
	if m := c.next(t); m.text != "before it runs" || m.host != "oslo-1" || m.app != "gatehouse" {
		t.Errorf("got %+v", m)
	}
	for i := range 500 {
		want := [][2]string{{"i", fmt.Sprint(i)}}
		if diff := cmp.Diff(want, c.next(t).params); diff != "" {
			t.Fatalf("(- want, + got)\n%s", diff)
		}
	}
	eventually(t, "all sent", func() bool { return r.Status().Sent == 501 })
	s := r.Status()
	if !s.Connected || s.Problem != "" || s.Waiting != 0 || s.Dropped != 0 || s.Since.IsZero() ||
		s.Collector != "tcp://"+c.Addr().String() {
		t.Errorf("got status %+v", s)
	}
}

// TestSyslogAtTheEnd sends what was logged just before.
func TestSyslogAtTheEnd(t *testing.T) {
	t.Parallel()
	c := collect(t, listen(t, "127.0.0.1:0"))
	r := newRig(t, syslog.Config{Transport: syslog.TCP, Address: c.Addr().String()}).start()
	r.out.Info("first")
	c.next(t)
	for range 1000 {
		r.out.Info("last")
	}
	r.stop()
	for range 1000 {
		c.next(t)
	}
	if s := r.log.String(); s != "" {
		t.Errorf("got the log %q, want none", s)
	}
}

func TestSyslogByUDP(t *testing.T) {
	t.Parallel()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packets.Close() }()
	if err := packets.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, syslog.Config{Transport: syslog.UDP, Address: packets.LocalAddr().String()}).start()
	for i := range 3 {
		r.out.Info("packet", "i", i)
	}
	for i := range 3 {
		b := make([]byte, 4096)
		n, _, err := packets.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		m, err := parse(string(b[:n]))
		if err != nil || m.params[0][1] != fmt.Sprint(i) {
			t.Errorf("got %+v, %v", m, err)
		}
	}
}

// TestSyslogByUDPToNobody learns that the port is closed.
func TestSyslogByUDPToNobody(t *testing.T) {
	t.Parallel()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := packets.LocalAddr().String()
	_ = packets.Close()
	r := newRig(t, syslog.Config{Transport: syslog.UDP, Address: address}).start()
	r.out.Info("x")
	eventually(t, "a refused connection", func() bool {
		return strings.Contains(r.Status().Problem, "connection refused")
	})
}

func TestSyslogByTLS(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate alone, which names 127.0.0.1
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	settings := &tls.Config{Certificates: web.TLS.Certificates}
	for name, tt := range map[string]struct {
		roots   *x509.CertPool
		host    string
		plain   bool
		problem string
	}{
		"trusted":   {roots, "127.0.0.1", false, ""},
		"untrusted": {x509.NewCertPool(), "127.0.0.1", false, "unknown authority"},
		"other":     {roots, "localhost", false, "valid for example.com"},
		"no_tls":    {roots, "127.0.0.1", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := listen(t, "127.0.0.1:0")
			_, port, _ := net.SplitHostPort(plain.Addr().String())
			l := plain
			if !tt.plain {
				l = tls.NewListener(plain, settings)
			}
			c := collect(t, l)
			r := newRig(t, syslog.Config{Transport: syslog.TLS, Address: net.JoinHostPort(tt.host, port), Roots: tt.roots}).start()
			r.out.Info("private")
			switch {
			case tt.plain:
				select {
				case raw := <-c.got:
					t.Errorf("got %q without TLS", raw)
				case conn := <-c.conns: // who finds no frame in a ClientHello
					_ = conn.Close()
				}
				eventually(t, "a problem", func() bool { return r.Status().Problem != "" })
			case tt.problem == "":
				if m := c.next(t); m.text != "private" {
					t.Errorf("got %+v", m)
				}
			default:
				eventually(t, tt.problem, func() bool { return strings.Contains(r.Status().Problem, tt.problem) })
				if len(c.got) > 0 {
					t.Error("a message was sent")
				}
			}
		})
	}
}

// TestSyslogCollectorThatRestarts gets all that was logged while it was away.
func TestSyslogCollectorThatRestarts(t *testing.T) {
	t.Parallel()
	l := listen(t, "127.0.0.1:0")
	c := collect(t, l)
	r := newRig(t, syslog.Config{Transport: syslog.TCP, Address: l.Addr().String()}).start()
	r.out.Info("one")
	c.next(t)
	_ = l.Close()
	_ = (<-c.conns).Close()
	eventually(t, "noticing without sending", func() bool {
		s := r.Status()
		return !s.Connected && s.Problem != ""
	})
	r.out.Info("two")
	c = collect(t, listen(t, l.Addr().String()))
	if m := c.next(t); m.text != "two" {
		t.Errorf("got %+v", m)
	}
	eventually(t, "being content", func() bool { return r.Status().Connected })
	if s := r.log.String(); strings.Count(s, "level=WARN") != 1 || !strings.Contains(s, "there again") {
		t.Errorf("got the log %q, want a warning and its end", s)
	}
}

// TestSyslogCollectorThatReadsNothing keeps nobody who logs waiting, and the queue has a bound.
func TestSyslogCollectorThatReadsNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		most int
	}{
		"small": {"x", syslog.MaxWaiting},
		"large": {strings.Repeat("x", 1000), syslog.MaxWaitingBytes / 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, syslog.Config{Transport: syslog.TCP, Address: "192.0.2.1:514"})
			const count = 10_000
			for range count {
				r.out.Info("x", "text", tt.text)
			}
			s := r.Status()
			if s.Waiting > tt.most || s.Waiting < tt.most/4 || s.Dropped != uint64(count-s.Waiting) {
				t.Errorf("got status %+v, want up to %d waiting and the rest dropped", s, tt.most)
			}
		})
	}
}

// TestSyslogTellsWhatWasDropped where it was dropped.
func TestSyslogTellsWhatWasDropped(t *testing.T) {
	t.Parallel()
	c := collect(t, listen(t, "127.0.0.1:0"))
	r := newRig(t, syslog.Config{Transport: syslog.TCP, Address: c.Addr().String()})
	for range syslog.MaxWaiting + 7 {
		r.out.Info("early")
	}
	r.start()
	for range syslog.MaxWaiting {
		if m := c.next(t); m.text != "early" {
			t.Fatalf("got %+v", m)
		}
	}
	r.out.Info("late")
	if m := c.next(t); m.text != "messages dropped part=syslog count=7" || m.pri != 10*8+4 {
		t.Errorf("got %+v, want that 7 are missing", m)
	}
	if m := c.next(t); m.text != "late" {
		t.Errorf("got %+v", m)
	}
}

// TestSyslogBacksOff shows when it tries, and that it says so once.
func TestSyslogBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Time
		r := newRig(t, syslog.Config{Transport: syslog.TCP, Address: "192.0.2.1:514",
			Dial: func(context.Context) (net.Conn, error) {
				tries = append(tries, time.Now())
				return nil, errors.New("no \x1b[2J way")
			}}).start()
		time.Sleep(5 * time.Minute) // of the bubble
		synctest.Wait()
		var waits []int
		for i := 1; i < len(tries); i++ {
			waits = append(waits, int(tries[i].Sub(tries[i-1])/time.Second))
		}
		if diff := cmp.Diff([]int{1, 2, 4, 8, 16, 32, 60, 60, 60}, waits); diff != "" {
			t.Errorf("seconds between tries (- want, + got)\n%s", diff)
		}
		if s := r.Status(); s.Problem != `no \x1b[2J way` || s.Connected || time.Since(s.Since) != 5*time.Minute {
			t.Errorf("got status %+v", s)
		}
		begin := time.Now()
		r.stop()
		if took := time.Since(begin); took != 0 {
			t.Errorf("with nothing to send the end takes %s", took)
		}
		if n := strings.Count(r.log.String(), "\n"); n != 1 {
			t.Errorf("got %d lines of log, want 1", n)
		}
	})
}

// TestSyslogCollectorThatHangsUp at once, as for want of a certificate, is not tried at full speed.
func TestSyslogCollectorThatHangsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		r := newRig(t, syslog.Config{Transport: syslog.TCP, Address: "192.0.2.1:514",
			Dial: func(context.Context) (net.Conn, error) {
				tries++
				near, far := net.Pipe()
				_ = far.Close()
				return near, nil
			}})
		r.out.Info("x")
		r.start()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if s := r.Status(); tries > 10 || s.Sent != 0 || s.Waiting != 1 || !strings.Contains(s.Problem, "ends the connection") {
			t.Errorf("got %d tries, status %+v", tries, s)
		}
		r.stop()
	})
}

// TestSyslogCollectorThatStalls is left, and the message kept; the end does not wait for it.
func TestSyslogCollectorThatStalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var far []net.Conn
		r := newRig(t, syslog.Config{Transport: syslog.TCP, Address: "192.0.2.1:514",
			Dial: func(context.Context) (net.Conn, error) {
				near, other := net.Pipe() // which holds nothing
				far = append(far, other)
				return near, nil
			}})
		r.out.Info("x")
		r.start()
		time.Sleep(10500 * time.Millisecond)
		synctest.Wait()
		if s := r.Status(); s.Connected || !strings.Contains(s.Problem, "timeout") || s.Waiting != 1 {
			t.Errorf("got status %+v", s)
		}
		time.Sleep(2 * time.Second) // in the midst of the next try
		begin := time.Now()
		r.stop()
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("the end takes %s", took)
		}
		if !strings.Contains(r.log.String(), "messages to the syslog collector are lost") {
			t.Errorf("got the log %q, want what is lost", r.log.String())
		}
		for _, c := range far {
			_ = c.Close()
		}
	})
}

// TestSyslogCollectorThatTalks without end is left.
func TestSyslogCollectorThatTalks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, syslog.Config{Transport: syslog.TCP, Address: "192.0.2.1:514",
			Dial: func(context.Context) (net.Conn, error) {
				near, far := net.Pipe()
				go func() {
					for {
						if _, err := far.Write(make([]byte, 1000)); err != nil {
							return
						}
					}
				}()
				return near, nil
			}}).start()
		time.Sleep(time.Second / 2)
		synctest.Wait()
		if s := r.Status(); !strings.Contains(s.Problem, "sends something") {
			t.Errorf("got status %+v", s)
		}
		r.stop()
	})
}

func TestSyslogConfigThatIsNone(t *testing.T) {
	t.Parallel()
	for _, cfg := range []syslog.Config{{Transport: "relp", Address: "h:1"}, {Transport: "tcp", Address: "h"}, {}} {
		if _, err := syslog.New(cfg); err == nil {
			t.Errorf("New(%+v): got no error", cfg)
		}
	}
}
