package revocation_test

import (
	"crypto/x509"
	"math/big"
	"strings"
	"testing"

	"gatehouse/authcore/revocation"
)

func TestParseSerial(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"0a1b", "0A1B"}, {"A1B", "0A1B"}, {"0x00a1b", "0A1B"}, {"0A:1b", "0A1B"}, {" 0a1B\n", "0A1B"},
		{"-3039", "-3039"}, {"-0x03", "-03"}, {"0", "00"}, {"00:00", "00"}, {"-0", "00"},
		{"", ""}, {"0x", ""}, {"--1", ""}, {"alice", ""}, {"0a 1b", ""}, {"12\x1b[31m", ""},
		{strings.Repeat("1", 257), ""},
	} {
		got, err := revocation.ParseSerial(tt.in)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("ParseSerial(%q): got %q, %v, want %q", tt.in, got, err, tt.want)
		}
		if err != nil && strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("ParseSerial(%q): the error prints what it was given: %q", tt.in, err)
		}
	}
}

// TestParseSerialMeetsKeys reads back what keys of odd serial numbers are written as.
func TestParseSerialMeetsKeys(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{0, 1, 15, 16, 0xABC, 0x8000, -1, -0x3039} {
		want := revocation.KeyFor([32]byte{}, &x509.Certificate{SerialNumber: big.NewInt(n)}).SerialHex()
		got, err := revocation.ParseSerial(strings.ToLower(want))
		if err != nil || got != want {
			t.Errorf("serial %d, written as %s: got %s, %v", n, want, got, err)
		}
		if got, err := revocation.ParseSerial(big.NewInt(n).Text(16)); err != nil || got != want {
			t.Errorf("serial %d, as Go writes it: got %s, %v, want %s", n, got, err, want)
		}
	}
}
