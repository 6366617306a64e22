package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/authcore/pki/lab"
)

const (
	maxOCSPRequest  = 64 << 10 // bytes of a POST
	maxOCSPInFlight = 1024     // requests answered, or delayed, at once
)

// A labResponder serves OCSP (RFC 6960 appendix A.1) and the CRLs of a lab CA.
type labResponder struct {
	record     *labRecord
	responders lab.Responders
	lists      []*labList
	delay      time.Duration
	log        *log.Logger
	slots      chan struct{} // as many as may be in flight
}

// ServeHTTP answers a POST at /, a GET of /REQUEST in base64, and a GET of a CRL. It looks at
// paths itself: a mux would tidy up the double slashes that base64 may hold.
func (s *labResponder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
		return
	}
	switch isGet := r.Method == http.MethodGet || r.Method == http.MethodHead; {
	case isGet && s.list(r.URL.Path) != nil:
		s.serveList(w, r, s.list(r.URL.Path))
	case isGet && r.URL.Path != "/":
		request, ok := requestInPath(r.URL)
		if !ok {
			http.NotFound(w, r)
			return
		}
		s.serveOCSP(w, r, request)
	case r.Method == http.MethodPost && r.URL.Path == "/":
		request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOCSPRequest))
		if err != nil {
			http.Error(w, "the request cannot be read", http.StatusBadRequest)
			return
		}
		s.serveOCSP(w, r, request)
	default:
		http.Error(w, "a lab's OCSP responder: POST a request here, or GET /REQUEST-IN-BASE64 or /crl",
			http.StatusBadRequest)
	}
}

// list returns the CRL at path, or nil.
func (s *labResponder) list(path string) *labList {
	for _, list := range s.lists {
		if list.path == path {
			return list
		}
	}
	return nil
}

// ready waits as long as answers are to take, brings the record up to date, and reports whether
// to answer: nobody may want to know any more.
func (s *labResponder) ready(w http.ResponseWriter, r *http.Request) bool {
	if !pause(r.Context(), s.delay) {
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return false
	}
	if err := s.record.refresh(); err != nil {
		s.log.Printf("%v; what was read before stays in force", err)
	}
	return true
}

// pause waits for d, and reports whether anybody still wants an answer then.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// requestInPath is the request that a GET holds: base64, with what URLs reserve escaped or not.
func requestInPath(u *url.URL) ([]byte, bool) {
	text, err := url.PathUnescape(strings.TrimPrefix(u.EscapedPath(), "/"))
	if err != nil {
		return nil, false
	}
	request, err := base64.StdEncoding.DecodeString(text)
	return request, err == nil
}

func (s *labResponder) serveOCSP(w http.ResponseWriter, r *http.Request, request []byte) {
	if !s.ready(w, r) {
		return
	}
	reply, err := s.responders.Answer(request, time.Now())
	if err != nil {
		s.log.Printf("answering: %v", err)
		http.Error(w, "the answer cannot be signed", http.StatusInternalServerError)
		return
	}
	s.tell(reply)
	w.Header().Set("Content-Type", "application/ocsp-response")
	w.Header().Set("Cache-Control", "no-store") // the next answer may be another one
	_, _ = w.Write(reply.DER)                   // who has gone away needs no answer
}

// tell logs one line for each certificate asked about.
func (s *labResponder) tell(reply lab.Reply) {
	if len(reply.Statements) == 0 {
		s.log.Print(reply.Response)
	}
	for _, about := range reply.Statements {
		if reply.Response == lab.Successful {
			s.log.Printf("%v %s", about.Status, formatSerial(about.Serial))
		} else {
			s.log.Printf("%v %s", reply.Response, formatSerial(about.Serial))
		}
	}
}

func (s *labResponder) serveList(w http.ResponseWriter, r *http.Request, list *labList) {
	if !s.ready(w, r) {
		return
	}
	der, made, err := list.current(s.record, time.Now())
	if err != nil {
		s.log.Printf("making a CRL: %v", err)
		http.Error(w, "the CRL cannot be signed", http.StatusInternalServerError)
		return
	}
	s.log.Printf("crl %s", list.path)
	w.Header().Set("Content-Type", "application/pkix-crl")
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(der)))
	http.ServeContent(w, r, "", made, bytes.NewReader(der))
}

// A labList is a CA's CRL, made anew when something was revoked or half its life is over.
type labList struct {
	path string
	ca   *lab.CA
	life time.Duration

	mu      sync.Mutex // guards what follows
	der     []byte
	made    time.Time
	version int64 // of the record that it was made of
}

func (l *labList) current(record *labRecord, now time.Time) ([]byte, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	version, age := record.currentVersion(), now.Sub(l.made)
	if l.der != nil && l.version == version && age >= 0 && age < l.life/2 {
		return l.der, l.made, nil
	}
	der, err := l.ca.CRL(&record.revocations, now, now.Add(l.life), now.UnixMilli())
	if err != nil {
		return nil, time.Time{}, err
	}
	l.der, l.made, l.version = der, now, version
	return der, now, nil
}
