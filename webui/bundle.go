package webui

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	// maxBundle and maxSignature bound what is pushed, in bytes.
	maxBundle    = 64 << 20
	maxSignature = 4 << 10
	// maxOrder bounds the body of a rollback, in bytes.
	maxOrder = 4 << 10
	// A push must bring at least slowBundle bytes in every pushBeat, and may take pushTime.
	slowBundle = 64 << 10
	pushBeat   = 30 * time.Second
	pushTime   = 30 * time.Minute
)

// Bundles is what the API asks about bundles. Its functions are safe for concurrent use.
type Bundles struct {
	// State tells what is in force and what was refused.
	State func() Bundle
	// Contents tells what a version consists of, by name or serial; "": what is in force.
	Contents func(version string) (*BundleContents, error)
	// Changes tells what is different in the version to ("": the one in force) other than in from
	// ("": the one before it), each by name or serial. The caller owns what it returns.
	Changes func(from, to string) (*BundleChanges, error)
	// Push stores an archive and its signature (a .minisig file) to be dealt with, and returns
	// the archive's SHA-256 in lower hex.
	Push func(archive io.Reader, signature []byte) (sha256 string, err error)
	// Pushed tells what became of the archive with that hash.
	Pushed func(sha256 string) (BundlePush, bool)
	// RollBack goes back to a version, and waits until it has been tried.
	RollBack func(BundleRollback) error
	// ResetTrust has the keys of gatehouse.yaml count again.
	ResetTrust func(by string) error
}

// A Bundle says which signed configuration is in force, and what became of others.
type Bundle struct {
	InForce       *BundleVersion  `json:"in_force"`       // null: loose files count, or nothing does
	Trying        string          `json:"trying"`         // the version that is on trial; "": none
	Kept          []BundleVersion `json:"kept"`           // on disk, what came into force last first
	Refused       *BundleRefusal  `json:"refused"`        // the last one; null: none
	Waiting       []string        `json:"waiting"`        // archives that have no signature yet
	Strays        []string        `json:"strays"`         // what lies in incoming/ and is no file: "x.tar.gz is a link"
	RequireSigned bool            `json:"require_signed"` // loose files are not taken
	Ignored       []string        `json:"ignored"`        // loose files that do not count, the first 200
	Keys          []BundleKey     `json:"keys"`           // whose signatures count
	Rotated       bool            `json:"rotated"`        // a bundle brought the keys
	Serials       []BundleSerial  `json:"serials"`
	Recipient     string          `json:"recipient"` // that secrets for this gateway are encrypted to
	Pull          *BundlePull     `json:"pull"`      // null: nothing is fetched
	Problem       string          `json:"problem"`   // what keeps bundles from being dealt with; "": nothing
	Damaged       string          `json:"damaged"`   // why another version than the one that counts is in force
}

// A BundleVersion is a bundle that was applied here, or tried.
type BundleVersion struct {
	Name         string    `json:"name"` // SERIAL-SHA8
	BundleID     string    `json:"bundle_id"`
	Serial       uint64    `json:"serial"`
	SHA256       string    `json:"sha256"`
	Signer       BundleKey `json:"signer"`
	Created      time.Time `json:"created,omitzero"`
	Expires      time.Time `json:"expires,omitzero"`
	Expired      bool      `json:"expired"`
	Applied      time.Time `json:"applied"` // for the first time
	Since        time.Time `json:"since"`   // when it came into force last
	Arrived      string    `json:"arrived"` // directory, push or pull
	Confirmed    bool      `json:"confirmed"`
	Canary       bool      `json:"canary"`
	Changelog    string    `json:"changelog,omitempty"`
	SourceURL    string    `json:"source_url,omitempty"`
	SourceCommit string    `json:"source_commit,omitempty"`
	InForce      bool      `json:"in_force"`
	Before       string    `json:"before,omitempty"`        // the version that its changes are told against
	Failed       string    `json:"failed,omitempty"`        // why it was taken out of force
	Refused      int       `json:"refused_now,omitempty"`   // people who signed in lately and no longer could
	Looked       int       `json:"refused_among,omitempty"` // of how many
}

// A BundleKey is a public key that signs.
type BundleKey struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

// A BundleSerial is the highest serial that was accepted from a key.
type BundleSerial struct {
	KeyID  string `json:"key_id"`
	Serial uint64 `json:"serial"`
}

// A BundleRefusal says why a bundle is not in force.
type BundleRefusal struct {
	At       time.Time `json:"at"`
	File     string    `json:"file,omitempty"`
	SHA256   string    `json:"sha256"`
	BundleID string    `json:"bundle_id,omitempty"`
	Serial   uint64    `json:"serial,omitempty"`
	Signer   BundleKey `json:"signer,omitzero"`
	Code     string    `json:"code"`
	ExitCode int       `json:"exit_code"` // that the command line has for it
	Text     string    `json:"text"`
	Problems []Problem `json:"problems,omitempty"`
}

// A BundlePull says how fetching goes.
type BundlePull struct {
	Address     string    `json:"address"` // without its query
	LastTry     time.Time `json:"last_try,omitzero"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastArrival time.Time `json:"last_arrival,omitzero"`
	Next        time.Time `json:"next,omitzero"`
	Error       string    `json:"error,omitempty"`
	Requests    uint64    `json:"requests"`
	Bytes       uint64    `json:"bytes"`
	NotModified uint64    `json:"not_modified"`
	Failures    uint64    `json:"failures"`
}

// The states of a push.
const (
	PushPending    = "pending"
	PushTrying     = "trying"
	PushApplied    = "applied"
	PushUnchanged  = "unchanged" // it is in force already
	PushRefused    = "refused"
	PushRolledBack = "rolled_back"
)

// A BundlePush says what became of a bundle that was pushed.
type BundlePush struct {
	SHA256  string         `json:"sha256"`
	State   string         `json:"state"`
	Version string         `json:"version,omitempty"`
	Text    string         `json:"text,omitempty"` // what it waits for, if it is pending
	Refusal *BundleRefusal `json:"refusal,omitempty"`
}

// A BundleRollback asks for a version of before.
type BundleRollback struct {
	To     string `json:"to"`     // a version that is kept; "": the one before; "loose": the loose files
	Reason string `json:"reason"` // required, for the log
	By     string `json:"-"`      // who asks
}

func (a *api) bundle(w http.ResponseWriter, _ *http.Request) { writeJSON(w, a.Bundles.State()) }

// putBundle stores what somebody pushes. Its signature is verified by who takes it from there:
// that one may push says nothing about what is pushed.
func (a *api) putBundle(w http.ResponseWriter, r *http.Request) {
	signature, err := pushedSignature(r.Header.Get("X-Minisign-Signature"))
	if err != nil {
		fail(w, err)
		return
	}
	if r.ContentLength > maxBundle {
		fail(w, fmt.Errorf("%w: the archive has more than %d MiB", errTooLarge, maxBundle>>20))
		return
	}
	select {
	case a.pushes <- struct{}{}:
		defer func() { <-a.pushes }()
	default:
		w.Header().Set("Retry-After", "5")
		fail(w, errPushing)
		return
	}
	body := &slowReader{body: http.MaxBytesReader(w, r.Body, maxBundle), control: http.NewResponseController(w)}
	hash, err := a.Bundles.Push(body, signature)
	if err != nil {
		if broken := body.whyBroken(); broken != nil {
			err = broken
		}
		fail(w, err)
		return
	}
	push, ok := a.Bundles.Pushed(hash)
	if !ok {
		push = BundlePush{SHA256: hash, State: PushPending}
	}
	w.Header().Set("Location", "/api/v1/bundle/pushes/"+hash)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(push) // the client is gone: nobody to tell
}

// pushedSignature reads the header: base64 of a .minisig file.
func pushedSignature(header string) ([]byte, error) {
	switch {
	case header == "":
		return nil, fmt.Errorf("%w: the header X-Minisign-Signature is missing: base64 of the .minisig file", ErrInvalid)
	case len(header) > base64.StdEncoding.EncodedLen(maxSignature):
		return nil, fmt.Errorf("%w: it has more than %d KiB, so it is none by minisign: "+
			"give the .minisig file that belongs to the bundle", errSignature, maxSignature>>10)
	}
	signature, err := base64.StdEncoding.DecodeString(strings.TrimSpace(header))
	if err != nil {
		return nil, fmt.Errorf("%w: the header X-Minisign-Signature is no base64", ErrInvalid)
	}
	return signature, nil
}

// A slowReader reads a body that may take long, as long as it goes on.
type slowReader struct {
	body    io.Reader
	control *http.ResponseController
	begun   time.Time
	since   int // bytes since the deadline was moved
	started bool
	err     error // of reading
}

func (s *slowReader) Read(p []byte) (int, error) {
	now := time.Now()
	if !s.started {
		s.started, s.begun = true, now
		s.extend(now)
	} else if s.since >= slowBundle {
		s.extend(now)
	}
	n, err := s.body.Read(p)
	s.since += n
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// whyBroken says why the body did not arrive as a whole; nil: it did, as far as anybody read.
func (s *slowReader) whyBroken() error {
	tooLarge := new(http.MaxBytesError)
	switch {
	case s.err == nil:
		return nil
	case errors.As(s.err, &tooLarge):
		return fmt.Errorf("%w: the archive has more than %d MiB", errTooLarge, maxBundle>>20)
	case errors.Is(s.err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: at least %d KiB must arrive in %v, and all of it in %v", errTooSlow,
			slowBundle>>10, pushBeat, pushTime)
	}
	return fmt.Errorf("%w: the upload broke off: %w", ErrInvalid, s.err)
}

// extend moves the deadline. A connection without one, as on the control socket, needs none.
func (s *slowReader) extend(now time.Time) {
	s.since = 0
	until := now.Add(pushBeat)
	if end := s.begun.Add(pushTime); until.After(end) {
		until = end
	}
	_ = s.control.SetReadDeadline(until)
	_ = s.control.SetWriteDeadline(until.Add(writeTimeout))
}

func (a *api) pushed(w http.ResponseWriter, r *http.Request) {
	push, ok := a.Bundles.Pushed(r.PathValue("sha256"))
	if !ok {
		fail(w, fmt.Errorf("%w: no such bundle was pushed, or it was long ago; see GET /api/v1/bundle", ErrNotFound))
		return
	}
	writeJSON(w, push)
}

func (a *api) rollBack(w http.ResponseWriter, r *http.Request) {
	var order BundleRollback
	if err := readJSON(w, r, &order); err != nil {
		fail(w, fmt.Errorf("%w: reading what to go back to: %w", ErrInvalid, err))
		return
	}
	if order.Reason = strings.TrimSpace(order.Reason); order.Reason == "" {
		fail(w, fmt.Errorf("%w: reason is missing: whoever reads the log will ask", ErrInvalid))
		return
	}
	order.By = who(r)
	extendForTrial(w)
	if err := a.Bundles.RollBack(order); err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, a.Bundles.State())
}

func (a *api) resetTrust(w http.ResponseWriter, r *http.Request) {
	if err := a.Bundles.ResetTrust(who(r)); err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, a.Bundles.State())
}

// extendForTrial lifts the limits of the server for who waits until a version has been tried.
func extendForTrial(w http.ResponseWriter) {
	until := time.Now().Add(2 * time.Minute)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(until)
	_ = control.SetWriteDeadline(until)
}

// readJSON reads a small body strictly.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
