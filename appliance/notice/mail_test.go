package notice_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/notice"
	"gatehouse/authcore/policy"
)

// A post is a mail server that speaks RFC 5321 on a socket, to one client.
type post struct {
	address string
	roots   *x509.CertPool
	auth    string   // the ways that are offered under TLS; empty: none
	noTLS   bool     // STARTTLS is not offered
	refuse  []string // beginnings of commands that are refused
	endless bool     // the greeting has no end

	done     chan struct{}
	commands []string // in order; "TLS" where it begins
	text     string   // of the mail
}

func newPost(t *testing.T, p *post) *post {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate alone, which names 127.0.0.1
	t.Cleanup(web.Close)
	p.roots = x509.NewCertPool()
	p.roots.AddCert(web.Certificate())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address, p.done = l.Addr().String(), make(chan struct{})
	go func() {
		defer close(p.done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		p.serve(conn, &tls.Config{Certificates: web.TLS.Certificates})
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-p.done
	})
	return p
}

func (p *post) serve(conn net.Conn, settings *tls.Config) {
	r := bufio.NewReader(conn)
	say := func(lines ...string) { _, _ = io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n") }
	for p.endless {
		if _, err := io.WriteString(conn, "220-"+strings.Repeat("x", 1000)); err != nil {
			return
		}
	}
	say("220 post.example ready")
	secure := false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\r\n")
		p.commands = append(p.commands, line)
		verb, rest, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, "RCPT TO:<later"):
			say("451 4.7.1 later")
		case p.refuses(line):
			say("550 5.1.1 no " + rest)
		case verb == "EHLO":
			offers := []string{"250-post.example", "250-8BITMIME"}
			if !p.noTLS && !secure {
				offers = append(offers, "250-STARTTLS")
			}
			if secure && p.auth != "" {
				offers = append(offers, "250-AUTH "+p.auth)
			}
			say(append(offers, "250 OK")...)
		case verb == "STARTTLS":
			say("220 go ahead")
			c := tls.Server(conn, settings)
			if c.Handshake() != nil {
				return
			}
			conn, r, secure = c, bufio.NewReader(c), true
			p.commands = append(p.commands, "TLS")
		case line == "AUTH LOGIN":
			for _, q := range []string{"Username:", "Password:"} {
				say("334 " + base64.StdEncoding.EncodeToString([]byte(q)))
				answer, _ := r.ReadString('\n')
				word, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(answer))
				p.commands = append(p.commands, q+string(word))
			}
			say("235 welcome")
		case verb == "AUTH":
			word, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			p.commands[len(p.commands)-1] = "AUTH PLAIN " + strings.ReplaceAll(string(word), "\x00", "|")
			say("235 welcome")
		case verb == "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(line, "."))
			}
			p.text = b.String()
			say("250 queued")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 OK")
		}
	}
}

func (p *post) refuses(line string) bool {
	for _, begin := range p.refuse {
		if strings.HasPrefix(line, begin) {
			return true
		}
	}
	return false
}

func (p *post) mail(user string) *notice.Mail {
	return &notice.Mail{Roots: p.roots, Logger: slog.New(slog.DiscardHandler), SMTP: policy.SMTP{
		Address: p.address, From: "gate@acme.example", To: []string{"it@acme.example", "boss@acme.example"},
		Username: user, Password: policy.Secret("golden-secret"),
	}}
}

// TestMailDialogue shows what is said, by what the server offers.
func TestMailDialogue(t *testing.T) {
	t.Parallel()
	letter := []string{"MAIL FROM:<gate@acme.example> BODY=8BITMIME", "RCPT TO:<it@acme.example>",
		"RCPT TO:<boss@acme.example>", "DATA", "QUIT"}
	hello := []string{"EHLO oslo-1", "STARTTLS", "TLS", "EHLO oslo-1"}
	join := func(lists ...[]string) (all []string) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	for name, tt := range map[string]struct {
		post post
		user string
		want []string
		err  string
	}{
		"plain_text":   {post{noTLS: true}, "", join(hello[:1], letter), ""},
		"tls":          {post{}, "", join(hello, letter), ""},
		"plain":        {post{auth: "LOGIN PLAIN"}, "g", join(hello, []string{"AUTH PLAIN |g|golden-secret"}, letter), ""},
		"login":        {post{auth: "login"}, "g", join(hello, []string{"AUTH LOGIN", "Username:g", "Password:golden-secret"}, letter), ""},
		"all_refused":  {post{refuse: []string{"RCPT"}}, "", join(hello, letter[:3]), "550 5.1.1 no TO:<it@acme.example>"},
		"no_password":  {post{auth: "PLAIN", refuse: []string{"AUTH"}}, "g", join(hello, []string{"AUTH PLAIN Z29sZGVuLXNlY3JldA==", "*", "QUIT"}), "refuses the user name or password (550)"},
		"password_tls": {post{noTLS: true, auth: "PLAIN"}, "g", hello[:1], "no TLS"},
		"no_way":       {post{auth: "GSSAPI"}, "g", hello, "offers no sign-in"},
		"endless":      {post{endless: true}, "", nil, "says too much"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t, &tt.post)
			err := p.mail(tt.user).Send(t.Context(), message())
			<-p.done
			switch {
			case tt.err == "" && err != nil:
				t.Errorf("Send: %v", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "golden")):
				t.Errorf("Send: got %v, want an error with %q and no password", err, tt.err)
			}
			if name == "no_password" { // what it is that was refused is not decoded
				p.commands, tt.want = p.commands[:4], tt.want[:4]
			}
			if diff := cmp.Diff(tt.want, p.commands); diff != "" {
				t.Errorf("(- want, + got)\n%s", diff)
			}
			if (p.text != "") != (tt.err == "") {
				t.Errorf("got the mail %q", p.text)
			}
		})
	}
}

// TestMailRecipientsThatGoWithout are logged, once the others have their mail.
func TestMailRecipientsThatGoWithout(t *testing.T) {
	t.Parallel()
	p := newPost(t, &post{refuse: []string{"RCPT TO:<boss"}})
	m := p.mail("")
	for len(m.SMTP.To) < 51 {
		m.SMTP.To = append(m.SMTP.To, fmt.Sprintf("a%d@acme.example", len(m.SMTP.To)))
	}
	var log bytes.Buffer
	m.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if err := m.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	<-p.done
	for _, want := range []string{
		`name=boss@acme.example err="the mail server says 550 5.1.1 no TO:<boss@acme.example>"`,
		`name=a50@acme.example err="only the first 50 recipients are written to"`,
	} {
		if !strings.Contains(log.String(), `level=WARN msg="a recipient gets no expiry notices" `+want) {
			t.Errorf("got the log %q, want %q", log.String(), want)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("got %d lines, want 2", n)
	}
	if p.text == "" || strings.Contains(strings.Join(p.commands, " "), "a50@") {
		t.Errorf("got the mail %q, said %q", p.text, p.commands)
	}
}

// TestMailToOnePerson names nobody else.
func TestMailToOnePerson(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		refuse, to string
		want       string // of the error
		forGood    bool
	}{
		"taken":   {"x", "ann@acme.example", "", false},
		"refused": {"RCPT", "ann@acme.example", "sending mail: the mail server says 550 5.1.1 no TO:<ann@acme.example>", true},
		"later":   {"later", "later@acme.example", "sending mail: the mail server says 451 4.7.1 later", false},
		"none":    {"x", "<ann>@acme.example", "sending mail: an address of the mail holds what no address may", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t, &post{refuse: []string{tt.refuse}})
			m := message()
			m.To = tt.to
			err := p.mail("").Send(t.Context(), m)
			var refused *notice.RefusedError
			switch {
			case tt.want == "":
				<-p.done
				if err != nil || !strings.Contains(p.text, "To: <ann@acme.example>") || strings.Contains(p.text, "boss@") ||
					strings.Contains(strings.Join(p.commands, " "), "boss@") {
					t.Errorf("Send: %v, got %q", err, p.text)
				}
			case err == nil || err.Error() != tt.want || !errors.As(err, &refused) || refused.ForGood != tt.forGood:
				t.Errorf("Send: got %v, want %s, for good: %v", err, tt.want, tt.forGood)
			}
		})
	}
	m := (&post{}).mail("")
	if m.TellsAlone("IT@acme.example") || !m.TellsAlone("ann@acme.example") {
		t.Error("TellsAlone does not go by who has the mail anyway")
	}
}

// TestMailUnderTLSOfAnother is not sent.
func TestMailUnderTLSOfAnother(t *testing.T) {
	t.Parallel()
	p := newPost(t, &post{})
	m := p.mail("")
	m.Roots = x509.NewCertPool()
	err := m.Send(t.Context(), message())
	var verification *tls.CertificateVerificationError
	if err == nil || !errors.As(err, &verification) {
		t.Errorf("Send: got %v, want a certificate that is not believed", err)
	}
}

func TestMailText(t *testing.T) {
	t.Parallel()
	p := newPost(t, &post{})
	m := message()
	m.Node = "oslo\r\nBcc: all@acme.example"
	m.Notices[0].Text = "the CA certificate Ærlig\r\nBcc: all@acme.example\r\n\r\n.\r\nMAIL FROM:<x@y.example> " +
		strings.Repeat("lang ", 40)
	if err := p.mail("").Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if p.commands[0] != "EHLO localhost" {
		t.Errorf("got %q, want a name that is one", p.commands[0])
	}
	for line := range strings.SplitSeq(p.text, "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") || strings.HasPrefix(line, "Bcc") && !strings.Contains(p.text, "\r\n\r\n") {
			t.Errorf("got the line %q", line)
		}
	}
	got, err := mail.ReadMessage(strings.NewReader(p.text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, p.text)
	}
	var names []string
	for name := range got.Header {
		names = append(names, name)
	}
	if len(names) != 9 || got.Header.Get("Bcc") != "" {
		t.Errorf("got the headers %v", names)
	}
	title, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || !strings.HasPrefix(title, "Gatehouse oslo  Bcc: all@acme.example: the CA certificate Ærlig  Bcc") ||
		!strings.HasSuffix(title, "…") {
		t.Errorf("got the subject %q, %v", title, err)
	}
	if to, err := got.Header.AddressList("To"); err != nil || len(to) != 2 || to[1].Address != "boss@acme.example" {
		t.Errorf("got to %v, %v", to, err)
	}
	if at, err := got.Header.Date(); err != nil || !at.Equal(noon) {
		t.Errorf("got date %v, %v", at, err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	if err != nil || !strings.Contains(string(text), "Ærlig") || !strings.Contains(string(text), "Replace certificate: https://o.example/server/rsa") {
		t.Errorf("got the text %q, %v", text, err)
	}
}

func TestMailAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"line": "a@b.example\r\nDATA", "space": "a@b.example x", "bracket": "a@b.example>", "nul": "a\x00@b.example",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range []policy.SMTP{
				{Address: "127.0.0.1:1", From: address, To: []string{"it@acme.example"}},
				{Address: "127.0.0.1:1", From: "it@acme.example", To: []string{"it@acme.example", address}},
			} {
				err := (&notice.Mail{SMTP: s}).Send(t.Context(), message())
				if err == nil || !strings.Contains(err.Error(), "no address may") {
					t.Errorf("Send(%+v): got %v, want it refused", s, err)
				}
			}
		})
	}
}

// TestMailServerThatHangs is left when the context ends.
func TestMailServerThatHangs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		conn, err := l.Accept()
		if err == nil {
			cancel(fmt.Errorf("it is there"))
			_, _ = io.Copy(io.Discard, conn) // until the other side gives up
			_ = conn.Close()
		}
	}()
	done := make(chan error, 1)
	go func() {
		done <- (&notice.Mail{SMTP: policy.SMTP{Address: l.Addr().String(), From: "a@b.example",
			To: []string{"c@d.example"}}}).Send(ctx, message())
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("Send: got no error")
		}
	case <-time.After(20 * time.Second):
		t.Error("Send does not come back")
	}
}
