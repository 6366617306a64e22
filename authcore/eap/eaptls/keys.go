package eaptls

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

	"gatehouse/authcore/eap"
)

const (
	randomLen    = 32
	masterLen    = 48
	methodIDLen  = 64
	exportLen    = 128 // MSK and EMSK in one request: a shorter one gives other bytes
	label12      = "client EAP encryption"
	labelKeys13  = "EXPORTER_EAP_TLS_Key_Material"
	labelMethod  = "EXPORTER_EAP_TLS_Method-Id"
	keyLogPrefix = "CLIENT_RANDOM "
)

// deriveKeys returns the MSK and Session-Id of an established connection.
func deriveKeys(e *engine, secrets *masterLog) (*eap.Keys, error) {
	cs := e.conn.ConnectionState()
	if cs.Version == tls.VersionTLS13 {
		return deriveKeys13(&cs, eap.TypeTLS)
	}
	return deriveKeys12(&cs, e.wire.first, secrets)
}

// deriveKeys13 follows RFC 9190 §2.3.
func deriveKeys13(cs *tls.ConnectionState, t eap.Type) (*eap.Keys, error) {
	context := []byte{byte(t)}
	material, err := cs.ExportKeyingMaterial(labelKeys13, context, exportLen)
	if err != nil {
		return nil, fmt.Errorf("exporting the MSK: %w", err)
	}
	methodID, err := cs.ExportKeyingMaterial(labelMethod, context, methodIDLen)
	if err != nil {
		return nil, fmt.Errorf("exporting the Method-Id: %w", err)
	}
	k := &eap.Keys{SessionID: append(context, methodID...)}
	copy(k.MSK[:], material)
	clear(material)
	return k, nil
}

// deriveKeys12 follows RFC 5216 §2.3 with the PRF of RFC 5246 §5 over the master secret. The
// exporter of crypto/tls gives the same, but refuses peers without Extended Master Secret.
func deriveKeys12(cs *tls.ConnectionState, hello []byte, secrets *masterLog) (*eap.Keys, error) {
	if len(hello) < serverHelloPrefix {
		return nil, errors.New("deriving keys: no ServerHello was seen")
	}
	if !secrets.seen {
		return nil, errors.New("deriving keys: no master secret was seen")
	}
	seed := make([]byte, 0, 2*randomLen)
	seed = append(seed, secrets.clientRandom[:]...)
	seed = append(seed, hello[serverHelloPrefix-randomLen:serverHelloPrefix]...)
	k := &eap.Keys{SessionID: append([]byte{byte(eap.TypeTLS)}, seed...)}
	prf12(k.MSK[:], hashOf(cs.CipherSuite), secrets.master[:], label12, seed)
	return k, nil
}

// clientRandom returns the random of the ClientHello that begins flight (RFC 5246 §7.4.1.2), or
// nil.
//
//	record: type, version (2), length (2); handshake: type, length (3); version (2), random (32)
func clientRandom(flight []byte) []byte {
	const recordHandshake, clientHello, at = 22, 1, 5 + 4 + 2
	if len(flight) < at+randomLen || flight[0] != recordHandshake || flight[5] != clientHello {
		return nil
	}
	return flight[at : at+randomLen]
}

// hashOf returns the hash of a TLS 1.2 cipher suite's PRF (RFC 5246 §5).
func hashOf(suite uint16) func() hash.Hash {
	switch suite {
	case tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_RSA_WITH_AES_256_GCM_SHA384:
		return sha512.New384
	}
	return sha256.New
}

// prf12 fills out with P_hash(secret, label + seed).
func prf12(out []byte, newHash func() hash.Hash, secret []byte, label string, seed []byte) {
	labelAndSeed := append([]byte(label), seed...)
	mac := hmac.New(newHash, secret)
	mac.Write(labelAndSeed)
	a := mac.Sum(nil)
	for len(out) > 0 {
		mac.Reset()
		mac.Write(a)
		mac.Write(labelAndSeed)
		out = out[copy(out, mac.Sum(nil)):]
		mac.Reset()
		mac.Write(a)
		a = mac.Sum(a[:0])
	}
}

// A masterLog is the KeyLogWriter of one TLS connection. It keeps the client random and master
// secret of TLS 1.2 in memory, drops everything else, and writes nothing anywhere.
type masterLog struct {
	clientRandom [randomLen]byte
	master       [masterLen]byte
	seen         bool
}

// Write takes one line of the key log: CLIENT_RANDOM <64 hex> <96 hex>.
func (m *masterLog) Write(line []byte) (int, error) {
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte(keyLogPrefix))
	if !ok {
		return len(line), nil
	}
	random, master, ok := bytes.Cut(rest, []byte(" "))
	if !ok || len(random) != 2*randomLen || len(master) != 2*masterLen {
		return 0, errors.New("unexpected line from the TLS library")
	}
	if _, err := hex.Decode(m.clientRandom[:], random); err != nil {
		return 0, err
	}
	if _, err := hex.Decode(m.master[:], master); err != nil {
		return 0, err
	}
	m.seen = true
	return len(line), nil
}

// clear forgets the secrets.
func (m *masterLog) clear() { *m = masterLog{} }
