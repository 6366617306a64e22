package radserver

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/radius"
)

// maxCandidates bounds the secrets that one Status-Server is tried with.
const maxCandidates = 16

// An origin is where a datagram came from, and the address of ours that it came to.
type origin struct {
	source netip.AddrPort
	local  netip.Addr
}

// receive takes in one datagram, which is only lent, and returns the request that is to be
// served, or nil. It never waits, and a panic anywhere in it costs this datagram alone.
func (s *Server) receive(p *port, datagram []byte, from origin) *Request {
	defer func() {
		if v := recover(); v != nil {
			s.panicked(v, from)
		}
	}()
	if len(datagram) == pingLength && s.pings.take(p, datagram) {
		return nil
	}
	req := s.admit(p, datagram, from)
	if req == nil {
		return nil
	}
	switch verdict, reply := p.cache.admit(req, req.arrived); verdict {
	case fresh:
		return req
	case duplicate:
		s.counters.duplicates.Add(1)
	case answered:
		s.counters.resent.Add(1)
		s.write(p, reply, from)
	case full:
		s.discard(req.dropped(WhyOverloaded))
	}
	return nil
}

// serve has the Handler answer req, unless the NAS has meanwhile gone on to another. A panic
// costs this request alone.
func (s *Server) serve(req *Request) {
	defer func() {
		if v := recover(); v != nil {
			s.panicked(v, req.from)
			req.Drop()
		}
	}()
	if !req.port.cache.current(req) {
		s.counters.superseded.Add(1)
		return
	}
	s.counters.requests.Add(1)
	s.config.Handler.ServeRADIUS(req)
}

// giveUp leaves req unserved. Its retransmission is a new request.
func (s *Server) giveUp(req *Request) {
	req.port.cache.forget(req)
	s.discard(req.dropped(WhyOverloaded))
}

// admit checks one datagram up to its Message-Authenticator, and returns the request if it is
// one for the Handler. What it returns owns its bytes. The duplicate cache is not touched
// before the packet has proved that it comes from the client (RFC 5080 §2.2.2).
func (s *Server) admit(p *port, datagram []byte, from origin) *Request {
	d := dropped{source: from.source.Addr()}
	clients := s.config.Clients()
	if clients == nil {
		s.discard(d.because(WhyNotReady))
		return nil
	}
	if !clients.Known(d.source) {
		s.counters.unknown(d.source)
		s.discard(d.because(WhyClientUnknown))
		return nil
	}
	packet, err := radius.Parse(datagram)
	if err != nil {
		s.discard(d.broken(err))
		return nil
	}
	switch packet.Code {
	case radius.CodeAccessRequest:
		return s.admitRequest(p, packet, from, clients)
	case radius.CodeStatusServer:
		s.answerStatus(p, packet, from, clients)
	default:
		s.discard(d.because(WhyCode))
	}
	return nil
}

func (s *Server) admitRequest(
	p *port, packet radius.Packet, from origin, clients *policy.Clients,
) *Request {
	d := dropped{source: from.source.Addr()}
	called, _ := packet.Attributes.Get(radius.TypeCalledStationID)
	nas, _ := packet.Attributes.Get(radius.TypeNASIdentifier)
	_, d.ssid = radius.SSID(called)
	d.nasIdentifier = string(nas)
	var found bool
	d.client, d.server, found = clients.Lookup(d.source, d.ssid, d.nasIdentifier)
	if !found {
		s.discard(d.because(WhyNoMatch))
		return nil
	}
	if why := s.checkMessageAuthenticator(&packet, &d); why != "" {
		s.discard(d.because(why))
		return nil
	}
	s.counters.believed(&d)
	if packet.Attributes.Count(radius.TypeEAPMessage) > 0 {
		var scratch [radius.MaxPacketLength]byte
		if _, _, err := packet.EAPMessage(scratch[:0]); err != nil {
			s.discard(d.broken(err))
			return nil
		}
	}
	return s.newRequest(p, packet, from, d)
}

// checkMessageAuthenticator says whether the packet is to be believed: "" or why not. It
// learns, for clients in auto mode, who is able to send Message-Authenticator.
func (s *Server) checkMessageAuthenticator(p *radius.Packet, d *dropped) radius.Why {
	hasEAP := p.Attributes.Count(radius.TypeEAPMessage) > 0
	mode := d.client.MessageAuthenticator
	err := p.CheckMessageAuthenticator(d.client.Secret)
	switch {
	case err == nil:
		// EAP always carries one, so it tells nothing about the NAS's other requests.
		if mode == policy.MAAuto && !hasEAP && !s.config.Learner.Learnt(d.source) {
			s.config.Learner.Learn(d.source)
		}
		return ""
	case errors.Is(err, radius.ErrMessageAuthenticatorWrong):
		s.counters.wrongSecret(d)
		return WhyMessageAuthenticatorWrong
	case hasEAP: // RFC 3579 §3.2, whatever the configuration says
		return WhyMessageAuthenticatorMissing
	case mode == policy.MAOff:
		return ""
	case mode == policy.MAAuto && !s.config.Learner.Learnt(d.source) &&
		p.Attributes.Count(radius.TypeProxyState) == 0:
		// Proxy-State is where the forgery of CVE-2024-3596 hides its collision.
		return ""
	}
	return WhyMessageAuthenticatorMissing
}

// answerStatus answers a Status-Server (RFC 5997 §2) with a bare Access-Accept, at once. It
// names no SSID, so every client entry that lists the source may have sent it.
func (s *Server) answerStatus(
	p *port, packet radius.Packet, from origin, clients *policy.Clients,
) {
	d := dropped{source: from.source.Addr()}
	if packet.Attributes.Count(radius.TypeMessageAuthenticator) == 0 {
		s.discard(d.because(WhyMessageAuthenticatorMissing))
		return
	}
	tried := 0
	for client, server := range clients.Candidates(d.source) {
		if packet.CheckMessageAuthenticator(client.Secret) == nil {
			d.client, d.server = client, server
			s.counters.believed(&d)
			s.sendStatus(p, packet, from, client)
			return
		}
		if d.client == nil {
			d.client, d.server = client, server
		}
		if tried++; tried == maxCandidates {
			break
		}
	}
	if d.client != nil {
		s.counters.wrongSecret(&d)
	}
	s.discard(d.because(WhyMessageAuthenticatorWrong))
}

func (s *Server) sendStatus(p *port, req radius.Packet, to origin, client *policy.Client) {
	reply, err := radius.NewResponse(radius.CodeAccessAccept).Encode(nil, &req, client.Secret)
	if err != nil { // too many Proxy-States
		s.counters.encodeErrors.Add(1)
		return
	}
	s.counters.status.Add(1)
	s.write(p, reply, to)
}

// send encodes and sends the answer of req, unless a newer request took its place. Whoever
// calls it may be any goroutine, so a panic ends here too.
func (s *Server) send(req *Request, resp *radius.Response) {
	defer func() {
		if v := recover(); v != nil {
			s.panicked(v, req.from)
			req.port.cache.forget(req)
		}
	}()
	if !req.port.cache.current(req) {
		s.counters.superseded.Add(1)
		return
	}
	reply, err := resp.Encode(nil, &req.Packet, req.Client.Secret)
	if err != nil {
		s.config.Logger.Error("encoding an answer", "server", req.Server.Name,
			"client", req.Client.Name, "err", err)
		s.counters.encodeErrors.Add(1)
		req.port.cache.forget(req)
		return
	}
	if !req.port.cache.answer(req, reply, time.Now()) {
		s.counters.superseded.Add(1)
		return
	}
	s.counters.response(resp.Code())
	s.write(req.port, reply, req.from)
}

// write sends a packet; a failure is counted, for the NAS will ask again.
func (s *Server) write(p *port, packet []byte, to origin) {
	if err := p.write(packet, to.source, to.local); err != nil {
		s.counters.sendErrors.Add(1)
		s.config.Logger.Debug("sending an answer", "nas", to.source.String(), "err", err)
	}
}

// panicked counts a panic, and logs its stack unless the same source caused one just now.
func (s *Server) panicked(v any, from origin) {
	s.counters.panics.Add(1)
	d := dropped{source: from.source.Addr(), why: WhyPanic}
	if s.discard(d) {
		s.config.Logger.Error("panic while handling a packet", "err", fmt.Sprint(v),
			"nas", d.source.String(), "stack", string(debug.Stack()))
	}
}
