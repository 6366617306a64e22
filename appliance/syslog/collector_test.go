package syslog_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// A message is one as a collector reads it.
type message struct {
	pri                        int
	at, host, app, proc, msgID string
	params                     [][2]string
	text                       string
	element                    bool
}

var headPattern = regexp.MustCompile(`^<([0-9]{1,3})>1 (-|[0-9TZ:.-]+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) `)

// parse reads a message strictly by RFC 5424 §6.
func parse(raw string) (m message, err error) {
	head := headPattern.FindStringSubmatch(raw)
	if head == nil {
		return m, fmt.Errorf("no header in %q", raw)
	}
	m.pri, _ = strconv.Atoi(head[1])
	m.at, m.host, m.app, m.proc, m.msgID = head[2], head[3], head[4], head[5], head[6]
	rest := raw[len(head[0]):]
	if m.at != "-" {
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z", m.at); err != nil {
			return m, err
		}
	}
	if after, none := strings.CutPrefix(rest, "-"); none {
		rest = after
	} else if m.params, rest, err = parseElement(rest); err != nil {
		return m, fmt.Errorf("%w in %q", err, raw)
	} else {
		m.element = true
	}
	if rest == "" {
		return m, nil
	}
	text, ok := strings.CutPrefix(rest, " ")
	if !ok {
		return m, fmt.Errorf("no space before the text %q", rest)
	}
	text, marked := strings.CutPrefix(text, "\ufeff")
	ascii := !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
	if !utf8.ValidString(text) || !marked && !ascii || strings.ContainsFunc(text, isControl) {
		return m, fmt.Errorf("the text %q is not as it should be", text)
	}
	m.text = text
	return m, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

var paramPattern = regexp.MustCompile(`^ ([!#-<>-\\^-~]{1,32})="((?:[^"\\\]]|\\["\\\]])*)"`)

func parseElement(s string) (params [][2]string, rest string, err error) {
	rest, ok := strings.CutPrefix(s, "[radius@32473")
	for ok {
		p := paramPattern.FindStringSubmatch(rest)
		if p == nil {
			rest, ok = strings.CutPrefix(rest, "]")
			break
		}
		if !utf8.ValidString(p[2]) || strings.ContainsFunc(p[2], isControl) {
			return nil, "", fmt.Errorf("a value %q", p[2])
		}
		value := strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\]`, `]`).Replace(p[2])
		params = append(params, [2]string{p[1], value})
		rest = rest[len(p[0]):]
	}
	if !ok {
		return nil, "", fmt.Errorf("a broken element %q", s)
	}
	return params, rest, nil
}

// readFrame reads a message that is framed by octet counting (RFC 6587 §3.4.1).
func readFrame(r *bufio.Reader) (string, error) {
	count, err := r.ReadString(' ')
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(count, " "))
	if err != nil || n < 1 || n > 8192 {
		return "", fmt.Errorf("a frame of %q bytes", count)
	}
	frame := make([]byte, n)
	_, err = io.ReadFull(r, frame)
	return string(frame), err
}

// A collector takes messages by TCP or TLS.
type collector struct {
	net.Listener
	got   chan string
	conns chan net.Conn
}

// collect reads from everybody who connects to l, until the test ends.
func collect(t *testing.T, l net.Listener) *collector {
	t.Helper()
	c := &collector{Listener: l, got: make(chan string, 10_000), conns: make(chan net.Conn, 10)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.conns <- conn
			go func() {
				for r := bufio.NewReader(conn); ; {
					frame, err := readFrame(r)
					if err != nil {
						return
					}
					c.got <- frame
				}
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		for len(c.conns) > 0 {
			_ = (<-c.conns).Close()
		}
	})
	return c
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// next returns the next message.
func (c *collector) next(t *testing.T) message {
	t.Helper()
	select {
	case raw := <-c.got:
		m, err := parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("no message comes")
		return message{}
	}
}
