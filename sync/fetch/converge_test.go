package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/bundle"
	"gatehouse/sync/fetch"
	"gatehouse/sync/reconcile"
	"gatehouse/sync/versions"
)

// TestFleetConverges is TestE2EFleetConverges with fewer gateways.
func TestFleetConverges(t *testing.T) { converge(t, 50) }

// converge has gateways, each with a state directory of its own, fetch one bundle after the other
// from one web server, by HTTPS, with the intervals of production in the time of a bubble: the
// first, its successor, and one with a signature that is nobody's, which all of them refuse.
func converge(t *testing.T, count int) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(t)
		r.publish(1, r.key)
		for i := range count {
			r.start(fmt.Sprintf("branch-%04d", i))
		}
		r.wait("bundle 1 in force", 10*time.Minute, func(b *branch) bool { return b.serial() == 1 })
		time.Sleep(10 * time.Minute)
		r.tell("quiet, for 10 minutes")
		r.publish(2, r.key)
		r.wait("bundle 2 in force", 10*time.Minute, func(b *branch) bool { return b.serial() == 2 })
		time.Sleep(10 * time.Minute)
		r.tell("quiet again")
		r.publish(3, newSigningKey(t))
		r.wait("bundle 3 refused", 10*time.Minute, func(b *branch) bool {
			refused := b.Bundles().Refused
			return refused != nil && refused.Code == bundle.UnknownKey && b.serial() == 2
		})
		time.Sleep(10 * time.Minute)
		r.tell("quiet, with a bundle that nobody takes")
		r.stop()
		for _, b := range r.branches {
			b.check(t)
		}
	})
}

// A region is a web server with one bundle, and the branches that fetch it, over a network in
// memory.
type region struct {
	t        *testing.T
	key      bundle.SigningKey
	pool     *x509.CertPool
	listener *pipeListener
	states   string // directory of the state directories
	branches []*branch
	stop     func()
	running  sync.WaitGroup
	ctx      context.Context

	mu     sync.Mutex // guards what follows
	files  map[string][]byte
	served map[int64]int // requests, by second
	since  time.Time     // of tell
}

func newRegion(t *testing.T) *region {
	t.Helper()
	r := &region{t: t, key: newSigningKey(t), pool: x509.NewCertPool(), files: map[string][]byte{},
		listener: &pipeListener{conns: make(chan net.Conn)}, served: map[int64]int{}, since: time.Now()}
	ca, err := lab.NewCA(lab.CAOptions{Name: "Web CA"})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.IssueServer(lab.ServerOptions{DNSNames: []string{"fleet.example"}})
	if err != nil {
		t.Fatal(err)
	}
	r.pool.AddCert(ca.Certificate)
	r.states = inMemory(t)
	server := &http.Server{Handler: r, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	r.running.Go(func() {
		_ = server.Serve(tls.NewListener(r.listener, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}))
	})
	ctx, cancel := context.WithCancel(t.Context())
	r.ctx = ctx
	r.stop = func() {
		cancel()
		_ = server.Close() // its listener is in memory
		r.running.Wait()
	}
	t.Cleanup(r.stop)
	return r
}

// inMemory returns a directory in memory, where there is one: a thousand gateways on one disk would
// wait for its syncs.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gatehouse")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newSigningKey(t *testing.T) bundle.SigningKey {
	t.Helper()
	key, err := bundle.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// publish puts a bundle there, signed by key.
func (r *region) publish(serial uint64, key bundle.SigningKey) {
	r.t.Helper()
	b, err := bundle.Build(os.DirFS("../../testdata/configdirs/good/minimal"),
		bundle.BuildOptions{ID: "branch", Serial: serial, AllowPlain: true})
	if err != nil {
		r.t.Fatal(err)
	}
	signature, err := key.Sign(bytes.NewReader(b.Archive), b.Manifest.Comment())
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files["branch.tar.gz"], r.files["branch.tar.gz.minisig"] = b.Archive, signature
}

func (r *region) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	data, ok := r.files[path.Base(request.URL.Path)]
	r.served[time.Now().Unix()]++
	r.mu.Unlock()
	if !ok {
		http.NotFound(w, request)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(data))))
	http.ServeContent(w, request, "", time.Time{}, bytes.NewReader(data))
}

// A branch is what of a gateway has to do with bundles.
type branch struct {
	*fetch.Fetcher
	*reconcile.Reconciler
	holder snapshot.Holder
	wire   atomic.Int64 // bytes, both ways
	told   traffic      // until tell was called last
}

// start runs another branch.
func (r *region) start(id string) {
	r.t.Helper()
	state := filepath.Join(r.states, id)
	if err := os.Mkdir(state, 0o700); err != nil {
		r.t.Fatal(err)
	}
	dir, err := versions.Open(versions.Config{State: state})
	if err != nil {
		r.t.Fatal(err)
	}
	b := &branch{}
	b.Reconciler = reconcile.New(reconcile.Config{
		FS: func() fs.FS { return fstest.MapFS{} }, Holder: &b.holder, Now: time.Now,
		Logger: slog.New(slog.DiscardHandler),
		Bundles: &reconcile.Bundles{Dir: dir, Ledger: memory{}, Keys: []bundle.TrustedKey{r.key.Trusted("fleet")},
			Node: bundle.Node{ID: id}, Version: "1.0.0", RequireSigned: true,
			Clock: func() (time.Time, bool) { return time.Now(), true }},
	})
	b.Fetcher, err = fetch.New(fetch.Config{URL: "https://fleet.example/branch.tar.gz", Node: id, CA: r.pool,
		Dir: dir.Incoming(), Logger: slog.New(slog.DiscardHandler), OnArrive: func(string) { b.Reconciler.Wake() }})
	if err != nil {
		r.t.Fatal(err)
	}
	b.Dial(func(ctx context.Context, _, _ string) (net.Conn, error) { return r.listener.dial(ctx, &b.wire) })
	r.branches = append(r.branches, b)
	r.running.Go(func() { _ = b.Fetcher.Run(r.ctx) })    // it has no error but that of its directory,
	r.running.Go(func() { _ = b.Reconciler.Run(r.ctx) }) // and this one none
}

func (b *branch) serial() uint64 {
	state := b.Bundles()
	v, _ := state.Version()
	return v.Serial
}

// check wants to see what became of three bundles.
func (b *branch) check(t *testing.T) {
	t.Helper()
	state, status := b.Bundles(), b.Status()
	if state.Settled[reconcile.Applied] != 2 || state.Settled[reconcile.Refused] != 1 || b.holder.Load() == nil {
		t.Errorf("got %v, want 2 applied and 1 refused", state.Settled)
	}
	if status.Arrivals != 3 || status.Failures > 0 || status.Err != "" {
		t.Errorf("got %+v, want 3 arrivals and no failure", status)
	}
}

// wait waits until all branches are so, and tells what it took.
func (r *region) wait(what string, within time.Duration, done func(*branch) bool) {
	r.t.Helper()
	began := time.Now()
	left := slices.Clone(r.branches)
	var took []time.Duration
	for len(left) > 0 && time.Since(began) < within {
		time.Sleep(time.Second)
		synctest.Wait()
		left = slices.DeleteFunc(left, func(b *branch) bool {
			if done(b) {
				took = append(took, time.Since(began))
				return true
			}
			return false
		})
	}
	if len(left) > 0 {
		r.t.Fatalf("%d of %d branches do not have %s after %v: %+v, %+v", len(left), len(r.branches), what, within,
			left[0].Status(), left[0].Bundles())
	}
	r.tell(fmt.Sprintf("%s everywhere after %v, half of them after %v", what, took[len(took)-1], took[len(took)/2]))
}

// A traffic is what a branch has asked for.
type traffic struct{ requests, body, wire int64 }

func (b *branch) traffic() traffic {
	s := b.Status()
	return traffic{int64(s.Requests), int64(s.Bytes), b.wire.Load()}
}

// tell says what each branch asked for since the last call, and how much the server had to do in
// one second. It fails the test if branches come in crowds.
func (r *region) tell(what string) {
	r.t.Helper()
	var requests, body, wire []int64
	for _, b := range r.branches {
		now := b.traffic()
		requests = append(requests, now.requests-b.told.requests)
		body = append(body, now.body-b.told.body)
		wire = append(wire, now.wire-b.told.wire)
		b.told = now
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	peak, all := 0, 0
	for _, n := range r.served {
		peak, all = max(peak, n), all+n
	}
	mean := float64(all) / max(time.Since(r.since).Seconds(), 1)
	r.since, r.served = time.Now(), map[int64]int{}
	r.t.Logf("%s: by branch %s requests, %s bytes, %s with TLS; of the server %.1f requests/s, %d at the peak",
		what, meanMax(requests), meanMax(body), meanMax(wire), mean, peak)
	if float64(peak) > 10+5*mean {
		r.t.Errorf("%d requests came within a second, of %.1f/s", peak, mean)
	}
}

func meanMax(all []int64) string {
	sum := int64(0)
	for _, n := range all {
		sum += n
	}
	return fmt.Sprintf("%.1f (at most %d)", float64(sum)/float64(len(all)), slices.Max(all))
}

// memory is a ledger in memory, of one goroutine.
type memory map[string][]byte

func (m memory) Recall(key string) ([]byte, bool) { value, ok := m[key]; return value, ok }
func (m memory) Err() error                       { return nil }

func (m memory) Remember(_ context.Context, key string, value []byte) error {
	if m[key] = bytes.Clone(value); value == nil {
		delete(m, key)
	}
	return nil
}

// A pipeListener takes connections in memory.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	conn, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

// dial connects to the listener; what goes over the connection is counted.
func (l *pipeListener) dial(ctx context.Context, counter *atomic.Int64) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return &countedConn{near, counter}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.conns) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }

type countedConn struct {
	net.Conn
	bytes *atomic.Int64
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}
