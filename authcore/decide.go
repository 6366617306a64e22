package authcore

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
)

// A StatusSource validates the good standing of certificates; *revocation.Source does.
type StatusSource interface {
	// Standing reports on the path of q. If it must wait for an answer it returns ready
	// false at once and calls q.Wake exactly once, from any goroutine, when it is worth
	// asking again; nobody holds a goroutine meanwhile.
	Standing(q revocation.Query) (s revocation.Standing, ready bool)
	// Accepted is told of each accept that a path was good for, after proof of possession.
	Accepted(q revocation.Query, s revocation.Session)
}

// A Decider is the one decision function behind RADIUS, `cert test` and the web. Its fields
// are set before use and not changed; it is safe for concurrent use.
type Decider struct {
	Snapshots *snapshot.Holder
	Clock     func() revocation.Moment // the only clock that decides; nil: time.Now, believed
	Status    StatusSource             // nil: no answer is to be had, which only ocsp: off accepts
	Sink      audit.Sink               // takes the accept of Commit
	Paths     *pki.PathMemory          // of devices that were accepted; nil: none is remembered
}

// A Query asks whether a certificate opens a RADIUS server, or signs in to an app.
type Query struct {
	Server string              // name of the RADIUS server
	App    string              // name of an app rather than of a RADIUS server
	Chain  []*x509.Certificate // as presented, leaf first; empty: none was presented
	Wake   func()              // called once after a pending Decision
}

// A Decision is the answer to a Query. The zero Decision rejects.
type Decision struct {
	Pending bool // not decided yet: ask again after Wake

	Result     audit.Result
	Reason     audit.Reason
	Detail     string
	Ladder     audit.Ladder // steps chain to policy; those before are the caller's
	Server     string
	User       *identity.User // once found, whatever the result
	Name       identity.Name  // by which the user was found
	CA         string         // name of the CA that vouches, once known
	CertSHA256 string
	Standing   revocation.Standing
	Outcome    policy.Outcome // of an accept
	Generation uint64

	trust *pki.Trust // by which path was found under rules
	path  pki.Path
	rules pki.Options
	query revocation.Query // by which path's standing was found good; no Wake
}

// Accepted reports whether the decision is final and favourable.
func (d *Decision) Accepted() bool { return !d.Pending && d.Result == audit.Accept }

// Evaluate decides on the Snapshot in force. It runs before the peer has proved possession of
// its key, so it only reads: whatever has an effect belongs into Commit.
func (d *Decider) Evaluate(q Query) Decision {
	e := d.walk(q)
	if e.stale { // the configuration changed on the way: once more, all of it by the new one
		e = d.walk(q)
	}
	return e.Decision
}

// walk decides on the Snapshot in force at its beginning.
func (d *Decider) walk(q Query) *evaluation {
	e := &evaluation{decider: d, asked: q, at: d.now(), Decision: Decision{
		Result: audit.Reject, Ladder: audit.CertificateLadder(), Server: q.door(),
	}}
	if len(q.Chain) > 0 {
		sum := sha256.Sum256(q.Chain[0].Raw)
		e.CertSHA256 = hex.EncodeToString(sum[:])
	}
	for _, check := range []func(*evaluation) bool{
		(*evaluation).findServer, (*evaluation).verifyPath, (*evaluation).findUser,
		(*evaluation).checkScope, (*evaluation).checkStanding, (*evaluation).authorize,
	} {
		if !check(e) {
			return e
		}
	}
	e.Result, e.Reason = audit.Accept, audit.Accepted
	return e
}

// Commit is called once for an accepted Decision, after the peer has proved possession of its
// key and the accept is certain. Everything with an effect happens here: the path is
// remembered, the accept is told.
func (d *Decider) Commit(decision *Decision, e audit.Event) {
	if d.Paths != nil {
		d.Paths.Remember(decision.trust, decision.path, decision.rules)
	}
	if d.Status != nil {
		d.Status.Accepted(decision.query, revocation.Session{
			Time: e.Time, User: e.User, Station: e.Station, Client: e.Client, NAS: e.NAS, Server: e.Server,
		})
	}
	d.Sink.Record(e)
}

// now asks the clock.
func (d *Decider) now() revocation.Moment {
	if d.Clock == nil {
		return revocation.Moment{Now: time.Now(), Sure: true}
	}
	return d.Clock()
}

// An evaluation is one walk down the ladder.
type evaluation struct {
	Decision
	decider  *Decider
	asked    Query
	at       revocation.Moment
	snapshot *snapshot.Snapshot
	server   *snapshot.Server
	stale    bool // the users of snapshot have been replaced meanwhile
}

// fail ends the walk at step.
func (e *evaluation) fail(step audit.StepName, reason audit.Reason, detail string) bool {
	e.Reason, e.Detail = reason, detail
	e.Ladder.Fail(step, detail)
	return false
}

func (e *evaluation) findServer() bool {
	if e.snapshot = e.decider.Snapshots.Load(); e.snapshot == nil {
		return e.fail(audit.StepClient, audit.NotReady, "no configuration is in force")
	}
	e.Generation = e.snapshot.Generation()
	if e.asked.App != "" {
		return e.findApp()
	}
	if e.server = e.snapshot.Server(e.asked.Server); e.server == nil {
		return e.fail(audit.StepClient, audit.ClientUnknown,
			fmt.Sprintf("no RADIUS server %q is configured", e.asked.Server))
	}
	return true
}

func (e *evaluation) findApp() bool {
	app := e.snapshot.App(e.asked.App)
	if app == nil || app.Door() == nil {
		return e.fail(audit.StepClient, audit.ClientUnknown,
			fmt.Sprintf("no app %q is activated", audit.Printable(e.asked.App)))
	}
	e.server = app.Door()
	return true
}

// words names what is to be opened in a sentence.
func (q *Query) words() string {
	if q.App != "" {
		return "app " + q.App
	}
	return "RADIUS server " + q.Server
}

// door names what is to be opened, in the log.
func (q *Query) door() string {
	if q.App != "" {
		return "saml/" + q.App
	}
	return q.Server
}

// unsure is why dates cannot be judged.
const unsure = "this gateway's clock cannot be believed"

// pathSteps are the steps that path validation passes through.
var pathSteps = []audit.StepName{audit.StepChain, audit.StepDates, audit.StepPurpose}

func (e *evaluation) verifyPath() bool {
	if len(e.asked.Chain) == 0 {
		return e.fail(audit.StepChain, audit.CertMissing, "the device sent no certificate")
	}
	rules := e.snapshot.Policy().Identity
	e.trust, e.rules = e.server.Trust, pki.Options{
		Now:               e.at.Now,
		RequireClientAuth: rules.RequireClientAuth,
		AllowEAPOverLAN:   rules.AllowEAPOverLAN,
	}
	path, err := e.findPath()
	if err != nil {
		return e.failPath(err)
	}
	if !e.at.Sure && e.snapshot.Policy().Clock.WhenUnsure != "accept_cached" {
		e.Ladder.Pass(audit.StepChain, "CA "+path.CA.Name)
		return e.fail(audit.StepDates, audit.ClockUnsure, unsure)
	}
	e.path, e.CA = path, path.CA.Name
	e.Ladder.Pass(audit.StepChain, fmt.Sprintf("%d certificates up to %s, CA %s",
		len(path.Certificates), path.Anchor, path.CA.Name))
	e.Ladder.Pass(audit.StepDates, "valid until "+
		e.asked.Chain[0].NotAfter.UTC().Format(time.RFC3339))
	e.Ladder.Pass(audit.StepPurpose, "")
	return true
}

// findPath asks the memory first. It only reads.
func (e *evaluation) findPath() (pki.Path, error) {
	if e.decider.Paths == nil {
		return e.trust.Verify(e.asked.Chain, e.rules)
	}
	return e.decider.Paths.Verify(e.trust, e.asked.Chain, e.rules)
}

func (e *evaluation) failPath(err error) bool {
	var failure *pki.PathError
	if !errors.As(err, &failure) {
		return e.fail(audit.StepChain, audit.Internal, err.Error())
	}
	for _, step := range pathSteps {
		if step == failure.Step {
			break
		}
		e.Ladder.Pass(step, "")
	}
	if !e.at.Sure && failure.Step == audit.StepDates {
		return e.fail(failure.Step, audit.ClockUnsure, unsure+"; "+failure.Error())
	}
	return e.fail(failure.Step, failure.Reason, failure.Error())
}

func (e *evaluation) findUser() bool {
	rules := e.snapshot.Policy().Identity
	names, err := identity.Names(e.asked.Chain[0], rules.Order)
	if err != nil {
		return e.failIdentity(audit.StepIdentity, err)
	}
	shown := make([]string, len(names))
	for i, n := range names {
		shown[i] = string(n.Kind) + " " + n.Value
	}
	match, err := identity.Match(names, e.snapshot.Users(), rules.FoldLocalPart)
	if err != nil {
		e.stale = errors.Is(err, identity.ErrStale)
		step := audit.StepUser
		if len(names) == 0 {
			step = audit.StepIdentity
		} else {
			e.Ladder.Pass(audit.StepIdentity, strings.Join(shown, ", "))
		}
		return e.failIdentity(step, err)
	}
	e.User, e.Name = match.User, match.Name
	e.Ladder.Pass(audit.StepIdentity, strings.Join(shown, ", "))
	if e.User.State != identity.Active {
		return e.fail(audit.StepUser, audit.UserSuspended,
			"user "+audit.Printable(e.User.Username)+" is "+string(e.User.State))
	}
	e.Ladder.Pass(audit.StepUser, audit.Printable(e.User.Username)+" by "+string(match.Name.Kind))
	return true
}

func (e *evaluation) failIdentity(step audit.StepName, err error) bool {
	var failure *identity.Error
	if !errors.As(err, &failure) {
		return e.fail(step, audit.Internal, err.Error())
	}
	return e.fail(step, failure.Reason, failure.Detail)
}

func (e *evaluation) checkScope() bool {
	scope := e.snapshot.CA(e.CA).Scope
	if !policy.InScope(scope, e.User.Email, e.User.Groups) {
		return e.fail(audit.StepScope, audit.CAOutOfScope, fmt.Sprintf(
			"CA %s vouches for %s only; user %s has the address %q and the groups %q",
			e.CA, scopeWords(scope), audit.Printable(e.User.Username), audit.Printable(e.User.Email),
			audit.Printable(strings.Join(e.User.Groups, ", "))))
	}
	e.Ladder.Pass(audit.StepScope, "CA "+e.CA)
	return true
}

// scopeWords says whom a scope that has something admits.
func scopeWords(scope policy.Scope) string {
	var words []string
	if len(scope.Domains) > 0 {
		words = append(words, "people of "+strings.Join(scope.Domains, ", "))
	}
	if len(scope.Groups) > 0 {
		words = append(words, "the groups "+strings.Join(scope.Groups, ", "))
	}
	return audit.Printable(strings.Join(words, " and "))
}

func (e *evaluation) checkStanding() bool {
	e.query = revocation.Query{Path: e.path, Rules: e.snapshot.CA(e.CA).Revocation, At: e.at}
	if e.query.Rules.OCSP == policy.OCSPOff {
		e.Standing = revocation.Standing{Acceptable: true, Status: "off"}
		e.Ladder.Pass(audit.StepRevocation, "not validated: ocsp is off for CA "+e.CA)
		return true
	}
	if e.decider.Status == nil {
		e.Standing = revocation.Standing{Status: "none"}
		return e.fail(audit.StepRevocation, audit.OCSPUnavailable,
			"revocation checking is not available; ocsp: "+string(e.query.Rules.OCSP)+" for CA "+e.CA)
	}
	q := e.query
	q.Wake = e.asked.Wake
	standing, ready := e.decider.Status.Standing(q)
	if !ready {
		e.Pending = true
		return false
	}
	e.Standing = standing
	if !standing.Acceptable && standing.Reason == "" { // the zero Standing
		return e.fail(audit.StepRevocation, audit.OCSPUnavailable, "nothing is known of its standing")
	}
	if !standing.Acceptable {
		return e.fail(audit.StepRevocation, standing.Reason, standing.Detail)
	}
	e.Ladder.Pass(audit.StepRevocation, standing.Detail)
	return true
}

func (e *evaluation) authorize() bool {
	subject := policy.Subject{Username: e.User.Username, Groups: e.User.Groups, VLAN: e.User.VLAN}
	outcome, ok := policy.Authorize(e.server.Server, subject, e.snapshot.Policy().Groups.Priority)
	if !ok {
		return e.fail(audit.StepPolicy, audit.UserNotInGroup, fmt.Sprintf(
			"user %s is in [%s]; %s admits [%s]", audit.Printable(e.User.Username),
			audit.Printable(strings.Join(e.User.Groups, ", ")), e.asked.words(),
			strings.Join(e.server.Groups, ", ")))
	}
	e.Outcome = outcome
	e.Ladder.Pass(audit.StepPolicy, outcome.Rule)
	return true
}
