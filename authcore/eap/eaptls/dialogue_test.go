package eaptls_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"testing"

	"gatehouse/authcore/eap"
	"gatehouse/authcore/eap/eaptls"
)

// The flags of EAP-TLS, spelt anew: the test shares no code with what it tests.
const (
	flagL, flagM, flagS = 0x80, 0x40, 0x20
	ourFragment         = 1000 // octets of TLS data in one packet of the device's
)

// A dialogue lets a device talk to a Method, step by step.
type dialogue struct {
	t      testing.TB
	method *eaptls.Method
	device *device
	max    int    // type-data octets in one of the Method's packets
	always bool   // the device sets L in unfragmented messages too
	last   []byte // the server's last flight
	sent   int    // fragments that the server sent
	before func() // runs before each Step, after after each; nil: nothing
	after  func()
}

// accept is a Verify that lets everybody in.
func accept(*tls.ConnectionState) eaptls.Verdict { return eaptls.Verdict{Accept: true} }

// client returns the configuration of a device with a user's certificate of that kind; "" is
// none.
func client(t testing.TB, kind string) *tls.Config {
	w := lab(t)
	c := &tls.Config{RootCAs: w.roots, ServerName: "radius.example",
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
	if kind != "" {
		user := w.user[kind]
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &user, nil
		}
	}
	return c
}

// server returns a Method's configuration with one ECDSA credential that admits everybody.
func server(t testing.TB) eaptls.Config {
	return eaptls.Config{Certificates: []tls.Certificate{lab(t).server["ecdsa"]}, Verify: accept}
}

func newDialogue(t testing.TB, config eaptls.Config, peer *tls.Config) *dialogue {
	size := config.FragmentSize
	if size == 0 {
		size = 1020
	}
	d := &dialogue{t: t, method: eaptls.New(config), device: newDevice(t, peer), max: size - 5}
	t.Cleanup(d.method.Close)
	return d
}

func (d *dialogue) step(data []byte) eap.Step {
	d.t.Helper()
	if d.before != nil {
		d.before()
		defer d.after()
	}
	step := d.method.Step(data)
	if (step.Status == eap.Failed) != (step.Failure != nil) {
		d.t.Fatalf("status %d with failure %v", step.Status, step.Failure)
	}
	if (step.Status == eap.Done) != (step.Keys != nil) {
		d.t.Fatalf("status %d with keys %v", step.Status, step.Keys)
	}
	return step
}

// send cuts flight into fragments and expects an acknowledgement of each but the last.
func (d *dialogue) send(flight []byte) eap.Step {
	d.t.Helper()
	first := true
	for len(flight) > ourFragment {
		packet := []byte{flagM}
		if first {
			packet = binary.BigEndian.AppendUint32([]byte{flagM | flagL}, uint32(len(flight)))
		}
		step := d.step(append(packet, flight[:ourFragment]...))
		if step.Status != eap.Continue || !bytes.Equal(step.Data, []byte{0}) {
			d.t.Fatalf("got %+v for a fragment, want an acknowledgement", step)
		}
		flight, first = flight[ourFragment:], false
	}
	if first && d.always {
		packet := binary.BigEndian.AppendUint32([]byte{flagL}, uint32(len(flight)))
		return d.step(append(packet, flight...))
	}
	return d.step(append([]byte{0}, flight...))
}

// receive joins the fragments of a flight of the Method's, acknowledging each but the last, and
// holds it to the rules TL-2 and TL-3.
func (d *dialogue) receive(step eap.Step) []byte {
	d.t.Helper()
	var flight []byte
	declared, count := -1, 0
	for {
		if step.Status != eap.Continue || len(step.Data) == 0 {
			d.t.Fatalf("got %+v, want a fragment", step)
		}
		if len(step.Data) > d.max {
			d.t.Fatalf("got %d octets of type-data, want at most %d", len(step.Data), d.max)
		}
		flags, rest := step.Data[0], step.Data[1:]
		d.sent++
		count++
		more := flags&flagM != 0
		if wantL := more && count == 1; (flags&flagL != 0) != wantL {
			d.t.Fatalf("fragment %d has flags %#x, want L %v", count, flags, wantL)
		}
		if flags&^(flagL|flagM) != 0 {
			d.t.Fatalf("fragment %d has flags %#x", count, flags)
		}
		if flags&flagL != 0 {
			declared, rest = int(binary.BigEndian.Uint32(rest)), rest[4:]
		}
		flight = append(flight, rest...)
		if !more {
			break
		}
		step = d.step([]byte{0})
	}
	if declared >= 0 && declared != len(flight) {
		d.t.Fatalf("declared %d octets, sent %d", declared, len(flight))
	}
	d.last = flight
	return flight
}

// begin sends the device's ClientHello.
func (d *dialogue) begin() eap.Step {
	d.t.Helper()
	return d.send(d.device.flight(nil))
}

// finish carries on after step until the conversation ends or is pending.
func (d *dialogue) finish(step eap.Step) eap.Step {
	d.t.Helper()
	for range 50 {
		if step.Status != eap.Continue {
			return step
		}
		answer := d.device.flight(d.receive(step))
		if len(answer) == 0 {
			step = d.step([]byte{0})
		} else {
			step = d.send(answer)
		}
	}
	d.t.Fatal("no end to the conversation")
	return eap.Step{}
}

// run holds the whole conversation.
func (d *dialogue) run() eap.Step {
	d.t.Helper()
	return d.finish(d.begin())
}

// failure runs the conversation and returns why it failed.
func (d *dialogue) failure() *eap.Failure {
	d.t.Helper()
	step := d.run()
	if step.Status != eap.Failed {
		d.t.Fatalf("got status %d, want a failure", step.Status)
	}
	return step.Failure
}
