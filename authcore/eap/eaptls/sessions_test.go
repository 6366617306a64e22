package eaptls_test

import (
	"crypto/tls"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
	"gatehouse/authcore/eap/eaptls"
)

// returning is a server with a session memory and a device that comes back.
type returning struct {
	t        *testing.T
	server   eaptls.Config
	peer     *tls.Config
	resumed  bool // of the last conversation
	now      time.Time
	sessions *eaptls.Sessions
}

func newReturning(t *testing.T, version uint16) *returning {
	r := &returning{t: t, server: server(t), peer: client(t, "ecdsa"), now: time.Now(),
		sessions: eaptls.NewSessions(0)}
	r.peer.MaxVersion = version
	r.peer.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	r.server.Sessions, r.server.SessionLifetime = r.sessions, time.Hour
	r.server.Time = func() time.Time { return r.now }
	r.server.Verify = func(cs *tls.ConnectionState) eaptls.Verdict {
		r.resumed = cs.DidResume
		return accept(cs)
	}
	return r
}

// signIn holds one conversation and checks the keys of both sides.
func (r *returning) signIn(want bool) *eap.Keys {
	r.t.Helper()
	d := newDialogue(r.t, r.server, r.peer)
	step := d.run()
	if step.Status != eap.Done || r.resumed != want {
		r.t.Fatalf("got status %d (%v), resumed %v, want %v", step.Status, step.Failure, r.resumed, want)
	}
	sameKeys(r.t, d, step.Keys)
	return step.Keys
}

// sameKeys compares the keys with the device's exporter.
func sameKeys(t *testing.T, d *dialogue, keys *eap.Keys) {
	t.Helper()
	cs := d.device.conn.ConnectionState()
	label, context, n := "client EAP encryption", []byte(nil), 64
	if cs.Version == tls.VersionTLS13 {
		label, context, n = "EXPORTER_EAP_TLS_Key_Material", []byte{13}, 128
	}
	want, err := cs.ExportKeyingMaterial(label, context, n)
	if err != nil {
		t.Fatal(err)
	}
	if string(keys.MSK[:]) != string(want[:64]) {
		t.Errorf("TLS %s, resumed %v: the device's MSK differs", tls.VersionName(cs.Version), cs.DidResume)
	}
}

var bothVersions = map[string]uint16{"tls_1_2": tls.VersionTLS12, "tls_1_3": tls.VersionTLS13}

// TL-15: a device resumes again and again, with keys of its own each time, and one session is
// kept for it.
func TestTL15Resumes(t *testing.T) {
	t.Parallel()
	for name, version := range bothVersions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReturning(t, version)
			first := r.signIn(false)
			for range 3 {
				if again := r.signIn(true); again.MSK == first.MSK {
					t.Error("a resumed session has the keys of the first")
				}
				if n := r.sessions.Len(); n != 1 {
					t.Errorf("got %d sessions for one device, want 1", n)
				}
			}
		})
	}
}

// TL-15: another binding, a session whose time is up and a memory that is full make full
// handshakes.
func TestTL15BoundAndExpired(t *testing.T) {
	t.Parallel()
	for name, version := range bothVersions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReturning(t, version)
			r.signIn(false)
			r.server.Binding[0]++
			r.signIn(false)
			r.signIn(true)
			r.now = r.now.Add(40 * time.Minute)
			r.signIn(true)
			r.now = r.now.Add(40 * time.Minute) // 80 after the full handshake
			r.signIn(false)
			r.sessions.Expire(r.now.Add(2 * time.Hour))
			if n := r.sessions.Len(); n != 0 {
				t.Errorf("got %d sessions after their time, want none", n)
			}
			r.signIn(false)
			r.server.Sessions = nil
			r.signIn(false)
		})
	}
}

// TL-15: the memory is bounded: the oldest session goes first.
func TestTL15Bounded(t *testing.T) {
	t.Parallel()
	r := newReturning(t, tls.VersionTLS13)
	r.sessions = eaptls.NewSessions(2)
	r.server.Sessions = r.sessions
	r.signIn(false)
	first := r.peer.ClientSessionCache
	for range 2 {
		r.peer.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		r.signIn(false)
	}
	if n := r.sessions.Len(); n != 2 {
		t.Errorf("got %d sessions, want 2", n)
	}
	r.signIn(true)
	r.peer.ClientSessionCache = first
	r.signIn(false)
}

// TL-16: a resumption is judged like any sign-in; a refused one takes its session along.
func TestTL16RefusedResumptionForgets(t *testing.T) {
	t.Parallel()
	for name, version := range bothVersions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReturning(t, version)
			r.signIn(false)
			judge := r.server.Verify
			r.server.Verify = func(cs *tls.ConnectionState) eaptls.Verdict {
				judge(cs)
				return eaptls.Verdict{Failure: &eap.Failure{Reason: audit.UserSuspended}}
			}
			f := newDialogue(t, r.server, r.peer).failure()
			if f.Reason != audit.UserSuspended || !r.resumed {
				t.Errorf("got %v, resumed %v; want a resumption refused as user_suspended", f, r.resumed)
			}
			if n := r.sessions.Len(); n != 0 {
				t.Errorf("got %d sessions after the refusal, want none", n)
			}
			r.server.Verify = judge
			r.signIn(false)
		})
	}
}

// GA-1: a conversation that does not end well leaves no session, however far it came.
func TestGA1NoSessionBeforeSuccess(t *testing.T) {
	t.Parallel()
	for name, version := range bothVersions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReturning(t, version)
			d := newDialogue(t, r.server, r.peer)
			step := d.begin()
			for range 10 {
				answer := d.device.flight(d.receive(step))
				if len(answer) == 0 {
					break // all that is missing is the final acknowledgement
				}
				step = d.send(answer)
			}
			if step.Status != eap.Continue {
				t.Fatalf("got status %d, want one round to go", step.Status)
			}
			d.method.Close()
			if n := r.sessions.Len(); n != 0 {
				t.Errorf("got %d sessions of an unfinished conversation", n)
			}
		})
	}
}

// A ticket is a handle: small, and no guess finds a session.
func TestTicketsAreHandles(t *testing.T) {
	t.Parallel()
	r := newReturning(t, tls.VersionTLS12)
	r.signIn(false)
	session, ok := r.peer.ClientSessionCache.Get("radius.example")
	if !ok {
		t.Fatal("the device got no ticket")
	}
	ticket, state, err := session.ResumptionState()
	if err != nil || len(ticket) != 16 {
		t.Fatalf("got a ticket of %d octets (%v), want 16", len(ticket), err)
	}
	for _, forged := range [][]byte{make([]byte, 16), ticket[:15], append(ticket[:15:15], ticket[15]^1), make([]byte, 4000)} {
		other, err := tls.NewResumptionState(forged, state)
		if err != nil {
			t.Fatal(err)
		}
		r.peer.ClientSessionCache.Put("radius.example", other)
		r.signIn(false)
	}
}
