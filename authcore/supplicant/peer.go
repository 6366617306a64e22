package supplicant

import (
	"errors"
	"fmt"
)

// Stage says how far the peer has come: it names the last message that the peer made. The
// stages of a conversation only go up.
type Stage int

// The stages, in order.
const (
	StageNone        Stage = iota // nothing said yet
	StageIdentity                 // EAP-Response/Identity
	StageHello                    // ClientHello
	StageCredentials              // our second flight: certificate, unless resumed, and Finished
	StageAlert                    // a TLS alert in place of it
	StageFinal                    // the empty answer to the server's last words in TLS
	StageDone                     // EAP-Success or EAP-Failure was heard
)

var (
	// ErrProtocol means that the server broke EAP or EAP-TLS so that the peer cannot go on.
	ErrProtocol = errors.New("server broke the protocol")

	errPeerDone = errors.New("conversation is over")
)

// Peer is the EAP-TLS peer (RFC 5216, RFC 9190): packets in, packets out. It knows nothing of
// RADIUS and has no clock; stop calling it anywhere to leave a conversation half-open. Close
// it in the end. It belongs to one goroutine.
type Peer struct {
	cfg    Config
	engine *engine
	stage  Stage

	incoming   reassembly
	outgoing   fragmenter
	started    bool
	success    bool  // EAP-Success rather than EAP-Failure, at StageDone
	identifier int   // of our last Response; -1: none
	said       Stage // of our last message, StageDone apart
	naks       int

	heardIdentity bool // the server asked for the identity
	wrongMethod   bool // the server never offered EAP-TLS
	violations    []string
}

// NewPeer returns a peer for one conversation.
func NewPeer(cfg Config) (*Peer, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return newPeer(cfg, new(trustMemory)), nil
}

func newPeer(cfg Config, trust *trustMemory) *Peer {
	p := &Peer{cfg: cfg, engine: newEngine(cfg, trust), identifier: -1}
	p.outgoing = fragmenter{size: cfg.FragmentSize, alwaysLength: cfg.AlwaysLength}
	return p
}

// Close gives up the TLS client and forgets its secrets. It may be called more than once.
func (p *Peer) Close() { p.engine.close() }

// Stage returns how far the peer has come.
func (p *Peer) Stage() Stage { return p.stage }

// Success reports whether EAP-Success was heard.
func (p *Peer) Success() bool { return p.success }

// Violations lists the rules that the server broke without stopping us.
func (p *Peer) Violations() []string {
	return append(append([]string(nil), p.violations...), p.incoming.deviations...)
}

// Identity returns the Response/Identity with which a NAS opens a conversation of its own.
func (p *Peer) Identity(identifier byte) []byte {
	return p.answer(EAPPacket{Identifier: identifier}, EAPTypeIdentity, []byte(p.cfg.Identity),
		StageIdentity)
}

// Respond takes one packet from the server and returns the Response to it, nil when
// EAP-Success or EAP-Failure ended the conversation. ErrProtocol ends it too.
func (p *Peer) Respond(packet []byte) ([]byte, error) {
	if p.stage == StageDone {
		return nil, errPeerDone
	}
	in, err := ParseEAP(packet)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	switch in.Code {
	case EAPSuccess, EAPFailure:
		p.end(in)
		return nil, nil
	case EAPResponse:
		return nil, fmt.Errorf("%w: %v from the server", ErrProtocol, in.Code)
	}
	if int(in.Identifier) == p.identifier {
		p.violate("EA-5: new Request repeats Identifier %d", in.Identifier)
	}
	return p.request(in)
}

func (p *Peer) request(in EAPPacket) ([]byte, error) {
	if p.engine.committed() {
		p.violate("TL-8: another Request after the protected success indication")
	}
	switch in.Type {
	case EAPTypeIdentity:
		p.heardIdentity = true
		if p.started {
			p.violate("EA-5: identity asked for in the middle of the method")
		}
		return p.answer(in, EAPTypeIdentity, []byte(p.cfg.Identity), StageIdentity), nil
	case EAPTypeNotification:
		return p.answer(in, EAPTypeNotification, nil, p.stage), nil
	case EAPTypeTLS:
		packet, err := parseTLSPacket(in.Data)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		return p.tls(in, packet)
	}
	p.naks++
	if p.naks > 3 {
		return nil, fmt.Errorf("%w: offers type %d although we only do EAP-TLS",
			ErrProtocol, in.Type)
	}
	p.wrongMethod = !p.started
	return p.answer(in, EAPTypeNak, []byte{byte(EAPTypeTLS)}, p.stage), nil
}

// tls handles an EAP-TLS Request: Start, acknowledgement of our fragment, or data.
func (p *Peer) tls(in EAPPacket, packet tlsPacket) ([]byte, error) {
	switch {
	case packet.start():
		return p.start(in, packet)
	case !p.started:
		return nil, fmt.Errorf("%w: EAP-TLS data before Start", ErrProtocol)
	case p.outgoing.sending:
		if !packet.isAck() {
			return nil, fmt.Errorf("%w: data in place of an acknowledgement", ErrProtocol)
		}
		if packet.flags != 0 {
			p.violate("TL-3: acknowledgement with flags %#02x", packet.flags)
		}
		return p.answer(in, EAPTypeTLS, p.outgoing.next(), p.stage), nil
	}
	message, done, err := p.incoming.add(packet)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if !done {
		return p.answer(in, EAPTypeTLS, []byte{0}, p.stage), nil
	}
	return p.message(in, message)
}

// start begins the handshake. Start carries no length and no data (RFC 5216 §2.1.1).
func (p *Peer) start(in EAPPacket, packet tlsPacket) ([]byte, error) {
	if p.started {
		return nil, fmt.Errorf("%w: second EAP-TLS Start", ErrProtocol)
	}
	if packet.flags != flagStart || len(packet.payload) > 0 {
		p.violate("TL-1: EAP-TLS Start with flags %#02x and %d bytes of data", packet.flags,
			len(packet.payload))
	}
	p.started, p.wrongMethod = true, false
	p.outgoing.load(p.engine.step(nil))
	return p.answer(in, EAPTypeTLS, p.outgoing.next(), StageHello), nil
}

// message steps the TLS client with one whole message of the server.
func (p *Peer) message(in EAPPacket, message []byte) ([]byte, error) {
	var out []byte
	if p.engine.failed() {
		p.violate("TL-8: the server goes on after a TLS error")
	} else {
		out = p.engine.step(message)
	}
	stage := StageFinal
	switch {
	case len(out) == 0:
	case p.engine.failed():
		stage = StageAlert
	case p.engine.sawServer:
		stage = StageCredentials
	default:
		stage = StageHello // answer to a HelloRetryRequest
	}
	p.outgoing.load(out)
	return p.answer(in, EAPTypeTLS, p.outgoing.next(), stage), nil
}

func (p *Peer) end(in EAPPacket) {
	p.stage, p.success = StageDone, in.Code == EAPSuccess
	if p.identifier >= 0 && int(in.Identifier) != p.identifier {
		p.violate("EA-5: %v carries Identifier %d, our last Response %d", in.Code,
			in.Identifier, p.identifier)
	}
}

// answer makes the Response to a Request and remembers it.
func (p *Peer) answer(in EAPPacket, t EAPType, data []byte, stage Stage) []byte {
	p.stage = max(p.stage, stage)
	p.said = p.stage
	p.identifier = int(in.Identifier)
	return EAPPacket{
		Code: EAPResponse, Identifier: in.Identifier, Type: t, Data: data,
	}.Marshal()
}

func (p *Peer) violate(format string, args ...any) {
	p.violations = append(p.violations, fmt.Sprintf(format, args...))
}
