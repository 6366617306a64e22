package webui

import (
	"net/http"
	"net/netip"
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
}

// A ClientSeen is what is known of one client. All but names and state is left out while it is silent.
type ClientSeen struct {
	Server       string      `json:"server"`
	Client       string      `json:"client"`
	State        string      `json:"state"`
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

// seenClients answers with every client in force and every address that is none.
func (a *api) seenClients(w http.ResponseWriter, _ *http.Request) { writeJSON(w, a.clientsSeen()) }

func (a *api) clientsSeen() ClientsSeen {
	counts, entries := a.RADIUS.Counts(), a.lastDecisions()
	seen := ClientsSeen{Clients: []ClientSeen{}, Unknown: counts.Unknown}
	if seen.Unknown == nil {
		seen.Unknown = []UnknownSource{}
	}
	for _, s := range a.RADIUS.List() {
		for _, c := range s.Clients {
			seen.Clients = append(seen.Clients, seenClient(&counts, entries, s.Name, c.Name))
		}
	}
	return seen
}

func (a *api) lastDecisions() []audit.Entry {
	last := a.Decisions.Last()
	return a.Decisions.After(last-min(last, maxLooked), maxLooked)
}

// seenClient puts together what counts and decisions say of one client.
func seenClient(counts *RADIUS, entries []audit.Entry, server, client string) ClientSeen {
	c := ClientSeen{Server: server, Client: client, State: ClientSilent}
	for i := range counts.Heard {
		if h := &counts.Heard[i]; h.Server == server && h.Client == client {
			c.State, c.Address, c.Packets, c.LastPacket = ClientHeard, &h.Address, h.Count, h.Last
		}
	}
	for _, e := range entries { // the newest is last
		v := &e.Event
		if v.Client != client || v.Server != server && v.Server != "" ||
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
	for i := range counts.WrongSecrets {
		if w := &counts.WrongSecrets[i]; w.Server == server && w.Client == client {
			c.WrongSecrets, c.LastWrong = w.Count, w.Last
			if w.Last.After(c.LastPacket) && w.Last.After(c.Decided) {
				c.State, c.Address = ClientWrongSecret, &w.Address
			}
		}
	}
	return c
}
