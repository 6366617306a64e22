package store

import (
	"sync/atomic"
	"time"
)

// A Mode is where the store keeps what it holds.
type Mode string

// The modes.
const (
	OnDisk   Mode = "disk"
	InMemory Mode = "memory"
)

// Health is how the store is doing.
type Health struct {
	Mode        Mode      `json:"mode"`
	Red         bool      `json:"red"`                   // in memory, and not by choice
	Reason      string    `json:"reason,omitempty"`      // why it is red
	Since       time.Time `json:"since"`                 // when the mode began
	Rebuilt     int       `json:"rebuilt"`               // databases set aside in this run
	RebuiltWhy  string    `json:"rebuilt_why,omitempty"` // the last one
	BytesOnDisk int64     `json:"bytes_on_disk"`         // looked at now and then
	Answers     int       `json:"answers"`               // OCSP answers kept; 0 until Run has counted
	AnswerBytes int64     `json:"answer_bytes"`
	Lists       int       `json:"lists"` // CRLs kept; 0 until Run has counted
	ListBytes   int64     `json:"list_bytes"`
}

// Stats count what a Store did since it was opened.
type Stats struct {
	Puts, Deletes int64 // entries
	BytesWritten  int64 // of them, before badger's own compaction
	Users         int   // in force
}

// written counts what was handed to badger.
type written struct{ puts, deletes, bytes atomic.Int64 }

// Health returns how the store is doing. It never waits for a writer.
func (s *Store) Health() Health {
	s.healthMu.Lock()
	defer s.healthMu.Unlock()
	h := s.health
	h.Answers, h.AnswerBytes = s.answers.size()
	h.Lists, h.ListBytes = s.lists.size()
	return h
}

// Stats returns the counts. It never waits for a writer.
func (s *Store) Stats() Stats {
	st := Stats{Puts: s.written.puts.Load(), Deletes: s.written.deletes.Load(),
		BytesWritten: s.written.bytes.Load()}
	if u := s.inForce.Load(); u != nil {
		st.Users = u.Len()
	}
	return st
}

func (s *Store) setHealth(h Health) { s.changeHealth(func(old *Health) { *old = h }) }

// changeHealth lets f change the health. Since follows the mode.
func (s *Store) changeHealth(f func(*Health)) {
	s.healthMu.Lock()
	defer s.healthMu.Unlock()
	mode, since := s.health.Mode, s.health.Since
	f(&s.health)
	s.health.Since = since
	if s.health.Mode != mode {
		s.health.Since = s.cfg.Now()
	}
}
