package syslog_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/appliance/syslog"
)

func newForwarder(t *testing.T, address string) (*syslog.Forwarder, *slog.Logger) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	f, err := syslog.New(syslog.Config{Address: address, Node: "oslo 1", PID: 42, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return f, slog.New(f.Handler(slog.DiscardHandler))
}

func run(t *testing.T, f *syslog.Forwarder) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// frame reads one message by its count (RFC 6587 §3.4.1).
func frame(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	count, err := r.ReadString(' ')
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(count))
	if err != nil {
		t.Fatalf("count %q", count)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, logger := newForwarder(t, l.Addr().String())
	stop := run(t, f)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	logger.With("part", "x").Info("decision", "reason", `cert "]revoked\`, "user", "b\nø", slog.Group("g", "a b=c", 1))
	got := frame(t, r)
	if !strings.HasPrefix(got, "<86>1 20") {
		t.Errorf("priority and version: %q", got)
	}
	if _, rest, _ := strings.Cut(got, "Z "); rest !=
		`oslo1 gatehouse 42 decision [radius@32473 part="x" reason="cert \"\]revoked\\" user="b ø" g.a_b_c="1"] decision` {
		t.Errorf("message: %q", rest)
	}
	logger.Debug("nothing")
	logger.Error("bad")
	if got := frame(t, r); !strings.HasPrefix(got, "<27>1 ") || !strings.HasSuffix(got, " - [radius@32473] bad") {
		t.Errorf("an error: %q", got)
	}
	// The collector goes away and comes back: nothing that was logged meanwhile is lost.
	conn.Close()
	for f.Status().Connected {
		time.Sleep(time.Millisecond)
	}
	logger.Info("meanwhile")
	if conn, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := frame(t, bufio.NewReader(conn)); !strings.HasSuffix(got, "meanwhile") {
		t.Errorf("after a pause: %q", got)
	}
	stop()
}

func TestUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f, logger := newForwarder(t, "udp://"+conn.LocalAddr().String())
	logger.Warn("before", "long", strings.Repeat("é", 5000))
	stop := run(t, f)
	b := make([]byte, 64<<10)
	n, _, err := conn.ReadFrom(b)
	if err != nil || !strings.HasPrefix(string(b[:n]), "<28>1 ") || n > 2000 {
		t.Errorf("%d bytes, %v: %q", n, err, b[:min(n, 100)])
	}
	stop()
}

func TestNobodyWaits(t *testing.T) {
	f, logger := newForwarder(t, "127.0.0.1:1")
	for range 1500 {
		logger.Info("x")
	}
	if got := f.Status().Dropped; got != 500 {
		t.Errorf("%d dropped", got)
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]syslog.Address{
		"log.example:514":         {Network: "tcp", Host: "log.example:514"},
		"tls://log.example:6514":  {Network: "tls", Host: "log.example:6514"},
		"udp://[2001:db8::1]:514": {Network: "udp", Host: "[2001:db8::1]:514"},
	} {
		if got, err := syslog.ParseAddress(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "log.example", "http://x:1", "tcp://", ":514", "u:p@x:1", "tcp://x:1/path"} {
		if _, err := syslog.ParseAddress(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if _, err := syslog.New(syslog.Config{Address: "x"}); err == nil || errors.Is(err, io.EOF) {
		t.Error("New takes what is no address")
	}
}
