package revocation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"unicode"
)

// A Stage is how far a request got.
type Stage uint8

// The stages, in their order.
const (
	StageAddress Stage = iota // the address itself: nothing was sent
	StageDNS
	StageTCP
	StageTLS
	StageHTTP
	StageBody
	numStages
)

var stageNames = [numStages]string{"address", "dns", "tcp", "tls", "http", "body"}

// String returns the stage's word in lower case.
func (s Stage) String() string {
	if s >= numStages {
		return fmt.Sprintf("stage(%d)", uint8(s))
	}
	return stageNames[s]
}

// A FetchError says why nothing could be fetched. Its text is one plain phrase for people, such
// as "connecting to ocsp.acme.example: connection refused"; it holds no path, query or user of
// the address, and what a stranger contributed to it is cut short and without control characters.
//
// In its chain may be context.DeadlineExceeded, context.Canceled and ErrAddressRefused.
type FetchError struct {
	Stage  Stage
	Detail string
	Status int // the HTTP status, when there was one other than asked for; else zero

	err error // never holds an address with its user or query
}

func (e *FetchError) Error() string { return e.Detail }

// Unwrap returns the cause, nil if there is none to tell.
func (e *FetchError) Unwrap() error { return e.err }

// maxDetail bounds a text that strangers contribute to, in bytes.
const maxDetail = 256

// clip makes a text of strangers fit to be logged and shown.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) <= maxDetail {
		return s
	}
	return strings.ToValidUTF8(s[:maxDetail-len("…")], "") + "…"
}

// explain turns what the HTTP client returned into words, with the help of what was traced.
func (t *fetchTrace) explain(ctx context.Context, err error) *FetchError {
	if known := (*FetchError)(nil); errors.As(err, &known) {
		return known
	}
	stage, doing := t.progress()
	out := &FetchError{Stage: stage}
	var dns *net.DNSError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		out.Detail, out.err = doing+": given up by the asker", context.Canceled
	case ctx.Err() != nil, isTimeout(err):
		out.Detail, out.err = doing+": no answer in time", context.DeadlineExceeded
	case errors.Is(err, ErrAddressRefused):
		out.Stage = StageTCP
		out.Detail, out.err = doing+": "+innermost(err), ErrAddressRefused
	case errors.As(err, &dns):
		out.Detail = doing + ": " + clip(dns.Err)
	default:
		out.Detail = doing + ": " + clip(innermost(err))
	}
	return out
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// innermost returns the words of the cause, without those of net and url around it, which
// repeat the whole address and our own port.
func innermost(err error) string {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno.Error()
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) && wrapped.Err != nil {
		return wrapped.Err.Error()
	}
	return err.Error()
}
