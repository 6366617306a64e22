package supplicant

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

const (
	mskBytes      = 64
	exporterBytes = 128 // MSK and EMSK; a shorter request gives other bytes under TLS 1.3
	randomBytes   = 32
	masterBytes   = 48
)

// keys is what the peer derives by itself from the TLS connection.
type keys struct {
	msk       []byte // 64 bytes
	sessionID []byte
}

// deriveKeys derives the MSK and the Session-Id: RFC 9190 §2.3 for TLS 1.3, RFC 5216 §2.3
// before. Without Extended Master Secret crypto/tls refuses to export, and the PRF of
// RFC 5246 §5 is computed here from the master secret.
func deriveKeys(e *engine) (keys, error) {
	cs := e.state
	if cs.Version >= tls.VersionTLS13 {
		msk, err := cs.ExportKeyingMaterial("EXPORTER_EAP_TLS_Key_Material",
			[]byte{byte(EAPTypeTLS)}, exporterBytes)
		if err != nil {
			return keys{}, fmt.Errorf("exporting keys: %w", err)
		}
		id, err := cs.ExportKeyingMaterial("EXPORTER_EAP_TLS_Method-Id",
			[]byte{byte(EAPTypeTLS)}, 64)
		if err != nil {
			return keys{}, fmt.Errorf("exporting method id: %w", err)
		}
		return keys{msk: msk[:mskBytes], sessionID: append([]byte{byte(EAPTypeTLS)}, id...)}, nil
	}
	if e.randoms.client == nil || e.randoms.server == nil {
		return keys{}, errors.New("finding the hello randoms: not in the first records")
	}
	id := append([]byte{byte(EAPTypeTLS)}, e.randoms.client...)
	k := keys{sessionID: append(id, e.randoms.server...)}
	msk, err := cs.ExportKeyingMaterial("client EAP encryption", nil, exporterBytes)
	if err != nil {
		if msk, err = prfKeys(e); err != nil {
			return keys{}, err
		}
	}
	k.msk = msk[:mskBytes]
	return k, nil
}

// prfKeys is the TLS 1.2 derivation for connections without Extended Master Secret.
func prfKeys(e *engine) ([]byte, error) {
	if e.state.Version != tls.VersionTLS12 {
		return nil, fmt.Errorf("deriving keys: %s without extended master secret",
			tls.VersionName(e.state.Version))
	}
	master := e.secret.master
	if e.state.DidResume && e.keeper != nil {
		master = e.keeper.offered
	}
	if master == nil {
		return nil, errors.New("deriving keys: a resumed TLS 1.2 session without extended " +
			"master secret does not tell its master secret")
	}
	newHash := sha256.New
	if suiteUsesSHA384(e.state.CipherSuite) {
		newHash = sha512.New384
	}
	seed := append([]byte("client EAP encryption"), e.randoms.client...)
	seed = append(seed, e.randoms.server...)
	return prf12(newHash, master, seed, exporterBytes), nil
}

// suiteUsesSHA384 reports whether a TLS 1.2 suite's PRF is built on SHA-384 (RFC 5289 §3).
func suiteUsesSHA384(suite uint16) bool {
	return suite == tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ||
		suite == tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 ||
		suite == tls.TLS_RSA_WITH_AES_256_GCM_SHA384
}

// prf12 is P_hash of RFC 5246 §5; seed starts with the label.
func prf12(newHash func() hash.Hash, secret, seed []byte, n int) []byte {
	out := make([]byte, 0, n+sha512.Size384)
	mac := hmac.New(newHash, secret)
	mac.Write(seed)
	a := mac.Sum(nil)
	for len(out) < n {
		mac.Reset()
		mac.Write(a)
		mac.Write(seed)
		out = mac.Sum(out)
		mac.Reset()
		mac.Write(a)
		a = mac.Sum(nil)
	}
	return out[:n]
}

// masterSecret keeps the master secret of a full TLS 1.2 handshake out of crypto/tls's key
// log. It never leaves memory.
type masterSecret struct{ master []byte }

// Write takes one line of the key log; only TLS 1.2 and before write CLIENT_RANDOM.
func (m *masterSecret) Write(line []byte) (int, error) {
	f := bytes.Fields(line)
	if len(f) == 3 && string(f[0]) == "CLIENT_RANDOM" && len(f[2]) == hex.EncodedLen(masterBytes) {
		master := make([]byte, masterBytes)
		if _, err := hex.Decode(master, f[2]); err == nil {
			m.master = master
		}
	}
	return len(line), nil
}

func (m *masterSecret) zero() {
	clear(m.master)
	m.master = nil
}

// handshakeRandoms are the randoms of the two hellos.
type handshakeRandoms struct{ client, server []byte }

func (r *handshakeRandoms) observeClient(out []byte) {
	if r.client == nil {
		r.client = helloRandom(out, 1)
	}
}

func (r *handshakeRandoms) observeServer(in []byte) {
	if r.server == nil {
		r.server = helloRandom(in, 2)
	}
}

// helloRandom finds the random of a hello of the given handshake type at the start of the
// first record (RFC 5246 §7.4.1.2): record header, handshake header, version, random.
func helloRandom(record []byte, handshakeType byte) []byte {
	const at = 5 + 4 + 2
	if len(record) < at+randomBytes || record[0] != 22 || record[5] != handshakeType {
		return nil
	}
	return bytes.Clone(record[at : at+randomBytes])
}
