package radserver

import (
	"net/netip"
	"sync/atomic"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/radius"
)

// A Request is one Access-Request that passed every check of this package. It owns its bytes
// and may be kept for a late answer; its exported fields must not be written.
type Request struct {
	Packet   radius.Packet
	Client   *policy.Client // whose secret verified it
	Server   *policy.Server
	Source   netip.AddrPort // never IPv4-mapped
	SSID     string         // from Called-Station-Id, as sent
	Received time.Time

	carrier *Server
	divert  func(*radius.Response) // in place of carrier; see Divert
	port    *port
	from    origin
	arrived time.Time // by the process clock, which no one sets
	done    atomic.Bool
	entry   *entry // guarded by port.cache.mu
}

// newRequest copies the packet out of the read buffer.
func (s *Server) newRequest(p *port, packet radius.Packet, from origin, d dropped) *Request {
	packet.Attributes = append(radius.Attributes(nil), packet.Attributes...)
	return &Request{
		Packet: packet, Client: d.client, Server: d.server, Source: from.source, SSID: d.ssid,
		Received: s.config.Now(), carrier: s, port: p, from: from, arrived: time.Now(),
	}
}

// Divert makes answer take what Respond is given, at once and whatever the delay: it is for a
// Request that came over no socket but was made by its owner, whose exported fields are all
// there. It is called before a Handler sees the request. One that is dropped or postponed is not
// heard of again.
func (r *Request) Divert(answer func(*radius.Response)) { r.divert = answer }

// settle reports whether this is the first word about what becomes of the request.
func (r *Request) settle() bool {
	return (r.carrier != nil || r.divert != nil) && r.done.CompareAndSwap(false, true)
}

// Respond answers the request with resp, which must not be changed any more. A delay counts
// from the arrival of the request and is cut at 10 s; the time until then holds no goroutine.
// Only the first call counts, from whatever goroutine, and none does after Drop. A request
// that a newer one has superseded, or that is older than 30 s, is not answered any more.
func (r *Request) Respond(resp *radius.Response, delay time.Duration) {
	if !r.settle() {
		return
	}
	if r.divert != nil {
		r.divert(resp)
		return
	}
	delay = min(delay, maxDelay)
	if delay <= 0 || time.Since(r.arrived) >= delay {
		r.carrier.send(r, resp)
		return
	}
	if !r.port.cache.delay(&delayed{request: r, response: resp, due: r.arrived.Add(delay)}) {
		r.carrier.counters.superseded.Add(1)
	}
}

// Drop says that no answer will come. A retransmission is then a new request.
func (r *Request) Drop() {
	if !r.settle() || r.divert != nil {
		return
	}
	r.carrier.counters.dropped.Add(1)
	r.port.cache.forget(r)
}

// Postpone is Drop for want of room, and counted as such: the NAS will ask again, or another
// server.
func (r *Request) Postpone() {
	if !r.settle() || r.divert != nil {
		return
	}
	r.carrier.giveUp(r)
}

// begins reports whether the request begins a conversation: it carries no State of ours.
func (r *Request) begins() bool { return r.Packet.Attributes.Count(radius.TypeState) == 0 }

func (r *Request) dropped(why radius.Why) dropped {
	return dropped{why: why, source: r.Source.Addr(), client: r.Client, server: r.Server}
}
