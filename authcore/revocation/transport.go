package revocation

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// maxTransports bounds the different sets of allowed addresses, and proxies, at one time.
const maxTransports = 16

// A transportPool holds connections: one transport for each set of allowed addresses, so that
// a connection made under one CA's rules is never used under another's, and one for each
// proxy. Safe for concurrent use.
type transportPool struct {
	own   *ownAddresses
	roots *x509.CertPool // nil: the system's

	mu  sync.Mutex // guards what follows
	all map[string]*http.Transport
}

// direct returns the transport that connects to anything but refused addresses.
func (p *transportPool) direct(allow []netip.Prefix) *http.Transport {
	return p.get("direct "+fmt.Sprint(allow), func(t *http.Transport) {
		t.DialContext = guard{allow: allow, own: p.own}.dial
	})
}

// via returns the transport that connects to a proxy only, wherever that is: it is the
// administrator who named it.
func (p *transportPool) via(proxy *url.URL) *http.Transport {
	return p.get("proxy "+proxy.String(), func(t *http.Transport) {
		t.Proxy = http.ProxyURL(proxy)
	})
}

func (p *transportPool) get(key string, fit func(*http.Transport)) *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t, ok := p.all[key]; ok {
		return t
	}
	if len(p.all) >= maxTransports { // after many reloads: start over
		p.lockedCloseIdle()
		p.all = nil
	}
	if p.all == nil {
		p.all = make(map[string]*http.Transport)
	}
	t := newTransport(p.roots)
	fit(t)
	p.all[key] = t
	return t
}

func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  ocspTimeout,
		MaxResponseHeaderBytes: 16 << 10,
		MaxIdleConns:           16,
		MaxIdleConnsPerHost:    2,
		MaxConnsPerHost:        32, // a slow responder must not make a queue of a full house
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // a small answer could become a large one
		ForceAttemptHTTP2:      true,
	}
}

func (p *transportPool) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lockedCloseIdle()
}

func (p *transportPool) lockedCloseIdle() {
	for _, t := range p.all {
		t.CloseIdleConnections()
	}
}

// A route chooses the transport of each hop of an errand: redirects take it anew.
type route struct {
	pool  *transportPool
	proxy func(*http.Request) (*url.URL, error)
	allow []netip.Prefix
	trace *fetchTrace
}

// RoundTrip implements http.RoundTripper.
func (r *route) RoundTrip(req *http.Request) (*http.Response, error) {
	proxy, err := r.proxy(req)
	if err != nil { // which quotes the setting, and with it passwords
		return nil, &FetchError{Stage: StageAddress, Detail: "the proxy setting is malformed"}
	}
	r.trace.behindProxy(proxy != nil)
	if proxy == nil {
		return r.pool.direct(r.allow).RoundTrip(req)
	}
	if err := r.checkLiteral(req.URL.Hostname()); err != nil {
		return nil, err
	}
	return r.pool.via(proxy).RoundTrip(req)
}

// checkLiteral refuses to name a refused address to the proxy, which resolves names itself: what
// those resolve to there is for the proxy to judge.
func (r *route) checkLiteral(host string) error {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	addr, err := netip.ParseAddr(name)
	switch {
	case name == "localhost" || strings.HasSuffix(name, ".localhost"): // RFC 6761 §6.3
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case err != nil:
		return nil
	}
	if err := (guard{allow: r.allow, own: r.pool.own}).check(addr); err != nil {
		return &FetchError{Stage: StageAddress, err: ErrAddressRefused,
			Detail: "asking the proxy for " + clip(host) + ": " + err.Error()}
	}
	return nil
}
