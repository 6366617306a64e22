package radserver

import (
	"net/netip"
	"sync"
)

// A MALearner remembers the source addresses that are able to send Message-Authenticator in
// requests without EAP; a client in auto mode must send it ever after. Addresses are never
// IPv4-mapped. Both methods must be safe for concurrent use and must not wait.
type MALearner interface {
	Learnt(netip.Addr) bool
	Learn(netip.Addr)
}

// maxLearnt bounds a memoryLearner.
const maxLearnt = 16384

// A memoryLearner is a MALearner that forgets with the process. Once it is full it learns no
// more; forgetting somebody would open the door again.
type memoryLearner struct {
	mu     sync.RWMutex // guards learnt
	learnt map[netip.Addr]struct{}
}

func newMemoryLearner() *memoryLearner {
	return &memoryLearner{learnt: make(map[netip.Addr]struct{})}
}

// Learnt reports whether addr was learnt.
func (m *memoryLearner) Learnt(addr netip.Addr) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, ok := m.learnt[addr]
	return ok
}

// Learn remembers addr.
func (m *memoryLearner) Learn(addr netip.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.learnt) < maxLearnt {
		m.learnt[addr] = struct{}{}
	}
}
