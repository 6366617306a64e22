package clock

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"
)

// SNTPTimeout bounds one question to a time server, with the look-up of its name.
const SNTPTimeout = 5 * time.Second

const (
	sntpSize   = 48         // header of RFC 5905 §7.3; what follows it is not read
	ntpToUnix  = 2208988800 // seconds from 1900 to 1970
	ntpEra     = 1 << 32    // seconds of an era; the second begins in February 2036
	ntpMaxHops = 15         // the largest stratum of a server that knows the time
)

// SNTPAnswer is what a time server said. It is a hint to show to people: nothing in it is signed.
type SNTPAnswer struct {
	Address   string        // who answered, host:port
	Offset    time.Duration // what to add to our clock; positive: our clock is behind
	RoundTrip time.Duration // of question and answer, without the server's own time
	Stratum   int           // 1 to 15: steps between the server and a reference clock
}

// AskSNTP asks one server, host:port, for the time (RFC 5905 §14) and compares it with now. It sets no
// clock. Errors say what to look at; it ends after SNTPTimeout.
func AskSNTP(ctx context.Context, server string, now func() time.Time) (SNTPAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, SNTPTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "udp", server)
	if err != nil {
		return SNTPAnswer{}, fmt.Errorf("reaching the time server: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	// The transmit time is a random number that the answer repeats: it tells nobody our clock, and
	// whoever does not see the question cannot answer it.
	question := make([]byte, sntpSize)
	question[0] = 4<<3 | 3 // version 4, client
	rand.Read(question[40:])
	sent := now()
	if _, err := conn.Write(question); err != nil {
		return SNTPAnswer{}, fmt.Errorf("asking the time server: %w", err)
	}
	buf := make([]byte, 2*sntpSize)
	n, err := conn.Read(buf)
	received := now()
	if err != nil {
		return SNTPAnswer{}, fmt.Errorf("waiting for the time server (UDP 123 must be open): %w", err)
	}
	answer, err := judgeSNTP(buf[:n], question[40:], sent, received)
	answer.Address = conn.RemoteAddr().String()
	return answer, err
}

// judgeSNTP reads an answer to the question that carried nonce (RFC 5905 §8).
func judgeSNTP(b, nonce []byte, sent, received time.Time) (SNTPAnswer, error) {
	if len(b) < sntpSize {
		return SNTPAnswer{}, fmt.Errorf("reading the answer: %d octets are too few", len(b))
	}
	version, stratum := b[0]>>3&7, int(b[1])
	switch {
	case b[0]&7 != 4 || version < 3 || version > 4:
		return SNTPAnswer{}, errors.New("reading the answer: it is not from a time server")
	case string(b[24:32]) != string(nonce):
		return SNTPAnswer{}, errors.New("reading the answer: it belongs to another question")
	case stratum == 0:
		return SNTPAnswer{}, fmt.Errorf("the time server refuses to answer (%q): ask another", b[12:16])
	case stratum > ntpMaxHops || b[0]>>6 == 3:
		return SNTPAnswer{}, errors.New("the time server does not know the time itself: ask another")
	}
	arrived, left := binary.BigEndian.Uint64(b[32:40]), binary.BigEndian.Uint64(b[40:48])
	if arrived == 0 || left == 0 {
		return SNTPAnswer{}, errors.New("reading the answer: it carries no time")
	}
	t2, t3 := ntpTime(arrived), ntpTime(left)
	return SNTPAnswer{
		// Halves are added, for the sum of two long durations overflows.
		Offset:    t2.Sub(sent)/2 + t3.Sub(received)/2,
		RoundTrip: max(received.Sub(sent)-t3.Sub(t2), 0),
		Stratum:   stratum,
	}, nil
}

// ntpTime reads a timestamp of RFC 5905 §6: without the top bit it is of the era after 2036, as in
// RFC 4330 §3.
func ntpTime(v uint64) time.Time {
	seconds := int64(v >> 32)
	if seconds < ntpEra/2 {
		seconds += ntpEra
	}
	nanos := int64((v & (1<<32 - 1)) * uint64(time.Second) >> 32)
	return time.Unix(seconds-ntpToUnix, nanos).UTC()
}
