package notice

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"net/smtp"
	"strings"
	"time"

	"gatehouse/authcore/policy"
)

// maxSubject bounds the characters of a subject: what is beyond is in the text.
const maxSubject = 160

// compose returns m as a message of RFC 5322. No text that is handed in can begin a header of its
// own: addresses have been checked, and the subject is encoded.
func (s *Mail) compose(m *Message) []byte {
	var b bytes.Buffer
	var to []string
	for _, a := range s.to(m)[:min(len(s.to(m)), maxMailTo)] {
		to = append(to, (&mail.Address{Address: a}).String())
	}
	_, domain, _ := strings.Cut(s.SMTP.From, "@")
	for _, h := range [][2]string{
		{"From", (&mail.Address{Name: "Gatehouse " + oneLine(m.Node), Address: s.SMTP.From}).String()},
		{"To", strings.Join(to, ",\r\n ")},
		{"Subject", subject(m.headline())},
		{"Date", m.At.Format(time.RFC1123Z)},
		{"Message-ID", "<" + rand.Text() + "@" + helloName(domain) + ">"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834 §5: nobody answers us
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	q := quotedprintable.NewWriter(&b)
	_, _ = q.Write([]byte(m.body())) // a bytes.Buffer takes all
	_ = q.Close()
	return b.Bytes()
}

// subject encodes text in as many words as it takes (RFC 2047 §2), folded.
func subject(text string) string {
	runes := []rune(oneLine(text))
	if len(runes) > maxSubject {
		runes = append(runes[:maxSubject-1], '…')
	}
	encoded := mime.QEncoding.Encode("utf-8", string(runes))
	if strings.HasPrefix(encoded, "=?") {
		encoded = strings.ReplaceAll(encoded, "?= =?", "?=\r\n =?")
	}
	return encoded
}

// oneLine takes control characters out of s.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// An auth is SASL PLAIN (RFC 4616) or LOGIN, which some mail servers have alone. The caller sees
// to it that it is used under TLS only.
type auth struct {
	way, user string
	password  policy.Secret
	step      int
}

// Start implements smtp.Auth.
func (a *auth) Start(*smtp.ServerInfo) (string, []byte, error) {
	if a.way == "PLAIN" {
		return a.way, []byte("\x00" + a.user + "\x00" + string(a.password)), nil
	}
	return a.way, nil, nil
}

// Next implements smtp.Auth: LOGIN is asked for the name and then for the password.
func (a *auth) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	a.step++
	switch {
	case a.way == "LOGIN" && a.step == 1:
		return []byte(a.user), nil
	case a.way == "LOGIN" && a.step == 2:
		return a.password, nil
	}
	return nil, errors.New("the mail server asks for more than a name and a password")
}
