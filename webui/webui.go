// Package webui is what a browser or a monitor sees: pages and API over interfaces that it
// declares itself. Over HTTPS, from the first boot, it answers the health questions to anybody,
// pages and the API to people who have signed in, and the API to tokens; on the control socket,
// the API to whoever may open it. It never imports the parts whose state it shows.
package webui

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"gatehouse/authcore/policy"
)

const (
	readTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 2 * time.Minute
	maxHeader    = 32 << 10 // bytes; a signature travels in one
)

// Config is what is shown and to whom. Ready and Live are required, the Backend for NewLocal,
// the Certificate for NewServer.
type Config struct {
	Ready   http.HandlerFunc // answers /readyz and /healthz
	Live    http.HandlerFunc // answers /livez
	Backend Backend
	// Tokens returns those in force, for the web listener; what they may is in their scopes. It
	// is called for every request and safe for concurrent use; nobody writes to what it returns.
	// Nil: there are none.
	Tokens      func() []policy.Token
	People      People
	Certificate tls.Certificate
	// Anyone admits every source address. Otherwise only private and local ones are
	// answered: the listener names no address, so it may face the internet.
	Anyone bool
}

// NewServer returns the web server; whoever owns the listener runs it.
func NewServer(config Config) *http.Server {
	handler := webMux(config)
	if config.People.Accounts != nil {
		handler = sameOrigin(config.People.Hosts, handler)
	}
	if !config.Anyone {
		handler = localOnly(handler)
	}
	handler = secured(handler)
	if !IsSelfSigned(config.Certificate) {
		handler = httpsOnly(handler)
	}
	return &http.Server{
		Handler:           handler,
		ReadTimeout:       readTimeout,
		ReadHeaderTimeout: readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{config.Certificate}, MinVersion: tls.VersionTLS12,
		},
	}
}

// strictFor is how long browsers are told to come by HTTPS with a certificate that they trust. It is
// short: who goes back to the gateway's own certificate must not wait for a year.
const strictFor = 30 * 24 * time.Hour

// httpsOnly says so (RFC 6797 §6.1). With a certificate that browsers do not trust it would forbid
// people to look at the page in spite of that.
func httpsOnly(next http.Handler) http.Handler {
	value := fmt.Sprintf("max-age=%d", int(strictFor/time.Second))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", value)
		next.ServeHTTP(w, r)
	})
}

// IsSelfSigned reports whether nobody vouches for a certificate but itself; so it is with none.
func IsSelfSigned(c tls.Certificate) bool {
	if len(c.Certificate) == 0 {
		return true
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	return err != nil || bytes.Equal(leaf.RawIssuer, leaf.RawSubject)
}

// localOnly answers private, link-local and loopback sources only.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		source, err := netip.ParseAddrPort(r.RemoteAddr)
		addr := source.Addr().Unmap()
		if err != nil || !addr.IsPrivate() && !addr.IsLoopback() && !addr.IsLinkLocalUnicast() {
			http.Error(w, "this address answers private networks only; "+
				"name an address in listen.ui to open it", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// secured sets the headers that every answer carries.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		next.ServeHTTP(w, r)
	})
}
