package watch_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/reconcile"
	"gatehouse/sync/watch"
)

// versions of a configuration: in each, every object says which it is of.
const versions = 3

// content is the files of each version, from 1, by path.
type content [versions + 1]map[string]string

// newContent makes the versions of a branch. All have the same files.
func newContent(t *testing.T) *content {
	t.Helper()
	var c content
	for v := 1; v <= versions; v++ {
		name := strconv.Itoa(v)
		ca, err := lab.NewCA(lab.CAOptions{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := ca.IssueServer(lab.ServerOptions{DNSNames: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		c[v] = map[string]string{
			"policy.yaml":                 fmt.Sprintf("revocation: {ocsp: off}\neap: {fragment_size: 100%d}\n", v),
			"ca/acme.pem":                 string(ca.CertificatePEM()),
			"server/main/certificate.pem": string(leaf.CertificatePEM()),
			"server/main/key.pem":         string(leaf.KeyPEM()),
			"radius/wifi.yaml": fmt.Sprintf("authentication: {ca: [acme]}\nclients:\n"+
				"- {name: ap, address: 10.%d.0.0/16, secret_file: wifi.secret}\n", v),
			"radius/wifi.secret": fmt.Sprintf("the shared secret %d", v),
			"users/staff.csv":    fmt.Sprintf("username,vlan\nmarker,%d\n%s", v, strings.Repeat("\n", 2000)),
		}
	}
	return &c
}

// marks says of which version each object is.
type marks struct{ Policy, CA, Server, Radius, Secret, Users string }

func marksOf(t *testing.T, s *snapshot.Snapshot) marks {
	t.Helper()
	client := s.Server("wifi").Clients[0]
	m := marks{
		Policy: strconv.Itoa(s.Policy().EAP.FragmentSize - 1000),
		CA:     s.CA("acme").Anchors[0].Subject.CommonName,
		Server: s.Certificates()[0].Leaf.DNSNames[0],
		Radius: strconv.Itoa(int(client.Prefix.Addr().As4()[1])),
		Secret: strings.TrimPrefix(string(client.Secret), "the shared secret "),
	}
	user, ok, err := s.Users().Find(identity.Usernames, "marker")
	if err != nil || !ok {
		t.Errorf("generation %d: no marker: %v", s.Generation(), err)
		return m
	}
	m.Users = user.VLAN
	return m
}

// all returns the marks of a directory that is of version v throughout.
func all(v int) marks {
	n := strconv.Itoa(v)
	return marks{n, n, n, n, n, n}
}

// A branch is a directory, watched and reconciled, and what became of it.
type branch struct {
	t       *testing.T
	base    string // in which a way of arriving may do what it likes
	holder  snapshot.Holder
	r       *reconcile.Reconciler
	looks   chan struct{}
	loads   atomic.Int64
	log     lockedBuffer
	mu      sync.Mutex // guards what follows
	checked map[uint64]marks
}

const (
	branchQuiet  = 80 * time.Millisecond
	branchDelete = 4 * branchQuiet
)

// startBranch watches and reconciles base/conf until the test ends, and reads Snapshots meanwhile
// as fast as it can.
func startBranch(t *testing.T, base string) *branch {
	t.Helper()
	b := &branch{t: t, base: base, looks: make(chan struct{}, 1000), checked: map[uint64]marks{}}
	logger := slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	dir := filepath.Join(base, "conf")
	b.r = reconcile.New(reconcile.Config{
		FS: func() fs.FS { b.loads.Add(1); return os.DirFS(dir) }, Holder: &b.holder, Now: time.Now,
		Logger: logger, DeleteAfter: branchDelete,
		OnResult: func(reconcile.Result) { b.check(b.holder.Load()) }, // misses none
	})
	w := watch.New(dir, watch.Config{Logger: logger, Quiet: branchQuiet, Poll: time.Hour,
		LookAgain: func() { b.r.Wake(); b.looks <- struct{}{} }})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, part := range []func(context.Context) error{b.r.Run, w.Run, b.read} {
		running.Go(func() { _ = part(ctx) }) // none returns an error
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if t.Failed() {
			t.Logf("log:\n%s", b.log.String())
		}
	})
	b.await(all(1))
	b.settle()
	return b
}

// read checks the Snapshot in force over and over.
func (b *branch) read(ctx context.Context) error {
	for tick := time.NewTicker(50 * time.Microsecond); ; <-tick.C {
		if ctx.Err() != nil {
			tick.Stop()
			return nil
		}
		b.check(b.holder.Load())
	}
}

// check looks at a Snapshot: certificate and key are always a pair.
func (b *branch) check(s *snapshot.Snapshot) {
	if s == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.checked[s.Generation()]; known {
		return
	}
	b.checked[s.Generation()] = marksOf(b.t, s)
	for _, c := range s.Certificates() {
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			b.t.Error(err)
			continue
		}
		public, ok := c.PrivateKey.(crypto.Signer).Public().(interface{ Equal(crypto.PublicKey) bool })
		if !ok || !public.Equal(leaf.PublicKey) {
			b.t.Errorf("generation %d: certificate and key are no pair", s.Generation())
		}
	}
}

// since returns the marks of the generations after g.
func (b *branch) since(g uint64) []marks {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []marks
	for _, n := range slices.Sorted(maps.Keys(b.checked)) {
		if n > g {
			out = append(out, b.checked[n])
		}
	}
	return out
}

func (b *branch) generation() uint64 { return b.holder.Load().Generation() }

// await waits until what is in force has these marks.
func (b *branch) await(want marks) {
	b.t.Helper()
	b.eventually(fmt.Sprintf("%v in force", want), func() bool {
		s := b.holder.Load()
		return s != nil && marksOf(b.t, s) == want
	})
}

func (b *branch) eventually(what string, ok func() bool) {
	b.t.Helper()
	deadline, tick := time.After(late), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			b.t.Fatalf("still not: %s; log:\n%s", what, b.log.String())
		case <-tick.C:
		}
	}
}

// settle waits until nobody looks any more, and the last look is over.
func (b *branch) settle() {
	b.t.Helper()
	for silent := false; !silent; {
		select {
		case <-b.looks:
		case <-time.After(3 * branchQuiet):
			silent = true
		}
	}
	for range 2 { // the second begins when the first is over, at the earliest
		before := b.loads.Load()
		b.r.Wake()
		b.eventually("one more look", func() bool { return b.loads.Load() > before })
	}
}

// looked waits until a change has been looked at.
func (b *branch) looked() {
	b.t.Helper()
	select {
	case <-b.looks:
	case <-time.After(late):
		b.t.Fatalf("not noticed; log:\n%s", b.log.String())
	}
	b.settle()
}

// put writes files below base/dir as most programs do: in place, one after the other.
func (b *branch) put(dir string, files map[string]string) {
	b.t.Helper()
	putFiles(b.t, filepath.Join(b.base, dir), files)
}

func putFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[name]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// only returns those files of a version.
func only(files map[string]string, names ...string) map[string]string {
	out := map[string]string{}
	for _, name := range names {
		out[name] = files[name]
	}
	return out
}

// half returns the first halves of files.
func half(files map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		out[name] = string(bytes.TrimSpace([]byte(text[:len(text)/2])))
	}
	return out
}
