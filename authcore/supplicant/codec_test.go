package supplicant

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"layeh.com/radius"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAuthenticatorVectors is the exchange of RFC 5997 §6.
func TestAuthenticatorVectors(t *testing.T) {
	secret := []byte("xyzzy5461")
	raw := unhex(t, "0cda00268a54f4686fb394c52866e302185d0623"+
		"50125a665e2e1e8411f3e243822097c84fa3")
	request, err := radius.Parse(raw, secret)
	if err != nil {
		t.Fatal(err)
	}
	got, err := messageAuthenticator(raw, request, 22)
	if err != nil || !bytes.Equal(got, raw[22:38]) {
		t.Errorf("Message-Authenticator %x, want %x, %v", got, raw[22:38], err)
	}
	reply := unhex(t, "02da0014ef0d552a4bf2d693ec2b6fe8b5411d66")
	if !responseAuthentic(reply, request) {
		t.Error("Response Authenticator refused")
	}
	reply[0] = 3
	if responseAuthentic(reply, request) {
		t.Error("wrong Response Authenticator taken")
	}
}

// TestPRFVector is the widely published TLS 1.2 PRF vector for SHA-256.
func TestPRFVector(t *testing.T) {
	secret := unhex(t, "9bbe436ba940f017b17652849a71db35")
	seed := append([]byte("test label"), unhex(t, "a0ba9f936cda311827a6f796ffd5198c")...)
	want := unhex(t, "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"+
		"6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"+
		"4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"+
		"87347b66")
	if got := prf12(sha256.New, secret, seed, len(want)); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestTL12DecryptRejects(t *testing.T) {
	secret, authenticator := []byte("secret"), [16]byte{1, 2, 3}
	key := bytes.Repeat([]byte{0x5a}, 32)
	good, err := radius.NewTunnelPassword(key, []byte{0x80, 1}, secret, authenticator[:])
	if err != nil {
		t.Fatal(err)
	}
	k, err := decryptMPPE(good, secret, authenticator)
	if err != nil || !bytes.Equal(k.key, key) || k.salt != [2]byte{0x80, 1} {
		t.Fatalf("%x, %v", k.key, err)
	}
	edit := func(at int, with byte) []byte {
		b := bytes.Clone(good)
		b[at] ^= with
		return b
	}
	tests := []struct {
		name, want string
		value      []byte
	}{
		{"empty", "no salted key", nil},
		{"salt only", "no salted key", good[:2]},
		{"cut", "no salted key", good[:len(good)-1]},
		{"salt bit", "highest bit of the salt", edit(0, 0x80)},
		{"length", "length octet", edit(2, 0x80)},
		{"padding", "padding is not zero", edit(len(good)-1, 1)},
		{"much padding", "longer than one block", hide(make([]byte, 32), secret, authenticator)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := decryptMPPE(tt.value, secret, authenticator); err == nil ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// hide encrypts plain, whole blocks, as RFC 2548 §2.4.2 says.
func hide(plain, secret []byte, authenticator [16]byte) []byte {
	out := []byte{0x80, 1}
	previous := append(authenticator[:], out...)
	for ; len(plain) > 0; plain = plain[16:] {
		pad := md5.Sum(append(bytes.Clone(secret), previous...))
		for i := range pad {
			out = append(out, pad[i]^plain[i])
		}
		previous = out[len(out)-16:]
	}
	return out
}

// FuzzReply has authentic packets with any attributes taken apart and judged.
func FuzzReply(f *testing.F) {
	f.Add(byte(2), []byte{79, 6, 3, 1, 0, 4, 24, 2})
	f.Add(byte(0), []byte{26, 12, 0, 0, 1, 55, 17, 6, 0x80, 1, 2, 3, 33, 3, 1})
	f.Add(byte(1), []byte{64, 6, 0, 0, 0, 13, 81, 4, '3', '0', 80, 3, 1})
	f.Fuzz(func(t *testing.T, code byte, attrs []byte) {
		request := &radius.Packet{Code: radius.CodeAccessRequest, Identifier: 7, Secret: []byte("s")}
		list, err := radius.ParseAttributes(attrs)
		if err != nil {
			return
		}
		reply := request.Response([]radius.Code{
			radius.CodeAccessAccept, radius.CodeAccessReject, radius.CodeAccessChallenge,
		}[code%3])
		reply.Attributes = list
		signFirst(reply, request)
		raw, err := reply.Encode()
		if err != nil {
			return
		}
		r, err := parseReply(raw, request)
		if err != nil {
			if errors.Is(err, errAuthenticator) || errors.Is(err, errIgnored) {
				t.Fatal(err)
			}
			return
		}
		describe(r.Attributes)
		_, _ = tunnelVLAN(r.Attributes)
		_, _ = checkMPPE(r, request.Secret, typeMPPERecvKey, make([]byte, 32))
	})
}

// signFirst puts a right Message-Authenticator into the first attribute that is one and has
// room.
func signFirst(reply, request *radius.Packet) {
	at := radiusHeaderBytes
	for _, a := range reply.Attributes {
		if a.Type == 80 && len(a.Attribute) == md5.Size {
			clear(a.Attribute)
			if raw, err := reply.MarshalBinary(); err == nil {
				mac, _ := messageAuthenticator(raw, request, at+attributeHeaderBytes)
				copy(a.Attribute, mac)
			}
			return
		}
		at += attributeHeaderBytes + len(a.Attribute)
	}
}

func FuzzDecryptMPPE(f *testing.F) {
	f.Add(make([]byte, 50))
	f.Add(append([]byte{0x80, 0}, make([]byte, 16)...))
	f.Fuzz(func(_ *testing.T, value []byte) {
		_, _ = decryptMPPE(value, []byte("s"), [16]byte{})
	})
}
