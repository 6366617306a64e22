// Package authcore is the one walk from an Access-Request to a decision: it joins the EAP
// message, finds or starts the conversation, steps it, asks the Decider about the peer's
// certificate before the peer has proved possession of its key, commits after, and tells
// exactly one audit.Event. It opens no files, knows no database and serves no web. Its one
// goroutine is Run, which ends conversations whose time is up; everything else runs on the
// caller's.
package authcore

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
	"gatehouse/authcore/eap/eaptls"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
)

const (
	// DefaultConversations bounds the conversations under way. One takes up to 32 KiB.
	DefaultConversations = 2048
	// DefaultLifetime is how long one conversation may take (RFC 3579 leaves it open; the
	// field uses 30 to 60 s).
	DefaultLifetime = 45 * time.Second
	// DefaultGrace is how long after its last answer a conversation is safe from giving way to
	// another. A device goes on within a second, if the network is not very slow, and a NAS
	// that is left without an answer asks again after 2 to 5 s.
	DefaultGrace = 2 * time.Second
	// largeFlights bounds the octets that all conversations together hold of unfinished
	// flights beyond eaptls.FreeFlight each.
	largeFlights = 8 << 20
	// linger is how long a finished conversation answers retransmissions.
	linger = 10 * time.Second
	// sweepEvery is how often Run looks for conversations whose time is up.
	sweepEvery = time.Second
)

// Config is what an Authenticator needs. Snapshots, Sink and Logger are required.
type Config struct {
	Snapshots     *snapshot.Holder
	Sink          audit.Sink
	Logger        *slog.Logger
	Status        StatusSource             // nil: see Decider
	Now           func() time.Time         // of timers and the log; nil: time.Now
	Clock         func() revocation.Moment // that decides; nil: time.Now, believed
	Stapler       Stapler                  // nil: no answer is stapled to the server credentials
	Conversations int                      // at once; zero: DefaultConversations
	PerNAS        int                      // of them from one address; zero: half of Conversations
	Lifetime      time.Duration            // of a conversation; zero: DefaultLifetime
	Grace         time.Duration            // of a conversation; zero: DefaultGrace
	Paths         int                      // remembered; zero: pki.DefaultPaths
	Sessions      int                      // resumable; zero: eaptls.DefaultSessions
}

// A Stapler knows the OCSP answers about the server credentials; *revocation.Source does.
type Stapler interface {
	// Credentials returns the server credentials of sn with the answers stapled to them. The
	// slice is not written.
	Credentials(sn *snapshot.Snapshot) []tls.Certificate
}

// credentials returns what a conversation that begins with sn shows of the gateway.
func (a *Authenticator) credentials(sn *snapshot.Snapshot) []tls.Certificate {
	if a.config.Stapler == nil {
		return sn.Certificates()
	}
	return a.config.Stapler.Credentials(sn)
}

// An Authenticator answers the Access-Requests of all RADIUS servers. It implements
// radserver.Handler and is safe for concurrent use.
type Authenticator struct {
	config   Config
	decider  *Decider
	table    *table
	flights  *eaptls.Budget
	sessions *eaptls.Sessions
}

// New returns an Authenticator. It starts nothing; Run must run for conversations to expire.
func New(config Config) *Authenticator {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Conversations == 0 {
		config.Conversations = DefaultConversations
	}
	if config.PerNAS == 0 {
		config.PerNAS = (config.Conversations + 1) / 2
	}
	if config.Lifetime == 0 {
		config.Lifetime = DefaultLifetime
	}
	if config.Grace == 0 {
		config.Grace = DefaultGrace
	}
	return &Authenticator{
		config:   config,
		flights:  eaptls.NewBudget(largeFlights),
		sessions: eaptls.NewSessions(config.Sessions),
		table: newTable(limits{all: config.Conversations, nas: config.PerNAS,
			lifetime: config.Lifetime, grace: config.Grace, linger: linger}),
		decider: &Decider{Snapshots: config.Snapshots, Clock: config.Clock, Status: config.Status,
			Sink: config.Sink, Paths: pki.NewPathMemory(config.Paths)},
	}
}

// Decider returns the decision function, for those who ask it about a certificate at hand.
func (a *Authenticator) Decider() *Decider { return a.decider }

// Conversations returns how many conversations are under way, and how many are finished and
// kept only to answer a retransmission.
func (a *Authenticator) Conversations() (live, lingering int) { return a.table.counts() }

// Sessions returns how many TLS sessions may be resumed.
func (a *Authenticator) Sessions() int { return a.sessions.Len() }

// Run ends conversations whose time is up, until ctx ends; then it ends all of them.
func (a *Authenticator) Run(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			a.Sweep(a.config.Now())
		case <-ctx.Done():
			for _, c := range a.table.drain() {
				a.abandon(c, "the gateway was stopped")
			}
			return nil
		}
	}
}

// Sweep ends the conversations, and forgets the sessions, whose time is up at now. Run calls it every second.
func (a *Authenticator) Sweep(now time.Time) {
	a.sessions.Expire(now)
	for _, c := range a.table.expire(now) {
		a.abandon(c, "")
	}
}

// ServeRADIUS answers one Access-Request. It never waits: what is pending is answered later.
func (a *Authenticator) ServeRADIUS(req *radserver.Request) {
	message, hasEAP, err := req.Packet.EAPMessage(nil)
	state, hasState := req.Packet.Attributes.Get(radius.TypeState)
	switch {
	case err != nil:
		req.Drop() // radserver lets none through (RFC 3579 §3.3)
	case !hasEAP:
		a.refuse(req, audit.PasswordNotAllowed, "the request carries no EAP message")
	case hasState:
		a.proceed(req, state, message)
	case len(message) > 0 && !isIdentity(message):
		a.refuse(req, audit.SessionUnknown, "an EAP message in mid-conversation without State")
	default:
		a.begin(req, message)
	}
}

func isIdentity(message []byte) bool {
	p, err := eap.Parse(message)
	return err == nil && p.Code == eap.CodeResponse && p.Type == eap.TypeIdentity
}

// begin starts a conversation by EAP-Start (an empty message) or the peer's identity.
func (a *Authenticator) begin(req *radserver.Request, message []byte) {
	sn := a.config.Snapshots.Load()
	if sn == nil {
		req.Drop()
		return
	}
	c := a.newConversation(req, sn)
	shed, admission := a.table.add(c, req.Received)
	if shed != nil {
		a.shed(shed)
	}
	switch admission {
	case full:
		a.refuse(req, audit.Overloaded, "too many sign-ins under way")
		return
	case crowded:
		req.Postpone()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rounds++
	c.request, c.message = req, message
	a.step(c, func() eap.Result {
		if len(message) == 0 {
			return c.session.Start()
		}
		return c.session.Step(message)
	})
}

func (a *Authenticator) newConversation(req *radserver.Request, sn *snapshot.Snapshot) *conversation {
	station, _ := req.Packet.Attributes.Get(radius.TypeCallingStationID)
	c := &conversation{
		server: req.Server.Name, client: req.Client.Name, nas: req.Source.Addr().String(),
		station: audit.Printable(string(station)), started: req.Received,
		begun: sn.Generation(),
	}
	c.key = stationKey{nas: c.nas, station: string(station)}
	rand.Read(c.id[:])
	c.session = eap.NewSession(a.offers(c, sn, framedMTU(&req.Packet)))
	return c
}

// framedMTU returns the largest EAP packet that the NAS says its link carries, or 0
// (RFC 3579 §2.4: the 4 octets are the link's own EAPOL header).
func framedMTU(p *radius.Packet) int {
	v, ok := p.Attributes.Get(radius.TypeFramedMTU)
	if !ok || len(v) != 4 {
		return 0
	}
	const largest = 64 << 10
	return int(min(binary.BigEndian.Uint32(v), largest)) - 4
}

// proceed goes on with the conversation that handed out state.
func (a *Authenticator) proceed(req *radserver.Request, state, message []byte) {
	var key stateKey
	var c *conversation
	if len(state) == stateLen {
		copy(key[:], state)
		c = a.table.find(key)
	}
	if c == nil || c.nas != req.Source.Addr().String() || c.server != req.Server.Name {
		a.refuse(req, audit.SessionUnknown, "restarted, expired, or begun at another server")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case key == c.previous:
		a.repeat(c, req, message)
	case key != c.state || c.over || c.request != nil:
		req.Drop() // a State is good for one round
	default:
		if c.rounds == 1 {
			if superseded := a.table.claim(c); superseded != nil {
				// No circle of locks: what is superseded began earlier.
				a.abandon(superseded, "the device began anew")
			}
		}
		previous, before := c.previous, c.message
		c.rounds++
		c.request, c.previous, c.message = req, c.state, message
		if a.step(c, func() eap.Result { return c.session.Step(message) }) == eap.Discard {
			// A late duplicate of the peer's: the State it came with stays good for the
			// answer that the peer is about to give.
			c.previous, c.message = previous, before
		}
	}
}

// repeat answers a retransmission under a new Identifier: same State, same EAP message, so the
// same answer, signed anew (RFC 2865 §5.24).
func (a *Authenticator) repeat(c *conversation, req *radserver.Request, message []byte) {
	switch {
	case !bytes.Equal(message, c.message):
		req.Drop()
	case c.request != nil: // still at work: answer the newer one
		c.request.Drop()
		c.request = req
	case c.answer != nil:
		req.Respond(c.answer, c.delay)
	default:
		req.Drop()
	}
}

// resume goes on with a conversation whose decision was pending. It runs on a goroutine of its
// own, so whatever panics on the way must end here.
func (a *Authenticator) resume(c *conversation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			a.logPanic(c, p)
		}
	}()
	if !c.over && c.session.Waiting() {
		a.step(c, c.session.Resume)
	}
}

// step lets the session take one step and acts on the result. A panic in it ends this
// conversation and no other. The caller holds c.mu.
func (a *Authenticator) step(c *conversation, next func() eap.Result) eap.Outcome {
	result := a.guarded(c, next)
	c.outer = audit.Printable(c.session.Identity())
	switch result.Outcome {
	case eap.Challenge:
		a.challenge(c, result, false)
	case eap.Repeat:
		a.challenge(c, result, true)
	case eap.Accept:
		a.accept(c, result)
	case eap.Reject:
		a.reject(c, result)
	case eap.Discard:
		a.discard(c)
	case eap.Wait: // resume will come
	}
	return result.Outcome
}

func (a *Authenticator) guarded(c *conversation, next func() eap.Result) (result eap.Result) {
	defer func() {
		if p := recover(); p != nil {
			a.logPanic(c, p)
			result = eap.Result{
				Outcome: eap.Reject,
				Packet:  eap.Packet{Code: eap.CodeFailure, Identifier: lastIdentifier(c.message)}.Append(nil),
				Failure: &eap.Failure{Reason: audit.Internal, Detail: "a fault inside the gateway"},
			}
		}
	}()
	return next()
}

func (a *Authenticator) logPanic(c *conversation, p any) {
	a.config.Logger.Error("panic in a conversation", "err", fmt.Sprint(p),
		"server", c.server, "client", c.client, "stack", string(debug.Stack()))
}

func lastIdentifier(message []byte) uint8 {
	if len(message) < 2 {
		return 0
	}
	return message[1]
}

// discard leaves the request at hand unanswered.
func (a *Authenticator) discard(c *conversation) {
	if c.request != nil {
		c.request.Drop()
		c.request = nil
	}
}
