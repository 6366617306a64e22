package eap_test

import (
	"testing"

	"gatehouse/authcore/eap"
)

// FuzzSession feeds a session messages cut from the input: a length octet, then the message. A
// length of 255 means Resume, 254 that the Identifier outstanding is put in. Whatever comes,
// the session ends at most once and after a bounded number of answers.
func FuzzSession(f *testing.F) {
	var all []byte
	for _, v := range vectors(f) {
		f.Add(append([]byte{byte(len(v.bytes))}, v.bytes...))
		all = append(append(all, byte(len(v.bytes))), v.bytes...)
	}
	f.Add(all)
	identity := []byte{10, 2, 7, 0, 10, 1, 'a', 'l', 'i', 'c', 'e'}
	f.Add(append(identity, 254, 6, 2, 0, 0, 6, 13, 'p', 255, 254, 6, 2, 0, 0, 6, 13, 'd'))
	f.Add(append(identity, 254, 6, 2, 0, 0, 6, 3, 21, 254, 6, 2, 0, 0, 6, 21, 'f'))
	f.Fuzz(func(t *testing.T, script []byte) {
		p := newPeer(t, eap.TypeTLS, eap.TypeTTLS)
		answers, ends := 0, 0
		for len(script) > 0 {
			n := int(script[0])
			script = script[1:]
			if n == 255 {
				count(p.take(p.session.Resume()), &answers, &ends)
				continue
			}
			current := n == 254 && len(script) > 0
			if current {
				n, script = int(script[0]), script[1:]
			}
			n = min(n, len(script))
			message := append([]byte(nil), script[:n]...)
			script = script[n:]
			if current && n > 1 {
				message[1] = p.last.Identifier
			}
			count(p.raw(message), &answers, &ends)
		}
		if ends > 1 {
			t.Errorf("got %d ends, want at most one", ends)
		}
		// Between two rounds that count, at most five invalid messages are answered.
		if limit := (eap.MaxRounds + 1) * 7; answers > limit {
			t.Errorf("got %d answers, want at most %d", answers, limit)
		}
		p.session.Close()
		for _, m := range p.methods {
			if m.closed != 1 {
				t.Errorf("a method was closed %d times, want once", m.closed)
			}
		}
	})
}

func count(r eap.Result, answers, ends *int) {
	switch r.Outcome {
	case eap.Accept, eap.Reject:
		*ends++
		*answers++
	case eap.Challenge, eap.Repeat:
		*answers++
	}
}
