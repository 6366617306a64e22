package radius_test

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/authcore/radius"
)

const secret = "testing-secret-1"

// A vector is one file of testdata/radius.
type vector struct {
	packet  []byte
	secret  []byte
	request string // the file of the request that this packet answers
}

func vectors(t testing.TB) map[string]vector {
	t.Helper()
	files, err := filepath.Glob("../../testdata/radius/*.hex")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in testdata/radius: %v", err)
	}
	out := make(map[string]vector)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(file)] = parseVector(t, file, string(text))
	}
	return out
}

func parseVector(t testing.TB, name, text string) vector {
	t.Helper()
	var v vector
	var digits strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			digits.WriteString(strings.Join(strings.Fields(line), ""))
			continue
		}
		words := strings.Fields(line)
		for i := range len(words) - 1 {
			switch words[i] {
			case "secret:":
				v.secret = []byte(words[i+1])
			case "request:":
				v.request = words[i+1]
			}
		}
	}
	packet, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	v.packet = packet
	return v
}

// seeds are the packets of all vectors.
func seeds(t testing.TB) [][]byte {
	var out [][]byte
	all := vectors(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name].packet)
	}
	return out
}

// An attr is an attribute to build a packet of.
type attr struct {
	t     radius.Type
	value string
}

// datagram builds a packet by hand: authenticator 1, 2, 3 … 16.
func datagram(code radius.Code, id byte, attrs ...attr) []byte {
	b := []byte{byte(code), id, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	for _, a := range attrs {
		b = append(b, byte(a.t), byte(len(a.value)+2))
		b = append(b, a.value...)
	}
	b[2], b[3] = byte(len(b)>>8), byte(len(b))
	return b
}

// authenticate fills in the Message-Authenticator whose value starts at offset, over the
// packet as it stands, with the standard library's HMAC.
func authenticate(b []byte, offset int, key string) {
	clear(b[offset : offset+16])
	mac := hmac.New(md5.New, []byte(key))
	mac.Write(b)
	copy(b[offset:], mac.Sum(nil))
}

func mustParse(t testing.TB, b []byte) radius.Packet {
	t.Helper()
	p, err := radius.Parse(b)
	if err != nil {
		t.Fatalf("Parse(%x): %v", b, err)
	}
	return p
}

var zero16 = strings.Repeat("\x00", 16)
