package supplicant_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"gatehouse/authcore/supplicant"

	"github.com/google/go-cmp/cmp"
)

func newPeer(t testing.TB, edit func(*supplicant.Config)) *supplicant.Peer {
	t.Helper()
	cfg := supplicant.Config{
		Server: "127.0.0.1:9", Secret: []byte(testSecret), Identity: "anonymous",
	}
	if edit != nil {
		edit(&cfg)
	}
	p, err := supplicant.NewPeer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// tlsRequest is an EAP-TLS Request with the given data.
func tlsRequest(id byte, data ...byte) []byte {
	return supplicant.EAPPacket{
		Code: supplicant.EAPRequest, Identifier: id, Type: supplicant.EAPTypeTLS, Data: data,
	}.Marshal()
}

// TestTL2Fragments collects a ClientHello from acknowledged fragments.
func TestTL2Fragments(t *testing.T) {
	for _, tt := range []struct {
		name   string
		size   int
		always bool
		length bool // L on the first
	}{
		{"tiny", 20, false, true}, {"small", 60, false, true},
		{"unfragmented", 1400, false, false}, {"unfragmented with length", 1400, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer(t, func(c *supplicant.Config) {
				c.FragmentSize, c.AlwaysLength = tt.size, tt.always
			})
			var hello []byte
			total := -1
			request := tlsRequest(1, 0x20)
			for id := byte(2); ; id++ {
				out, err := p.Respond(request)
				if err != nil || len(out) > tt.size || len(out) < 7 {
					t.Fatalf("%d bytes, %v", len(out), err)
				}
				flags, data := out[5], out[6:]
				if hasLength := flags&0x80 != 0; hasLength != (tt.length && id == 2) {
					t.Fatalf("fragment %d has flags %#x", id-1, flags)
				}
				if flags&0x80 != 0 {
					total, data = int(binary.BigEndian.Uint32(data)), data[4:]
				}
				hello = append(hello, data...)
				if flags&0x40 == 0 {
					break
				}
				request = tlsRequest(id, 0)
			}
			if total >= 0 && total != len(hello) {
				t.Errorf("declared %d, got %d bytes", total, len(hello))
			}
			if len(hello) < 100 || hello[0] != 22 || hello[5] != 1 {
				t.Errorf("no ClientHello: %x", hello)
			}
			if v := p.Violations(); len(v) > 0 {
				t.Errorf("violations %q", v)
			}
		})
	}
}

func TestPeerRefusesBrokenFragments(t *testing.T) {
	start := tlsRequest(1, 0x20)
	tests := []struct {
		name     string
		requests [][]byte
	}{
		{"TL4 data in place of an acknowledgement", [][]byte{start, tlsRequest(2, 0, 1, 2)}},
		{"length cut", [][]byte{tlsRequest(1, 0x80, 0, 0)}},
		{"length changes", [][]byte{start, tlsRequest(2, 0), tlsRequest(3, 0xc0, 0, 0, 0, 9, 1),
			tlsRequest(4, 0xc0, 0, 0, 0, 8, 1)}},
		{"TL5 more than declared", [][]byte{start, tlsRequest(2, 0),
			tlsRequest(3, 0xc0, 0, 0, 0, 2, 1), tlsRequest(4, 0x40, 2, 3)}},
		{"ends early", [][]byte{start, tlsRequest(2, 0),
			tlsRequest(3, 0xc0, 0, 0, 0, 9, 1), tlsRequest(4, 0, 2, 3)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer(t, func(c *supplicant.Config) { c.FragmentSize = 250 }) // 2 fragments
			for i, request := range tt.requests {
				_, err := p.Respond(request)
				if last := i == len(tt.requests)-1; errors.Is(err, supplicant.ErrProtocol) != last {
					t.Fatalf("request %d: %v", i, err)
				}
			}
		})
	}
}

func TestPeerEnds(t *testing.T) {
	p := newPeer(t, nil)
	p.Identity(4)
	if out, err := p.Respond([]byte{4, 4, 0, 4}); out != nil || err != nil {
		t.Fatalf("%x, %v", out, err)
	}
	if p.Stage() != supplicant.StageDone || p.Success() {
		t.Errorf("stage %d, success %v", p.Stage(), p.Success())
	}
	if _, err := p.Respond([]byte{1, 5, 0, 5, 1}); err == nil {
		t.Error("goes on after the end")
	}
}

func TestPeerIsBoundedOnEndlessFragments(t *testing.T) {
	p := newPeer(t, nil)
	requests := 0
	_, err := p.Respond(tlsRequest(0, 0x20))
	for ; err == nil && requests < 100; requests++ {
		_, err = p.Respond(tlsRequest(byte(requests+1), append([]byte{0x40}, make([]byte, 4000)...)...))
	}
	if !errors.Is(err, supplicant.ErrProtocol) || requests > 17 {
		t.Errorf("%d fragments of 4000 bytes taken, %v", requests, err)
	}
}

func TestParseEAP(t *testing.T) {
	for _, p := range []supplicant.EAPPacket{
		{Code: supplicant.EAPRequest, Identifier: 1, Type: supplicant.EAPTypeIdentity, Data: []byte{}},
		{Code: supplicant.EAPResponse, Identifier: 255, Type: 254, Data: []byte("abc")},
		{Code: supplicant.EAPSuccess, Identifier: 3}, {Code: supplicant.EAPFailure},
	} {
		got, err := supplicant.ParseEAP(p.Marshal())
		if diff := cmp.Diff(p, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	for _, b := range [][]byte{
		nil, {1}, {1, 2, 0}, {1, 2, 0, 4}, {2, 2, 0, 4}, {1, 2, 0, 5}, {1, 2, 0, 5, 1, 0},
		{3, 2, 0, 5, 1}, {4, 2, 0, 5, 0}, {0, 2, 0, 4}, {5, 2, 0, 4}, {3, 2, 0, 3}, {3, 2, 1, 4},
	} {
		if p, err := supplicant.ParseEAP(b); err == nil {
			t.Errorf("%x parsed as %+v", b, p)
		}
	}
}

func FuzzParseEAP(f *testing.F) {
	f.Add([]byte{1, 2, 0, 6, 13, 0x20})
	f.Add([]byte{3, 2, 0, 4})
	f.Add([]byte{1, 2, 0, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := supplicant.ParseEAP(b)
		if err == nil && !bytes.Equal(p.Marshal(), b) {
			t.Errorf("%x becomes %x", b, p.Marshal())
		}
	})
}

// FuzzPeer feeds a peer a conversation: packets, each behind a length of two octets.
func FuzzPeer(f *testing.F) {
	conversation := func(packets ...[]byte) (b []byte) {
		for _, p := range packets {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(p))), p...)
		}
		return b
	}
	alert := []byte{0x15, 3, 3, 0, 2, 2, 40}
	f.Add(conversation(tlsRequest(1, 0x20), tlsRequest(2, append([]byte{0}, alert...)...),
		[]byte{4, 2, 0, 4}))
	f.Add(conversation(tlsRequest(1, 0xa0, 0, 0, 0, 0), tlsRequest(2, 0xc0, 0, 0, 0, 9, 1)))
	f.Add(conversation([]byte{1, 1, 0, 5, 1}, []byte{1, 2, 0, 6, 25, 0x20}, []byte{3, 2, 0, 4}))
	f.Fuzz(func(t *testing.T, b []byte) {
		cfg := supplicant.Config{
			Server: "127.0.0.1:9", Secret: []byte("s"), FragmentSize: 300,
		}
		p, err := supplicant.NewPeer(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for len(b) >= 2 {
			n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
			out, err := p.Respond(b[2 : 2+n])
			if err != nil {
				return
			}
			if out == nil {
				if p.Stage() != supplicant.StageDone {
					t.Fatal("silent, but not done")
				}
				return
			}
			if r, err := supplicant.ParseEAP(out); err != nil ||
				r.Code != supplicant.EAPResponse || len(out) > 300 {
				t.Fatalf("says %x: %v", out, err)
			}
			b = b[2+n:]
		}
	})
}
