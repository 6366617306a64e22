package fetch_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/sync/fetch"
)

// A fleet is a web server with one bundle, and counters.
type fleet struct {
	*httptest.Server
	mu        sync.Mutex // guards what follows
	archive   []byte
	signature []byte
	etag      bool // whether versions are named
	seen      []string
	sent      int64
	// before, if not nil, may answer in the server's place: true, if it did.
	before func(w http.ResponseWriter, r *http.Request, seen int) bool
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	s := &fleet{etag: true}
	s.publish(1, 3000)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// publish puts version n there, of size bytes.
func (s *fleet) publish(n uint64, size int) {
	archive, signature := version(n, size)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.archive, s.signature = archive, signature
}

func version(n uint64, size int) (archive, signature []byte) {
	archive = make([]byte, size)
	random := rand.New(rand.NewPCG(n, 0))
	for i := range archive {
		archive[i] = byte(random.Uint32())
	}
	archive[0], archive[1] = 0x1f, 0x8b
	return archive, fmt.Appendf(nil, "untrusted comment: version %d\n", n)
}

func (s *fleet) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r.URL.Path)
	before, seen := s.before, len(s.seen)
	s.mu.Unlock()
	if before != nil && before(w, r, seen) {
		return
	}
	s.mu.Lock()
	body, etag := s.archive, s.etag
	if strings.HasSuffix(r.URL.Path, ".minisig") {
		body = s.signature
	}
	s.mu.Unlock()
	if etag {
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, body[2:min(len(body), 40)]))
	}
	counted := &countingWriter{ResponseWriter: w}
	http.ServeContent(counted, r, "", time.Time{}, bytes.NewReader(body))
	s.mu.Lock()
	s.sent += counted.n
	s.mu.Unlock()
}

type countingWriter struct {
	http.ResponseWriter
	n int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.n += int64(n)
	return n, err
}

// asked returns what was asked for since the last call.
func (s *fleet) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kinds []string
	for _, p := range s.seen {
		if strings.HasSuffix(p, ".minisig") {
			kinds = append(kinds, "signature")
		} else {
			kinds = append(kinds, "archive")
		}
	}
	s.seen = nil
	return strings.Join(kinds, " ")
}

func (s *fleet) interfere(before func(w http.ResponseWriter, r *http.Request, seen int) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.seen = before, nil
}

func (s *fleet) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// A gateway is one Fetcher with its directory and log.
type gateway struct {
	*fetch.Fetcher
	dir     string
	log     *bytes.Buffer
	arrived []string
}

func newGateway(t *testing.T, s *fleet, change func(*fetch.Config)) *gateway {
	t.Helper()
	g := &gateway{dir: t.TempDir(), log: &bytes.Buffer{}}
	c := fetch.Config{URL: s.URL + "/{id}.tar.gz", Node: "oslo-1", CA: s.pool(), Dir: g.dir,
		Logger:   slog.New(slog.NewJSONHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnArrive: func(path string) { g.arrived = append(g.arrived, path) }}
	if change != nil {
		change(&c)
	}
	var err error
	if g.Fetcher, err = fetch.New(c); err != nil {
		t.Fatalf("fetch.New: got %v, want none", err)
	}
	if err := g.Start(); err != nil {
		t.Fatalf("Start: got %v, want none", err)
	}
	t.Cleanup(g.Stop)
	return g
}

// try asks once and returns the error that Status shows.
func (g *gateway) try(t *testing.T) string {
	t.Helper()
	g.Try(context.Background())
	return g.Status().Err
}

// wantTry asks once and wants an error with text, or none.
func (g *gateway) wantTry(t *testing.T, text string) {
	t.Helper()
	got := g.try(t)
	if text == "" && got != "" || !strings.Contains(got, text) {
		t.Fatalf("Try: got %q, want %q", got, text)
	}
}

// wantPair wants a version in place, and nothing half-done once the Fetcher has stopped.
func (g *gateway) wantPair(t *testing.T, archive, signature []byte) {
	t.Helper()
	path := filepath.Join(g.dir, "oslo-1.tar.gz")
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, archive) {
		t.Fatalf("archive: got %d bytes and %v, want %d bytes as published", len(got), err, len(archive))
	}
	if got, err := os.ReadFile(path + ".minisig"); err != nil || !bytes.Equal(got, signature) {
		t.Fatalf("signature: got %q and %v, want %q", got, err, signature)
	}
	g.Stop()
	g.wantFiles(t, ".oslo-1.tar.gz.json oslo-1.tar.gz oslo-1.tar.gz.minisig")
}

func (g *gateway) wantFiles(t *testing.T, want string) {
	t.Helper()
	entries, err := os.ReadDir(g.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("files: got %q, want %q", got, want)
	}
}

// cut sends half of what there is and breaks the connection.
func cut(w http.ResponseWriter, body []byte, etag string) {
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	_, _ = io.Copy(w, bytes.NewReader(body[:len(body)/2]))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
