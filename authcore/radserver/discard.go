package radserver

import (
	"errors"
	"net/netip"
	"strconv"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/radius"
)

// Why this package drops a datagram, beside the reasons of package radius.
const (
	WhyNotReady                    radius.Why = "not_ready"      // nothing is configured yet
	WhyClientUnknown               radius.Why = "client_unknown" // no client has the address
	WhyNoMatch                     radius.Why = "no_match"       // no server wants its SSID or NAS
	WhyCode                        radius.Why = "code"           // no request for this port
	WhyMessageAuthenticatorMissing radius.Why = "message_authenticator_missing"
	WhyMessageAuthenticatorWrong   radius.Why = "message_authenticator_wrong"
	WhyOverloaded                  radius.Why = "overloaded" // too many requests in hand
	WhyPanic                       radius.Why = "panic"      // a fault of ours
)

// whys lists every reason to discard, with the reason that people are told.
var whys = map[radius.Why]audit.Reason{
	WhyNotReady:                    audit.NotReady,
	WhyClientUnknown:               audit.ClientUnknown,
	WhyNoMatch:                     audit.ClientUnknown,
	WhyCode:                        audit.PacketMalformed,
	WhyMessageAuthenticatorMissing: audit.MessageAuthenticatorMissing,
	WhyMessageAuthenticatorWrong:   audit.MessageAuthenticatorWrong,
	WhyOverloaded:                  audit.Overloaded,
	WhyPanic:                       audit.Internal,

	radius.WhyShort:                 audit.PacketMalformed,
	radius.WhyLength:                audit.PacketMalformed,
	radius.WhyTruncated:             audit.PacketMalformed,
	radius.WhyAttribute:             audit.PacketMalformed,
	radius.WhyStateRepeated:         audit.PacketMalformed,
	radius.WhyAuthenticatorRepeated: audit.PacketMalformed,
	radius.WhyAuthenticatorLength:   audit.PacketMalformed,
	radius.WhyEAPScattered:          audit.EAPInvalid,
	radius.WhyEAPLength:             audit.EAPInvalid,
	radius.WhyEAPPassword:           audit.EAPInvalid,
}

// A dropped is a datagram on its way out, with as much as is known about it.
type dropped struct {
	why           radius.Why
	err           error // the rule that it broke, if package radius found it
	source        netip.Addr
	client        *policy.Client // nil: not known
	server        *policy.Server // nil: not known
	ssid          string
	nasIdentifier string
	count         int // of a sample: how many it stands for; zero: one
}

func (d dropped) because(why radius.Why) dropped {
	d.why = why
	return d
}

// broken says that err, a *radius.DiscardError, is why.
func (d dropped) broken(err error) dropped {
	d.why, d.err = radius.WhyAttribute, err
	if discard, ok := errors.AsType[*radius.DiscardError](err); ok {
		d.why = discard.Why
	}
	return d
}

// discard counts d and, if it is time to, tells an Event about it. It reports whether it did.
func (s *Server) discard(d dropped) bool {
	s.counters.discard(d.why)
	if !s.sampler.sample(d, time.Now()) {
		return false
	}
	s.config.Sink.Record(d.event(s.config.Now()))
	return true
}

// event is what is told about d.
func (d dropped) event(now time.Time) audit.Event {
	e := audit.Event{
		Time: now, Result: audit.Discard, Reason: whys[d.why], Detail: d.detail(), Count: d.count,
	}
	if d.source.IsValid() {
		e.NAS = d.source.String()
	}
	if d.client != nil {
		e.Client = d.client.Name
	}
	if d.server != nil {
		e.Server = d.server.Name
	}
	return e
}

// detail is one line of fresh facts.
func (d dropped) detail() string {
	if !d.source.IsValid() {
		return "from many addresses (" + string(d.why) + ")"
	}
	if d.err != nil {
		return d.err.Error()
	}
	switch d.why {
	case WhyClientUnknown:
		return "unknown NAS " + d.source.String()
	case WhyNoMatch:
		return "no RADIUS server of this client matches SSID " +
			strconv.Quote(audit.Printable(d.ssid)) + ", NAS-Identifier " +
			strconv.Quote(audit.Printable(d.nasIdentifier))
	case WhyCode:
		return "neither Access-Request nor Status-Server: another port, or no client"
	case WhyMessageAuthenticatorWrong:
		return "does the shared secret differ from the one on " + d.source.String() + "?"
	case WhyOverloaded:
		return "too many requests wait for their answer"
	}
	return ""
}
