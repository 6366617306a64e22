package webui

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"gatehouse/authcore/audit"
)

// maxLooked bounds the decisions that are looked through for what a client did last.
const maxLooked = 500

// The states of a ClientSeen.
const (
	ClientSilent      = "silent"       // no packet since the start
	ClientWrongSecret = "wrong_secret" // its last packet does not verify
	ClientHeard       = "heard"        // a packet was believed, and nothing decided yet
	ClientAccepted    = "accepted"     // its last decision
	ClientRejected    = "rejected"     // likewise
	ClientDiscarded   = "discarded"    // its last packet was dropped for another reason
	ClientElsewhere   = "elsewhere"    // silent, and lately an address asked that is no client: it may be the one
)

// A HeardClient is a client whose packets were believed.
type HeardClient struct {
	Server  string     `json:"server"`
	Client  string     `json:"client"`
	Address netip.Addr `json:"address"` // of the last one
	Count   uint64     `json:"count"`
	Last    time.Time  `json:"last"`
}

// ClientsSeen is who was heard on the RADIUS port since the start, and who was not.
type ClientsSeen struct {
	Clients []ClientSeen    `json:"clients"`         // those in force
	Unknown []UnknownSource `json:"unknown_sources"` // addresses that are no client
	// LastDecision is the number of the newest decision: a client's that is higher, later, is news.
	LastDecision uint64 `json:"last_decision"`
}

// A ClientSeen is what is known of one client. What it has not done is left out.
type ClientSeen struct {
	Server       string      `json:"server"`
	Client       string      `json:"client"`
	Configured   string      `json:"configured,omitempty"` // its address or prefix; "": by TLS
	State        string      `json:"state"`
	Summary      string      `json:"summary"` // the state in a few words
	Sentence     string      `json:"sentence"`
	NextStep     string      `json:"next_step,omitempty"`
	Address      *netip.Addr `json:"address,omitempty"` // of its last packet
	Packets      uint64      `json:"packets"`           // that were believed
	LastPacket   time.Time   `json:"last_packet,omitzero"`
	WrongSecrets uint64      `json:"wrong_secrets"`
	LastWrong    time.Time   `json:"last_wrong,omitzero"`
	Decision     uint64      `json:"decision,omitempty"` // number of the last one; 0: none is kept
	Decided      time.Time   `json:"decided,omitzero"`
	Reason       string      `json:"reason,omitempty"`
	User         string      `json:"user,omitempty"`
	Station      string      `json:"station,omitempty"`
}

// seenClients answers with every client in force and every address that is none. The parameter
// address asks about the clients of that address, as it was heard itself: many may share a prefix.
func (a *api) seenClients(w http.ResponseWriter, r *http.Request) {
	h := a.heard()
	if text := r.URL.Query().Get("address"); text != "" {
		address, err := netip.ParseAddr(text)
		if err != nil {
			fail(w, fmt.Errorf("%w: the parameter address: write an IP address", ErrInvalid))
			return
		}
		h.at = address.Unmap()
	}
	writeJSON(w, a.clientsSeen(h))
}

// A hearing is all that was heard, and of whom to tell.
type hearing struct {
	counts  RADIUS
	entries []audit.Entry // the newest is last
	at      netip.Addr    // only what came from there; zero: everything
}

func (a *api) heard() hearing {
	last := a.Decisions.Last()
	return hearing{counts: a.RADIUS.Counts(), entries: a.Decisions.After(last-min(last, maxLooked), maxLooked)}
}

func (a *api) clientsSeen(h hearing) ClientsSeen {
	seen := ClientsSeen{Clients: []ClientSeen{}, Unknown: h.counts.Unknown, LastDecision: a.Decisions.Last()}
	if seen.Unknown == nil {
		seen.Unknown = []UnknownSource{}
	}
	most := 0 // bits of the prefixes in seen, if only those of an address are wanted
	for _, s := range a.RADIUS.List() {
		for _, c := range s.Clients {
			if bits := coverage(c.Address, h.at); h.at.IsValid() && bits > most {
				most, seen.Clients = bits, seen.Clients[:0]
			} else if h.at.IsValid() && bits < max(most, 1) {
				continue
			}
			one := h.client(s.Name, c)
			if h.at.IsValid() {
				h.strange(&one)
			}
			seen.Clients = append(seen.Clients, one)
		}
	}
	return seen
}

// coverage is one more than the bits of the prefix of a client that has the address; 0: it has not.
func coverage(client string, address netip.Addr) int {
	prefix, err := netip.ParsePrefix(client)
	if one, notOne := netip.ParseAddr(client); notOne == nil {
		prefix = netip.PrefixFrom(one, one.BitLen())
	} else if err != nil {
		return 0
	}
	if !prefix.Contains(address) {
		return 0
	}
	return prefix.Bits() + 1
}

// client puts together what counts and decisions say of one client.
func (h *hearing) client(server string, of RADIUSClient) ClientSeen {
	c := ClientSeen{Server: server, Client: of.Name, Configured: of.Address, State: ClientSilent}
	ours := func(s, name string, from netip.Addr) bool {
		return s == server && name == of.Name && (!h.at.IsValid() || from == h.at)
	}
	for i := range h.counts.Heard {
		if one := &h.counts.Heard[i]; ours(one.Server, one.Client, one.Address) {
			c.State, c.Address, c.Packets, c.LastPacket = ClientHeard, &one.Address, one.Count, one.Last
		}
	}
	for _, e := range h.entries {
		v := &e.Event
		if v.Client != of.Name || v.Server != server && v.Server != "" || h.at.IsValid() && v.NAS != h.at.String() ||
			v.Reason == audit.MessageAuthenticatorWrong { // which is counted, for it is told by samples only
			continue
		}
		c.Decision, c.Decided, c.Reason = e.ID, v.Time, string(v.Reason)
		c.User, c.Station = v.User, v.Station
		switch v.Result {
		case audit.Accept:
			c.State = ClientAccepted
		case audit.Discard:
			c.State = ClientDiscarded
		default:
			c.State = ClientRejected
		}
	}
	for i := range h.counts.WrongSecrets {
		if w := &h.counts.WrongSecrets[i]; ours(w.Server, w.Client, w.Address) {
			c.WrongSecrets, c.LastWrong = w.Count, w.Last
			if w.Last.After(c.LastPacket) && w.Last.After(c.Decided) {
				c.State, c.Address = ClientWrongSecret, &w.Address
			}
		}
	}
	c.say()
	return c
}

// say puts the state in words.
func (c *ClientSeen) say() {
	explanation, _ := audit.Explain(audit.Reason(c.Reason))
	switch c.State {
	case ClientAccepted:
		c.Summary, c.Sentence = "Access-Accept sent", "For "+audit.Printable(joined(" at ", c.User, c.Station))+"."
	case ClientRejected:
		c.Summary, c.Sentence = "Access-Reject sent: "+c.Reason, explanation.Sentence
		c.NextStep = joined(" ", "The access point is set up right.", explanation.NextStep)
	case ClientDiscarded:
		c.Summary, c.Sentence, c.NextStep = "Packet dropped: "+c.Reason, explanation.Sentence, explanation.NextStep
	case ClientWrongSecret:
		c.Summary = "Wrong secret"
		c.Sentence = fmt.Sprintf("The Message-Authenticator of packets from %v does not verify.", c.Address)
		c.NextStep = "Type the secret anew on the access point: no blanks before or after it, the same letters large and small."
	case ClientHeard:
		c.Summary = "First packet seen"
		c.Sentence = fmt.Sprintf("From %v, and the secret is right. Now connect a device.", c.Address)
	default:
		c.Summary, c.Sentence = "No packet yet", "Connect a device to the network, so that the access point asks."
		c.NextStep = "If nothing comes: is the address of this gateway right on the access point, and does a firewall let UDP through?"
	}
}

// strange names who asks and is no client, lately, where a client is waited for that is silent: it
// may be that one. It returns when it was heard last.
func (h *hearing) strange(c *ClientSeen) (last time.Time) {
	var names []string
	for _, u := range h.counts.Unknown {
		if c.State != ClientSilent || time.Since(u.Last) >= unknownFresh || len(names) >= maxStrangers {
			continue
		}
		names = append(names, u.Address.String())
		if u.Last.After(last) {
			last = u.Last
		}
	}
	if len(names) > 0 {
		c.State, c.Summary, c.Sentence = ClientElsewhere, "A packet from an address that is no client", strings.Join(names, ", ")+"."
		c.NextStep = "If that is this access point, give the client this address under Setup, RADIUS servers."
	}
	return last
}
