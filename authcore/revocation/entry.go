package revocation

import (
	"container/list"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
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
	forsaken   bool   // its CA went while it was being asked about: not to be kept
	answer     Answer // Status None: there is none
	listed     bool   // answer is a revocation by a list; else a responder gave it
	said       string // the answer in words
	obtained   time.Time
	recalled   bool   // answer comes from the Cache: nobody asked for it in this process
	fault      *Error // of the last time of asking; nil: it went well
	faultUntil time.Time
	seen       time.Time // the last accept by it; zero: none
	online     []Session // the last of those accepted by it
	flight     *flight   // under way; nil: none
	due        time.Time // of the refresh that is planned; zero: none
	place      int       // in planned, if due is not zero
	version    uint64    // of answer: goes up with each
	element    *list.Element
}

// certificate returns as much of the certificate as it takes to ask about it, and to find it in
// a list. Keeping the whole of it would take four times the memory.
func (e *entry) certificate() *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: e.key.serial(), RawIssuer: e.issuer.RawSubject, IsCA: e.role == intermediate,
		OCSPServer: e.target.responders, CRLDistributionPoints: e.target.points,
	}
	if len(e.target.points) > 0 {
		c.Extensions = []pkix.Extension{{Id: oidCRLPoints}}
	}
	return c
}

// subject is the question about e, by the rules of its CA.
func (e *entry) subject(rules *policy.Revocation) subject {
	return subject{
		key: e.key, cert: e.certificate(), issuer: e.issuer, ca: e.ca, role: e.role, rules: *rules,
	}
}

// setAnswer replaces the answer by that of a responder, and reports whether the certificate has
// just been revoked.
func (e *entry) setAnswer(a Answer, obtained time.Time) (revoked bool) {
	revoked = a.Status == Revoked && e.answer.Status != Revoked
	e.answer, e.said, e.obtained, e.listed, e.recalled = a, describe(&a), obtained, false, false
	e.version++
	e.fault, e.faultUntil = nil, time.Time{}
	return revoked
}

// see notes an accept. The sign-ins below an intermediate are more than those of one person.
func (e *entry) see(session Session, now time.Time) {
	limit := maxOnline
	if e.role == intermediate {
		limit = maxBelow
	}
	e.seen = now
	for i := range e.online { // a device that comes back takes its own place
		if e.online[i].Station == session.Station && e.online[i].User == session.User {
			e.online = slices.Delete(e.online, i, i+1)
			break
		}
	}
	if len(e.online) >= limit {
		e.online = slices.Delete(e.online, 0, 1)
	}
	e.online = append(e.online, session)
}

// table holds the entries, the one used last in front. Beyond the limit, the one unused for
// longest goes, unless it is being asked about. The Source's mutex guards it.
type table struct {
	limit   int
	entries map[Key]*entry
	order   *list.List // of *entry
	planned *planned   // of which entries that go are taken out
}

func newTable(limit int, planned *planned) table {
	return table{limit: limit, entries: map[Key]*entry{}, order: list.New(), planned: planned}
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
	e := &entry{key: key, kept: true}
	e.element = t.order.PushFront(e)
	t.entries[key] = e
	return e
}

func (t *table) remove(e *entry) {
	t.planned.drop(e)
	t.order.Remove(e.element)
	delete(t.entries, e.key)
}
