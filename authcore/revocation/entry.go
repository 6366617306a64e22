package revocation

import (
	"container/list"
	"crypto/x509"
	"time"

	"gatehouse/authcore/policy"
)

// DefaultEntries is how many certificates a Source keeps the status of in memory. One takes
// about 1 KiB.
const DefaultEntries = 10_000

// What is remembered of the sign-ins by one certificate, and below an intermediate.
const (
	maxOnline = 8
	maxBelow  = 256
)

// An entry is what is known of one certificate.
type entry struct {
	key        Key
	ca         string // that vouched last
	role       role
	issuer     *x509.Certificate
	target     target
	kept       bool   // the Cache may hold an answer that has not been read yet
	answer     Answer // from a responder; Status None: there is none
	said       string // the answer in words
	obtained   time.Time
	fault      *Error // of the last time of asking; nil: it went well
	faultUntil time.Time
	seen       time.Time // the last accept by it; zero: none
	online     []Session // the last of those accepted by it
	flight     *flight   // under way; nil: none
	due        time.Time // of the refresh that is planned; zero: none
	element    *list.Element
}

// certificate returns as much of the certificate as it takes to ask about it.
func (e *entry) certificate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: e.key.serial(), RawIssuer: e.issuer.RawSubject,
		OCSPServer: e.target.responders, CRLDistributionPoints: e.target.points,
	}
}

// subject is the question about e, by the rules of its CA.
func (e *entry) subject(rules *policy.Revocation) subject {
	return subject{
		key: e.key, cert: e.certificate(), issuer: e.issuer, ca: e.ca, role: e.role, rules: rules,
	}
}

// setAnswer replaces the answer, and reports whether the certificate has just been revoked.
func (e *entry) setAnswer(a Answer, obtained time.Time) (revoked bool) {
	revoked = a.Status == Revoked && e.answer.Status != Revoked
	e.answer, e.said, e.obtained = a, describe(&a), obtained
	e.fault, e.faultUntil = nil, time.Time{}
	return revoked
}

// see notes an accept. The sign-ins below an intermediate are more than those of one person.
func (e *entry) see(session Session) {
	limit := maxOnline
	if e.role == intermediate {
		limit = maxBelow
	}
	e.seen = session.Time
	for i := range e.online { // a device that comes back takes its own place
		if e.online[i].Station == session.Station && e.online[i].User == session.User {
			e.online = append(e.online[:i], e.online[i+1:]...)
			break
		}
	}
	if len(e.online) >= limit {
		e.online = e.online[1:]
	}
	e.online = append(e.online, session)
}

// supersedes reports whether answer b may take the place of a. An answer older than the one at
// hand is a replay; what has been revoked stays so, but for a hold that was lifted.
func supersedes(a, b *Answer) bool {
	switch {
	case a.Status == None || b.Status == Revoked && a.Status != Revoked:
		return true
	case a.Status == Revoked && !(a.Hold && b.Status == Good) && b.Status != Revoked:
		return false
	}
	return !b.ThisUpdate.Before(a.ThisUpdate)
}

// table holds the entries, the one used last in front. The Source's mutex guards it.
type table struct {
	limit   int
	entries map[Key]*entry
	order   *list.List // of *entry
}

func newTable(limit int) table {
	return table{limit: limit, entries: map[Key]*entry{}, order: list.New()}
}

// get returns the entry of key, or nil.
func (t *table) get(key Key) *entry {
	e := t.entries[key]
	if e != nil {
		t.order.MoveToFront(e.element)
	}
	return e
}

// add makes room and returns a new entry for key, which has none.
func (t *table) add(key Key) *entry {
	for back := t.order.Back(); len(t.entries) >= t.limit && back != nil; {
		old := back
		back = back.Prev()
		if e := old.Value.(*entry); e.flight == nil {
			t.remove(e)
		}
	}
	e := &entry{key: key}
	e.element = t.order.PushFront(e)
	t.entries[key] = e
	return e
}

func (t *table) remove(e *entry) {
	t.order.Remove(e.element)
	delete(t.entries, e.key)
}
