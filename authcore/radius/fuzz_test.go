package radius_test

import (
	"bytes"
	"errors"
	"testing"

	"gatehouse/authcore/radius"
)

func FuzzParse(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
		f.Add(seed[:len(seed)-1])
	}
	f.Add(datagram(radius.CodeAccessRequest, 1, attr{radius.TypeEAPMessage, ""}))
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := radius.Parse(in)
		if err != nil {
			var discard *radius.DiscardError
			if !errors.As(err, &discard) {
				t.Fatalf("Parse = %v, want a *DiscardError", err)
			}
			return
		}
		out := []byte{byte(p.Code), p.Identifier, in[2], in[3]}
		out = append(out, p.Authenticator[:]...)
		for typ, value := range p.Attributes.All() {
			out = append(append(out, byte(typ), byte(len(value)+2)), value...)
		}
		if !bytes.Equal(out, in[:len(out)]) || len(out) != int(in[2])<<8|int(in[3]) {
			t.Errorf("re-encodes as %x, want %x", out, in)
		}
		_ = p.CheckMessageAuthenticator([]byte("secret"))
		called, _ := p.Attributes.Get(radius.TypeCalledStationID)
		radius.SSID(called)
		answer, err := radius.NewResponse(radius.CodeAccessReject).Encode(nil, &p, []byte("secret"))
		if errors.Is(err, radius.ErrTooLong) {
			return // all Proxy-State
		}
		if _, err := radius.VerifyResponse(answer, p.Authenticator, []byte("secret")); err != nil {
			t.Errorf("our own answer: %v", err)
		}
	})
}

func FuzzEAPMessage(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed[20:])
	}
	for _, n := range []int{4, 253, 300} {
		var a []byte
		for _, e := range eapAttrs(eapPacket(n), 253) {
			a = append(append(a, byte(e.t), byte(len(e.value)+2)), e.value...)
		}
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, attrs []byte) {
		p := radius.Packet{Code: radius.CodeAccessRequest, Attributes: attrs}
		msg, ok, err := p.EAPMessage(nil)
		if err != nil && (ok || msg != nil) {
			t.Fatalf("EAPMessage = %x, %v beside %v", msg, ok, err)
		}
		if err != nil || !ok || len(msg) == 0 {
			return
		}
		if int(msg[2])<<8|int(msg[3]) != len(msg) {
			t.Fatalf("EAP length %x of %d bytes was accepted", msg[2:4], len(msg))
		}
		r := radius.NewResponse(radius.CodeAccessChallenge)
		r.SetEAPMessage(msg)
		b, err := r.Encode(nil, &radius.Packet{}, []byte("secret"))
		if errors.Is(err, radius.ErrTooLong) {
			return
		}
		again := mustParse(t, b)
		if got, _, err := again.EAPMessage(nil); err != nil || !bytes.Equal(got, msg) {
			t.Errorf("round trip gives %x, %v, want %x", got, err, msg)
		}
	})
}

func FuzzEncodeAttribute(f *testing.F) {
	f.Add("Filter-Id", "guest")
	f.Add("Session-Timeout", "3600")
	f.Add("Class", "0x00")
	f.Add("Framed-IPv6-Prefix", "2001:db8::/32")
	f.Add("Aruba-User-Vlan", "30")
	f.Fuzz(func(t *testing.T, name, value string) {
		typ, encoded, err := radius.EncodeAttribute(name, value)
		if err != nil {
			return
		}
		if err := radius.NewResponse(radius.CodeAccessAccept).Add(typ, encoded); err != nil {
			t.Errorf("EncodeAttribute(%q, %q) = %v %x, which Add refuses: %v",
				name, value, typ, encoded, err)
		}
	})
}
