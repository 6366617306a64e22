package clock

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"
)

func ntpStamp(t time.Time) uint64 {
	return uint64(t.Unix()+ntpToUnix)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// sntpFixture is an answer of stratum 2 whose server had t2 and t3.
func sntpFixture(nonce string, t2, t3 time.Time) []byte {
	b := make([]byte, sntpSize)
	b[0], b[1] = 4<<3|4, 2
	copy(b[24:32], nonce)
	binary.BigEndian.PutUint64(b[32:], ntpStamp(t2))
	binary.BigEndian.PutUint64(b[40:], ntpStamp(t3))
	return b
}

func TestSNTPOffset(t *testing.T) {
	for name, shift := range map[string]time.Duration{
		"right": 0, "behind": 90 * time.Second, "ahead": -26 * time.Hour,
		"years behind": 20 * 365 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			sent := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
			t2 := sent.Add(shift + 10*time.Millisecond)
			t3 := t2.Add(5 * time.Millisecond)
			received := sent.Add(25 * time.Millisecond)
			got, err := judgeSNTP(sntpFixture("12345678", t2, t3), []byte("12345678"), sent, received)
			if err != nil {
				t.Fatal(err)
			}
			near := func(a, b time.Duration) bool { return (a - b).Abs() < time.Microsecond }
			if !near(got.Offset, shift) || !near(got.RoundTrip, 20*time.Millisecond) {
				t.Errorf("offset %v, round trip %v; want %v, 20ms", got.Offset, got.RoundTrip, shift)
			}
		})
	}
}

func TestSNTPRefused(t *testing.T) {
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		spoil func(b []byte) []byte
		want  string
	}{
		"short":          {func(b []byte) []byte { return b[:47] }, "too few"},
		"client mode":    {func(b []byte) []byte { b[0] = 4<<3 | 3; return b }, "not from a time server"},
		"version 7":      {func(b []byte) []byte { b[0] = 7<<3 | 4; return b }, "not from a time server"},
		"other question": {func(b []byte) []byte { b[24]++; return b }, "another question"},
		"kiss of death":  {func(b []byte) []byte { b[1] = 0; copy(b[12:], "RATE"); return b }, "RATE"},
		"unsynchronised": {func(b []byte) []byte { b[0] |= 3 << 6; return b }, "does not know"},
		"stratum 16":     {func(b []byte) []byte { b[1] = 16; return b }, "does not know"},
		"no time":        {func(b []byte) []byte { clear(b[40:]); return b }, "no time"},
	} {
		t.Run(name, func(t *testing.T) {
			b := c.spoil(sntpFixture("12345678", now, now))
			_, err := judgeSNTP(b, []byte("12345678"), now, now)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want …%s…", err, c.want)
			}
		})
	}
}

func TestSNTPOverUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	go func() {
		b := make([]byte, 100)
		n, from, err := conn.ReadFrom(b)
		if err != nil || n != sntpSize {
			return
		}
		ahead := now.Add(time.Hour)
		conn.WriteTo(sntpFixture(string(b[40:48]), ahead, ahead), from)
	}()
	got, err := AskSNTP(context.Background(), conn.LocalAddr().String(), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if (got.Offset-time.Hour).Abs() > time.Microsecond || got.Address != conn.LocalAddr().String() {
		t.Errorf("got %+v", got)
	}
}

func FuzzSNTP(f *testing.F) {
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	f.Add(sntpFixture("12345678", now, now))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := judgeSNTP(b, []byte("12345678"), now, now)
		if err == nil && (got.Stratum < 1 || got.Stratum > ntpMaxHops || got.RoundTrip < 0) {
			t.Errorf("accepted %+v", got)
		}
	})
}
