package pki

import (
	"container/list"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"sync"
	"time"
)

// DefaultPaths is how many verified paths a PathMemory keeps. One takes about 300 bytes beside
// certificates, which most paths share.
const DefaultPaths = 4096

// maxShared bounds the presented intermediates that remembered paths share.
const maxShared = 64

// A PathMemory remembers verified paths, so that a returning device costs no signature of its
// chain. What it remembers is that Verify found the path under exactly this trust and these
// rules; the dates are looked at every time, and whether the device holds its key is not its
// business. It is bounded, the path unused for longest goes first. It is safe for concurrent
// use.
type PathMemory struct {
	limit int

	mu     sync.Mutex // guards what follows
	paths  map[pathKey]*list.Element
	order  *list.List          // of *rememberedPath, the one used last in front
	shared []*x509.Certificate // intermediates that devices presented
}

// A pathKey is everything that Verify's answer depends on, but for the time.
type pathKey struct {
	leaf, trust                        [sha256.Size]byte
	requireClientAuth, allowEAPOverLAN bool
}

type rememberedPath struct {
	key                 pathKey
	above               []*x509.Certificate // from the leaf's issuer to the anchor
	ca, anchor          string
	notBefore, notAfter time.Time // during which every certificate of the path is valid
}

// NewPathMemory returns a memory of limit paths; zero: DefaultPaths.
func NewPathMemory(limit int) *PathMemory {
	if limit <= 0 {
		limit = DefaultPaths
	}
	return &PathMemory{limit: limit, paths: make(map[pathKey]*list.Element), order: list.New()}
}

// Verify is t.Verify, answered from memory where it can be. It remembers nothing: that is
// Remember's, once the peer has proved that the certificate is its own.
func (m *PathMemory) Verify(t *Trust, chain []*x509.Certificate, opt Options) (Path, error) {
	if len(chain) > 0 && len(chain) <= maxPresented {
		if p, ok := m.recall(t, chain[0], opt); ok {
			return p, nil
		}
	}
	return t.Verify(chain, opt)
}

func (m *PathMemory) recall(t *Trust, leaf *x509.Certificate, opt Options) (Path, bool) {
	key := newPathKey(t, leaf, opt)
	m.mu.Lock()
	defer m.mu.Unlock()
	element := m.paths[key]
	if element == nil {
		return Path{}, false
	}
	r := element.Value.(*rememberedPath)
	ca := t.ca(r.ca)
	// Outside of the dates the long way finds the words for it.
	if ca == nil || opt.Now.Before(r.notBefore) || opt.Now.After(r.notAfter) {
		return Path{}, false
	}
	m.order.MoveToFront(element)
	certificates := make([]*x509.Certificate, 0, 1+len(r.above))
	return Path{Certificates: append(append(certificates, leaf), r.above...), CA: ca, Anchor: r.anchor}, true
}

// Remember keeps p, which t.Verify found under opt.
func (m *PathMemory) Remember(t *Trust, p Path, opt Options) {
	if len(p.Certificates) == 0 || p.CA == nil {
		return
	}
	leaf := p.Certificates[0]
	r := &rememberedPath{
		key: newPathKey(t, leaf, opt), ca: p.CA.Name, anchor: p.Anchor,
		notBefore: leaf.NotBefore, notAfter: leaf.NotAfter,
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.paths[r.key] != nil {
		return
	}
	for _, c := range p.Certificates[1:] {
		if c.NotBefore.After(r.notBefore) {
			r.notBefore = c.NotBefore
		}
		if c.NotAfter.Before(r.notAfter) {
			r.notAfter = c.NotAfter
		}
		r.above = append(r.above, m.shareLocked(t, c))
	}
	m.paths[r.key] = m.order.PushFront(r)
	for len(m.paths) > m.limit {
		oldest := m.order.Remove(m.order.Back()).(*rememberedPath)
		delete(m.paths, oldest.key)
	}
}

// shareLocked returns the certificate equal to c that others hold already, so that a thousand
// devices behind one intermediate cost one copy of it.
func (m *PathMemory) shareLocked(t *Trust, c *x509.Certificate) *x509.Certificate {
	if n := t.find(c); n != nil {
		return n.cert
	}
	for _, known := range m.shared {
		if known.Equal(c) {
			return known
		}
	}
	if len(m.shared) == maxShared {
		m.shared = append(m.shared[:0:0], m.shared[1:]...)
	}
	m.shared = append(m.shared, c)
	return c
}

// Len returns how many paths are remembered.
func (m *PathMemory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.paths)
}

func newPathKey(t *Trust, leaf *x509.Certificate, opt Options) pathKey {
	return pathKey{
		leaf: sha256.Sum256(leaf.Raw), trust: t.Hash(),
		requireClientAuth: opt.RequireClientAuth, allowEAPOverLAN: opt.AllowEAPOverLAN,
	}
}

// Hash identifies what t trusts: the names, anchors and intermediates of its CAs, in order.
func (t *Trust) Hash() [sha256.Size]byte {
	if t == nil {
		return [sha256.Size]byte{}
	}
	return t.hash
}

func hashTrust(cas []*CA) [sha256.Size]byte {
	h := sha256.New()
	part := func(b []byte) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(b)))
		h.Write(length[:])
		h.Write(b)
	}
	for _, ca := range cas {
		part([]byte(ca.Name))
		for _, list := range [][]*x509.Certificate{ca.Anchors, ca.Intermediates} {
			part(nil) // where one list ends and the next begins
			for _, c := range list {
				part(c.Raw)
			}
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// ca returns the CA of that name, or nil.
func (t *Trust) ca(name string) *CA {
	for _, ca := range t.CAs() {
		if ca.Name == name {
			return ca
		}
	}
	return nil
}
