package load

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/strictyaml"
)

// loadServers reads the RADIUS servers and settles which go live: each needs its CAs, and no
// two may claim the same packets.
func (l *loader) loadServers(cas []*snapshot.CA) []*policy.Server {
	nameOf := func(s *policy.Server) string { return s.Name }
	last := byName(l.last.Servers, nameOf)
	present := l.names("radius", ".yaml")
	for _, name := range present {
		f := readServer(l.tree, name)
		l.servers, l.objects = append(l.servers, f), append(l.objects, f.object)
	}
	trust := newTrust(cas, l.cas)
	var chosen []choice
	for _, f := range l.servers {
		if c := chooseServer(f, last[stem(f.file())], trust); c.server != nil {
			chosen = append(chosen, c)
		}
	}
	chosen = append(chosen, l.awaitedServers(present, trust)...)
	sort.Slice(chosen, func(i, j int) bool { return chosen[i].server.Name < chosen[j].server.Name })
	out := withoutOverlaps(chosen)
	whole := l.kind("radius")
	if !whole.failed && len(out) == 0 {
		whole.fail("radius", 0, "no RADIUS server is left: nobody is answered",
			"write one into radius/NAME.yaml")
	}
	out = settleKind(whole, out, trust.usable(l.last.Servers))
	bringAll(l, "radius", out, last, nameOf)
	return out
}

// file returns the file that the server is read from.
func (f *serverFile) file() string { return f.name + ".yaml" }

// trust knows which CAs there are.
type trust struct {
	names  []string        // of those in the Draft
	broken map[string]bool // files that are there and left out
}

func newTrust(cas []*snapshot.CA, files []*caFile) trust {
	t := trust{broken: map[string]bool{}}
	for _, ca := range cas {
		t.names = append(t.names, ca.Name)
	}
	for _, f := range files {
		if name := stem(f.chain); !t.has(name) {
			t.broken[name] = true
		}
	}
	return t
}

func (t trust) has(name string) bool { return slices.Contains(t.names, name) }

// usable returns those servers whose CAs all exist.
func (t trust) usable(servers []*policy.Server) []*policy.Server {
	return slices.DeleteFunc(slices.Clone(servers), func(s *policy.Server) bool {
		return slices.ContainsFunc(s.CAs, func(ca string) bool { return !t.has(ca) })
	})
}

// choice is a server that is to go live unless it collides with another.
type choice struct {
	file   *serverFile
	server *policy.Server
	last   *policy.Server // to fall back on; may be nil
}

// chooseServer settles a server as far as it alone decides. One that names a CA which is not
// there falls back on its last good version if that has all of its CAs; otherwise it goes live
// with those CAs that it has, which lets in fewer people and not others.
func chooseServer(f *serverFile, last *policy.Server, t trust) choice {
	if last != nil && len(t.usable([]*policy.Server{last})) == 0 {
		last = nil
	}
	if f.server == nil {
		return choice{f, settle(f.object, nil, last), last}
	}
	f.checkCAs(t)
	if !f.failed || last != nil {
		return choice{f, settle(f.object, f.server, last), last}
	}
	reduced := *f.server
	reduced.CAs = slices.DeleteFunc(slices.Clone(f.server.CAs),
		func(ca string) bool { return !t.has(ca) })
	if len(reduced.CAs) == 0 {
		f.settle(LeftOut)
		return choice{}
	}
	f.settle(Reduced)
	return choice{f, &reduced, nil}
}

// checkCAs reports the CAs that the server names and nobody knows.
func (f *serverFile) checkCAs(t trust) {
	for i, name := range f.server.CAs {
		at := fmt.Sprintf("authentication.ca[%d]", i)
		switch {
		case t.has(name):
		case t.broken[name]:
			f.doc.report(Error, at, fmt.Sprintf("the CA %q is left out because of its own errors", name),
				"correct ca/"+name+".pem")
		default:
			f.doc.report(Error, at, fmt.Sprintf("there is no CA %q", clip(name)),
				strictyaml.DidYouMean(name, t.names))
		}
	}
}

// withoutOverlaps drops servers until no two claim the same packets. Who was there first stays:
// an edit that collides with a server in force must not take that one down.
func withoutOverlaps(chosen []choice) []*policy.Server {
	all := make([]*policy.Server, 0, len(chosen))
	for _, c := range chosen {
		all = append(all, c.server)
	}
	if _, err := policy.NewClients(all); err == nil {
		return all
	}
	sort.SliceStable(chosen, func(i, j int) bool { return chosen[i].seniority() < chosen[j].seniority() })
	var kept []*policy.Server
	for _, c := range chosen {
		if s := c.place(kept, chosen); s != nil {
			kept = append(kept, s)
		}
	}
	sort.Slice(kept, func(i, j int) bool { return kept[i].Name < kept[j].Name })
	return kept
}

// seniority ranks unchanged servers before changed ones, and those before new ones.
func (c choice) seniority() int {
	switch {
	case c.last == nil:
		return 2
	case c.server == c.last || reflect.DeepEqual(c.server, c.last):
		return 0
	}
	return 1
}

// place returns the version of c's server that does not collide with those kept, or nil.
func (c choice) place(kept []*policy.Server, chosen []choice) *policy.Server {
	_, err := policy.NewClients(append(slices.Clone(kept), c.server))
	var overlap *policy.OverlapError
	if !errors.As(err, &overlap) {
		return c.server
	}
	c.reportOverlap(overlap, chosen)
	if c.last != nil && c.last != c.server {
		if _, err := policy.NewClients(append(slices.Clone(kept), c.last)); err == nil {
			c.file.settle(Kept)
			return c.last
		}
	}
	c.file.settle(LeftOut)
	return nil
}

// reportOverlap says where both clients stand.
func (c choice) reportOverlap(e *policy.OverlapError, chosen []choice) {
	where := ""
	for _, other := range chosen {
		if other.server.Name == e.FirstServer && other.file.doc != nil {
			at := other.file.doc.at.Of(other.addressOf(e.FirstClient, 0))
			where = fmt.Sprintf(" (%s:%d:%d)", other.file.file(), at.Line, at.Column)
		}
	}
	skip := 0
	if e.FirstServer == e.SecondServer && e.FirstClient == e.SecondClient {
		skip = 1
	}
	text := fmt.Sprintf("%s is the address of client %q of server %q already%s",
		e.Prefix, e.FirstClient, e.FirstServer, where)
	remedy := "give each server a match: that tells them apart, or remove one"
	if e.FirstServer == e.SecondServer {
		remedy = "remove one, or make it more specific"
	}
	if c.file.doc == nil {
		c.file.fail(c.file.file(), 0, text, remedy)
		return
	}
	c.file.doc.report(Error, c.addressOf(e.SecondClient, skip), text, remedy)
}

// addressOf returns the path of a client's address, passing over the first skip of that name.
func (c choice) addressOf(client string, skip int) string {
	for i := range c.server.Clients {
		if c.server.Clients[i].Name != client {
			continue
		}
		if skip == 0 {
			return fmt.Sprintf("clients[%d].address", i)
		}
		skip--
	}
	return ""
}
