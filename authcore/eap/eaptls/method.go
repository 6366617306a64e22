// Package eaptls is the authenticator's half of EAP-TLS (RFC 5216, and RFC 9190 for TLS 1.3):
// fragmentation, the TLS engine as a coroutine, the peer's and our alerts, keys. It decides
// nothing about certificates: whoever configures a Method hands it a Verify, which is asked
// before the peer has proved possession of its key and must have no effect. It knows no
// RADIUS, opens no file and starts no goroutine that outlives Close.
package eaptls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
)

const (
	// DefaultFragmentSize is the EAP packet size every link carries (RFC 3748 §3.1).
	DefaultFragmentSize = 1020
	// MinFragmentSize is what the least Framed-MTU, 64, leaves (RFC 2865 §5.12).
	MinFragmentSize = 60
	// ReassemblyLimit bounds one flight of the peer's in octets (RFC 5216 §2.1.5).
	ReassemblyLimit = 64 << 10
	// eapOverhead is the EAP header and type before the type-data.
	eapOverhead = 5
)

// A Verdict is what Verify says of the peer's certificate. The zero value accepts nothing.
type Verdict struct {
	Pending bool         // ask again after Method.Resume
	Accept  bool         // go on; possession of the key is still to be proved
	Failure *eap.Failure // why not, if neither
}

// Config says how one conversation is held. It is not changed by the Method.
type Config struct {
	Certificates []tls.Certificate // at least one, the preferred first
	TLSMin       uint16            // zero: TLS 1.2, which is also the least
	TLSMax       uint16            // zero: TLS 1.3
	PostQuantum  bool              // offer X25519MLKEM768
	ClientCAs    *x509.CertPool    // hints for the CertificateRequest; nil: none
	FragmentSize int               // of an EAP packet, in octets; zero: DefaultFragmentSize
	Budget       *Budget           // for large flights, shared by all conversations; nil: none
	Time         func() time.Time  // nil: time.Now

	Sessions        *Sessions     // shared by all conversations; nil: no resumption
	SessionLifetime time.Duration // from the full handshake on; zero: no resumption
	Binding         Binding       // under which this conversation's session may be resumed

	// Verify is asked for a verdict on the peer, whose certificates (perhaps none) are in the
	// state. It runs before proof of possession and must only read. Required.
	Verify func(*tls.ConnectionState) Verdict
}

// A Method is one EAP-TLS conversation. It implements eap.Method.
//
//	started ──ClientHello──▶ receiving ⇄ sending ──all acknowledged──▶ receiving …
//	                             │
//	          Finished processed ├──▶ finishing ──ack──▶ Done
//	          our alert          └──▶ alerting ──any──▶ Failed
type Method struct {
	config   Config
	phase    phase
	engine   *engine
	in       inbox
	out      outbox
	secrets  masterLog
	resume   resumption
	random   [randomLen]byte // of the ClientHello
	resumed  bool
	hello    []uint16 // versions that the ClientHello offers; nil: none was read
	verdict  Verdict
	asked    bool // Verify has given a final verdict
	flights  int  // of ours, before the last
	sentCert bool // our certificate is among them
	failure  *eap.Failure
	keys     *eap.Keys
}

type phase uint8

const (
	started   phase = iota
	receiving       // the peer's flight is expected, or more of it
	finishing       // our last flight is out; the peer acknowledges it
	alerting        // our alert is out; whatever the peer answers, it fails
)

// New returns a Method for one conversation. The TLS engine is made with the first flight of
// the peer, so that a conversation abandoned before costs next to nothing.
func New(config Config) *Method {
	size := config.FragmentSize
	if size == 0 {
		size = DefaultFragmentSize
	}
	m := &Method{config: config}
	m.out.max = max(size, MinFragmentSize) - eapOverhead
	m.in.limit, m.in.budget = ReassemblyLimit, config.Budget
	if config.Time == nil {
		m.config.Time = time.Now
	}
	m.resume = resumption{
		sessions: config.Sessions, binding: config.Binding, lifetime: config.SessionLifetime,
		now: m.config.Time, secrets: &m.secrets,
	}
	m.in.reset()
	return m
}

// Type returns eap.TypeTLS.
func (m *Method) Type() eap.Type { return eap.TypeTLS }

// Start returns EAP-TLS Start: the S bit and nothing else. Some peers refuse a length there.
func (m *Method) Start() []byte { return []byte{flagStart} }

// Close stops the engine and forgets every secret.
func (m *Method) Close() {
	if m.engine != nil {
		m.engine.close()
		m.engine = nil
	}
	m.secrets.clear()
	m.keys.Clear()
	m.in.reset()
	m.in.data, m.out, m.keys = nil, outbox{}, nil
	m.resume.found, m.resume.offered = nil, nil // not succeeded, not kept
}

// Failure returns why the conversation will fail, once our alert is on its way.
func (m *Method) Failure() *eap.Failure { return m.failure }

// Stage names what the peer was last asked to do.
func (m *Method) Stage() string {
	switch {
	case m.phase == alerting:
		return "our TLS alert was sent"
	case m.phase == finishing:
		return "the handshake was completed and the final acknowledgement awaited"
	case m.phase == started:
		return "EAP-TLS was proposed"
	case m.verdict.Pending:
		return "the check of the device's certificate began"
	case !m.out.empty():
		return "the first fragments of our certificate were sent"
	case m.asked:
		return "the device's certificate was read"
	case m.sentCert:
		return "our certificate was sent"
	}
	return "the TLS handshake began"
}

// Step takes one EAP-TLS packet from the peer.
func (m *Method) Step(data []byte) eap.Step {
	if m.phase == alerting && m.out.empty() {
		return m.failed(m.failure)
	}
	if !m.out.empty() {
		if !isAck(data) {
			return m.invalid("data where the acknowledgement of a fragment was due")
		}
		return m.send()
	}
	if m.phase == finishing && isAck(data) {
		return m.done()
	}
	if len(m.in.data) == 0 && isAck(data) {
		return m.invalid("an acknowledgement with no fragment outstanding")
	}
	complete, err := m.in.add(data)
	switch {
	case errors.Is(err, errOverBudget):
		return m.failed(&eap.Failure{Reason: audit.Overloaded, Detail: err.Error()})
	case err != nil:
		return m.invalid(err.Error())
	}
	if !complete {
		return eap.Step{Status: eap.Continue, Data: ack()}
	}
	if alert, ok := plainAlert(m.in.data); ok {
		return m.failed(alertFailure(alert))
	}
	if m.engine == nil {
		m.engine = newEngine(m.tlsConfig)
		copy(m.random[:], clientRandom(m.in.data))
	}
	if m.phase == started {
		m.phase = receiving
	}
	event := m.engine.step(m.in.data)
	m.in.reset()
	return m.after(event)
}

// Resume goes on after a pending verdict.
func (m *Method) Resume() eap.Step { return m.after(m.engine.resume()) }

func (m *Method) after(e event) eap.Step {
	switch e {
	case waiting:
		return eap.Step{Status: eap.Pending}
	case established:
		return m.establish()
	case ended:
		return m.broken(m.engine.err)
	}
	if m.phase == finishing {
		return m.invalid("data where the final acknowledgement was due")
	}
	m.out.load(m.engine.output())
	if m.out.empty() {
		return m.invalid("an incomplete TLS flight")
	}
	m.flights++
	m.sentCert = m.flights > 1 || !m.engine.wire.helloRetry()
	return m.send()
}

// establish derives the keys and sends what ends the handshake: with TLS 1.3 the commitment,
// one encrypted zero octet, after which only Success may follow (RFC 9190 §2.1.1, §2.5); with
// TLS 1.2 our Finished, which the engine has written already, if it was not the peer's turn to
// finish.
func (m *Method) establish() eap.Step {
	cs := m.engine.conn.ConnectionState()
	m.resumed = cs.DidResume
	if m.resumed && cs.Version == tls.VersionTLS12 && m.resume.found != nil {
		// The key log has no line for a resumed session.
		m.secrets = masterLog{clientRandom: m.random, master: m.resume.found.master, seen: true}
	}
	keys, err := deriveKeys(m.engine, &m.secrets)
	m.secrets.clear()
	if err != nil {
		return m.failed(&eap.Failure{Reason: audit.Internal, Detail: err.Error()})
	}
	m.keys = keys
	if cs.Version == tls.VersionTLS13 {
		if _, err := m.engine.conn.Write([]byte{0}); err != nil {
			return m.failed(&eap.Failure{Reason: audit.TLSHandshake, Detail: err.Error()})
		}
	}
	m.phase = finishing
	m.out.load(m.engine.output())
	if m.out.empty() {
		// TLS 1.2 resumed: the peer's Finished was the last message (RFC 5216 §2.1.2).
		return m.done()
	}
	return m.send()
}

// done ends a conversation that has succeeded: from now on its session may be resumed.
func (m *Method) done() eap.Step {
	m.resume.commit(m.resumed)
	keys := m.keys
	m.keys = nil // the caller's now
	return eap.Step{Status: eap.Done, Keys: keys}
}

// send returns the next fragment of what is to be sent.
func (m *Method) send() eap.Step {
	return eap.Step{Status: eap.Continue, Data: m.out.next()}
}

// broken ends a handshake that failed. Our alert, if there is one, goes out first.
func (m *Method) broken(err error) eap.Step {
	m.failure = m.diagnose(err)
	if alert := m.engine.output(); len(alert) > 0 {
		m.phase = alerting
		m.out.load(alert)
		return m.send()
	}
	return m.failed(m.failure)
}

func (m *Method) invalid(detail string) eap.Step {
	return m.failed(&eap.Failure{Reason: audit.EAPInvalid, Detail: detail})
}

func (m *Method) failed(f *eap.Failure) eap.Step {
	m.failure = f
	return eap.Step{Status: eap.Failed, Failure: f}
}

// tlsConfig makes the configuration of this one connection: the callbacks and the key log
// belong to the conversation.
func (m *Method) tlsConfig(e *engine) *tls.Config {
	curves := []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	if m.config.PostQuantum {
		curves = append([]tls.CurveID{tls.X25519MLKEM768}, curves...)
	}
	config := &tls.Config{
		Certificates:     m.config.Certificates,
		MinVersion:       max(m.config.TLSMin, tls.VersionTLS12),
		MaxVersion:       m.config.TLSMax,
		CurvePreferences: curves,
		ClientAuth:       tls.RequestClientCert, // ours to judge, a missing one included
		ClientCAs:        m.config.ClientCAs,
		Time:             m.config.Time,
		KeyLogWriter:     &m.secrets,

		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			m.hello = slices.Clone(hello.SupportedVersions)
			return nil, nil
		},
		VerifyConnection: func(cs tls.ConnectionState) error { return m.verify(e, &cs) },
	}
	m.resume.configure(config)
	return config
}

// verify runs inside the engine, with the peer's certificate read and nothing proved.
func (m *Method) verify(e *engine, cs *tls.ConnectionState) error {
	for {
		m.verdict = m.config.Verify(cs)
		if !m.verdict.Pending {
			break
		}
		if !e.wait() {
			return errStopped
		}
	}
	m.asked = true
	if m.verdict.Accept {
		return nil
	}
	if cs.DidResume {
		m.resume.refuse()
	}
	if m.verdict.Failure == nil {
		m.verdict.Failure = &eap.Failure{Reason: audit.Internal, Detail: "refused without a reason"}
	}
	return m.verdict.Failure
}
