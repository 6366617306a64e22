package revocation

import (
	"encoding/json"
	"time"
)

// A record is an answer as the Cache keeps it, under its Key. Only DER is believed, and only
// after it has been verified again.
type record struct {
	CA         string    `json:"ca"`
	Status     string    `json:"status"`
	Role       role      `json:"role,omitempty"`
	Responders []string  `json:"responders,omitempty"`
	Points     []string  `json:"points,omitempty"`
	Obtained   time.Time `json:"obtained"`
	Seen       time.Time `json:"seen,omitzero"`
	Life       life      `json:"life"`
	DER        []byte    `json:"der"`

	version uint64 // of the entry's answer
}

// A life is an answer's thisUpdate and nextUpdate, by which its renewal is planned.
type life struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"`
}

func (a *Answer) life() life { return life{From: a.ThisUpdate, Until: a.NextUpdate} }

// within is the life as max_age has it; its end is never zero.
func (l life) within(maxAge time.Duration) life {
	l.Until = Answer{ThisUpdate: l.From, NextUpdate: l.Until}.Until(maxAge)
	return l
}

// record is e as it is kept, with the response that holds its answer.
func (e *entry) record(der []byte) record {
	seen := e.seen
	if seen.IsZero() { // it is about to be accepted, or refused: somebody waits for the answer
		seen = e.obtained
	}
	return record{
		CA: e.ca, Status: e.answer.Status.String(), Role: e.role,
		Responders: e.target.responders, Points: e.target.points,
		version: e.version, Obtained: e.obtained, Seen: seen, DER: der, Life: e.answer.life(),
	}
}

// keepAnswer stores r, of e, unless e has another answer by now: what is stored last is what
// came last.
func (s *Source) keepAnswer(e *entry, r record) {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	s.mu.Lock()
	current := e.version == r.version
	s.mu.Unlock()
	if current {
		s.keep(e.key, r)
	}
}

// keep stores r. What nobody may forget is on the disk when keep returns; "unknown" is not worth
// a place, and takes that of what was known before.
func (s *Source) keep(key Key, r record) {
	var err error
	if r.Status == Unknown.String() {
		err = s.config.Answers.Delete(key.Bytes())
	} else {
		var value []byte
		if value, err = json.Marshal(r); err == nil {
			err = s.config.Answers.Put(key.Bytes(), value, r.Status == Revoked.String())
		}
	}
	if err != nil {
		s.config.Logger.Warn("an answer about a certificate could not be kept", "error", err)
	}
}

// recall brings back what the Cache knows of sub.
func (s *Source) recall(sub *subject, at Moment) {
	for range 3 { // what is forgotten while it is being read must not come back
		s.mu.Lock()
		purges := s.purges
		s.mu.Unlock()
		if s.recalled(sub, s.readBack(sub, at), purges) {
			return
		}
	}
}

// recalled takes in what was read, unless something has been forgotten since.
func (s *Source) recalled(sub *subject, r recollection, purges uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.purges != purges {
		return false
	}
	if r.known && r.answer.Signer != nil {
		by := s.table.get(KeyFor(sub.key.Issuer, r.answer.Signer))
		r.known = by == nil || by.answer.Status != Revoked
	}
	if e := s.table.get(sub.key); e != nil {
		e.kept = false
	}
	if !r.known {
		return true
	}
	e := s.entryFor(sub)
	e.kept = false
	if supersedes(&e.answer, &r.answer) {
		e.setAnswer(r.answer, r.Obtained)
		e.recalled = true
		e.seen = latestOf(e.seen, r.Seen)
	}
	return true
}

// A recollection is a record that was read, and the answer in it, if that could be verified.
type recollection struct {
	record
	answer Answer
	known  bool
}

// readBack reads and verifies what the Cache has of sub. Whatever is wrong with it makes it
// unknown.
func (s *Source) readBack(sub *subject, at Moment) (r recollection) {
	value, ok, err := s.config.Answers.Get(sub.key.Bytes())
	if err != nil || !ok || json.Unmarshal(value, &r.record) != nil {
		return r
	}
	r.answer, err = VerifyResponse(r.DER, sub.cert, sub.issuer, VerifyOptions{
		Now: at.Now, FromCache: true, Skew: sub.rules.Skew,
	})
	if r.known = err == nil; !r.known {
		s.config.Logger.Warn("an answer kept about a certificate cannot be verified any more",
			"ca", sub.ca, "serial", sub.key.SerialHex(), "error", err)
	}
	return r
}
