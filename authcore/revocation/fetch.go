package revocation

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

const (
	maxOCSPBytes = 64 << 10
	maxCRLBytes  = 8 << 20
	// maxListFetches bounds the memory that lists take while they are fetched.
	maxListFetches = 2

	// ocspTimeout and crlTimeout end a request whose context does not.
	ocspTimeout = 15 * time.Second
	crlTimeout  = 2 * time.Minute
	// fairChance is the least budget at whose end the responder is to blame.
	fairChance = 500 * time.Millisecond
)

// FetchConfig is what a Fetcher works with. Every field may be left zero.
type FetchConfig struct {
	// Now is the clock of the breakers and of what Responders tells. Nil: time.Now.
	Now func() time.Time
	// Own lists this machine's addresses, at each use. Nil: those of its interfaces.
	Own func() []netip.Addr
	// Proxy names the proxy for a request; nil for none. Nil: http.ProxyFromEnvironment. A
	// proxy may stand at any address, and resolves the names that it is asked for itself.
	Proxy func(*http.Request) (*url.URL, error)
	// Roots vouch for https responders. Nil: the system's.
	Roots  *x509.CertPool
	Logger *slog.Logger // nil: nothing is logged
}

// A Fetcher brings OCSP answers and CRLs over HTTP, knows how its responders are, and judges no
// content: that is VerifyResponse's and VerifyCRL's.
//
// What it may ask for comes from certificates. So it connects to no address that is loopback,
// link-local or our own unless the Target allows it, takes no more than 64 KiB of an answer and
// 8 MiB of a list, follows one redirect, never from https to http, and ends with its context.
//
// It starts nothing by itself; idle connections close after 30 seconds. Safe for concurrent use.
type Fetcher struct {
	now    func() time.Time
	proxy  func(*http.Request) (*url.URL, error)
	pool   *transportPool
	health *responderTable
	lists  chan struct{} // a place for each list being fetched
}

// NewFetcher returns a Fetcher that has asked nobody yet.
func NewFetcher(c FetchConfig) *Fetcher {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Proxy == nil {
		c.Proxy = http.ProxyFromEnvironment
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Fetcher{
		now:   c.Now,
		proxy: c.Proxy,
		pool:  &transportPool{own: &ownAddresses{list: c.Own}, roots: c.Roots},
		health: &responderTable{
			logger: c.Logger, byID: make(map[string]*responderHealth),
		},
		lists: make(chan struct{}, maxListFetches),
	}
}

// OCSP sends a request and returns the answer, at most 64 KiB, which is the caller's and is not
// verified: report to Judged what came of it. It goes by GET when it is short (RFC 5019 §5), by
// POST otherwise and where GET is refused. The context is the budget. Errors are *FetchError.
func (f *Fetcher) OCSP(ctx context.Context, t Target, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, ocspTimeout)
	defer cancel()
	e, err := f.newErrand(ctx, t, f.pool)
	if err != nil {
		return nil, err
	}
	body, err := e.ocsp(ctx, request)
	e.end(err)
	return body, err
}

// Validators are what a server named a list by, for asking whether there is another. The zero
// value asks for the list in any case.
type Validators struct{ ETag, LastModified string }

// CRL fetches a list, at most 8 MiB, and returns its DER, which is the caller's and is not
// verified: report to Judged what came of it. With notModified set the list that had is of is
// still the current one, and der is nil. Two lists are fetched at a time; the others wait, on
// their context. Errors are *FetchError.
func (f *Fetcher) CRL(ctx context.Context, t Target, had Validators) (
	der []byte, v Validators, notModified bool, err error,
) {
	select {
	case f.lists <- struct{}{}:
		defer func() { <-f.lists }()
	case <-ctx.Done():
		return nil, Validators{}, false, &FetchError{Stage: StageAddress, err: ctx.Err(),
			Detail: "waiting for other lists to be fetched: given up"}
	}
	ctx, cancel := context.WithTimeout(ctx, crlTimeout)
	defer cancel()
	e, err := f.newErrand(ctx, t, f.pool)
	if err != nil {
		return nil, Validators{}, false, err
	}
	got, err := e.do(ctx, exchange{
		method: http.MethodGet, url: e.url.String(), accept: "application/pkix-crl",
		had: had, limit: maxCRLBytes,
	})
	e.end(err)
	switch {
	case err != nil:
		return nil, Validators{}, false, err
	case got.notModified:
		// The list was verified when it came: this is as good as having it again.
		f.health.judged(e.key, nil, f.now())
		return nil, had, true, nil
	}
	return listDER(got.body), got.validators, false, nil
}

// Ready reports whether the responder at url is worth asking now, and if not, when to try
// again. After an outage it says yes to one caller, who is to ask and to report to Judged.
func (f *Fetcher) Ready(url string, now time.Time) (ok bool, until time.Time) {
	u, err := parseURL(url)
	if err != nil {
		return true, time.Time{} // asking says what is wrong with it, and costs nothing
	}
	return f.health.admit(healthKey(u), now)
}

// Judged reports what verification made of content fetched from url: every successful fetch
// wants one. An error says that it was nothing this responder should be asked for again soon:
// garbage, a wrong signature, "try later". Good content closes the breaker; that somebody is
// revoked or unknown is good content.
func (f *Fetcher) Judged(url string, err error) {
	if u, bad := parseURL(url); bad == nil {
		f.health.judged(healthKey(u), err, f.now())
	}
}

// Dated notes the dates of good content fetched from url, for Responders to show.
func (f *Fetcher) Dated(url string, thisUpdate, nextUpdate time.Time) {
	if u, bad := parseURL(url); bad == nil {
		f.health.dated(healthKey(u), thisUpdate, nextUpdate)
	}
}

// Responders returns the health of those asked lately, up to 64, in order of their URLs.
func (f *Fetcher) Responders() []Responder { return f.health.list(f.now()) }

// CloseIdle closes the connections that nobody uses.
func (f *Fetcher) CloseIdle() { f.pool.closeIdle() }

// listDER returns the list in body, which servers of lists send in either encoding.
func listDER(body []byte) []byte {
	if block, _ := pem.Decode(body); block != nil && block.Type == "X509 CRL" {
		return block.Bytes
	}
	return body
}
