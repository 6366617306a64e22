package supplicant_test

import (
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"gatehouse/authcore/supplicant"
)

// A countedConn is a transport of another's: only its methods are known.
type countedConn struct {
	net.Conn
	writes, closes int
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.writes++
	return c.Conn.Write(b)
}

func (c *countedConn) Close() error {
	c.closes++
	return c.Conn.Close()
}

func (c *countedConn) LocalAddr() net.Addr { return nil }

// TestOverAnotherTransport authenticates over a transport at hand.
func TestOverAnotherTransport(t *testing.T) {
	s := &script{pki: newTestPKI(t, false)}
	address := s.serve(t)
	udp, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	transport := &countedConn{Conn: udp}
	cfg := s.config()
	cfg.Server = "elsewhere:1"
	conn, err := supplicant.Over(cfg, transport)
	if err != nil {
		t.Fatal(err)
	}
	c := conn.Begin()
	r, err := c.Finish(t.Context())
	if err != nil || !r.OK() {
		t.Errorf("Finish = %+v, %v, want OK", r, err)
	}
	c.Close()
	if transport.writes != r.Rounds || transport.closes == 0 {
		t.Errorf("got %d writes and %d closes, want %d and some", transport.writes, transport.closes, r.Rounds)
	}
	cfg.Secret = nil
	if _, err := supplicant.Over(cfg, transport); err == nil {
		t.Error("Over without secret = nil, want an error")
	}
}

// TestOverBrokenTransport tells what the transport says.
func TestOverBrokenTransport(t *testing.T) {
	here, there := net.Pipe()
	if err := errors.Join(here.Close(), there.Close()); err != nil {
		t.Fatal(err)
	}
	conn, err := supplicant.Over(connConfig("elsewhere:1"), here)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Begin().Finish(t.Context())
	if !errors.Is(err, supplicant.ErrUnreachable) || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Finish = %v, want unreachable for a closed pipe", err)
	}
}

// TestVerifyServer judges what the server presents by a function.
func TestVerifyServer(t *testing.T) {
	pki := newTestPKI(t, false)
	for _, want := range []error{nil, errors.New("not to our taste")} {
		s := &script{pki: pki}
		cfg := s.config()
		cfg.RootCAs = nil
		var seen []*x509.Certificate
		cfg.VerifyServer = func(chain []*x509.Certificate) error {
			seen = chain
			return want
		}
		r := run(t, s, cfg)
		if len(seen) == 0 || string(seen[0].Raw) != string(pki.server.Certificate[0]) {
			t.Fatal("the server's certificate was not shown")
		}
		switch {
		case want == nil && (!r.OK() || !r.ServerCertificate.Verified):
			t.Errorf("got %+v, want OK by a verified server", r)
		case want != nil && (r.Result != supplicant.ResultReject || !strings.Contains(r.Reason, want.Error())):
			t.Errorf("got %s, %q, want a reject for %v", r.Result, r.Reason, want)
		}
	}
}
