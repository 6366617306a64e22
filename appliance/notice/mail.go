package notice

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

const (
	dialTimeout  = 15 * time.Second
	mailTimeout  = 50 * time.Second // for all of the dialogue
	maxMailBytes = 256 << 10        // that a mail server may send us
	maxMailTo    = 50
	submissions  = "465" // the port of RFC 8314 §3.3, where TLS comes first
)

// Errors.
var (
	errNoTLS    = errors.New("the mail server offers no TLS, and the password is not sent without")
	errNoAuth   = errors.New("the mail server offers no sign-in by password (PLAIN or LOGIN)")
	errTooLong  = errors.New("the mail server says too much")
	errMailName = errors.New("an address of the mail holds what no address may")
	errTooMany  = fmt.Errorf("only the first %d recipients are written to", maxMailTo)
)

// A Mail sends notices by SMTP: with TLS at once on port 465, else with STARTTLS where the server
// offers it (RFC 3207). Certificates of mail servers are verified. A password is sent under TLS
// only.
type Mail struct {
	SMTP   policy.SMTP
	Roots  *x509.CertPool // nil: the system's
	Logger *slog.Logger
}

// A refusal is a recipient that goes without, and why.
type refusal struct {
	to  string
	err error
}

// TellsAlone implements Personal.
func (s *Mail) TellsAlone(to string) bool {
	return !slices.ContainsFunc(s.SMTP.To, func(a string) bool { return strings.EqualFold(a, to) })
}

// Send sends m to all recipients, or to m.To alone. It fails if none of them is accepted, as
// *RefusedError; one of several that the server refuses goes without, and is logged.
func (s *Mail) Send(ctx context.Context, m *Message) error {
	if err := s.send(ctx, m); err != nil {
		return fmt.Errorf("sending mail: %w", answerOnly(err))
	}
	return nil
}

// to returns the recipients of m.
func (s *Mail) to(m *Message) []string {
	if m.To != "" {
		return []string{m.To}
	}
	return s.SMTP.To
}

// isNoAddress reports whether s would break the dialogue.
func isNoAddress(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '<' || r == '>' })
}

func (s *Mail) send(ctx context.Context, m *Message) error {
	if isNoAddress(s.SMTP.From) {
		return errMailName
	}
	if slices.ContainsFunc(s.to(m), isNoAddress) {
		return &RefusedError{errMailName, true}
	}
	client, err := s.dial(ctx, m.Node)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // after Quit it is closed already
	if err := s.signIn(client); err != nil {
		return err
	}
	if err := client.Mail(s.SMTP.From); err != nil {
		return err
	}
	refused, err := s.recipients(client, s.to(m))
	if err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(s.compose(m)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = client.Quit() // the mail has been taken
	for _, r := range refused {
		s.Logger.Warn("a recipient gets no expiry notices", "name", audit.Printable(r.to),
			"err", answerOnly(r.err))
	}
	return nil
}

// dial connects, under TLS where there is any.
func (s *Mail) dial(ctx context.Context, node string) (*smtp.Client, error) {
	host, port, err := net.SplitHostPort(s.SMTP.Address)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", s.SMTP.Address)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(mailTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	// smtp.Client knows no context: when ours ends, so does the connection.
	bounded := &boundedConn{Conn: conn, left: maxMailBytes}
	bounded.release = context.AfterFunc(ctx, func() { _ = conn.Close() })
	settings := &tls.Config{ServerName: host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	var wire net.Conn = bounded
	if port == submissions {
		wire = tls.Client(bounded, settings)
	}
	client, err := smtp.NewClient(wire, host)
	if err != nil {
		_ = bounded.Close() // NewClient may have closed it
		return nil, err
	}
	if err = client.Hello(helloName(node)); err == nil && port != submissions {
		if ok, _ := client.Extension("STARTTLS"); ok {
			err = client.StartTLS(settings)
		}
	}
	if err != nil {
		_ = client.Close() // err says what is wrong
		return nil, err
	}
	return client, nil
}

// signIn signs in if there is a user name.
func (s *Mail) signIn(client *smtp.Client) error {
	if s.SMTP.Username == "" {
		return nil
	}
	if _, ok := client.TLSConnectionState(); !ok {
		return errNoTLS
	}
	_, ways := client.Extension("AUTH")
	a := &auth{user: s.SMTP.Username, password: s.SMTP.Password}
	switch offered := strings.Fields(strings.ToUpper(ways)); {
	case slices.Contains(offered, "PLAIN"):
		a.way = "PLAIN"
	case slices.Contains(offered, "LOGIN"):
		a.way = "LOGIN"
	default:
		return errNoAuth
	}
	err := client.Auth(a)
	var refused *textproto.Error
	if errors.As(err, &refused) { // what it says may hold what we said
		return fmt.Errorf("the mail server refuses the user name or password (%d)", refused.Code)
	}
	return err
}

// recipients names to whom the mail goes, and returns who is refused. It fails if nobody is
// accepted.
func (s *Mail) recipients(client *smtp.Client, all []string) (refused []refusal, err error) {
	accepted, forGood := false, true
	for i, to := range all {
		if i >= maxMailTo {
			refused = append(refused, refusal{to, errTooMany})
			continue
		}
		err := client.Rcpt(to)
		var said *textproto.Error
		switch {
		case err == nil:
			accepted = true
		case errors.As(err, &said):
			refused = append(refused, refusal{to, err})
			forGood = forGood && said.Code >= 500 // RFC 5321 §4.2.1
		default:
			return nil, err
		}
	}
	switch {
	case accepted:
		return refused, nil
	case len(refused) == 0:
		return nil, errors.New("there is no recipient")
	}
	return nil, &RefusedError{answerOnly(refused[0].err), forGood}
}

// helloName is node if it is a host name (RFC 5321 §4.1.1.1).
func helloName(node string) string {
	for _, r := range node {
		if r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return "localhost"
		}
	}
	if node == "" || len(node) > 253 {
		return "localhost"
	}
	return node
}

// answerOnly makes what a mail server said fit to be shown.
func answerOnly(err error) error {
	var refused *RefusedError
	var said *textproto.Error
	if !errors.As(err, &refused) && errors.As(err, &said) {
		return fmt.Errorf("the mail server says %d %s", said.Code, audit.Printable(said.Msg))
	}
	return err
}

// A boundedConn reads so much and no more: net/textproto takes lines of any length.
type boundedConn struct {
	net.Conn
	left    int
	release func() bool
}

func (c *boundedConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooLong
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

func (c *boundedConn) Close() error {
	c.release()
	return c.Conn.Close()
}
