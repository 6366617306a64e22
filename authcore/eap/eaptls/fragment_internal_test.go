package eaptls

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzInbox feeds an inbox fragments cut from the input, each behind a length octet, and
// compares with a plain model of the rules.
func FuzzInbox(f *testing.F) {
	f.Add([]byte{1, 0})
	f.Add([]byte{4, 0, 1, 2, 3})
	f.Add([]byte{7, 0xc0, 0, 0, 0, 4, 1, 2, 3, 0, 3, 4})
	f.Add([]byte{1, 0x40, 1, 0x40, 2, 0, 1})
	f.Add([]byte{5, 0x80, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{9, 0x40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x40, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, script []byte) {
		budget := NewBudget(64)
		in := inbox{limit: 40, budget: budget}
		in.reset()
		var model []byte
		for len(script) > 0 {
			n := min(int(script[0]), len(script)-1)
			packet := script[1 : 1+n]
			script = script[1+n:]
			complete, err := in.add(packet)
			if err != nil {
				break
			}
			payload := packet[1:]
			if packet[0]&flagLength != 0 {
				if int(binary.BigEndian.Uint32(payload)) != in.declared {
					t.Fatalf("declared %d", in.declared)
				}
				payload = payload[lengthLen:]
			}
			model = append(model, payload...)
			if !bytes.Equal(in.data, model) || len(in.data) > in.limit {
				t.Fatalf("got %x, want %x within %d", in.data, model, in.limit)
			}
			if complete != (packet[0]&flagMore == 0) {
				t.Fatalf("complete %v after flags %#x", complete, packet[0])
			}
			if complete {
				if in.declared >= 0 && in.declared != len(model) {
					t.Fatalf("declared %d, complete with %d", in.declared, len(model))
				}
				in.reset()
				model = nil
			}
		}
		in.reset()
		if budget.Left() != 64 {
			t.Fatalf("got %d octets of budget left", budget.Left())
		}
	})
}

func TestOutboxRoundTrip(t *testing.T) {
	t.Parallel()
	for _, size := range []int{55, 95, 1015} {
		for _, n := range []int{0, 1, size - 2, size - 1, size, size + 1, 2*size - 6, 2 * size, 10 * size} {
			flight := bytes.Repeat([]byte{7}, n)
			out, in := outbox{max: size}, inbox{limit: ReassemblyLimit}
			in.reset()
			out.load(flight)
			for complete := false; !complete; {
				packet := out.next()
				var err error
				if complete, err = in.add(packet); err != nil {
					t.Fatalf("%d octets in %d: %v", n, size, err)
				}
				if complete != out.empty() {
					t.Fatalf("%d octets in %d: complete %v, empty %v", n, size, complete, out.empty())
				}
			}
			if !bytes.Equal(in.data, flight) {
				t.Errorf("%d octets in %d: got %d back", n, size, len(in.data))
			}
		}
	}
}

func TestLargeBuffersAreNotKept(t *testing.T) {
	t.Parallel()
	in := inbox{limit: ReassemblyLimit}
	in.reset()
	if _, err := in.add(append([]byte{0}, make([]byte, 60<<10)...)); err != nil {
		t.Fatal(err)
	}
	in.reset()
	if cap(in.data) > FreeFlight {
		t.Errorf("got %d octets kept", cap(in.data))
	}
}

func TestMasterLogTakesOnlyItsLine(t *testing.T) {
	t.Parallel()
	random, master := bytes.Repeat([]byte("ab"), 32), bytes.Repeat([]byte("cd"), 48)
	line := func(parts ...[]byte) []byte { return append(bytes.Join(parts, []byte(" ")), '\n') }
	for _, c := range []struct {
		name     string
		line     []byte
		seen, ok bool
	}{
		{"master", line([]byte("CLIENT_RANDOM"), random, master), true, true},
		{"tls13", line([]byte("CLIENT_TRAFFIC_SECRET_0"), random, master), false, true},
		{"empty", nil, false, true},
		{"cut", line([]byte("CLIENT_RANDOM"), random), false, false},
		{"short-master", line([]byte("CLIENT_RANDOM"), random, master[2:]), false, false},
		{"no-hex", line([]byte("CLIENT_RANDOM"), random, bytes.Repeat([]byte("zz"), 48)), false, false},
	} {
		var m masterLog
		n, err := m.Write(c.line)
		if m.seen != c.seen || (err == nil) != c.ok || (c.ok && n != len(c.line)) {
			t.Errorf("%s: got seen %v, %d, %v", c.name, m.seen, n, err)
		}
		m.clear()
		if m != (masterLog{}) {
			t.Errorf("%s: clear left something", c.name)
		}
	}
}
