package supplicant

import (
	"bytes"
	"crypto/tls"
)

// masterLabel marks our entry in a session's Extra: crypto/tls neither writes the key log on a
// TLS 1.2 resumption nor exports keys without Extended Master Secret, so that the master
// secret has to travel with the session.
const masterLabel = "gatehouse supplicant master 1:"

// masterKeeper is the session cache that one connection sees: it puts the master secret into
// each TLS 1.2 session kept, and takes it out of the one that is offered again. It belongs to
// the engine's coroutine.
type masterKeeper struct {
	cache   tls.ClientSessionCache
	secret  *masterSecret // of this connection; nil inside after a resumption
	offered []byte        // master secret of the session offered; nil: not known
}

// Get implements tls.ClientSessionCache.
func (k *masterKeeper) Get(key string) (*tls.ClientSessionState, bool) {
	session, ok := k.cache.Get(key)
	if !ok || session == nil {
		return nil, false
	}
	if _, state, err := session.ResumptionState(); err == nil && state != nil {
		k.offered = rememberedMaster(state)
	}
	return session, true
}

// Put implements tls.ClientSessionCache. The full handshake has just written its master
// secret; a resumed one goes on with the offered session's.
func (k *masterKeeper) Put(key string, session *tls.ClientSessionState) {
	k.cache.Put(key, k.withMaster(session))
}

func (k *masterKeeper) withMaster(session *tls.ClientSessionState) *tls.ClientSessionState {
	master := k.secret.master
	if master == nil {
		master = k.offered
	}
	if session == nil || master == nil {
		return session
	}
	ticket, state, err := session.ResumptionState()
	if err != nil || state == nil || rememberedMaster(state) != nil {
		return session
	}
	state.Extra = append(state.Extra, append([]byte(masterLabel), master...))
	kept, err := tls.NewResumptionState(ticket, state)
	if err != nil {
		return session
	}
	return kept
}

// rememberedMaster returns the master secret that withMaster left in state; nil: none.
func rememberedMaster(state *tls.SessionState) []byte {
	for _, entry := range state.Extra {
		master, ours := bytes.CutPrefix(entry, []byte(masterLabel))
		if ours && len(master) == masterBytes {
			return master
		}
	}
	return nil
}

// lastSession is the session cache of one worker: it holds the last session only, and offers
// it whenever asked. It belongs to one goroutine.
type lastSession struct{ session *tls.ClientSessionState }

// Get implements tls.ClientSessionCache.
func (s *lastSession) Get(string) (*tls.ClientSessionState, bool) {
	return s.session, s.session != nil
}

// Put implements tls.ClientSessionCache.
func (s *lastSession) Put(_ string, session *tls.ClientSessionState) { s.session = session }

// forget drops a session that did not lead to an accept, as peers do.
func (s *lastSession) forget() { s.session = nil }
