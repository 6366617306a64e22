package revocation

import (
	"encoding/json"
	"sync"
)

// forgetCAs drops what is known under CAs that the configuration no longer has.
func (s *Source) forgetCAs(v *view) {
	s.mu.Lock()
	for _, e := range s.table.entries {
		if v.ca(e.ca) == nil && e.flight == nil {
			s.table.remove(e)
		}
	}
	for url, held := range s.fetched {
		if v.ca(held.ca) == nil {
			delete(s.fetched, url)
		}
	}
	s.mu.Unlock()
	for _, c := range []Cache{s.config.Answers, s.config.Lists} {
		if _, err := forget(c, func(_ Key, r kept) bool { return r.CA != "" && v.ca(r.CA) == nil }); err != nil {
			s.config.Logger.Warn("the answers of a removed CA could not be dropped", "error", err)
		}
	}
}

// kept is what forget looks at, of an answer or a list.
type kept struct {
	CA     string `json:"ca"`
	Status string `json:"status"`
}

// forget deletes the entries of c for which gone is true, and counts them.
func forget(c Cache, gone func(key Key, r kept) bool) (int, error) {
	var keys [][]byte
	err := c.Walk(func(key, value []byte) bool {
		var r kept
		k, _ := ParseKey(key)
		if json.Unmarshal(value, &r) != nil || gone(k, r) {
			keys = append(keys, append([]byte(nil), key...))
		}
		return true
	})
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	return len(keys), c.Delete(keys...)
}

// A Purge says which answers are to be forgotten. The zero Purge names none.
type Purge struct {
	Serial  string // hexadecimal; of every issuer
	CA      string
	All     bool
	Revoked bool // those that say revoked too: else they stay
}

// Forget drops the answers that p names, and reports how many. The next sign-in asks anew.
func (s *Source) Forget(p Purge) (int, error) {
	named := func(key Key, r kept) bool {
		return (p.All || p.CA != "" && r.CA == p.CA || p.Serial != "" && key.SerialHex() == p.Serial) &&
			(p.Revoked || r.Status != Revoked.String())
	}
	gone := map[Key]bool{}
	s.mu.Lock()
	for key, e := range s.table.entries {
		if e.flight == nil && !e.kept && named(key, kept{CA: e.ca, Status: e.answer.Status.String()}) {
			s.table.remove(e)
			gone[key] = true
		}
	}
	s.mu.Unlock()
	_, err := forget(s.config.Answers, func(key Key, r kept) bool {
		if !named(key, r) {
			return false
		}
		gone[key] = true
		return true
	})
	return len(gone), err
}

// A keyedMutex is a mutex for each key.
type keyedMutex struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

func (m *keyedMutex) Lock(key string) {
	for {
		m.mu.Lock()
		if m.held == nil {
			m.held = map[string]chan struct{}{}
		}
		busy, taken := m.held[key]
		if !taken {
			m.held[key] = make(chan struct{})
		}
		m.mu.Unlock()
		if !taken {
			return
		}
		<-busy
	}
}

func (m *keyedMutex) Unlock(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.held[key])
	delete(m.held, key)
}
