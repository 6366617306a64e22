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
}

// A life is when an answer was made and when it expires, for planning its renewal.
type life struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"`
}

// record is e as it is kept, with the response that got holds.
func (e *entry) record(got outcome) record {
	seen := e.seen
	if seen.IsZero() { // it is about to be accepted, or refused: somebody waits for the answer
		seen = e.obtained
	}
	return record{
		CA: e.ca, Status: e.answer.Status.String(), Role: e.role, Responders: e.target.responders, Points: e.target.points,
		Obtained: e.obtained, Seen: seen, DER: got.der,
		Life: life{From: e.answer.ThisUpdate, Until: e.answer.NextUpdate},
	}
}

// keep stores r. What nobody may forget is on the disk when keep returns; "unknown" is not worth
// a place, and takes that of what was known before.
func (s *Source) keep(key Key, r record, a Answer) {
	var err error
	if a.Status == Unknown {
		err = s.config.Answers.Delete(key.Bytes())
	} else {
		var value []byte
		if value, err = json.Marshal(r); err == nil {
			err = s.config.Answers.Put(key.Bytes(), value, a.Status == Revoked)
		}
	}
	if err != nil {
		s.config.Logger.Warn("an answer about a certificate could not be kept", "error", err)
	}
}

// recall brings back what the Cache knows of sub, or returns nil.
func (s *Source) recall(sub *subject, at Moment) *entry {
	s.mu.Lock()
	if e := s.table.get(sub.key); e != nil {
		e.kept = false
	}
	s.mu.Unlock()
	value, ok, err := s.config.Answers.Get(sub.key.Bytes())
	if err != nil || !ok {
		return nil
	}
	var r record
	if json.Unmarshal(value, &r) != nil {
		return nil
	}
	answer, err := VerifyResponse(r.DER, sub.cert, sub.issuer, VerifyOptions{
		Now: at.Now, FromCache: true, Skew: sub.rules.Skew,
	})
	if err != nil {
		s.config.Logger.Warn("an answer kept about a certificate cannot be verified any more",
			"ca", sub.ca, "serial", sub.key.SerialHex(), "error", err)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if signer := answer.Signer; signer != nil {
		if e := s.table.get(KeyFor(sub.key.Issuer, signer)); e != nil && e.answer.Status == Revoked {
			return nil
		}
	}
	e := s.entryFor(sub)
	if supersedes(&e.answer, &answer) {
		e.setAnswer(answer, r.Obtained)
		e.seen = latestOf(e.seen, r.Seen)
	}
	return e
}
