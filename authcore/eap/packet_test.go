package eap_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/eap"
)

// A vector is one block of testdata/eap/packets.txt.
type vector struct {
	name  string
	ok    bool
	bytes []byte
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("../../testdata/eap/packets.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if name, verdict, found := strings.Cut(line, ": "); found {
			all = append(all, vector{name: name, ok: verdict == "ok"})
			continue
		}
		if line == "" {
			continue
		}
		octets, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
		if err != nil || len(all) == 0 {
			t.Fatalf("reading %q: %v", line, err)
		}
		all[len(all)-1].bytes = append(all[len(all)-1].bytes, octets...)
	}
	if len(all) < 10 {
		t.Fatalf("got %d vectors, want at least 10", len(all))
	}
	return all
}

func TestParseVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			p, err := eap.Parse(v.bytes)
			if !v.ok {
				if !errors.Is(err, eap.ErrMalformed) {
					t.Fatalf("Parse(%x): got %+v, %v; want ErrMalformed", v.bytes, p, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("Parse(%x): %v", v.bytes, err)
			}
			length := int(v.bytes[2])<<8 | int(v.bytes[3])
			if got := p.Append(nil); !bytes.Equal(got, v.bytes[:length]) {
				t.Errorf("Append: got %x, want %x", got, v.bytes[:length])
			}
		})
	}
}

func TestPacketRoundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range []eap.Packet{
		{Code: eap.CodeRequest, Identifier: 0, Type: eap.TypeIdentity},
		{Code: eap.CodeResponse, Identifier: 255, Type: eap.TypeTLS, Data: []byte{0}},
		{Code: eap.CodeResponse, Identifier: 1, Type: eap.TypeExpanded, Data: make([]byte, 65530)},
		{Code: eap.CodeSuccess, Identifier: 9},
		{Code: eap.CodeFailure, Identifier: 10},
	} {
		prefix := []byte("kept")
		encoded := want.Append(prefix)
		if !bytes.HasPrefix(encoded, prefix) {
			t.Errorf("Append lost what stood in dst: %x", encoded[:4])
		}
		got, err := eap.Parse(encoded[len(prefix):])
		if err != nil {
			t.Fatalf("Parse: %v", err)
		}
		if len(got.Data) == 0 {
			got.Data = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("round trip (-want +got):\n%s", diff)
		}
	}
}

func TestNamesOfCodesAndTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{eap.CodeRequest.String(), "Request"}, {eap.CodeResponse.String(), "Response"},
		{eap.CodeSuccess.String(), "Success"}, {eap.CodeFailure.String(), "Failure"},
		{eap.Code(9).String(), "Code(9)"},
		{eap.TypeTLS.String(), "EAP-TLS"}, {eap.TypePEAP.String(), "PEAP"},
		{eap.Type(99).String(), "type 99"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := eap.Parse(b)
		if err != nil {
			return
		}
		again := p.Append(nil)
		if len(again) > len(b) || !bytes.Equal(again, b[:len(again)]) {
			t.Errorf("Parse(%x) encodes as %x", b, again)
		}
	})
}
