package supplicant_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/supplicant"

	"github.com/google/go-cmp/cmp"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// identityResponse is what a NAS opens a conversation with.
var identityResponse = supplicant.EAPPacket{
	Code: supplicant.EAPResponse, Identifier: 7, Type: supplicant.EAPTypeIdentity,
	Data: []byte("anonymous"),
}.Marshal()

func dial(t *testing.T, cfg supplicant.Config) *supplicant.Conn {
	t.Helper()
	c, err := supplicant.Dial(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// challenge answers any request with a Challenge whose State is the request's Identifier.
func challenge(raw []byte, edit func(*radius.Packet)) []byte {
	req, err := radius.Parse(raw, []byte(testSecret))
	if err != nil {
		return nil
	}
	reply := req.Response(radius.CodeAccessChallenge)
	reply.Add(rfc2869.MessageAuthenticator_Type, make([]byte, 16))
	reply.Add(rfc2869.EAPMessage_Type, []byte{1, 8, 0, 6, 13, 0x20})
	reply.Add(rfc2865.State_Type, []byte{req.Identifier, 1, 2, 3})
	if edit != nil {
		edit(reply)
	}
	return signReply(reply)
}

func connConfig(server string) supplicant.Config {
	return supplicant.Config{
		Server: server, Secret: []byte(testSecret), Identity: "anonymous", SSID: "staff",
		CalledStationID: "02-11-22-33-44-55", NASIdentifier: "ap-1", FramedMTU: 1300,
		EAPKeyName: true, Timeout: 2 * time.Second, Retries: -1,
	}
}

// TestMA1Request checks the request itself: Message-Authenticator first and right, and what an
// access point tells.
func TestMA1Request(t *testing.T) {
	c := dial(t, connConfig("127.0.0.1:9"))
	long := supplicant.EAPPacket{
		Code: supplicant.EAPResponse, Type: supplicant.EAPTypeTLS, Data: make([]byte, 600),
	}.Marshal()
	c.SetState([]byte("state"))
	raw, err := c.Build(long)
	if err != nil {
		t.Fatal(err)
	}
	if raw[20] != 80 || raw[21] != 18 {
		t.Fatalf("first attribute is %d of %d bytes", raw[20], raw[21])
	}
	mac := hmac.New(md5.New, []byte(testSecret))
	blank := bytes.Clone(raw)
	clear(blank[22:38])
	mac.Write(blank)
	if !hmac.Equal(mac.Sum(nil), raw[22:38]) {
		t.Error("Message-Authenticator is wrong")
	}
	p, err := radius.Parse(raw, []byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	got := map[radius.Type]string{}
	var eap []byte
	for _, a := range p.Attributes {
		if a.Type == 79 {
			eap = append(eap, a.Attribute...)
			continue
		}
		got[a.Type] += string(a.Attribute)
	}
	delete(got, 80)
	want := map[radius.Type]string{
		1: "anonymous", 4: "\x7f\x00\x00\x01", 6: "\x00\x00\x00\x02", 12: "\x00\x00\x05\x14",
		24: "state", 30: "02-11-22-33-44-55:staff", 31: "02-00-00-00-00-01", 32: "ap-1",
		61: "\x00\x00\x00\x13", 102: "\x00",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if !bytes.Equal(eap, long) {
		t.Error("EAP-Message attributes do not add up")
	}
}

// TestRetransmit shows the three ways of saying the same again.
func TestRetransmit(t *testing.T) {
	seen := make(chan []byte, 8)
	c := dial(t, connConfig(serveUDP(t, func(raw []byte) [][]byte {
		seen <- raw
		return [][]byte{challenge(raw, nil)}
	})))
	ctx := context.Background()
	exchange := func(do func() (*supplicant.Reply, error)) []byte {
		t.Helper()
		r, err := do()
		if err != nil {
			t.Fatal(err)
		}
		if r.Code != radius.CodeAccessChallenge || len(r.Violations) > 0 {
			t.Fatalf("%+v", r)
		}
		return <-seen
	}
	again := func() (*supplicant.Reply, error) { return c.Exchange(ctx, identityResponse) }
	first := exchange(again)
	if want := []byte{first[1], 1, 2, 3}; !bytes.Equal(c.State(), want) {
		t.Errorf("State %x, want %x", c.State(), want)
	}
	second := exchange(again)
	if state := attribute(t, second, 24); state[0] != first[1] {
		t.Errorf("second request has State %x", state)
	}
	same := exchange(func() (*supplicant.Reply, error) { return c.Retransmit(ctx) })
	if !bytes.Equal(same, second) {
		t.Error("RP-5: the retransmission differs")
	}
	reissued := exchange(func() (*supplicant.Reply, error) { return c.Reissue(ctx) })
	if reissued[1] == second[1] || bytes.Equal(reissued[4:20], second[4:20]) {
		t.Error("RP-11: Identifier or Request Authenticator stayed the same")
	}
	for _, typ := range []radius.Type{24, 79} {
		if !bytes.Equal(attribute(t, reissued, typ), attribute(t, second, typ)) {
			t.Errorf("RP-11: attribute %d differs", typ)
		}
	}
	if got := c.Traffic().Rounds; got != 4 {
		t.Errorf("%d rounds, want 4", got)
	}
}

func attribute(t *testing.T, raw []byte, typ radius.Type) []byte {
	t.Helper()
	p, err := radius.Parse(raw, []byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	return p.Get(typ)
}

// TestExchangeWaitsForTheAuthenticAnswer sends bad answers before the good one.
func TestExchangeWaitsForTheAuthenticAnswer(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b = bytes.Clone(b); b[at] ^= 1; return b }
	}
	bad := map[string]func(good, raw []byte) []byte{
		"other identifier":            func(good, _ []byte) []byte { return flip(1)(good) },
		"wrong authenticator":         func(good, _ []byte) []byte { return flip(9)(good) },
		"attribute changed":           func(good, _ []byte) []byte { return flip(25)(good) },
		"too short":                   func(good, _ []byte) []byte { return good[:19] },
		"cut":                         func(good, _ []byte) []byte { return good[:len(good)-1] },
		"MA1 wrong MAC":               func(_, raw []byte) []byte { return forgedMAC(raw) },
		"MA6 two MACs":                func(_, raw []byte) []byte { return challenge(raw, addMAC) },
		"MA2 EAP without MAC":         func(_, raw []byte) []byte { return challenge(raw, dropMAC) },
		"attribute beyond the packet": func(_, raw []byte) []byte { return overlong(raw) },
	}
	for name, bend := range bad {
		t.Run(name, func(t *testing.T) {
			alone := false
			server := serveUDP(t, func(raw []byte) [][]byte {
				good := challenge(raw, nil)
				if alone {
					return [][]byte{bend(good, raw)}
				}
				alone = true
				return [][]byte{bend(good, raw), append(good, "padding"...)}
			})
			cfg := connConfig(server)
			c := dial(t, cfg)
			r, err := c.Exchange(context.Background(), identityResponse)
			if err != nil || r.Code != radius.CodeAccessChallenge {
				t.Fatalf("%+v, %v", r, err)
			}
			cfg.Timeout = 20 * time.Millisecond
			_, err = dial(t, cfg).Exchange(context.Background(), identityResponse)
			want := supplicant.ErrAuthenticator
			if name == "other identifier" {
				want = supplicant.ErrTimeout // an old answer says nothing about the secret
			}
			if !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
			}
			if err != nil && strings.Contains(err.Error(), testSecret) {
				t.Errorf("error tells the secret: %v", err)
			}
		})
	}
}

func addMAC(p *radius.Packet)  { p.Add(80, make([]byte, 16)) }
func dropMAC(p *radius.Packet) { p.Del(80) }

// forgedMAC is an answer whose Response Authenticator is right and whose
// Message-Authenticator is not.
func forgedMAC(raw []byte) []byte {
	req, err := radius.Parse(raw, []byte(testSecret))
	if err != nil {
		return nil
	}
	reply := req.Response(radius.CodeAccessChallenge)
	reply.Add(80, make([]byte, 16))
	reply.Add(79, []byte{1, 8, 0, 6, 13, 0x20})
	b, err := reply.Encode()
	if err != nil {
		return nil
	}
	return b
}

func overlong(raw []byte) []byte {
	b := challenge(raw, nil)
	b[21] = 255
	return b
}

func TestExchangeRetries(t *testing.T) {
	n := 0
	server := serveUDP(t, func(raw []byte) [][]byte {
		if n++; n < 3 {
			return nil
		}
		return [][]byte{challenge(raw, nil)}
	})
	cfg := connConfig(server)
	cfg.Timeout, cfg.Retries = 50*time.Millisecond, 5
	c := dial(t, cfg)
	if _, err := c.Exchange(context.Background(), identityResponse); err != nil {
		t.Fatal(err)
	}
	if got := c.Traffic().Retransmissions; got < 2 {
		t.Errorf("%d retransmissions, want 2 at least", got)
	}
}

func TestExchangeErrors(t *testing.T) {
	silent := serveUDP(t, func([]byte) [][]byte { return nil })
	cfg := connConfig(silent)
	cfg.Timeout, cfg.Retries = 20*time.Millisecond, 1
	_, err := dial(t, cfg).Exchange(context.Background(), identityResponse)
	if !errors.Is(err, supplicant.ErrTimeout) || !strings.Contains(err.Error(), "2 requests") {
		t.Errorf("silent server: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	cfg.Timeout = time.Hour
	if _, err = dial(t, cfg).Exchange(ctx, identityResponse); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	c := dial(t, cfg)
	if _, err := c.Retransmit(ctx); err == nil {
		t.Error("retransmits nothing")
	}
	if _, err := c.Reissue(ctx); err == nil {
		t.Error("reissues nothing")
	}
}

// TestRunFallsSilent has the server stop answering at our certificate.
func TestRunFallsSilent(t *testing.T) {
	n := 0
	s := &script{pki: newTestPKI(t, false)}
	cfg := s.config()
	s.serve(t) // prepares it
	cfg.Server = serveUDP(t, func(raw []byte) [][]byte {
		if n++; n > 2 {
			return nil
		}
		return [][]byte{s.handle(raw)}
	})
	cfg.Timeout = 50 * time.Millisecond
	r, err := supplicant.Run(context.Background(), cfg)
	if !errors.Is(err, supplicant.ErrTimeout) || r == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	reach, _ := r.Step(supplicant.StepReach)
	if r.Reason != "server falls silent after our certificate" ||
		r.Result != supplicant.ResultAborted || reach.State != supplicant.StepPassed {
		t.Errorf("%s: %q, reach %s", r.Result, r.Reason, reach.State)
	}
}

func TestConfigRefused(t *testing.T) {
	tests := []struct {
		name, want string
		edit       func(*supplicant.Config)
	}{
		{"server", "reading server address", func(c *supplicant.Config) { c.Server = "host" }},
		{"secret", "shared secret is empty", func(c *supplicant.Config) { c.Secret = nil }},
		{"fragment", "fragment size 4", func(c *supplicant.Config) { c.FragmentSize = 4 }},
		{"fragment", "fragment size 4000", func(c *supplicant.Config) { c.FragmentSize = 4000 }},
		{"mtu", "framed MTU", func(c *supplicant.Config) { c.FramedMTU = -1 }},
		{"versions", "lowest TLS", func(c *supplicant.Config) { c.TLSMin, c.TLSMax = 0x304, 0x303 }},
		{"identity", "identity has 254", func(c *supplicant.Config) {
			c.Identity = strings.Repeat("x", 254)
		}},
		{"name", "a name of 258", func(c *supplicant.Config) { c.SSID = strings.Repeat("x", 240) }},
		{"attribute", "attribute 33 has", func(c *supplicant.Config) {
			c.Attributes = []supplicant.Attribute{{33, make([]byte, 254)}}
		}},
		{"local", "reading local address", func(c *supplicant.Config) { c.LocalAddr = "x" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := connConfig("127.0.0.1:9")
			tt.edit(&cfg)
			if _, err := supplicant.Run(context.Background(), cfg); err == nil ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestNothingIsLeft abandons conversations everywhere and counts goroutines.
func TestNothingIsLeft(t *testing.T) {
	pki := newTestPKI(t, false)
	stages := []supplicant.Stage{
		supplicant.StageNone, supplicant.StageIdentity, supplicant.StageHello,
		supplicant.StageCredentials, supplicant.StageFinal, supplicant.StageDone,
	}
	for _, stage := range stages {
		s := &script{pki: pki, fragment: 300}
		cfg := s.config()
		cfg.Server, cfg.FragmentSize = s.serve(t), 200
		before := runtime.NumGoroutine()
		c, err := supplicant.Begin(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Until(context.Background(), stage); err != nil {
			t.Fatal(err)
		}
		if got := c.Peer.Stage(); got <= stage && stage != supplicant.StageDone {
			t.Errorf("stopped at stage %d, want beyond %d", got, stage)
		}
		if ended := c.Next() == nil; ended != (stage >= supplicant.StageFinal) {
			t.Errorf("stage %d: ended %v", stage, ended)
		}
		if r := c.Report(); stage < supplicant.StageFinal && r.Result != supplicant.ResultAborted {
			t.Errorf("stage %d: %s", stage, r.Result)
		}
		c.Close()
		c.Close()
		// The scripted server runs one coroutine of its own once it was asked.
		if got := runtime.NumGoroutine(); got > before+1 {
			t.Errorf("stage %d: %d goroutines, had %d", stage, got, before)
		}
	}
}

// TestRP5RetransmitMidway has a conversation go on although an answer was lost and asked for again.
func TestRP5RetransmitMidway(t *testing.T) {
	var last []byte
	s := &script{pki: newTestPKI(t, false)}
	cfg := s.config()
	s.serve(t) // prepares it; what follows serves it with a memory
	cfg.Server = serveUDP(t, func(raw []byte) [][]byte {
		if bytes.Equal(raw, last) {
			return [][]byte{s.lastReply()}
		}
		last = raw
		return [][]byte{s.handle(raw)}
	})
	c, err := supplicant.Begin(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	if err := c.Until(ctx, supplicant.StageHello); err != nil {
		t.Fatal(err)
	}
	lost, err := c.Conn.Exchange(ctx, c.Next())
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Conn.Retransmit(ctx)
	if err != nil || !bytes.Equal(lost.Raw, again.Raw) {
		t.Fatalf("RP-5: other answer, %v", err)
	}
	c.Deliver(again)
	r, err := c.Finish(ctx)
	if err != nil || !r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
}
