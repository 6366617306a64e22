// Package webhook posts JSON to an address that an administrator has written down: notices and
// heartbeats go this way.
//
// The address may hold a token, so it is in no error; nor is anything that the other side says,
// but for its status. Of an answer nothing is used, and little is read.
//
// The wall: it knows nothing of what it posts, does not log and starts no goroutine.
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	maxRedirects   = 3
	maxAnswerBytes = 4 << 10
	maxAnswerHead  = 16 << 10
	timeout        = 30 * time.Second // of one post, all in all
	dialTimeout    = 10 * time.Second
)

// Errors.
var (
	errRedirect = errors.New("it redirects to another host, scheme or method: " +
		"the configuration must name the place itself")
	errUnreadable = errors.New("it gives no answer that can be read")
)

// A Config says where to post, and whom to believe. Only URL is required.
type Config struct {
	URL   string           // http or https
	CA    *x509.CertPool   // who may vouch for the server; nil: the system's
	Proxy string           // http or https address; "": what the environment names
	Now   func() time.Time // by which the server's certificate is judged; nil: time.Now
}

// A Poster posts to one address. It is safe for concurrent use.
type Poster struct {
	url    string
	client *http.Client
}

// New returns a Poster. It follows redirects that keep the scheme, the host and the POST.
func New(c Config) *Poster {
	proxy := http.ProxyFromEnvironment
	if c.Proxy != "" {
		proxy = func(*http.Request) (*url.URL, error) { return url.Parse(c.Proxy) }
	}
	return &Poster{url: c.URL, client: &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			Proxy: proxy, DisableKeepAlives: true,
			TLSClientConfig:        &tls.Config{RootCAs: c.CA, Time: c.Now, MinVersion: tls.VersionTLS12},
			DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:    dialTimeout,
			MaxResponseHeaderBytes: maxAnswerHead,
		},
		CheckRedirect: checkRedirect,
	}}
}

func checkRedirect(r *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > maxRedirects || r.Method != http.MethodPost ||
		r.URL.Scheme != first.URL.Scheme || r.URL.Host != first.URL.Host {
		return errRedirect
	}
	r.Header.Del("Referer") // which is the address
	return nil
}

// Post posts a JSON document. Any 2xx status is a success.
func (p *Poster) Post(ctx context.Context, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("posting to the webhook: its address is none") // err has the address
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "gatehouse")
	answer, err := p.client.Do(r)
	if err != nil {
		return fmt.Errorf("posting to the webhook: %w", withoutURL(err))
	}
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswerBytes) // politeness only
	_ = answer.Body.Close()                                  // nothing was written
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("posting to the webhook: it answers with status %d", answer.StatusCode)
	}
	return nil
}

// withoutURL returns what may be shown of an error of http.Client: what is known to hold neither
// our address nor what the other side says.
func withoutURL(err error) error {
	var u *url.Error
	if !errors.As(err, &u) {
		return errUnreadable
	}
	if u.Timeout() {
		return errors.New("it does not answer in time")
	}
	var network *net.OpError
	var verification *tls.CertificateVerificationError
	var alert tls.AlertError
	if errors.As(u.Err, &network) || errors.As(u.Err, &verification) || errors.As(u.Err, &alert) {
		return u.Err
	}
	for _, known := range []error{errRedirect, http.ErrSchemeMismatch, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(u.Err, known) {
			return known
		}
	}
	return errUnreadable
}
