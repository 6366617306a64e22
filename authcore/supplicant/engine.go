package supplicant

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"iter"
	"net"
	"reflect"
	"time"
)

// maxAppData bounds what a server may send behind the handshake: the commitment is one octet.
const maxAppData = 64

// engine is the TLS client, stepped one whole message at a time. It is a coroutine of whoever
// calls step, so that no goroutine survives close.
type engine struct {
	cfg  Config
	pipe pipe
	conn *tls.Conn
	next func() (struct{}, bool)
	stop func()

	randoms handshakeRandoms
	secret  masterSecret
	keeper  *masterKeeper // nil: never resumes
	trust   *trustMemory

	partial       tls.ConnectionState // as far as VerifyConnection saw it
	sawServer     bool                // VerifyConnection ran
	verified      bool
	verifyErr     error
	certRequested bool
	certPresented bool

	done    bool // handshake complete on our side
	state   tls.ConnectionState
	appData []byte
	closed  bool // close_notify came
	err     error
}

func newEngine(cfg Config, trust *trustMemory) *engine {
	e := &engine{cfg: cfg, trust: trust}
	if cfg.SessionCache != nil {
		e.keeper = &masterKeeper{cache: cfg.SessionCache, secret: &e.secret}
	}
	e.conn = tls.Client(&e.pipe, e.tlsConfig())
	e.next, e.stop = iter.Pull(e.run)
	return e
}

func (e *engine) tlsConfig() *tls.Config {
	config := &tls.Config{
		MinVersion: e.cfg.TLSMin, MaxVersion: e.cfg.TLSMax,
		CipherSuites:     e.cfg.CipherSuites,
		CurvePreferences: e.cfg.CurvePreferences,
		// Verification is verifyServer, which also tells what it saw. No SNI: EAP peers
		// know no host name.
		InsecureSkipVerify:   true,
		VerifyConnection:     e.verifyServer,
		GetClientCertificate: e.presentCertificate,
		KeyLogWriter:         &e.secret,
		Time:                 e.cfg.Time,
	}
	if e.keeper != nil {
		config.ClientSessionCache = e.keeper
	}
	return config
}

func (e *engine) run(yield func(struct{}) bool) {
	e.pipe.yield = yield
	if err := e.conn.Handshake(); err != nil {
		e.err = err
		return
	}
	e.state, e.done = e.conn.ConnectionState(), true
	buf := make([]byte, maxAppData)
	for {
		n, err := e.conn.Read(buf)
		if len(e.appData)+n > maxAppData {
			e.err = errors.New("server sends data inside the tunnel")
			return
		}
		e.appData = append(e.appData, buf[:n]...)
		switch {
		case err == io.EOF:
			e.closed = true
			return
		case err != nil:
			e.err = err
			return
		}
	}
}

// step hands in a message, empty at the start, and returns what the client says to it.
func (e *engine) step(in []byte) []byte {
	e.randoms.observeServer(in)
	e.pipe.in = append(e.pipe.in, in...)
	e.next() // false once the engine ended; e.err says why
	out := e.pipe.take()
	e.randoms.observeClient(out)
	return out
}

// close ends the coroutine and forgets the secrets. It may be called more than once.
func (e *engine) close() {
	e.stop()
	e.secret.zero()
}

// failed reports whether the handshake or the tunnel is broken.
func (e *engine) failed() bool { return e.err != nil }

// committed reports whether the protected success indication came, and nothing else
// (RFC 9190 §2.1.1).
func (e *engine) committed() bool { return len(e.appData) == 1 && e.appData[0] == 0 }

// exports reports whether crypto/tls exports keys: not for TLS 1.2 without Extended Master
// Secret.
func (e *engine) exports() bool {
	_, err := e.state.ExportKeyingMaterial("client EAP encryption", nil, 1)
	return err == nil
}

func (e *engine) presentCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	e.certRequested = true
	if e.cfg.Certificate == nil {
		return &tls.Certificate{}, nil
	}
	// Whatever CA names the server hints at, it judges what we have.
	e.certPresented = true
	return e.cfg.Certificate, nil
}

func (e *engine) verifyServer(cs tls.ConnectionState) error {
	e.partial, e.sawServer = cs, true
	if e.cfg.RootCAs == nil && e.cfg.VerifyServer == nil {
		return nil
	}
	if len(cs.PeerCertificates) == 0 {
		e.verifyErr = errors.New("server presented no certificate")
		return e.verifyErr
	}
	if e.cfg.VerifyServer != nil {
		e.verifyErr = e.cfg.VerifyServer(cs.PeerCertificates)
		e.verified = e.verifyErr == nil
		return e.verifyErr
	}
	now := e.now()
	if e.verified = e.trust.holds(cs.PeerCertificates, now); e.verified {
		return nil
	}
	opts := x509.VerifyOptions{
		Roots: e.cfg.RootCAs, DNSName: e.cfg.ServerName, Intermediates: x509.NewCertPool(),
		CurrentTime: now,
	}
	for _, c := range cs.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	chains, err := cs.PeerCertificates[0].Verify(opts)
	if err != nil {
		e.verifyErr = err
		return err
	}
	e.verified = true
	e.trust.remember(cs.PeerCertificates, chains[0])
	return nil
}

func (e *engine) now() time.Time {
	if e.cfg.Time != nil {
		return e.cfg.Time()
	}
	return time.Now()
}

// connection returns the most that is known about the TLS connection.
func (e *engine) connection() tls.ConnectionState {
	if e.done {
		return e.state
	}
	return e.partial
}

// alert returns the alert that the server sent, if it sent one. Under TLS 1.3 it is encrypted,
// and crypto/tls tells of it by an unexported type of kind uint8 only.
func (e *engine) alert() (tls.AlertError, bool) {
	var op *net.OpError
	if !errors.As(e.err, &op) || op.Op != "remote error" {
		return 0, false
	}
	v := reflect.ValueOf(op.Err)
	if v.Kind() != reflect.Uint8 {
		return 0, false
	}
	return tls.AlertError(v.Uint()), true
}
