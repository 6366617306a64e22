package supplicant

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/authcore/audit"

	"layeh.com/radius"
)

// Report tells what was seen so far.
func (c *Conversation) Report() *Report {
	r := newReport()
	c.tellConversation(r)
	c.tellTLS(r)
	if c.reply != nil && c.reply.Code == radius.CodeAccessAccept {
		c.tellAccept(r)
	}
	if c.reply != nil && c.ended {
		r.ReplyAttributes = describe(c.reply.Attributes)
	}
	c.checkAlert(r)
	r.Result, r.Reason = c.verdict()
	r.Violations = distinct(r.Violations, c.Peer.Violations(), c.violations)
	r.Traffic, r.Duration = c.Conn.Traffic(), c.elapsed
	r.DurationMS = float64(c.elapsed/time.Microsecond) / 1000
	return r
}

// checkAlert notes a reject in the middle of the handshake that no TLS alert announced: the
// server sends one and awaits our answer before the EAP-Failure (RFC 5216 §2.1.3).
func (c *Conversation) checkAlert(r *Report) {
	rejected := c.reply != nil && c.reply.Code == radius.CodeAccessReject
	inTLS := c.Peer.said == StageHello || c.Peer.said == StageCredentials
	if rejected && inTLS && !c.Peer.engine.failed() {
		r.Violations = append(r.Violations, "TL-6: Access-Reject without a TLS alert before it")
	}
}

// distinct joins lists of violations; one that comes in every round is told once.
func distinct(lists ...[]string) (out []string) {
	for _, list := range lists {
		for _, v := range list {
			if !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}

// tellConversation fills in the rungs below TLS and the last one of EAP.
func (c *Conversation) tellConversation(r *Report) {
	if c.reply == nil {
		return
	}
	p := c.Peer
	r.pass(StepReach, c.cfg.Server)
	identity := audit.Printable(c.cfg.Identity)
	if identity == "" {
		identity = "empty"
	}
	switch {
	case p.started || p.heardIdentity || p.naks > 0:
		r.pass(StepIdentity, identity)
	default:
		r.fail(StepIdentity, identity+": no method was offered for it")
	}
	switch {
	case p.started:
		r.pass(StepMethod, "EAP-TLS")
	case p.wrongMethod:
		r.fail(StepMethod, "server offers other methods only")
	}
	switch {
	case p.stage != StageDone:
	case p.success:
		r.pass(StepEAPSuccess, "")
	default:
		r.fail(StepEAPSuccess, "EAP-Failure")
	}
}

// tellTLS fills in the rungs of the handshake.
func (c *Conversation) tellTLS(r *Report) {
	e := c.Peer.engine
	if alert, ok := e.alert(); ok {
		r.Alert = alertName(alert)
	}
	c.tellServerCertificate(r, e)
	cs := e.connection()
	if cs.Version != 0 {
		r.TLSVersion = strings.TrimPrefix(tls.VersionName(cs.Version), "TLS ")
		r.CipherSuite = tls.CipherSuiteName(cs.CipherSuite)
		r.Resumed = cs.DidResume
		if cs.CurveID != 0 {
			r.Curve = cs.CurveID.String()
		}
	}
	switch {
	case e.done:
		r.ExtendedMasterSecret = e.exports()
		r.pass(StepTLS, tlsDetail(r))
	case r.Alert != "":
		r.fail(StepTLS, "server sends the alert "+r.Alert)
	case e.failed():
		r.fail(StepTLS, audit.Printable(e.err.Error()))
	case c.ended && c.Peer.started:
		r.fail(StepTLS, "server ends it before the handshake is done")
	}
	c.tellOurCertificate(r, e)
	c.tellProtectedResult(r, e)
}

func tlsDetail(r *Report) string {
	parts := []string{"TLS " + r.TLSVersion, r.CipherSuite}
	if r.Curve != "" {
		parts = append(parts, r.Curve)
	}
	if r.Resumed {
		parts = append(parts, "resumed")
	}
	if !r.ExtendedMasterSecret {
		parts = append(parts, "no extended master secret")
	}
	return strings.Join(parts, ", ")
}

func (c *Conversation) tellServerCertificate(r *Report, e *engine) {
	chain := e.connection().PeerCertificates
	if len(chain) == 0 {
		return
	}
	sum := sha256.Sum256(chain[0].Raw)
	r.ServerCertificate = &Certificate{
		Subject:  audit.Printable(chain[0].Subject.String()),
		Issuer:   audit.Printable(chain[0].Issuer.String()),
		NotAfter: chain[0].NotAfter, SHA256: hex.EncodeToString(sum[:]), Verified: e.verified,
	}
	detail := r.ServerCertificate.Subject + ", issued by " + r.ServerCertificate.Issuer
	switch {
	case e.verifyErr != nil:
		r.fail(StepServerCertificate, detail+": "+audit.Printable(e.verifyErr.Error()))
	case !e.verified:
		r.notRun(StepServerCertificate, detail+"; not verified: no CA given")
	case c.cfg.ServerName == "":
		r.pass(StepServerCertificate, detail+"; chain verified, any name taken")
	default:
		r.pass(StepServerCertificate, detail+"; chain and name verified")
	}
}

func (c *Conversation) tellOurCertificate(r *Report, e *engine) {
	switch {
	case e.connection().DidResume:
		r.notRun(StepOurCertificate, "session resumed")
	case !e.certRequested && e.done:
		r.notRun(StepOurCertificate, "server asks for none")
	case e.certRequested && !e.certPresented:
		r.fail(StepOurCertificate, "server asks for one, we have none")
	case e.certPresented && c.Peer.said < StageCredentials:
		r.notRun(StepOurCertificate, "not sent")
	case e.certPresented:
		detail := "sent"
		if leaf := c.cfg.Certificate.Leaf; leaf != nil {
			names := append([]string{leaf.Subject.String()}, leaf.EmailAddresses...)
			detail = "sent: " + audit.Printable(strings.Join(names, ", "))
		}
		r.pass(StepOurCertificate, detail)
	}
}

// tellProtectedResult judges how TLS ended: TLS 1.3 by the commitment octet (RFC 9190 §2.1.1),
// TLS 1.2 by the server's Finished.
func (c *Conversation) tellProtectedResult(r *Report, e *engine) {
	accepted := c.reply != nil && c.reply.Code == radius.CodeAccessAccept
	switch {
	case !e.done:
		if accepted {
			r.Violations = append(r.Violations, "EA-12: Access-Accept before the handshake is done")
		}
		return
	case e.state.Version < tls.VersionTLS13:
		if len(e.appData) > 0 {
			r.Violations = append(r.Violations, "TL-8: application data under TLS 1.2")
		}
		r.pass(StepProtectedResult, "server's Finished")
		return
	case e.committed():
		r.pass(StepProtectedResult, "commitment 0x00")
		return
	}
	detail := "no commitment"
	switch {
	case e.closed:
		detail = "close_notify in place of the commitment"
	case r.Alert != "":
		detail = "alert " + r.Alert + " in place of the commitment"
	case len(e.appData) > 0:
		detail = fmt.Sprintf("%d octets in place of the commitment 0x00", len(e.appData))
	}
	r.fail(StepProtectedResult, detail)
	if accepted {
		r.Violations = append(r.Violations, "TL-8: Access-Accept, but "+detail)
	}
}

// verdict says in one line how the conversation ended, from the peer's side.
func (c *Conversation) verdict() (Result, string) {
	e := c.Peer.engine
	alert, alerted := e.alert()
	switch {
	case c.aborted != nil:
		return ResultAborted, c.aborted.Error()
	case c.reply == nil || !c.ended:
		return ResultAborted, "no verdict yet"
	case c.reply.Code == radius.CodeAccessAccept:
		return ResultAccept, "accepted"
	case e.verifyErr != nil:
		return ResultReject, "we refused the server's certificate: " +
			audit.Printable(e.verifyErr.Error())
	case alerted:
		return ResultReject, "server rejected after " + stageWords(c.Peer) +
			" with the alert " + alertName(alert)
	case e.failed():
		return ResultReject, "TLS broke on our side: " + audit.Printable(e.err.Error())
	}
	return ResultReject, "server rejected after " + stageWords(c.Peer)
}

// stageWords names what the peer said last.
func stageWords(p *Peer) string {
	switch p.said {
	case StageIdentity:
		if p.wrongMethod {
			return "our refusal of its method"
		}
		return "our identity"
	case StageHello:
		return "our ClientHello"
	case StageAlert:
		return "our TLS alert"
	case StageCredentials:
		return credentialWords(p.engine)
	case StageFinal:
		switch {
		case !p.engine.failed():
			return "the handshake"
		case p.engine.sawServer:
			return credentialWords(p.engine)
		}
		return "our ClientHello"
	}
	return "nothing was said"
}

func credentialWords(e *engine) string {
	switch {
	case e.certPresented:
		return "our certificate"
	case e.certRequested:
		return "we presented no certificate"
	}
	return "our Finished"
}
