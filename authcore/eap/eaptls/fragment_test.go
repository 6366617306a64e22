package eaptls_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"strings"
	"testing"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
	"gatehouse/authcore/eap/eaptls"
)

// TL-2, TL-3: receive holds every flight to the rules; here the sizes vary.
func TestTL2TL3FragmentSizes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{60, 100, 200, 500, 1020, 1400, 4000} {
		for name, version := range versions {
			for _, always := range []bool{false, true} {
				config, peer := server(t), client(t, "rsa")
				config.FragmentSize, peer.MaxVersion = size, version
				d := newDialogue(t, config, peer)
				d.always = always
				if step := d.run(); step.Status != eap.Done {
					t.Fatalf("size %d, TLS %s, L always %v: got %+v", size, name, always, step)
				}
				if size <= 200 && d.sent < 4 {
					t.Errorf("size %d: got %d fragments", size, d.sent)
				}
			}
		}
	}
}

// Framed-MTU may be absurdly small.
func TestEA13FragmentSizeHasAFloor(t *testing.T) {
	t.Parallel()
	for _, size := range []int{-5, 1, 59} {
		config := server(t)
		config.FragmentSize = size
		d := newDialogue(t, config, client(t, "ecdsa"))
		d.max = eaptls.MinFragmentSize - 5
		if step := d.run(); step.Status != eap.Done {
			t.Errorf("size %d: got %+v, want Done", size, step)
		}
	}
}

// fragment makes the type-data of one packet; length < 0 leaves L out.
func fragment(flags byte, length int, data []byte) []byte {
	b := []byte{flags}
	if length >= 0 {
		b[0] |= flagL
		b = binary.BigEndian.AppendUint32(b, uint32(length))
	}
	return append(b, data...)
}

// TL-2, TL-5: what the fragments of a ClientHello may look like.
func TestTL2TL5Reassembly(t *testing.T) {
	t.Parallel()
	hello := newDevice(t, client(t, "ecdsa")).flight(nil)
	n := len(hello)
	a, b, c := hello[:50], hello[50:90], hello[90:]
	for _, test := range []struct {
		name      string
		fragments [][]byte
		detail    string // of the failure; "": taken
	}{
		{"unfragmented", [][]byte{fragment(0, -1, hello)}, ""},
		{"unfragmented-with-length", [][]byte{fragment(0, n, hello)}, ""},
		{"length-first-only", [][]byte{fragment(flagM, n, a), fragment(flagM, -1, b), fragment(0, -1, c)}, ""},
		{"length-everywhere", [][]byte{fragment(flagM, n, a), fragment(flagM, n, b), fragment(0, n, c)}, ""},
		{"length-nowhere", [][]byte{fragment(flagM, -1, a), fragment(flagM, -1, b), fragment(0, -1, c)}, ""},
		{"length-late", [][]byte{fragment(flagM, -1, a), fragment(flagM, n, b), fragment(0, -1, c)}, ""},
		{"empty-with-more", [][]byte{fragment(flagM, -1, nil), fragment(0, -1, hello)}, ""},
		{"last-fragment-empty", [][]byte{fragment(flagM, n, hello), fragment(0, -1, nil)}, ""},
		{"reserved-flags", [][]byte{fragment(0x1f, -1, hello)}, ""},

		{"no-flags", [][]byte{{}}, "without flags"},
		{"length-cut-short", [][]byte{{flagL, 0, 0, 1}}, "cut short"},
		{"lengths-disagree", [][]byte{fragment(flagM, n, a), fragment(0, n+1, hello[50:])}, "declare"},
		{"shorter-than-declared", [][]byte{fragment(flagM, n, a), fragment(0, -1, b)}, "were declared"},
		{"longer-than-declared", [][]byte{fragment(flagM, 60, a), fragment(0, -1, c)}, "more TLS data"},
		{"unfragmented-longer", [][]byte{fragment(0, n-1, hello)}, "more TLS data"},
		{"unfragmented-shorter", [][]byte{fragment(0, n+1, hello)}, "were declared"},
		{"declared-zero", [][]byte{fragment(flagM, 0, a)}, "more TLS data"},
		{"late-length-too-small", [][]byte{fragment(flagM, -1, a), fragment(flagM, 40, nil)}, "more TLS data"},
		{"over-64-KiB", [][]byte{fragment(flagM, 64<<10+1, a)}, "over the limit"},
		{"over-2-GiB", [][]byte{fragment(flagM, 1<<31-1, a)}, "over the limit"},
		{"over-an-int", [][]byte{{flagM | flagL, 0xff, 0xff, 0xff, 0xff, 1}}, "over the limit"},
		{"ack-first", [][]byte{{0}}, "no fragment outstanding"},
		{"empty-length-first", [][]byte{fragment(0, 0, nil)}, "no fragment outstanding"},
		{"start-bit-only", [][]byte{{flagS}}, "incomplete TLS flight"},
		{"half-a-hello", [][]byte{fragment(0, -1, a)}, "incomplete TLS flight"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDialogue(t, server(t), client(t, "ecdsa"))
			var step eap.Step
			for i, f := range test.fragments {
				step = d.step(f)
				last := i == len(test.fragments)-1
				if !last && (step.Status != eap.Continue || !bytes.Equal(step.Data, []byte{0})) {
					t.Fatalf("fragment %d: got %+v, want an acknowledgement", i, step)
				}
			}
			if test.detail == "" {
				if flight := d.receive(step); len(flight) < 500 {
					t.Errorf("got %d octets, want the server's flight", len(flight))
				}
				return
			}
			if step.Status != eap.Failed || step.Failure.Reason != audit.EAPInvalid ||
				!strings.Contains(step.Failure.Detail, test.detail) {
				t.Errorf("got %+v (%v), want eap_invalid with %q", step, step.Failure, test.detail)
			}
		})
	}
}

// TL-2: 64 KiB are taken before the limit, with no length declared.
func TestTL2LimitWithoutLength(t *testing.T) {
	t.Parallel()
	d := newDialogue(t, server(t), client(t, "ecdsa"))
	chunk := make([]byte, 4<<10)
	for range 16 {
		if step := d.step(fragment(flagM, -1, chunk)); step.Status != eap.Continue {
			t.Fatalf("got %+v below the limit, want an acknowledgement", step)
		}
	}
	step := d.step(fragment(flagM, -1, []byte{1}))
	if step.Status != eap.Failed || !strings.Contains(step.Failure.Detail, "over the limit") {
		t.Errorf("got %+v, want a failure", step)
	}
}

// TL-3, TL-4: while we send fragments, only acknowledgements will do.
func TestTL4DataInsteadOfAck(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string][]byte{
		"data": {0, 22, 3, 3}, "more": {flagM}, "start": {flagS}, "nothing": {},
		"length-and-data": fragment(0, 1, []byte{1}), "half-a-length": {flagL, 0, 0},
	} {
		config := server(t)
		config.FragmentSize = 200
		d := newDialogue(t, config, client(t, "ecdsa"))
		step := d.begin()
		if got := d.method.Stage(); got != "the first fragments of our certificate were sent" {
			t.Errorf("got stage %q", got)
		}
		if step.Data[0]&flagM == 0 {
			t.Fatal("the flight was not fragmented")
		}
		if step = d.step(answer); step.Status != eap.Failed || step.Failure.Reason != audit.EAPInvalid {
			t.Errorf("%s: got %+v, want eap_invalid", name, step)
		}
	}
}

func TestTL3OddAcknowledgements(t *testing.T) {
	t.Parallel()
	for _, ack := range [][]byte{{0}, {flagL}, fragment(0, 0, nil), {0x01}} {
		config := server(t)
		config.FragmentSize = 200
		d := newDialogue(t, config, client(t, "ecdsa"))
		d.begin()
		if step := d.step(ack); step.Status != eap.Continue {
			t.Errorf("got %+v for %x, want the next fragment", step, ack)
		}
	}
}

func TestTL3AckWithoutFragment(t *testing.T) {
	t.Parallel()
	d := newDialogue(t, server(t), client(t, "ecdsa"))
	d.receive(d.begin())
	step := d.step([]byte{0})
	if step.Status != eap.Failed || step.Failure.Reason != audit.EAPInvalid {
		t.Errorf("got %+v, want eap_invalid", step)
	}
}

// A large chain of the device's arrives in many fragments, and leaves the budget as it was.
func TestBudgetIsTakenAndGivenBack(t *testing.T) {
	t.Parallel()
	config := server(t)
	config.Budget = eaptls.NewBudget(10 << 10)
	d := newDialogue(t, config, client(t, "ecdsa"))
	chunk := make([]byte, 4<<10)
	for range 4 {
		if step := d.step(fragment(flagM, -1, chunk)); step.Status != eap.Continue {
			t.Fatalf("got %+v within the budget", step)
		}
	}
	if got := config.Budget.Left(); got != 2<<10 {
		t.Errorf("got %d octets left, want %d", got, 2<<10)
	}
	other := newDialogue(t, config, client(t, "ecdsa"))
	other.step(fragment(flagM, -1, chunk))
	other.step(fragment(flagM, -1, chunk))
	step := other.step(fragment(flagM, -1, chunk))
	if step.Status != eap.Failed || step.Failure.Reason != audit.Overloaded {
		t.Errorf("got %+v over the budget, want overloaded", step)
	}
	if third := newDialogue(t, config, client(t, "ecdsa")); third.run().Status != eap.Done {
		t.Error("an ordinary handshake was hindered by the budget")
	}
	other.method.Close()
	d.method.Close()
	if got := config.Budget.Left(); got != 10<<10 {
		t.Errorf("got %d octets left after Close, want all", got)
	}
}

func TestStages(t *testing.T) {
	t.Parallel()
	peer := client(t, "ecdsa")
	// The only key share of this hello is one that the server does not take.
	peer.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}
	d := newDialogue(t, server(t), peer)
	stage := func(want string) {
		t.Helper()
		if got := d.method.Stage(); got != want {
			t.Errorf("got stage %q, want %q", got, want)
		}
	}
	stage("EAP-TLS was proposed")
	retry := d.receive(d.begin())
	stage("the TLS handshake began")
	d.receive(d.send(d.device.flight(retry)))
	stage("our certificate was sent")
	d.receive(d.send(d.device.flight(d.last)))
	stage("the handshake was completed and the final acknowledgement awaited")
}
