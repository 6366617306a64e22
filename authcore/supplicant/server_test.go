package supplicant_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/supplicant"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc4072"
	"layeh.com/radius/vendors/microsoft"
)

const testSecret = "a secret of the tests"

// script is a minimal EAP-TLS server for one conversation at a time, whose every step can be
// bent. The zero value with a pki behaves.
type script struct {
	pki *testPKI
	tls *tls.Config // nil: demands a certificate

	fragment     int                                    // bytes of TLS data a packet; 0: 1000
	start        []byte                                 // data of Start; nil: {0x20}
	farewell     []byte                                 // nil: {0}
	goodbye      bool                                   // close_notify after it
	editTLS      func(data []byte) []byte               // data of each EAP-TLS Request
	editEAP      func(eap []byte) []byte                // each EAP packet sent
	editReply    func(reply *radius.Packet, msk []byte) // before it is signed
	beforeMethod []supplicant.EAPPacket                 // Requests asked before Start
	afterAll     []supplicant.EAPPacket                 // Requests asked when the verdict is due
	refuse       bool                                   // reject after a handshake that went well

	mu   sync.Mutex // guards what follows, and all of the above once it serves
	sent []byte     // the last reply

	conn     *tlsServer
	received []byte
	pending  []byte
	first    bool
	total    int
	id       byte
	asked    int
	afterIdx int
	request  *radius.Packet
}

// serve answers on a socket of its own until the test ends.
func (s *script) serve(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tls == nil {
		s.tls = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}
	}
	s.tls = s.tls.Clone()
	s.tls.Certificates, s.tls.ClientCAs = []tls.Certificate{s.pki.server}, s.pki.roots()
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.conn != nil {
			s.conn.stop()
		}
	})
	return serveUDP(t, func(raw []byte) [][]byte {
		reply := s.handle(raw)
		if reply == nil {
			return nil
		}
		return [][]byte{reply}
	})
}

// serveUDP answers each datagram by handler.
func serveUDP(t testing.TB, handler func(raw []byte) [][]byte) string {
	t.Helper()
	sock, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { sock.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, radius.MaxPacketLength)
		for {
			n, from, err := sock.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, reply := range handler(bytes.Clone(buf[:n])) {
				_, _ = sock.WriteTo(reply, from)
			}
		}
	}()
	return sock.LocalAddr().String()
}

// config is good for s once Server is set.
func (s *script) config() supplicant.Config {
	return supplicant.Config{
		Secret: []byte(testSecret), Identity: "anonymous",
		Certificate: &s.pki.peer, RootCAs: s.pki.roots(), FramedMTU: 1400, EAPKeyName: true,
		Timeout: 2 * time.Second, Retries: -1,
	}
}

func (s *script) handle(raw []byte) []byte {
	req, err := radius.Parse(raw, []byte(testSecret))
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.request = req
	eap := rfc2869.EAPMessage_Get(req)
	if len(eap) < 5 {
		return nil
	}
	return s.respond(supplicant.EAPPacket{
		Code: supplicant.EAPCode(eap[0]), Identifier: eap[1], Type: supplicant.EAPType(eap[4]),
		Data: eap[5:],
	})
}

func (s *script) respond(in supplicant.EAPPacket) []byte {
	if s.asked < len(s.beforeMethod) {
		s.asked++
		return s.ask(s.beforeMethod[s.asked-1])
	}
	if s.conn == nil {
		s.conn = newTLSServer(s.tls, orBytes(s.farewell, 0), s.goodbye)
		return s.askTLS(orBytes(s.start, 0x20))
	}
	if len(in.Data) > 0 && in.Type == supplicant.EAPTypeTLS && s.conn.err == nil &&
		!s.conn.done {
		if ack := s.take(in.Data); ack {
			return s.askTLS([]byte{0})
		}
	}
	if len(s.pending) > 0 {
		return s.askTLS(s.nextFragment())
	}
	if s.afterIdx < len(s.afterAll) && s.conn.done {
		s.afterIdx++
		return s.ask(s.afterAll[s.afterIdx-1])
	}
	return s.verdict(in.Identifier)
}

// take reassembles and steps TLS; true: more fragments are to come.
func (s *script) take(data []byte) (ack bool) {
	flags, body := data[0], data[1:]
	if flags&0x80 != 0 {
		body = body[4:]
	}
	s.received = append(s.received, body...)
	if flags&0x40 != 0 {
		return true
	}
	if len(s.received) > 0 {
		s.pending = s.conn.step(s.received)
		s.received, s.first, s.total = nil, true, len(s.pending)
	}
	return false
}

func (s *script) nextFragment() []byte {
	size := s.fragment
	if size == 0 {
		size = 1000
	}
	n := min(size, len(s.pending))
	data := []byte{0}
	if n < len(s.pending) {
		data[0] = 0x40
		if s.first {
			data[0] = 0xc0
			data = binary.BigEndian.AppendUint32(data, uint32(s.total))
		}
	}
	data = append(data, s.pending[:n]...)
	s.pending, s.first = s.pending[n:], false
	return data
}

func (s *script) askTLS(data []byte) []byte {
	if s.editTLS != nil {
		data = s.editTLS(data)
	}
	return s.ask(supplicant.EAPPacket{Type: supplicant.EAPTypeTLS, Data: data})
}

func (s *script) ask(p supplicant.EAPPacket) []byte {
	s.id++
	p.Code, p.Identifier = supplicant.EAPRequest, s.id
	return s.send(radius.CodeAccessChallenge, p)
}

func (s *script) verdict(id byte) []byte {
	if s.conn.done && s.conn.err == nil && !s.refuse {
		return s.send(radius.CodeAccessAccept,
			supplicant.EAPPacket{Code: supplicant.EAPSuccess, Identifier: id})
	}
	return s.send(radius.CodeAccessReject,
		supplicant.EAPPacket{Code: supplicant.EAPFailure, Identifier: id})
}

func (s *script) send(code radius.Code, p supplicant.EAPPacket) []byte {
	eap := p.Marshal()
	if s.editEAP != nil {
		eap = s.editEAP(eap)
	}
	reply := s.request.Response(code)
	reply.Add(rfc2869.MessageAuthenticator_Type, make([]byte, 16))
	for _, a := range s.request.Attributes {
		if a.Type == rfc2865.ProxyState_Type {
			reply.Add(a.Type, a.Attribute)
		}
	}
	addEAP(reply, eap)
	if code == radius.CodeAccessChallenge {
		reply.Add(rfc2865.State_Type, bytes.Repeat([]byte{s.id}, 16))
	}
	var msk []byte
	if code == radius.CodeAccessAccept {
		var session []byte
		msk, session = s.keys()
		_ = microsoft.MSMPPERecvKey_Add(reply, msk[:32])
		_ = microsoft.MSMPPESendKey_Add(reply, msk[32:64])
		reply.Add(rfc4072.EAPKeyName_Type, session)
	}
	if s.editReply != nil {
		s.editReply(reply, msk)
	}
	raw := signReply(reply)
	s.sent = raw
	return raw
}

// lastReply returns what was answered last.
func (s *script) lastReply() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

func (s *script) keys() (msk, session []byte) {
	cs := s.conn.state
	if cs.Version >= tls.VersionTLS13 {
		msk, _ = cs.ExportKeyingMaterial("EXPORTER_EAP_TLS_Key_Material", []byte{13}, 128)
		session, _ = cs.ExportKeyingMaterial("EXPORTER_EAP_TLS_Method-Id", []byte{13}, 64)
		return msk, append([]byte{13}, session...)
	}
	msk, _ = cs.ExportKeyingMaterial("client EAP encryption", nil, 128)
	return msk, []byte{13} // the randoms are not at hand: EAP-Key-Name is hostapd's to prove
}

// signReply computes both authenticators of a reply whose header holds the request's.
func signReply(reply *radius.Packet) []byte {
	if _, ok := reply.Attributes.Lookup(rfc2869.MessageAuthenticator_Type); ok {
		blank, err := reply.MarshalBinary()
		if err != nil {
			return nil
		}
		mac := hmac.New(md5.New, reply.Secret)
		mac.Write(blank)
		sum := mac.Sum(nil)
		for _, a := range reply.Attributes {
			if a.Type == rfc2869.MessageAuthenticator_Type {
				a.Attribute = sum
			}
		}
	}
	raw, err := reply.Encode()
	if err != nil {
		return nil
	}
	return raw
}

func addEAP(p *radius.Packet, eap []byte) {
	for len(eap) > 0 {
		n := min(253, len(eap))
		p.Add(rfc2869.EAPMessage_Type, eap[:n])
		eap = eap[n:]
	}
}

func orBytes(b []byte, def byte) []byte {
	if b == nil {
		return []byte{def}
	}
	return b
}

// run has s serve, which must not be edited any more, and authenticates.
func run(t *testing.T, s *script, cfg supplicant.Config) *supplicant.Report {
	t.Helper()
	cfg.Server = s.serve(t)
	r, err := supplicant.Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
