package radius_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/authcore/radius"
)

func eapPacket(n int) string {
	b := []byte(strings.Repeat("e", n))
	b[0], b[1], b[2], b[3] = 2, 9, byte(n>>8), byte(n)
	return string(b)
}

func eapAttrs(packet string, size int) []attr {
	var out []attr
	for len(packet) > 0 {
		n := min(size, len(packet))
		out = append(out, attr{radius.TypeEAPMessage, packet[:n]})
		packet = packet[n:]
	}
	return out
}

func TestEA1FragmentsAreJoined(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		length  int
		perAttr int
	}{
		{"one-attribute", 22, 253}, {"exactly-one", 253, 253}, {"two", 254, 253},
		{"many", 1400, 253}, {"tiny-attributes", 40, 1}, {"header-only", 4, 253},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			want := eapPacket(tc.length)
			attrs := append([]attr{{radius.TypeUserName, "anna"}}, eapAttrs(want, tc.perAttr)...)
			attrs = append(attrs, attr{radius.TypeMessageAuthenticator, zero16})
			p := mustParse(t, datagram(radius.CodeAccessRequest, 1, attrs...))
			got, ok, err := p.EAPMessage([]byte("kept"))
			if err != nil || !ok || string(got) != want {
				t.Errorf("EAPMessage = %x, %v, %v, want %x", got, ok, err, want)
			}
		})
	}
}

func TestEA1RefusedMessages(t *testing.T) {
	t.Parallel()
	eap := func(value string) attr { return attr{radius.TypeEAPMessage, value} }
	name := attr{radius.TypeUserName, "anna"}
	whole := eapPacket(20)
	for _, tc := range []struct {
		name  string
		attrs []attr
		want  radius.Why
	}{
		{"scattered", []attr{eap(whole[:10]), name, eap(whole[10:])}, radius.WhyEAPScattered},
		{"scattered-by-authenticator",
			[]attr{eap(whole[:10]), {radius.TypeMessageAuthenticator, zero16}, eap(whole[10:])},
			radius.WhyEAPScattered},
		{"two-packets", []attr{eap(whole), eap(whole)}, radius.WhyEAPLength},
		{"too-short", []attr{eap(whole[:19])}, radius.WhyEAPLength},
		{"too-long", []attr{eap(whole + "x")}, radius.WhyEAPLength},
		{"one-byte", []attr{eap("\x02")}, radius.WhyEAPLength},
		{"three-bytes", []attr{eap("\x02\x01\x00")}, radius.WhyEAPLength},
		{"length-zero", []attr{eap("\x02\x01\x00\x00")}, radius.WhyEAPLength},
		{"length-three", []attr{eap("\x02\x01\x00\x03")}, radius.WhyEAPLength},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantEAPDiscard(t, tc.want, tc.attrs...)
		})
	}
}

func TestEA2EAPBesidePassword(t *testing.T) {
	t.Parallel()
	eap := attr{radius.TypeEAPMessage, eapPacket(8)}
	start := attr{radius.TypeEAPMessage, ""}
	pap := attr{radius.TypeUserPassword, zero16}
	chap := attr{radius.TypeCHAPPassword, "x" + zero16}
	for _, attrs := range [][]attr{{eap, pap}, {pap, eap}, {eap, chap}, {chap, eap}, {start, pap}} {
		wantEAPDiscard(t, radius.WhyEAPPassword, attrs...)
	}
}

func wantEAPDiscard(t *testing.T, want radius.Why, attrs ...attr) {
	t.Helper()
	p := mustParse(t, datagram(radius.CodeAccessRequest, 1, attrs...))
	msg, ok, err := p.EAPMessage(nil)
	var discard *radius.DiscardError
	if !errors.As(err, &discard) || discard.Why != want || ok || msg != nil {
		t.Errorf("EAPMessage of %v = %x, %v, %v, want only %q", attrs, msg, ok, err, want)
	}
}

func TestEA3StartIsAnEmptyMessage(t *testing.T) {
	t.Parallel()
	p := mustParse(t, datagram(radius.CodeAccessRequest, 1, attr{radius.TypeEAPMessage, ""}))
	msg, ok, err := p.EAPMessage(nil)
	if err != nil || !ok || len(msg) != 0 {
		t.Errorf("EAPMessage = %x, %v, %v, want empty, true, nil", msg, ok, err)
	}
}

func TestEAPMessageOfPlainRequest(t *testing.T) {
	t.Parallel()
	p := mustParse(t, vectors(t)["rfc2865-7.1-request.hex"].packet)
	if msg, ok, err := p.EAPMessage(nil); msg != nil || ok || err != nil {
		t.Errorf("EAPMessage = %x, %v, %v, want nil, false, nil", msg, ok, err)
	}
}
