package radius_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	layeh "layeh.com/radius"

	"gatehouse/authcore/radius"
)

func TestParseAgreesWithIndependentReader(t *testing.T) {
	t.Parallel()
	for name, v := range vectors(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustParse(t, v.packet)
			want, err := layeh.Parse(v.packet, v.secret)
			if err != nil {
				t.Fatal(err)
			}
			if int(p.Code) != int(want.Code) || p.Identifier != want.Identifier ||
				p.Authenticator != want.Authenticator {
				t.Errorf("Parse = %v %d %x, want %v %d %x", p.Code, p.Identifier,
					p.Authenticator, want.Code, want.Identifier, want.Authenticator)
			}
			var got, wantAttrs []attr
			for typ, value := range p.Attributes.All() {
				got = append(got, attr{typ, string(value)})
			}
			for _, a := range want.Attributes {
				wantAttrs = append(wantAttrs, attr{radius.Type(a.Type), string(a.Attribute)})
			}
			if diff := cmp.Diff(wantAttrs, got, cmp.AllowUnexported(attr{})); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRP1LengthsOutOfRange(t *testing.T) {
	t.Parallel()
	good := datagram(radius.CodeAccessRequest, 7, attr{radius.TypeUserName, "anna"})
	withLength := func(n int) []byte {
		b := bytes.Clone(good)
		b[2], b[3] = byte(n>>8), byte(n)
		return b
	}
	huge := append(datagram(radius.CodeAccessRequest, 1), make([]byte, 5000)...)
	huge[2], huge[3] = 0x10, 0x01 // 4097
	for _, tc := range []struct {
		name string
		in   []byte
		want radius.Why
	}{
		{"empty", nil, radius.WhyShort},
		{"nineteen-bytes", good[:19], radius.WhyShort},
		{"length-zero", withLength(0), radius.WhyLength},
		{"length-nineteen", withLength(19), radius.WhyLength},
		{"length-4097", huge, radius.WhyLength},
		{"length-beyond-datagram", withLength(len(good) + 1), radius.WhyTruncated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantDiscard(t, tc.in, tc.want)
		})
	}
}

func TestRP1PaddingIsIgnored(t *testing.T) {
	t.Parallel()
	good := datagram(radius.CodeAccessRequest, 7, attr{radius.TypeUserName, "anna"})
	padded := append(bytes.Clone(good), 1, 0, 80, 18, 0xff)
	if diff := cmp.Diff(mustParse(t, good), mustParse(t, padded)); diff != "" {
		t.Errorf("padding changes the packet (-without +with):\n%s", diff)
	}
}

func TestRP1LargestPacket(t *testing.T) {
	t.Parallel()
	var attrs []attr
	for range 15 {
		attrs = append(attrs, attr{radius.TypeEAPMessage, strings.Repeat("x", 253)})
	}
	attrs = append(attrs, attr{radius.TypeEAPMessage, strings.Repeat("x", 4096-20-15*255-2)})
	p := mustParse(t, datagram(radius.CodeAccessRequest, 0, attrs...))
	if got := p.Attributes.Count(radius.TypeEAPMessage); got != 16 {
		t.Errorf("Count(EAP-Message) = %d, want 16", got)
	}
}

func TestRP2MalformedAttributes(t *testing.T) {
	t.Parallel()
	raw := func(attrs ...byte) []byte {
		b := append(datagram(radius.CodeAccessRequest, 1), attrs...)
		b[3] = byte(len(b))
		return b
	}
	for name, in := range map[string][]byte{
		"length-zero":     raw(1, 0),
		"length-one":      raw(1, 1, 1),
		"past-the-end":    raw(1, 7, 'a', 'n', 'n', 'a'),
		"lone-type":       raw(1, 3, 'a', 4),
		"second-past-end": raw(1, 3, 'a', 4, 6, 127, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantDiscard(t, in, radius.WhyAttribute)
		})
	}
}

func TestRP11AtMostOneState(t *testing.T) {
	t.Parallel()
	one := attr{radius.TypeState, "0123456789abcdef"}
	mustParse(t, datagram(radius.CodeAccessRequest, 1, one))
	wantDiscard(t, datagram(radius.CodeAccessRequest, 1, one, one), radius.WhyStateRepeated)
}

func TestMA6OneMessageAuthenticatorOf18Bytes(t *testing.T) {
	t.Parallel()
	ma := func(value string) attr { return attr{radius.TypeMessageAuthenticator, value} }
	for _, tc := range []struct {
		name  string
		attrs []attr
		want  radius.Why
	}{
		{"two", []attr{ma(zero16), ma(zero16)}, radius.WhyAuthenticatorRepeated},
		{"empty", []attr{ma("")}, radius.WhyAuthenticatorLength},
		{"short", []attr{ma(zero16[1:])}, radius.WhyAuthenticatorLength},
		{"long", []attr{ma(zero16 + "x")}, radius.WhyAuthenticatorLength},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantDiscard(t, datagram(radius.CodeAccessRequest, 1, tc.attrs...), tc.want)
		})
	}
}

func wantDiscard(t *testing.T, in []byte, want radius.Why) {
	t.Helper()
	_, err := radius.Parse(in)
	var discard *radius.DiscardError
	if !errors.As(err, &discard) {
		t.Fatalf("Parse(%x) = %v, want a *DiscardError", in, err)
	}
	if discard.Why != want {
		t.Errorf("Parse(%x) is discarded for %q, want %q", in, discard.Why, want)
	}
	if discard.RFC == "" || !strings.Contains(discard.Error(), discard.RFC) {
		t.Errorf("Error() = %q does not cite %q", discard.Error(), discard.RFC)
	}
}

func TestAttributesStopAtTheFirstLie(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]radius.Attributes{
		"nil":        nil,
		"one-byte":   {1},
		"length-one": {1, 1, 1, 3, 'a'},
		"too-long":   {1, 200, 'a'},
	} {
		if n := a.Count(1); n != 0 {
			t.Errorf("%s: Count = %d, want 0", name, n)
		}
		if _, ok := a.Get(1); ok {
			t.Errorf("%s: Get finds an attribute", name)
		}
		for typ := range a.All() {
			t.Errorf("%s: All yields %v", name, typ)
		}
	}
}

func TestAttributesValuesCannotGrowIntoTheNext(t *testing.T) {
	t.Parallel()
	b := datagram(radius.CodeAccessRequest, 1,
		attr{radius.TypeUserName, "anna"}, attr{radius.TypeNASIdentifier, "ap1"})
	p := mustParse(t, b)
	name, _ := p.Attributes.Get(radius.TypeUserName)
	_ = append(name, "XXXX"...)
	if nas, _ := p.Attributes.Get(radius.TypeNASIdentifier); string(nas) != "ap1" {
		t.Errorf("appending to a value changed the next attribute to %q", nas)
	}
}

func TestNamesAreTheRFCs(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		radius.CodeAccessRequest.String():        "Access-Request",
		radius.CodeStatusServer.String():         "Status-Server",
		radius.CodeCoANAK.String():               "CoA-NAK",
		radius.Code(99).String():                 "Code(99)",
		radius.TypeCalledStationID.String():      "Called-Station-Id",
		radius.TypeMessageAuthenticator.String(): "Message-Authenticator",
		radius.Type(250).String():                "Type(250)",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	b := vectors(t)["eapol_test-identity.hex"]
	var eap [radius.MaxPacketLength]byte
	allocs := testing.AllocsPerRun(100, func() {
		p, err := radius.Parse(b.packet)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.CheckMessageAuthenticator(b.secret); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.EAPMessage(eap[:0]); err != nil {
			t.Fatal(err)
		}
		for range p.Attributes.All() {
		}
	})
	if allocs != 0 {
		t.Errorf("reading a packet makes %v allocations, want 0", allocs)
	}
	broken := b.packet[:30]
	if n := testing.AllocsPerRun(100, func() { _, _ = radius.Parse(broken) }); n != 0 {
		t.Errorf("refusing a packet makes %v allocations, want 0", n)
	}
}
