package supplicant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"layeh.com/radius"
)

// maxRounds ends a conversation that a server would keep up for ever.
const maxRounds = 200

// Conversation is one authentication, taken round by round: a Conn and a Peer that meet.
// Leave it anywhere to make it half-open; Close it in the end. It belongs to one goroutine.
type Conversation struct {
	Conn *Conn
	Peer *Peer

	cfg        Config
	next       []byte // EAP packet to send
	reply      *Reply // the server's last
	began      time.Time
	elapsed    time.Duration // of the rounds so far
	ended      bool
	aborted    error
	violations []string
}

// Begin opens a socket and prepares the identity, which the first Step sends.
func Begin(cfg Config) (*Conversation, error) {
	conn, err := Dial(cfg)
	if err != nil {
		return nil, err
	}
	return conn.Begin(), nil
}

// Begin prepares the next conversation over c's socket and counts its traffic from zero. The
// one before must be over or given up, its Peer closed: Conversation.Close would close c too.
func (c *Conn) Begin() *Conversation {
	c.state, c.traffic = nil, Traffic{}
	peer := newPeer(c.cfg, &c.trust)
	return &Conversation{
		Conn: c, Peer: peer, cfg: c.cfg, next: peer.Identity(0), began: time.Now(),
	}
}

// Close closes the socket and the peer. It may be called more than once.
func (c *Conversation) Close() {
	_ = c.Conn.Close() // a socket that is closed twice loses nothing
	c.Peer.Close()
}

// Next returns the EAP packet that the next Step sends; nil: the conversation is over.
func (c *Conversation) Next() []byte { return c.next }

// Reply returns the server's last answer; nil before the first.
func (c *Conversation) Reply() *Reply { return c.reply }

// Step carries out one round and reports whether another follows. Errors are those of
// Conn.Exchange; whatever the server says is no error.
func (c *Conversation) Step(ctx context.Context) (more bool, err error) {
	if c.ended {
		return false, nil
	}
	reply, err := c.Conn.Exchange(ctx, c.next)
	c.elapsed = time.Since(c.began)
	if err != nil {
		return false, err
	}
	c.Deliver(reply)
	return !c.ended, nil
}

// Deliver hands an answer that was got in another way, by Conn.Retransmit or Conn.Reissue for
// example, to the peer in place of the one Step would wait for.
func (c *Conversation) Deliver(reply *Reply) {
	c.reply, c.next = reply, nil
	c.violations = append(c.violations, reply.Violations...)
	c.checkSize(reply)
	var err error
	if len(reply.EAP) > 0 {
		c.checkCode(reply)
		c.next, err = c.Peer.Respond(reply.EAP)
	} else {
		c.violate("EA-4: %v without EAP-Message", reply.Code)
	}
	if err == nil && reply.Code == radius.CodeAccessChallenge && c.next == nil {
		err = fmt.Errorf("%w: Access-Challenge that asks nothing", ErrProtocol)
	}
	if err == nil && c.Conn.traffic.Rounds >= maxRounds {
		err = fmt.Errorf("%w: no verdict after %d rounds", ErrProtocol, maxRounds)
	}
	switch reply.Code {
	case radius.CodeAccessChallenge:
	case radius.CodeAccessAccept, radius.CodeAccessReject:
		c.ended, c.next = true, nil
	default:
		err = fmt.Errorf("%w: answers an Access-Request with %v", ErrProtocol, reply.Code)
	}
	if err != nil {
		c.ended, c.next, c.aborted = true, nil, err
		c.violate("%v", err)
	}
}

// Until takes rounds as long as the next message belongs to stage or an earlier one, so that
// the message that would go beyond is made but not sent.
func (c *Conversation) Until(ctx context.Context, stage Stage) error {
	for !c.ended && c.Peer.Stage() <= stage {
		if _, err := c.Step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkCode matches the RADIUS code with what it carries (RFC 3579 §2.6.3).
func (c *Conversation) checkCode(r *Reply) {
	if len(r.EAP) == 0 {
		return
	}
	want := map[radius.Code]EAPCode{
		radius.CodeAccessChallenge: EAPRequest,
		radius.CodeAccessAccept:    EAPSuccess,
		radius.CodeAccessReject:    EAPFailure,
	}[r.Code]
	if got := EAPCode(r.EAP[0]); got != want {
		c.violate("EA-4: %v carries %v", r.Code, got)
	}
}

// checkSize compares the EAP packet with what the link takes: Framed-MTU less the EAPOL
// header of 4 bytes (RFC 3580 §3.10), or the EAP minimum MTU (RFC 3748 §3.1).
func (c *Conversation) checkSize(r *Reply) {
	limit := 1020
	if c.cfg.FramedMTU > 0 {
		limit = c.cfg.FramedMTU - 4
	}
	if len(r.EAP) > limit {
		c.violate("EA-13: EAP packet of %d bytes, the link takes %d", len(r.EAP), limit)
	}
}

func (c *Conversation) violate(format string, args ...any) {
	c.violations = append(c.violations, fmt.Sprintf(format, args...))
}

// Run authenticates once and tells what happened. An error means that it could not be carried
// out: ErrUnreachable, ErrTimeout, ErrAuthenticator, ctx's, or a Config that cannot be used.
// The Report goes along with the error once anything was sent. A reject is no error. Nothing
// of Run outlives it.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	c, err := Begin(cfg)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Finish(ctx)
}

// Finish takes the remaining rounds and tells what happened, as Run does.
func (c *Conversation) Finish(ctx context.Context) (*Report, error) {
	defer c.Conn.watch(ctx)()
	for !c.ended {
		if _, err := c.Step(ctx); err != nil {
			report := c.Report()
			if c.reply == nil {
				report.fail(StepReach, err.Error())
				report.Reason = err.Error()
				return report, err
			}
			report.Reason = c.silence(err)
			return report, fmt.Errorf("%s: %w", report.Reason, err)
		}
	}
	return c.Report(), nil
}

// silence says where in the conversation the server fell silent.
func (c *Conversation) silence(err error) string {
	what := "server falls silent"
	if !errors.Is(err, ErrTimeout) {
		what = "conversation breaks off"
	}
	return what + " after " + stageWords(c.Peer)
}
