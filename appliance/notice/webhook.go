package notice

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
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
	maxAnswerBytes = 4 << 10 // of which nothing is used
	maxAnswerHead  = 16 << 10
	webhookTimeout = 30 * time.Second
)

// Errors.
var (
	errRedirect = errors.New("it redirects to another host, scheme or method: " +
		"notices.webhook must name the place itself")
	errUnreadable = errors.New("it gives no answer that can be read")
)

// A Webhook posts notices as JSON. Its address may hold a token, so it is in no error.
type Webhook struct {
	url    string
	client *http.Client
}

// webhookBody is what is posted. Text is what chat programs show.
type webhookBody struct {
	Type    string     `json:"type"` // certificate_expiry
	Node    string     `json:"node"`
	Time    time.Time  `json:"time"`
	Text    string     `json:"text"`
	Notices []Expiring `json:"notices"`
}

// NewWebhook returns a Webhook that posts to address, http or https, through the proxy that the
// environment names if it does. It follows redirects that keep the scheme, the host and the POST.
func NewWebhook(address string) *Webhook {
	return &Webhook{url: address, client: &http.Client{
		Timeout: webhookTimeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
			DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:    dialTimeout,
			MaxResponseHeaderBytes: maxAnswerHead,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			first := via[0]
			if len(via) > maxRedirects || r.Method != http.MethodPost ||
				r.URL.Scheme != first.URL.Scheme || r.URL.Host != first.URL.Host {
				return errRedirect
			}
			r.Header.Del("Referer") // which is the address
			return nil
		},
	}}
}

// Send posts m. Any 2xx status is a success.
func (w *Webhook) Send(ctx context.Context, m *Message) error {
	body, err := json.Marshal(webhookBody{
		Type: "certificate_expiry", Node: m.Node, Time: m.At, Text: m.headline() + "\n\n" + m.body(),
		Notices: m.Notices,
	})
	if err != nil {
		return fmt.Errorf("posting to the webhook: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("posting to the webhook: its address is none") // err has the address
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "gatehouse")
	answer, err := w.client.Do(r)
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
