package revocation

import (
	"bytes"
	"encoding/json"
	"time"
)

// A listRecord is what the Cache keeps of a list under its address: as a line of JSON, with the
// DER behind it. Only the DER is believed, and only after it has been verified again.
type listRecord struct {
	URL        string     `json:"url"`
	CA         string     `json:"ca"`
	Fetched    time.Time  `json:"fetched"`
	Validators Validators `json:"validators"`
}

// parseListRecord takes a value of the Cache apart. The DER shares its memory.
func parseListRecord(value []byte) (r listRecord, der []byte, ok bool) {
	head, der, ok := bytes.Cut(value, []byte("\n"))
	return r, der, ok && json.Unmarshal(head, &r) == nil
}

func (s *Source) keepList(held *heldList, der []byte) {
	head, err := json.Marshal(listRecord{
		URL: held.name, CA: held.ca, Fetched: held.fetched, Validators: held.validators,
	})
	if err == nil {
		err = s.config.Lists.Put([]byte(held.name), append(append(head, '\n'), der...), true)
	}
	if err != nil {
		s.config.Logger.Warn("a revocation list could not be kept", "list", held.name, "error", err)
	}
}

// recallLists brings back the lists that were fetched before a restart and may speak for sub.
func (s *Source) recallLists(sub *subject) {
	for _, url := range sub.points(targetOf(sub.cert)) {
		s.mu.Lock()
		known := s.fetched[url] != nil
		s.mu.Unlock()
		if known {
			continue
		}
		if value, ok, err := s.config.Lists.Get([]byte(url)); err == nil && ok {
			s.readList(value, sub)
		}
	}
}

// readList puts a list that was kept in force, if sub's issuer has signed it.
func (s *Source) readList(value []byte, sub *subject) {
	r, der, ok := parseListRecord(value)
	if !ok {
		return
	}
	if list, err := VerifyCRL(der, sub.issuer); err == nil {
		s.hold(newFetched(list, sub, r))
	}
}

// rememberLists brings back all lists of the CAs of v.
func (s *Source) rememberLists(v *view) {
	err := s.config.Lists.Walk(func(_, value []byte) bool {
		r, _, ok := parseListRecord(value)
		if ca := v.ca(r.CA); ok && ca != nil {
			for _, issuer := range ca.certificates {
				s.readList(value, &subject{issuer: issuer, ca: r.CA})
			}
		}
		return true
	})
	if err != nil {
		s.config.Logger.Warn("the revocation lists kept from before cannot be read", "error", err)
	}
}
