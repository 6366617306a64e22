package revocation

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
)

// maxValidator bounds an ETag and a Last-Modified, in bytes; longer ones are not remembered.
const maxValidator = 256

// An exchange is one request, and what may come of it.
type exchange struct {
	method, url, accept string
	body                []byte // an OCSP request; nil: none
	had                 Validators
	limit               int64 // of the answer, in bytes
}

// fetched is what an exchange brought.
type fetched struct {
	body        []byte
	validators  Validators
	notModified bool
}

// do makes one exchange. Its errors are *FetchError.
func (e *errand) do(ctx context.Context, x exchange) (fetched, error) {
	e.trace.begin(x.method)
	req, err := x.request(httptrace.WithClientTrace(ctx, e.trace.hooks()))
	if err != nil {
		return fetched{}, addressError("malformed")
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return fetched{}, e.trace.explain(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }() // what was read is whole or was refused
	e.trace.enter(StageBody)
	host := clip(resp.Request.URL.Host)
	if resp.StatusCode == http.StatusNotModified && x.had != (Validators{}) {
		return fetched{notModified: true}, nil
	}
	if err := checkHead(resp, host, x.limit); err != nil {
		return fetched{}, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, x.limit+1))
	if err != nil {
		return fetched{}, e.trace.explain(ctx, err)
	}
	if err := checkBody(body, host, x.limit); err != nil {
		return fetched{}, err
	}
	return fetched{body: body, validators: validatorsOf(resp.Header)}, nil
}

func (x exchange) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if x.body != nil {
		body = bytes.NewReader(x.body)
	}
	req, err := http.NewRequestWithContext(ctx, x.method, x.url, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "gatehouse")
	req.Header.Set("Accept", x.accept)
	if x.body != nil {
		req.Header.Set("Content-Type", "application/ocsp-request")
	}
	if x.had.ETag != "" {
		req.Header.Set("If-None-Match", x.had.ETag)
	}
	if x.had.LastModified != "" {
		req.Header.Set("If-Modified-Since", x.had.LastModified)
	}
	return req, nil
}

// checkHead refuses an answer by its head. Content-Type matters little, as many responders and
// servers of lists have it wrong: only a web page is told apart, because that means somebody
// else answered.
func checkHead(resp *http.Response, host string, limit int64) error {
	kind := strings.ToLower(resp.Header.Get("Content-Type"))
	coding := strings.ToLower(resp.Header.Get("Content-Encoding"))
	switch {
	case resp.StatusCode != http.StatusOK:
		return &FetchError{Stage: StageHTTP, Status: resp.StatusCode, Detail: fmt.Sprintf(
			"asking %s: answered %d %s", host, resp.StatusCode, http.StatusText(resp.StatusCode))}
	case strings.HasPrefix(kind, "text/html"), strings.HasPrefix(kind, "application/xhtml"):
		return webPage(host)
	case coding != "" && coding != "identity":
		return &FetchError{Stage: StageHTTP,
			Detail: "asking " + host + ": answered with compressed data, unasked"}
	case resp.ContentLength > limit:
		return tooLong(host, limit)
	}
	return nil
}

func checkBody(body []byte, host string, limit int64) error {
	switch {
	case int64(len(body)) > limit:
		return tooLong(host, limit)
	case len(body) == 0:
		return &FetchError{Stage: StageBody, Detail: "asking " + host + ": answered with nothing"}
	case bytes.HasPrefix(bytes.TrimLeft(body, "\ufeff \t\r\n"), []byte("<")):
		return webPage(host)
	}
	return nil
}

func webPage(host string) *FetchError {
	return &FetchError{Stage: StageHTTP,
		Detail: "asking " + host + ": answered with a web page (captive portal?)"}
}

func tooLong(host string, limit int64) *FetchError {
	return &FetchError{Stage: StageBody,
		Detail: fmt.Sprintf("asking %s: answered with more than %d KiB", host, limit>>10)}
}

func validatorsOf(h http.Header) Validators {
	v := Validators{ETag: h.Get("ETag"), LastModified: h.Get("Last-Modified")}
	if len(v.ETag) > maxValidator {
		v.ETag = ""
	}
	if len(v.LastModified) > maxValidator {
		v.LastModified = ""
	}
	return v
}
