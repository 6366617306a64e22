package websession_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/webui/websession"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }
func newClock() *clock                   { return &clock{time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)} }

func TestSessionEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(c *clock, s *websession.Sessions, token string)
		live bool
	}{
		{"used", func(c *clock, s *websession.Sessions, token string) {
			for range 20 {
				c.advance(websession.Idle - time.Second)
				s.Find(token)
			}
		}, true},
		{"idle", func(c *clock, _ *websession.Sessions, _ string) { c.advance(websession.Idle) }, false},
		{"a stream does not keep it", func(c *clock, s *websession.Sessions, _ string) {
			c.advance(websession.Idle - time.Second)
			if !s.Live(s.List()[0].ID) {
				panic("not live")
			}
			c.advance(time.Second)
		}, false},
		{"old", func(c *clock, s *websession.Sessions, token string) {
			for range 25 {
				c.advance(websession.Idle - time.Second)
				s.Find(token)
			}
		}, false},
		{"clock turned back", func(c *clock, _ *websession.Sessions, _ string) { c.advance(-time.Hour) }, false},
		{"signed out", func(_ *clock, s *websession.Sessions, token string) { s.End(token) }, false},
		{"revoked", func(_ *clock, s *websession.Sessions, _ string) { s.Revoke(s.List()[0].ID) }, false},
		{"password changed", func(_ *clock, s *websession.Sessions, _ string) { s.EndAll("alice") }, false},
		{"another's password changed", func(_ *clock, s *websession.Sessions, _ string) { s.EndAll("bob") }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			s := websession.New(c.Now)
			token := s.Start("alice", "192.0.2.1", "test")
			if got, ok := s.Find(token); !ok || got.Account != "alice" {
				t.Fatalf("just begun: %+v, %t", got, ok)
			}
			tt.do(c, s, token)
			if _, ok := s.Find(token); ok != tt.live {
				t.Errorf("live %t, want %t", ok, tt.live)
			}
		})
	}
}

func TestTokensOpenOnlyTheirOwn(t *testing.T) {
	s := websession.New(nil)
	token := s.Start("alice", "", strings.Repeat("x", 5000))
	session, _ := s.Find(token)
	for _, wrong := range []string{"", session.ID, token + "A", token[:len(token)-1], strings.Repeat("A", len(token))} {
		if _, ok := s.Find(wrong); ok {
			t.Errorf("%q opens a session", wrong)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v", s.List()), token) || len(session.Agent) > 200 {
		t.Errorf("the list: %+v", s.List())
	}
}

func TestSessionsAreBounded(t *testing.T) {
	c := newClock()
	s := websession.New(c.Now)
	first := s.Start("first", "", "")
	for i := range 200 {
		c.advance(time.Millisecond)
		s.Start(fmt.Sprint(i), "", "")
	}
	if n := len(s.List()); n != 64 {
		t.Errorf("%d sessions", n)
	}
	if _, ok := s.Find(first); ok {
		t.Error("the idlest one did not give way")
	}
}

func TestBackoff(t *testing.T) {
	c := newClock()
	b := websession.NewBackoff(c.Now)
	var waits []time.Duration
	for range 12 {
		b.Failed("account/alice", "address/192.0.2.1")
		waits = append(waits, b.Wait("account/alice"))
		c.advance(b.Wait("account/alice"))
	}
	want := []time.Duration{0, 0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second,
		32 * time.Second, 64 * time.Second, 128 * time.Second, 256 * time.Second, 5 * time.Minute}
	if fmt.Sprint(waits) != fmt.Sprint(want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
	b.Failed("account/alice")
	if b.Wait("account/bob", "address/192.0.2.1") != 0 || b.Wait("account/bob", "account/alice") == 0 {
		t.Error("the pauses are not each name's own")
	}
	b.Succeeded("account/alice")
	if b.Wait("account/alice") != 0 {
		t.Error("the right password forgets nothing")
	}
	for i := range 5000 {
		b.Failed(fmt.Sprint(i))
		c.advance(time.Microsecond)
	}
	for range 3 {
		b.Failed("4999")
	}
	if b.Wait("4999") == 0 {
		t.Error("the newest is forgotten")
	}
	c.advance(31 * time.Minute)
	b.Failed("4999")
	if b.Wait("4999") != 0 {
		t.Error("what was wrong long ago still counts")
	}
}

func TestSetup(t *testing.T) {
	var s websession.Setup
	if s.Open() || s.Check("") {
		t.Error("the zero Setup takes a code")
	}
	code := websession.NewSetupCode()
	if len(code) != 11 || code == websession.NewSetupCode() {
		t.Errorf("code %q", code)
	}
	s.Begin(code)
	typed := strings.ToLower(strings.ReplaceAll(code, "-", " "))
	if !s.Check(typed) || !s.Check(code) || !s.Open() {
		t.Error("the code is not taken")
	}
	for i := range websession.SetupTries {
		if !s.Open() {
			t.Fatalf("over after %d wrong codes", i)
		}
		if s.Check("AAAAA-AAAAA") {
			t.Fatal("a wrong code is taken")
		}
	}
	if s.Open() || s.Check(code) {
		t.Error("there is no end of tries")
	}
}
