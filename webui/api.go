package webui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"gatehouse/authcore/audit"
)

const (
	// maxUpload bounds a certificate that is sent for a test, in bytes.
	maxUpload = 256 << 10
	// maxListed bounds the decisions in one answer.
	maxListed = 1000
	// maxSent bounds those taken up to be sent to a stream: a reader that does not read holds them.
	maxSent = 50
	// heartbeat keeps proxies and readers of a stream from giving up.
	heartbeat = 15 * time.Second
	// maxStreams bounds the streams at once.
	maxStreams = 8
)

// Decisions are the last decisions, numbered.
type Decisions interface {
	// After returns at most limit decisions above id, oldest first.
	After(id uint64, limit int) []audit.Entry
	// Last returns the number of the newest.
	Last() uint64
	// Wait returns when there is a decision above id, or ctx's error.
	Wait(ctx context.Context, id uint64) error
}

// ErrNotFound is what Backend's functions wrap when what was asked for does not exist,
// ErrInvalid when the question makes no sense, ErrRefused when what it asks for is not to be, and
// ErrBusy when others ask for the same at this moment.
var (
	ErrNotFound = errors.New("not found")
	ErrInvalid  = errors.New("invalid")
	ErrRefused  = errors.New("refused")
	ErrBusy     = errors.New("busy")
)

// errBusy is told to who asks for a stream too many.
var errBusy = errors.New("too many streams at once: end another `gatehouse tail`")

// These are told to who pushes.
var (
	errPushing  = errors.New("another bundle is being pushed: try again in a moment")
	errTooLarge = errors.New("too large")
	errTooSlow  = errors.New("too slow")
	// errSignature is what the web server itself says by the same status when a header is larger
	// still than one that is read at all.
	errSignature = errors.New("the signature is too long")
)

// A Backend answers what the API asks. Its functions are safe for concurrent use.
type Backend struct {
	Status    func() Status
	Decisions Decisions
	// TestCertificate decides about a PEM chain or a DER certificate; an empty server: about
	// every RADIUS server.
	TestCertificate func(certificate []byte, server string) ([]CertTest, error)
	// OpenSealed returns the certificates of a PKCS #12, as PEM, leaf first. It keeps nothing, and
	// never looks at the key. It opens one at a time: its errors wrap ErrInvalid, or ErrBusy.
	OpenSealed func(ctx context.Context, file []byte, password string) ([]byte, error)
	// FindUser returns the user with that user name, e-mail address or alias.
	FindUser func(name string) (User, error)
	Clock    func() Clock
	// Validities are what this gateway holds that has a beginning or an end.
	Validities func() []Validity
	// ResetClock makes the wall clock the one to go by, because a person says that it is right.
	ResetClock func() error
	// AskTime asks a time server by its name or address, and believes nothing.
	AskTime func(ctx context.Context, server string) (TimeAnswer, error)
	OCSP    OCSP
	Bundles Bundles
	SAML    SAML
	Support Support
	RADIUS  RADIUSServers
	CAs     CAs
	// Accounts are those who may sign in to the pages.
	Accounts Accounts
	// Onboard makes the files for a person's device. Its errors wrap ErrInvalid, or ErrNotFound
	// for a credential that is not there.
	Onboard func(o OnboardOrder) (Onboarding, error)
}

// api is the JSON API over a Backend.
type api struct {
	Backend
	entry   *entry        // who is signed in; nil: there are no pages
	streams chan struct{} // a token for each stream at once
	pushes  chan struct{} // a token for the one push at a time
}

func newAPI(b Backend) *api {
	return &api{Backend: b, streams: make(chan struct{}, maxStreams), pushes: make(chan struct{}, 1)}
}

func (a *api) decisions(w http.ResponseWriter, r *http.Request) {
	after, err := number(r, "after", 0)
	if err != nil {
		fail(w, err)
		return
	}
	limit, err := number(r, "limit", 100)
	if err != nil {
		fail(w, err)
		return
	}
	entries := a.Decisions.After(after, int(min(limit, maxListed)))
	if entries == nil {
		entries = []audit.Entry{}
	}
	writeJSON(w, entries)
}

// stream sends every decision as it is taken, as server-sent events. Without after it begins
// with the next one.
func (a *api) stream(w http.ResponseWriter, r *http.Request) {
	a.follow(w, r, follower{event: writtenEvent, live: func() bool { return isLive(r) }})
}

// A follower is who reads decisions as they are taken.
type follower struct {
	event func(audit.Entry) (string, bool) // as it is sent, "" being not at all; false: it cannot be
	live  func() bool                      // whether the reader still may
}

// follow sends decisions until the reader leaves.
func (a *api) follow(w http.ResponseWriter, r *http.Request, f follower) {
	last, err := number(r, "after", a.Decisions.Last())
	if err != nil {
		fail(w, err)
		return
	}
	if id, err := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 63); err == nil {
		last = max(last, id) // a browser that lost its connection goes on where it was
	}
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		fail(w, errBusy)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	for f.live() {
		// A reader that does not read is dropped by this deadline.
		if control.SetWriteDeadline(time.Now().Add(2*heartbeat)) != nil || control.Flush() != nil {
			return
		}
		if !a.waitOrBeat(w, r, last) {
			return
		}
		for _, e := range a.Decisions.After(last, maxSent) {
			last = e.ID
			text, ok := f.event(e)
			if !ok {
				return
			}
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
		}
	}
}

// waitOrBeat waits for a decision above last, or writes a heartbeat; false: the reader is gone.
func (a *api) waitOrBeat(w io.Writer, r *http.Request, last uint64) bool {
	ctx, cancel := context.WithTimeout(r.Context(), heartbeat)
	defer cancel()
	if a.Decisions.Wait(ctx, last) == nil {
		return true
	}
	if r.Context().Err() != nil {
		return false
	}
	_, err := io.WriteString(w, ": still here\n\n")
	return err == nil
}

func writtenEvent(e audit.Entry) (string, bool) {
	data, err := json.Marshal(e)
	return fmt.Sprintf("id: %d\nevent: decision\ndata: %s\n\n", e.ID, data), err == nil
}

// answer writes what a Backend function returned.
func answer(w http.ResponseWriter) func(any, error) {
	return func(v any, err error) {
		if err != nil {
			fail(w, err)
			return
		}
		writeJSON(w, v)
	}
}

func number(r *http.Request, name string, fallback uint64) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%w: %s is no number", ErrInvalid, name)
	}
	return n, nil
}

// An apiError is the body of every answer that is not 2xx.
type apiError struct {
	Error string `json:"error"`
}

func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var no *refusal
	switch {
	case errors.As(err, &no):
		status = no.status
	case errors.Is(err, ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, ErrInvalid):
		status = http.StatusBadRequest
	case errors.Is(err, ErrRefused):
		status = http.StatusConflict
	case errors.Is(err, errBusy), errors.Is(err, errPushing), errors.Is(err, ErrBusy):
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", "1")
	case errors.Is(err, errTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, errSignature):
		status = http.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, errTooSlow):
		status = http.StatusRequestTimeout
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(apiError{err.Error()}) // the client is gone: nobody to tell
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nobody to tell
}
