package webui

import (
	"slices"
	"sync"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/revocation"
)

// discreet returns b as viewers are answered: whoever asks it never has more of people than
// discretion.go leaves, whatever page or route is over it. A function that names people and that
// viewers may call belongs in here.
func discreet(b Backend) Backend {
	status, find, list, people := b.Status, b.FindUser, b.OCSP.List, b.CAs.People
	state, pushed := b.Bundles.State, b.Bundles.Pushed
	b.Decisions = &discreetDecisions{Decisions: b.Decisions}
	b.Status = func() Status { return discreetStatus(status()) }
	b.FindUser = func(name string) (User, error) {
		u, err := find(name)
		return discreetUser(u), err
	}
	b.OCSP.List = func() []revocation.EntryReport {
		entries := slices.Clone(list())
		for i := range entries {
			entries[i].Serial, entries[i].Users = shortHex(entries[i].Serial), shortAll(entries[i].Users)
		}
		return entries
	}
	b.CAs.People = func(name string) []CAPerson {
		all := slices.Clone(people(name))
		for i := range all {
			all[i].User = shortIdentity(all[i].User)
		}
		return all
	}
	b.Bundles.Changes = discreetChanges(b.Bundles.Changes)
	b.Bundles.State = func() Bundle { return discreetBundle(state()) }
	b.Bundles.Pushed = func(sha256 string) (BundlePush, bool) {
		p, ok := pushed(sha256)
		p.Text, p.Refusal = shortText(p.Text), discreetRefusal(p.Refusal)
		return p, ok
	}
	return b
}

// discreet returns a as viewers are answered. Both share what is bounded.
func (a *api) discreet() *api {
	quiet := *a
	quiet.Backend = discreet(a.Backend)
	return &quiet
}

// discreet returns the pages as viewers see them, over such an API.
func (p *pages) discreet(a *api) *pages {
	return &pages{entry: p.entry, api: a, assets: p.assets, templates: p.templates, quiet: true}
}

// discreetDecisions are decisions as viewers see them. To shorten one takes 10 to 20 µs, and a page
// looks at a thousand of them, a page that waits at all of them every second: so each is done once.
type discreetDecisions struct {
	Decisions

	mu   sync.Mutex
	kept []audit.Entry // by number, as many as are listed at most; nil: no viewer was here yet
}

func (d *discreetDecisions) After(id uint64, limit int) []audit.Entry {
	entries := d.Decisions.After(id, limit)
	short := make([]audit.Entry, len(entries))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept == nil && len(entries) > 0 {
		d.kept = make([]audit.Entry, maxListed)
	}
	for i, e := range entries {
		kept := &d.kept[e.ID%maxListed]
		if kept.ID != e.ID {
			*kept = audit.Entry{ID: e.ID, Event: discreetEvent(e.Event)}
		}
		short[i] = *kept
	}
	return short
}

func discreetStatus(s Status) Status {
	s.Detail = shortText(s.Detail)
	s.Configuration.Problems = discreetProblems(s.Configuration.Problems)
	s.Bundle = discreetBundle(s.Bundle)
	s.Revocation.Withdrawn = slices.Clone(s.Revocation.Withdrawn)
	for i := range s.Revocation.Withdrawn {
		w := &s.Revocation.Withdrawn[i]
		w.Serial, w.Sessions = shortHex(w.Serial), slices.Clone(w.Sessions)
		for j := range w.Sessions {
			one := &w.Sessions[j]
			one.User, one.Station = shortIdentity(one.User), shortStation(one.Station)
		}
	}
	return s
}

func discreetUser(u User) User {
	u.Username, u.Email, u.Name = shortIdentity(u.Username), shortIdentity(u.Email), shortName(u.Name)
	u.Aliases, u.Names, u.Certificates = shortAll(u.Aliases), slices.Clone(u.Names), slices.Clone(u.Certificates)
	for i := range u.Names {
		u.Names[i].Name = shortIdentity(u.Names[i].Name)
	}
	for i := range u.Certificates {
		u.Certificates[i].SHA256 = shortHex(u.Certificates[i].SHA256)
	}
	if u.Last != nil {
		last := *u.Last
		last.Device = shortStation(last.Device)
		u.Last = &last
	}
	return u
}

func discreetBundle(b Bundle) Bundle {
	b.Refused, b.Problem, b.Damaged = discreetRefusal(b.Refused), shortText(b.Problem), shortText(b.Damaged)
	return b
}

func discreetRefusal(r *BundleRefusal) *BundleRefusal {
	if r == nil {
		return nil
	}
	short := *r
	short.Text, short.Problems = shortText(r.Text), discreetProblems(r.Problems)
	return &short
}

// discreetProblems shortens what findings in users files say.
func discreetProblems(all []Problem) []Problem {
	all = slices.Clone(all)
	for i := range all {
		p := &all[i]
		p.Object, p.Text, p.Remedy = shortText(p.Object), shortText(p.Text), shortText(p.Remedy)
	}
	return all
}

func shortAll(names []string) []string {
	names = slices.Clone(names)
	for i, n := range names {
		names[i] = shortIdentity(n)
	}
	return names
}
