package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"gatehouse/appliance/control"
	"gatehouse/sync/bundle"
)

// askTimeout is how long one answer may take; a stream may take for ever.
const askTimeout = 15 * time.Second

// A process is the running appliance, asked over the control socket in its state directory.
type process struct{ stateDir string }

// running reports whether there is a socket to ask at.
func (p process) running() bool {
	_, err := os.Stat(filepath.Join(p.stateDir, control.SocketName))
	return err == nil
}

// errNobody says that nobody answers; its exit code is that of being unreachable.
func (p process) errNobody(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return exitf(exitPermission, "asking the running process: %w", err)
	}
	return exitf(exitUnreachable, "asking the running process (is it running, with --state %s?): %w", p.stateDir, err)
}

// open sends a request and returns the body of a good answer, which the caller closes.
func (p process) open(ctx context.Context, method, path string, query url.Values, body io.Reader) (io.ReadCloser, error) {
	address := url.URL{Scheme: "http", Host: "gatehouse", Path: path, RawQuery: query.Encode()}
	request, err := http.NewRequestWithContext(ctx, method, address.String(), body)
	if err != nil {
		return nil, err
	}
	response, err := control.Client(p.stateDir).Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // the address means nothing to people
		}
		return nil, p.errNobody(err)
	}
	return goodAnswer(response, "the running process")
}

// goodAnswer returns the body of a good answer, which the caller closes; of any other, what who
// says with it.
func goodAnswer(response *http.Response, who string) (io.ReadCloser, error) {
	switch response.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusServiceUnavailable: // "not ready", with a body of its own
		return response.Body, nil
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	var answer struct{ Error string }
	if json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer) != nil || answer.Error == "" {
		answer.Error = who + " answered " + response.Status
		if response.StatusCode == http.StatusRequestHeaderFieldsTooLarge {
			answer.Error = who + ": " + bundle.TooLong().Error()
		}
	}
	code := exitInternal
	switch response.StatusCode {
	case http.StatusNotFound:
		code = exitNo
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		code = exitUnreadable
	case http.StatusUnauthorized, http.StatusForbidden:
		code = exitPermission
	case http.StatusRequestHeaderFieldsTooLarge: // which only a signature can be the cause of
		code = exitTrust
	case http.StatusConflict:
		code = exitRefused
	case http.StatusTooManyRequests, http.StatusBadGateway:
		code = exitUnreachable
	}
	return nil, exitWith(code, errors.New(answer.Error))
}

// maxAnswer bounds what is read of an error, in bytes.
const maxAnswer = 64 << 10

// ask sends a request and decodes the answer into v.
func (p process) ask(ctx context.Context, method, path string, query url.Values, body io.Reader, v any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, err := p.open(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }() // it was only read
	if err := json.NewDecoder(answer).Decode(v); err != nil {
		return fmt.Errorf("reading the answer of the running process: %w", err)
	}
	return nil
}
