package main

import (
	"bytes"
	"encoding/base64"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"gatehouse/authcore/pki/lab"
)

// TestOpenSSLIsThere keeps the script pki_ocsp from being skipped where nothing may be.
func TestOpenSSLIsThere(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil && os.Getenv("CI") == "true" {
		t.Fatal("openssl is not installed")
	} else if err != nil {
		t.Skip("openssl is not installed: apt-get install openssl")
	}
}

// A labWorld is a lab CA on disk, and the responder that answers for it.
type labWorld struct {
	dir       string
	ca        *lab.CA
	responder *labResponder
	log       *bytes.Buffer
}

func newLabWorld(t *testing.T, f pkiOCSPFlags) *labWorld {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lab")
	if _, err := (&pkiCAFlags{kind: "ecdsa"}).make(dir); err != nil {
		t.Fatalf("making a CA: %v", err)
	}
	w := &labWorld{dir: dir, log: &bytes.Buffer{}}
	var err error
	if w.ca, err = loadLabCA(dir); err != nil {
		t.Fatal(err)
	}
	if f.life == 0 {
		f.life = time.Hour
	}
	if w.responder, err = f.responder(dir, log.New(w.log, "", 0)); err != nil {
		t.Fatal(err)
	}
	return w
}

// issue issues a certificate that is recorded.
func (w *labWorld) issue(t *testing.T, serial int64) *lab.Leaf {
	t.Helper()
	leaf, err := w.ca.IssueUser(lab.UserOptions{
		Identity: "a@acme.example", Options: lab.Options{Serial: big.NewInt(serial)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := recordIssued(w.dir, leaf.Serial, "a b\n# c"); err != nil {
		t.Fatal(err)
	}
	return leaf
}

// ask sends one HTTP request.
func (w *labWorld) ask(method, target string, body []byte, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, bytes.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.responder.ServeHTTP(rec, r)
	return rec
}

func TestOC8GetAndPost(t *testing.T) {
	t.Parallel()
	w := newLabWorld(t, pkiOCSPFlags{})
	// Of a few certificates one at least has a request whose base64 holds what URLs reserve.
	for serial := range int64(40) {
		leaf := w.issue(t, serial+1)
		request, err := ocsp.CreateRequest(leaf.Certificate, w.ca.Certificate, nil)
		if err != nil {
			t.Fatal(err)
		}
		text := base64.StdEncoding.EncodeToString(request)
		escaped := strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(text)
		for how, rec := range map[string]*httptest.ResponseRecorder{
			"GET": w.ask("GET", "http://x/"+escaped, nil), "GET_bare": w.ask("GET", "http://x/"+text, nil),
			"POST": w.ask("POST", "http://x/", request),
		} {
			if got := rec.Header().Get("Content-Type"); rec.Code != http.StatusOK || got != "application/ocsp-response" {
				t.Fatalf("%s: got %d %s", how, rec.Code, got)
			}
			got, err := ocsp.ParseResponseForCert(rec.Body.Bytes(), leaf.Certificate, w.ca.Certificate)
			if err != nil || got.Status != ocsp.Good {
				t.Errorf("%s: got %+v, %v, want good", how, got, err)
			}
		}
	}
}

func TestLabResponderRefuses(t *testing.T) {
	t.Parallel()
	w := newLabWorld(t, pkiOCSPFlags{})
	tests := []struct {
		name, method, path string
		body               []byte
		code               int
	}{
		{"nothing", "GET", "/", nil, http.StatusBadRequest},
		{"no_base64", "GET", "/favicon.ico", nil, http.StatusNotFound},
		{"no_DER", "GET", "/AAAA", nil, http.StatusOK}, // malformedRequest, in an OCSP response
		{"POST_garbage", "POST", "/", []byte("garbage"), http.StatusOK},
		{"POST_elsewhere", "POST", "/crl", nil, http.StatusBadRequest},
		{"endless", "POST", "/", make([]byte, maxOCSPRequest+1), http.StatusBadRequest},
		{"method", "DELETE", "/", nil, http.StatusBadRequest},
		{"no_root_here", "GET", "/root-crl", nil, http.StatusNotFound},
	}
	for _, tt := range tests {
		rec := w.ask(tt.method, "http://x"+tt.path, tt.body)
		if rec.Code != tt.code {
			t.Errorf("%s: got %d, want %d", tt.name, rec.Code, tt.code)
		}
		if rec.Code != http.StatusOK {
			continue
		}
		if _, err := ocsp.ParseResponse(rec.Body.Bytes(), nil); err != (ocsp.ResponseError{Status: ocsp.Malformed}) {
			t.Errorf("%s: got %v, want malformed", tt.name, err)
		}
	}
	for range maxOCSPInFlight {
		w.responder.slots <- struct{}{}
	}
	if rec := w.ask("GET", "http://x/crl", nil); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("too many: got %d, want 503", rec.Code)
	}
}

// TestLabCRLIsCached asks for the CRL as a client with a cache does: it stays the same, until
// something is revoked or half of its life is over.
func TestLabCRLIsCached(t *testing.T) {
	t.Parallel()
	w := newLabWorld(t, pkiOCSPFlags{})
	first := w.ask("GET", "http://x/crl", nil)
	tag := first.Header().Get("ETag")
	if first.Code != http.StatusOK || tag == "" || first.Header().Get("Content-Type") != "application/pkix-crl" {
		t.Fatalf("got %d, %v", first.Code, first.Header())
	}
	if again := w.ask("GET", "http://x/crl", nil, "If-None-Match", tag); again.Code != http.StatusNotModified {
		t.Errorf("again: got %d, want 304", again.Code)
	}
	if _, _, err := addRevocation(w.dir, lab.Revocation{Serial: big.NewInt(5), At: time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	if after := w.ask("GET", "http://x/crl", nil, "If-None-Match", tag); after.Code != http.StatusOK {
		t.Errorf("after a revocation: got %d, want 200", after.Code)
	}
	list, now := w.responder.lists[0], time.Now()
	made := func(at time.Time) time.Time {
		_, made, err := list.current(w.responder.record, at)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	begin := made(now.Add(time.Hour))
	if got := made(now.Add(89 * time.Minute)); !got.Equal(begin) {
		t.Errorf("before half of its life: got %v, want %v", got, begin)
	}
	if got := made(now.Add(91 * time.Minute)); got.Equal(begin) {
		t.Error("after half of its life the CRL is the old one")
	}
	if got := made(now); !got.Equal(now) {
		t.Errorf("the clock set back: got %v, want %v", got, now)
	}
}

// TestLabDelayEndsWithTheClient waits for a responder that takes an hour, and goes away.
func TestLabDelayEndsWithTheClient(t *testing.T) {
	t.Parallel()
	w := newLabWorld(t, pkiOCSPFlags{delay: time.Hour})
	server := httptest.NewServer(w.responder)
	client := &http.Client{Timeout: 50 * time.Millisecond}
	if r, err := client.Post(server.URL, "application/ocsp-request", strings.NewReader("x")); err == nil {
		t.Errorf("got %s, want no answer", r.Status)
		_ = r.Body.Close()
	}
	server.Close() // waits for requests in hand
}
