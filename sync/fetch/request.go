package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxRedirects      = 3
	maxValidatorBytes = 1 << 10
	maxHeaderBytes    = 64 << 10
)

// A responseError is an answer that is of no use.
type responseError struct {
	url        string // without its query
	status     int
	retryAfter time.Duration // zero: the server did not say
}

func (e *responseError) Error() string {
	text := fmt.Sprintf("asking %s: %d %s", e.url, e.status, http.StatusText(e.status))
	return strings.TrimSpace(text)
}

// validators name a version of what a server has (RFC 9110 §8.8). The zero value names none.
type validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

func validatorsOf(h http.Header) validators {
	v := validators{ETag: h.Get("ETag"), LastModified: h.Get("Last-Modified")}
	if len(v.ETag) > maxValidatorBytes {
		v.ETag = ""
	}
	if len(v.LastModified) > maxValidatorBytes {
		v.LastModified = ""
	}
	return v
}

// condition asks for what is not v.
func (v validators) condition(h http.Header) {
	switch {
	case v.ETag != "":
		h.Set("If-None-Match", v.ETag)
	case v.LastModified != "":
		h.Set("If-Modified-Since", v.LastModified)
	}
}

// strong returns what If-Range may say, or "": a weak name does not promise the same bytes
// (RFC 9110 §13.1.5).
func (v validators) strong() string {
	if strings.HasPrefix(v.ETag, `"`) {
		return v.ETag
	}
	return ""
}

func newTransport(c Config, proxy *url.URL, l limits) *http.Transport {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: l.header,
		IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 1,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // the archive is compressed, and its bytes are signed
		ForceAttemptHTTP2:      true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.CA,
			Time: c.Now},
	}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	return t
}

// ask sends one question and follows redirects, by hand: net/http quotes addresses with their
// queries in errors. The answer's status is 200, 206, 304 or 416; its body must be closed.
func (f *Fetcher) ask(ctx context.Context, u *url.URL, header http.Header) (*http.Response, error) {
	for range maxRedirects + 1 {
		req := (&http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: header.Clone(),
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
		f.note(func(s *Status) { s.Requests++ })
		resp, err := f.client.RoundTrip(req)
		if err != nil {
			return nil, fmt.Errorf("asking %s: %w", shown(u), inner(err))
		}
		switch resp.StatusCode {
		case http.StatusOK, http.StatusPartialContent, http.StatusNotModified,
			http.StatusRequestedRangeNotSatisfiable:
			return resp, nil
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
			http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			_ = resp.Body.Close() // nothing in it is of interest
			if u, err = redirect(u, resp.Header.Get("Location")); err != nil {
				return nil, err
			}
		default:
			_ = resp.Body.Close()
			return nil, &responseError{url: shown(u), status: resp.StatusCode,
				retryAfter: retryAfter(resp.Header, f.config.Now())}
		}
	}
	return nil, fmt.Errorf("asking %s: more than %d redirects", shown(f.address.archive), maxRedirects)
}

// inner takes the address off an error, where it has one.
func inner(err error) error {
	var quoting *url.Error
	if errors.As(err, &quoting) {
		return quoting.Err
	}
	return err
}

func redirect(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if location == "" || err != nil {
		return nil, fmt.Errorf("asking %s: redirected nowhere", shown(from))
	}
	to.Fragment, to.RawFragment = "", ""
	if from.Scheme == "https" && to.Scheme != "https" {
		return nil, fmt.Errorf("asking %s: redirected away from TLS", shown(from))
	}
	if err := checkURL(to); err != nil {
		return nil, fmt.Errorf("asking %s: redirected: %w", shown(from), err)
	}
	return to, nil
}

// retryAfter reads Retry-After: seconds, or a date, which is compared with the server's own where
// it tells it.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, at.Sub(now))
}

var errDrip = errors.New("the server sends too slowly")

// causeOf returns why a reading ended with err: errDrip, if a meter ended it.
func causeOf(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errDrip) {
		return errDrip
	}
	return err
}

// A meter reads a body, and gives up on one that drips: within every window some bytes must come.
type meter struct {
	body   io.Reader
	f      *Fetcher
	timer  *time.Timer
	window int64 // bytes in this window
}

// measure returns body as a meter that calls stop when it drips. Its timer must be stopped.
func (f *Fetcher) measure(body io.Reader, stop func()) *meter {
	return &meter{body: body, f: f, timer: time.AfterFunc(f.limits.window, stop)}
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.body.Read(p)
	m.f.note(func(s *Status) { s.Bytes += uint64(n) })
	if m.window += int64(n); m.window >= m.f.limits.windowBytes {
		m.window = 0
		m.timer.Reset(m.f.limits.window)
	}
	return n, err
}
