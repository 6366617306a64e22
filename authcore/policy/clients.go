package policy

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"sort"
)

// Clients is the table of all clients known by address. It is immutable and safe for
// concurrent use. Make one with NewClients; its zero value knows nobody.
//
// A source address belongs to the most specific prefix that holds it (RP-15) and among the
// entries of that prefix to the one whose server's Match fits, those with more criteria
// first. When no entry of a prefix fits, the next shorter prefix is asked.
type Clients struct {
	entries  map[netip.Prefix][]clientEntry // each list: most criteria first
	lengths4 []int                          // lengths in use, longest first
	lengths6 []int
}

type clientEntry struct {
	client *Client
	server *Server
}

// An OverlapError says that two clients claim the same packets: they have the same prefix,
// and nothing in their servers' Match tells them apart.
type OverlapError struct {
	Prefix                     netip.Prefix
	FirstServer, FirstClient   string
	SecondServer, SecondClient string
}

// Error names both clients and both servers.
func (e *OverlapError) Error() string {
	if e.FirstServer == e.SecondServer {
		return fmt.Sprintf("clients %q and %q of RADIUS server %q have the same address %v",
			e.FirstClient, e.SecondClient, e.FirstServer, e.Prefix)
	}
	return fmt.Sprintf("client %q of RADIUS server %q and client %q of %q have the same "+
		"address %v, and match does not tell the servers apart",
		e.FirstClient, e.FirstServer, e.SecondClient, e.SecondServer, e.Prefix)
}

// NewClients builds the table of the clients of all servers, which must not change any more.
// Clients without a valid Prefix, known by their TLS certificate, are left out. The error is
// an *OverlapError.
func NewClients(servers []*Server) (*Clients, error) {
	c := &Clients{entries: make(map[netip.Prefix][]clientEntry)}
	for _, server := range servers {
		for i := range server.Clients {
			client := &server.Clients[i]
			if !client.Prefix.IsValid() {
				continue
			}
			prefix := unmapPrefix(client.Prefix)
			added := clientEntry{client, server}
			for _, other := range c.entries[prefix] {
				if other.overlaps(added) {
					return nil, &OverlapError{
						Prefix:      prefix,
						FirstServer: other.server.Name, FirstClient: other.client.Name,
						SecondServer: server.Name, SecondClient: client.Name,
					}
				}
			}
			c.add(prefix, added)
		}
	}
	return c, nil
}

// unmapPrefix returns p masked, and as IPv4 if it is a part of ::ffff:0:0/96.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

func (c *Clients) add(prefix netip.Prefix, e clientEntry) {
	list := append(c.entries[prefix], e)
	sort.SliceStable(list, func(i, j int) bool {
		return list[i].server.Match.criteria() > list[j].server.Match.criteria()
	})
	c.entries[prefix] = list
	lengths := &c.lengths6
	if prefix.Addr().Is4() {
		lengths = &c.lengths4
	}
	if !slices.Contains(*lengths, prefix.Bits()) {
		*lengths = append(*lengths, prefix.Bits())
		slices.SortFunc(*lengths, func(a, b int) int { return b - a })
	}
}

// Lookup returns the client and RADIUS server of a packet from addr whose Called-Station-Id
// holds ssid and that carries nasIdentifier; both are empty where the packet has none, and are
// compared byte by byte. IPv4-mapped addresses and zones are understood. It is false for a
// source that no server lists, or whose ssid and nasIdentifier no server wants. Lookup
// allocates nothing.
func (c *Clients) Lookup(
	addr netip.Addr, ssid, nasIdentifier string,
) (*Client, *Server, bool) {
	addr, lengths := c.lengths(addr)
	for _, bits := range lengths {
		prefix, err := addr.Prefix(bits)
		if err != nil {
			continue
		}
		for _, e := range c.entries[prefix] {
			if e.server.Match.fits(ssid, nasIdentifier) {
				return e.client, e.server, true
			}
		}
	}
	return nil, nil, false
}

// Known reports whether any server lists addr, whatever its Match says. It allocates nothing.
func (c *Clients) Known(addr netip.Addr) bool {
	addr, lengths := c.lengths(addr)
	for _, bits := range lengths {
		if prefix, err := addr.Prefix(bits); err == nil && len(c.entries[prefix]) > 0 {
			return true
		}
	}
	return false
}

// Candidates yields every client that lists addr with its RADIUS server, most specific first,
// whatever Match says: a Status-Server names neither SSID nor, often, NAS-Identifier.
func (c *Clients) Candidates(addr netip.Addr) iter.Seq2[*Client, *Server] {
	addr, lengths := c.lengths(addr)
	return func(yield func(*Client, *Server) bool) {
		for _, bits := range lengths {
			prefix, err := addr.Prefix(bits)
			if err != nil {
				continue
			}
			for _, e := range c.entries[prefix] {
				if !yield(e.client, e.server) {
					return
				}
			}
		}
	}
}

// lengths returns addr as the table has it and the prefix lengths to try, longest first.
func (c *Clients) lengths(addr netip.Addr) (netip.Addr, []int) {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr, c.lengths4
	}
	return addr, c.lengths6
}

// overlaps reports whether a packet could belong to both with equal right. Entries of which
// one demands all that the other does and more do not overlap: the stricter goes first.
func (e clientEntry) overlaps(other clientEntry) bool {
	if e.server == other.server {
		return true
	}
	a, b := e.server.Match, other.server.Match
	return !disjoint(a.SSID, b.SSID) && !disjoint(a.NASIdentifier, b.NASIdentifier) &&
		!a.stricter(b) && !b.stricter(a)
}

// stricter reports whether m sets every criterion that other sets, and one more.
func (m Match) stricter(other Match) bool {
	return m.criteria() > other.criteria() &&
		(len(m.SSID) > 0 || len(other.SSID) == 0) &&
		(len(m.NASIdentifier) > 0 || len(other.NASIdentifier) == 0)
}

// disjoint reports whether no value fits both lists; an empty list fits any.
func disjoint(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	return !slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// criteria counts the lists that are not empty.
func (m Match) criteria() int {
	n := 0
	if len(m.SSID) > 0 {
		n++
	}
	if len(m.NASIdentifier) > 0 {
		n++
	}
	return n
}

// fits reports whether a packet with these values is the server's.
func (m Match) fits(ssid, nasIdentifier string) bool {
	return (len(m.SSID) == 0 || slices.Contains(m.SSID, ssid)) &&
		(len(m.NASIdentifier) == 0 || slices.Contains(m.NASIdentifier, nasIdentifier))
}
