package supplicant

import (
	"crypto/x509"
	"slices"
	"time"
)

// trustMemory remembers the server's chain that was verified last, so that a server asked
// again and again costs the signatures on its certificates once. It belongs to one Conn, whose
// anchors and expected name never change. The zero value remembers nothing.
type trustMemory struct {
	presented           []*x509.Certificate
	notBefore, notAfter time.Time // of the verified path, anchor included
}

// holds reports whether exactly these certificates were verified, and are valid at now.
func (m *trustMemory) holds(presented []*x509.Certificate, now time.Time) bool {
	return len(presented) > 0 && !now.Before(m.notBefore) && !now.After(m.notAfter) &&
		slices.EqualFunc(m.presented, presented, (*x509.Certificate).Equal)
}

// remember keeps a path that was just verified.
func (m *trustMemory) remember(presented, path []*x509.Certificate) {
	if len(path) == 0 {
		return
	}
	m.presented, m.notBefore, m.notAfter = presented, path[0].NotBefore, path[0].NotAfter
	for _, c := range path[1:] {
		if c.NotBefore.After(m.notBefore) {
			m.notBefore = c.NotBefore
		}
		if c.NotAfter.Before(m.notAfter) {
			m.notAfter = c.NotAfter
		}
	}
}
