package radius_test

import (
	"bytes"
	"crypto/md5"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	layeh "layeh.com/radius"
	"layeh.com/radius/rfc2868"
	"layeh.com/radius/rfc2869"

	"gatehouse/authcore/radius"
)

// resign computes the Response Authenticator of b by RFC 2865 §3.
func resign(b []byte, reqAuth [16]byte, key string) {
	sum := md5.Sum([]byte(string(b[:4]) + string(reqAuth[:]) + string(b[20:]) + key))
	copy(b[4:20], sum[:])
}

func encode(t *testing.T, r *radius.Response, request []byte) []byte {
	t.Helper()
	p := mustParse(t, request)
	b, err := r.Encode(nil, &p, []byte(secret))
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	if _, err := radius.VerifyResponse(b, p.Authenticator, []byte(secret)); err != nil {
		t.Fatalf("VerifyResponse of our own answer: %v", err)
	}
	if !layeh.IsAuthenticResponse(b, request, []byte(secret)) {
		t.Fatal("an independent reader does not believe our Response Authenticator")
	}
	return b
}

func add(t *testing.T, r *radius.Response, typ radius.Type, value string) {
	t.Helper()
	if err := r.Add(typ, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func TestMA3MessageAuthenticatorIsFirst(t *testing.T) {
	t.Parallel()
	request := datagram(radius.CodeAccessRequest, 9, attr{radius.TypeProxyState, "p"})
	for _, code := range []radius.Code{
		radius.CodeAccessAccept, radius.CodeAccessReject, radius.CodeAccessChallenge,
	} {
		for _, eap := range []string{"", eapPacket(300)} {
			r := radius.NewResponse(code)
			add(t, r, radius.TypeReplyMessage, "hello")
			r.SetEAPMessage([]byte(eap))
			b := encode(t, r, request)
			if b[20] != 80 || b[21] != 18 {
				t.Errorf("%v: the first attribute is %d of %d bytes, want 80 of 18",
					code, b[20], b[21])
			}
			p := mustParse(t, b)
			if n := p.Attributes.Count(radius.TypeMessageAuthenticator); n != 1 {
				t.Errorf("%v: %d Message-Authenticators, want 1", code, n)
			}
			// By hand: HMAC with the Request Authenticator in place of ours.
			signed := bytes.Clone(b)
			copy(signed[4:20], request[4:20])
			authenticate(signed, 22, secret)
			if !bytes.Equal(signed[22:38], b[22:38]) {
				t.Errorf("%v: Message-Authenticator %x, want %x", code, b[22:38], signed[22:38])
			}
		}
	}
}

func TestMA7AccountingResponseSignsWhenAsked(t *testing.T) {
	t.Parallel()
	plain := datagram(radius.CodeAccountingRequest, 1)
	signed := datagram(radius.CodeAccountingRequest, 1,
		attr{radius.TypeMessageAuthenticator, zero16})
	for want, request := range map[int][]byte{0: plain, 1: signed} {
		b := encode(t, radius.NewResponse(radius.CodeAccountingResponse), request)
		p := mustParse(t, b)
		if n := p.Attributes.Count(radius.TypeMessageAuthenticator); n != want {
			t.Errorf("%d Message-Authenticators, want %d", n, want)
		}
	}
}

func TestRP9RFC5997Example(t *testing.T) {
	t.Parallel()
	// Most examples of the RFCs carry no Message-Authenticator, which we always send with
	// Access-*; the Accounting-Response is the one that comes out byte for byte.
	all := vectors(t)
	request := mustParse(t, all["rfc5997-6.2-request.hex"].packet)
	request.Attributes = nil
	b, err := radius.NewResponse(radius.CodeAccountingResponse).
		Encode(nil, &request, []byte("xyzzy5461"))
	if want := all["rfc5997-6.2-response.hex"].packet; err != nil || !bytes.Equal(b, want) {
		t.Errorf("Encode = %x, %v, want %x", b, err, want)
	}
}

func TestRP10ProxyStatesAreCopiedInOrder(t *testing.T) {
	t.Parallel()
	request := datagram(radius.CodeAccessRequest, 9,
		attr{radius.TypeProxyState, "one"}, attr{radius.TypeUserName, "anna"},
		attr{radius.TypeProxyState, ""}, attr{radius.TypeProxyState, "two\x00"},
		attr{radius.TypeProxyState, "one"})
	p := mustParse(t, encode(t, radius.NewResponse(radius.CodeAccessReject), request))
	var got []string
	for typ, value := range p.Attributes.All() {
		if typ == radius.TypeProxyState {
			got = append(got, string(value))
		}
	}
	if diff := cmp.Diff([]string{"one", "", "two\x00", "one"}, got); diff != "" {
		t.Errorf("Proxy-States (-want +got):\n%s", diff)
	}
}

func TestRP14NeverTruncated(t *testing.T) {
	t.Parallel()
	request := mustParse(t, datagram(radius.CodeAccessRequest, 1))
	r := radius.NewResponse(radius.CodeAccessChallenge)
	fits := radius.MaxPacketLength - 20 - 18 // 4058: 15 attributes of 255, one of 233
	r.SetEAPMessage(make([]byte, fits-16*2))
	b, err := r.Encode([]byte("kept"), &request, []byte(secret))
	if err != nil || len(b) != 4+radius.MaxPacketLength {
		t.Fatalf("Encode of the largest answer = %d bytes, %v, want 4100", len(b), err)
	}
	add(t, r, radius.TypeReplyMessage, "x")
	b, err = r.Encode([]byte("kept"), &request, []byte(secret))
	if !errors.Is(err, radius.ErrTooLong) || string(b) != "kept" {
		t.Errorf("Encode of 4099 bytes = %q, %v, want only what was there and ErrTooLong", b, err)
	}
	// Proxy-States of the request count as well.
	var states []attr
	for range 16 {
		states = append(states, attr{radius.TypeProxyState, strings.Repeat("p", 240)})
	}
	request = mustParse(t, datagram(radius.CodeAccessRequest, 1, states...))
	r = radius.NewResponse(radius.CodeAccessChallenge)
	r.SetEAPMessage(make([]byte, 1000))
	if _, err := r.Encode(nil, &request, []byte(secret)); !errors.Is(err, radius.ErrTooLong) {
		t.Errorf("Encode with long Proxy-States = %v, want ErrTooLong", err)
	}
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 254)
	for _, tc := range []struct {
		name  string
		code  radius.Code
		typ   radius.Type
		value string
		want  error
	}{
		{"message-authenticator", radius.CodeAccessAccept, 80, zero16, radius.ErrReserved},
		{"proxy-state", radius.CodeAccessAccept, 33, "x", radius.ErrReserved},
		{"eap-message", radius.CodeAccessAccept, 79, "x", radius.ErrReserved},
		{"empty", radius.CodeAccessAccept, 18, "", radius.ErrEmptyValue},
		{"too-long", radius.CodeAccessAccept, 18, long, radius.ErrTooLong},
		{"state-in-reject", radius.CodeAccessReject, 24, "x", radius.ErrStateInReject},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := radius.NewResponse(tc.code)
			if err := r.Add(tc.typ, []byte(tc.value)); !errors.Is(err, tc.want) {
				t.Errorf("Add = %v, want %v", err, tc.want)
			}
			if b := encode(t, r, datagram(radius.CodeAccessRequest, 1)); len(b) != 38 {
				t.Errorf("a refused attribute left %d bytes, want 38", len(b))
			}
		})
	}
}

func TestAddUint32OfReservedTypeFailsEncode(t *testing.T) {
	t.Parallel()
	r := radius.NewResponse(radius.CodeAccessAccept)
	r.AddUint32(radius.TypeProxyState, 1)
	request := mustParse(t, datagram(radius.CodeAccessRequest, 1))
	if _, err := r.Encode(nil, &request, nil); !errors.Is(err, radius.ErrReserved) {
		t.Errorf("Encode = %v, want ErrReserved", err)
	}
}

func TestAddVendorBounds(t *testing.T) {
	t.Parallel()
	r := radius.NewResponse(radius.CodeAccessAccept)
	if err := r.AddVendor(9, 1, nil); !errors.Is(err, radius.ErrEmptyValue) {
		t.Errorf("empty: %v", err)
	}
	if err := r.AddVendor(9, 1, make([]byte, 248)); !errors.Is(err, radius.ErrTooLong) {
		t.Errorf("248 bytes: %v", err)
	}
	if err := r.AddVendor(9, 1, make([]byte, 247)); err != nil {
		t.Errorf("247 bytes: %v", err)
	}
	p := mustParse(t, encode(t, r, datagram(radius.CodeAccessRequest, 1)))
	v, _ := p.Attributes.Get(radius.TypeVendorSpecific)
	want := append([]byte{0, 0, 0, 9, 1, 249}, make([]byte, 247)...)
	if !bytes.Equal(v, want) {
		t.Errorf("Vendor-Specific = %x, want %x", v, want)
	}
}

func TestEAPMessageIsSplitAt253(t *testing.T) {
	t.Parallel()
	for _, n := range []int{4, 253, 254, 506, 507, 1020, 3000} {
		want := eapPacket(n)
		r := radius.NewResponse(radius.CodeAccessChallenge)
		r.SetEAPMessage([]byte("an earlier one"))
		r.SetEAPMessage([]byte(want))
		b := encode(t, r, datagram(radius.CodeAccessRequest, 1))
		p := mustParse(t, b)
		if got := p.Attributes.Count(radius.TypeEAPMessage); got != (n+252)/253 {
			t.Errorf("%d bytes: %d attributes, want %d", n, got, (n+252)/253)
		}
		got, ok, err := p.EAPMessage(nil)
		if err != nil || !ok || string(got) != want {
			t.Errorf("%d bytes: reads back as %x, %v, %v", n, got, ok, err)
		}
		independent, err := layeh.Parse(b, []byte(secret))
		if err != nil || string(rfc2869.EAPMessage_Get(independent)) != want {
			t.Errorf("%d bytes: an independent reader disagrees (%v)", n, err)
		}
	}
}

func TestAZ1VLANTriple(t *testing.T) {
	t.Parallel()
	for _, tag := range []byte{0, 1, 31} {
		r := radius.NewResponse(radius.CodeAccessAccept)
		if err := r.AddVLAN(tag, "30"); err != nil {
			t.Fatal(err)
		}
		p, err := layeh.Parse(encode(t, r, datagram(radius.CodeAccessRequest, 1)), []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		typeTag, typ := rfc2868.TunnelType_Get(p)
		mediumTag, medium := rfc2868.TunnelMediumType_Get(p)
		groupTag, group := rfc2868.TunnelPrivateGroupID_GetString(p)
		if typeTag != tag || mediumTag != tag || groupTag != tag {
			t.Errorf("tags %d %d %d, want %d", typeTag, mediumTag, groupTag, tag)
		}
		if typ != 13 || medium != 6 || group != "30" {
			t.Errorf("VLAN = %v %v %q, want 13 6 \"30\"", typ, medium, group)
		}
	}
	r := radius.NewResponse(radius.CodeAccessAccept)
	for _, bad := range []struct {
		tag byte
		id  string
	}{{32, "30"}, {1, ""}, {1, strings.Repeat("v", 253)}} {
		if err := r.AddVLAN(bad.tag, bad.id); err == nil {
			t.Errorf("AddVLAN(%d, %d bytes) = nil, want an error", bad.tag, len(bad.id))
		}
	}
	if b := encode(t, r, datagram(radius.CodeAccessRequest, 1)); len(b) != 38 {
		t.Errorf("refused VLANs left %d bytes, want 38", len(b))
	}
}

func TestResponseEncodesAgainUnderANewIdentifier(t *testing.T) {
	t.Parallel()
	r := radius.NewResponse(radius.CodeAccessChallenge)
	add(t, r, radius.TypeState, "0123456789abcdef")
	r.SetEAPMessage([]byte(eapPacket(500)))
	first := encode(t, r, datagram(radius.CodeAccessRequest, 1))
	second := encode(t, r, datagram(radius.CodeAccessRequest, 2, attr{radius.TypeProxyState, "p"}))
	if first[1] != 1 || second[1] != 2 {
		t.Errorf("identifiers %d and %d, want 1 and 2", first[1], second[1])
	}
	if !bytes.Equal(first[38:], second[38:len(second)-3]) {
		t.Error("the attributes differ")
	}
}

func TestSecretIsNotLeftInTheBuffer(t *testing.T) {
	t.Parallel()
	buf := make([]byte, 0, 4096)
	p := mustParse(t, datagram(radius.CodeAccessRequest, 1))
	r := radius.NewResponse(radius.CodeAccessAccept)
	r.SetMPPEKeys([]byte("recv-key-recv-key"), []byte("send-key-send-key"))
	if _, err := r.Encode(buf, &p, []byte(secret)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret, "recv-key", "send-key"} {
		if bytes.Contains(buf[:cap(buf)], []byte(s)) {
			t.Errorf("%q is in the buffer that was sent", s)
		}
	}
}
