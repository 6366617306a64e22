package revocation

import (
	"bytes"
	"encoding/json"
	"time"
)

// forgetCAs drops what is known under CAs that the configuration no longer has. Before is the
// view before v, or nil after a start: then nobody knows what has gone meanwhile.
func (s *Source) forgetCAs(v, before *view) {
	if before != nil && !before.loses(v) {
		return
	}
	s.mu.Lock()
	for _, e := range s.table.entries {
		switch {
		case v.ca(e.ca) != nil:
		case e.flight != nil:
			e.forsaken = true // it goes when it lands
		default:
			s.table.remove(e)
		}
	}
	for url, held := range s.fetched {
		if v.ca(held.ca) == nil {
			delete(s.fetched, url)
		}
	}
	s.purges++
	s.mu.Unlock()
	for _, c := range []Cache{s.config.Answers, s.config.Lists} {
		if err := forget(c, func(_ Key, r kept) bool { return r.CA != "" && v.ca(r.CA) == nil }); err != nil {
			s.config.Logger.Warn("the answers of a removed CA could not be dropped", "error", err)
		}
	}
}

// loses reports whether after lacks a CA that v has.
func (v *view) loses(after *view) bool {
	for name := range v.cas {
		if after.ca(name) == nil {
			return true
		}
	}
	return false
}

// kept is what forget looks at, of an answer or a list.
type kept struct {
	CA     string `json:"ca"`
	Status string `json:"status"`
}

// forget deletes the entries of c for which gone is true, and those that cannot be read.
func forget(c Cache, gone func(key Key, r kept) bool) error {
	var keys [][]byte
	err := c.Walk(func(key, value []byte) bool {
		var r kept
		k, _ := ParseKey(key)
		head, _, _ := bytes.Cut(value, []byte("\n")) // behind which a list has its DER
		if json.Unmarshal(head, &r) != nil || gone(k, r) {
			keys = append(keys, bytes.Clone(key))
		}
		return true
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	return c.Delete(keys...)
}

// A Purge says which answers are to be forgotten. The zero Purge names none.
type Purge struct {
	Serial  string // hexadecimal; of every issuer
	CA      string
	All     bool
	Revoked bool // those that say revoked too: else they stay
}

// Forget drops the answers that p names, in memory and in the Cache, and reports about how many
// certificates. The next sign-in asks anew; about those seen lately Run asks at once, and tells
// of who is on-line by one that turns out revoked. Lists stay.
func (s *Source) Forget(p Purge) (int, error) {
	named := func(key Key, r kept) bool {
		return (p.All || p.CA != "" && r.CA == p.CA || p.Serial != "" && key.SerialHex() == p.Serial) &&
			(p.Revoked || r.Status != Revoked.String())
	}
	gone := map[Key]bool{}
	now := s.config.Clock().Now
	s.mu.Lock()
	for key, e := range s.table.entries {
		known := kept{CA: e.ca, Status: e.answer.Status.String()}
		if e.kept || e.answer.Status == None || !named(key, known) {
			continue
		}
		gone[key] = true
		switch {
		case e.flight != nil:
			e.setAnswer(Answer{}, time.Time{}) // whoever waits gets the new one
		case e.seenLately(now):
			e.setAnswer(Answer{}, time.Time{})
			s.planned.put(e, now)
		default:
			s.table.remove(e)
		}
	}
	s.nudge()
	s.purges++
	s.mu.Unlock()
	err := forget(s.config.Answers, func(key Key, r kept) bool {
		if !named(key, r) {
			return false
		}
		gone[key] = true
		return true
	})
	return len(gone), err
}
