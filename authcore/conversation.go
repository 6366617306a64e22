package authcore

import (
	"crypto/tls"
	"encoding/hex"
	"sync"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
	"gatehouse/authcore/eap/eaptls"
	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
)

// stateLen is the length of a State attribute in octets: 128 bits, random (RFC 2865 §5.24).
const stateLen = 16

type stateKey [stateLen]byte

// A conversation is one EAP session with one peer behind one NAS, from the first Access-Request
// to the answer that ends it.
type conversation struct {
	id      [8]byte // random; the Class attribute and the log know it
	server  string
	client  string
	nas     string
	station string
	key     stationKey
	started time.Time
	begun   uint64 // generation of the Snapshot that it began with

	mu         sync.Mutex // guards what follows
	session    *eap.Session
	request    *radserver.Request // that awaits its answer; nil: none does
	state      stateKey           // the State expected next
	previous   stateKey           // the State before, for a retransmission under a new Identifier
	message    []byte             // the EAP message that came with previous
	answer     *radius.Response   // what it was answered with
	delay      time.Duration
	outer      string // the EAP identity, printable
	decision   Decision
	tlsVersion string
	resumed    bool
	rounds     int
	over       bool
}

// stationKey tells a device behind a NAS.
type stationKey struct{ nas, station string }

// verdict asks the Decider about the peer of this conversation. It runs inside the TLS engine,
// under c.mu.
func (c *conversation) verdict(a *Authenticator, cs *tls.ConnectionState) eaptls.Verdict {
	c.tlsVersion, c.resumed = versionName(cs.Version), cs.DidResume
	d := a.decider.Evaluate(Query{
		Server: c.server, Chain: cs.PeerCertificates,
		Wake: func() { go a.resume(c) },
	})
	c.decision = d
	if d.Pending || d.Accepted() {
		// One that is refused may still be shed: it only waits for the answer to our alert,
		// and a flood of certificates made up by strangers must not fill the table.
		a.table.markShown(c)
		return eaptls.Verdict{Pending: d.Pending, Accept: d.Accepted()}
	}
	return eaptls.Verdict{Failure: &eap.Failure{Reason: d.Reason, Detail: d.Detail}}
}

// event tells how the conversation ended. The caller holds c.mu.
func (c *conversation) event(now time.Time, result audit.Result, f *eap.Failure) audit.Event {
	d := &c.decision
	e := audit.Event{
		Time: now, Result: result, Reason: f.Reason, Detail: f.Detail,
		Server: c.server, Client: c.client, NAS: c.nas, Station: c.station,
		OuterIdentity: c.outer, TLSVersion: c.tlsVersion, Resumed: c.resumed,
		CertSHA256: d.CertSHA256, CA: d.CA, OCSP: d.Standing.Status,
		OCSPSource: d.Standing.Source, OCSPAge: d.Standing.Age,
		Duration: now.Sub(c.started), Rounds: c.rounds,
		Generation: max(c.begun, d.Generation),
		Ladder:     c.ladder(result, f),
	}
	if d.User != nil {
		e.User = audit.Printable(d.User.Username)
	}
	if c.session.Method() == eap.TypeTLS {
		e.Method = audit.MethodEAPTLS
	}
	return e
}

// ladder puts the steps before the decision in front of the decision's own.
func (c *conversation) ladder(result audit.Result, f *eap.Failure) audit.Ladder {
	l := c.decision.Ladder
	if l == nil {
		l = audit.CertificateLadder()
	}
	if s, failed := l.FailedStep(); !failed || s.Name != audit.StepClient {
		l.Pass(audit.StepClient, c.client) // else the server was taken away meanwhile
	}
	l.Pass(audit.StepMessageAuthenticator, "")
	decided := c.decision.Reason == f.Reason
	switch {
	case c.session.Method() == 0 && result != audit.Accept:
		l.Fail(audit.StepEAP, f.Detail)
	case f.Reason == audit.EAPInvalid || f.Reason == audit.EAPNoCommonMethod:
		l.Fail(audit.StepEAP, f.Detail)
	case result == audit.Accept || decided:
		l.Pass(audit.StepEAP, c.session.Method().String())
		l.Pass(audit.StepTLS, "TLS "+c.tlsVersion)
	default:
		l.Pass(audit.StepEAP, c.session.Method().String())
		l.Fail(audit.StepTLS, f.Detail)
	}
	return l
}

// class is what the NAS sends back with the accounting of this session.
func (c *conversation) class() []byte { return []byte("gh-" + hex.EncodeToString(c.id[:])) }

func versionName(v uint16) string {
	switch v {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return ""
}
