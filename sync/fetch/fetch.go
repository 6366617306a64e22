// Package fetch pulls a bundle over HTTPS into the directory where bundles arrive.
//
// It asks for the archive at one address with conditional requests (RFC 9110 §13), at an interval
// with jitter, and for the signature beside it when there is a new archive. Both are put in place
// by renames, the signature last, so that who watches the directory never sees half a pair.
//
// It verifies nothing and opens nothing: an archive is bytes here, and TLS says where they came
// from, not who signed them. It follows no redirect away from TLS, and says no query of an
// address to anybody, since a presigned one is a permission.
//
// Run owns the only goroutine besides those of net/http.
package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

const (
	// MaxArchiveBytes and MaxSignatureBytes bound what is taken from a server.
	MaxArchiveBytes   = 64 << 20
	MaxSignatureBytes = 16 << 10

	// DefaultInterval is the time between two questions unless Config has another.
	DefaultInterval = 5 * time.Minute
)

// A Config is what a Fetcher is made from.
type Config struct {
	// URL is the archive's address; {id} in it stands for Node. It must be https, but on
	// loopback it may be http. It may have a query (presigned addresses of S3, GCS and Azure),
	// and no credentials.
	URL string
	// SignatureURL is the signature's address, with the same rules. "": the archive's path with
	// .minisig behind it, and the same query.
	SignatureURL string
	Node         string
	// Interval is the mean time between two questions. Zero: DefaultInterval.
	Interval time.Duration
	// CA holds who may vouch for the server, and for a proxy that speaks TLS. Nil: the system's.
	CA *x509.CertPool
	// Proxy is an http or https address, which may have credentials. "": none; the environment
	// is not asked.
	Proxy string
	// Dir is where the pair arrives. It is made (0700) when it is missing.
	Dir    string
	Logger *slog.Logger // never nil
	// Now tells the time by which the server's certificate is judged. Nil: time.Now.
	Now func() time.Time
	// OnArrive, if not nil, is told the archive's path when a new pair is in place. It is called
	// from Run's goroutine.
	OnArrive func(path string)
}

// A Status says how pulling goes.
type Status struct {
	Address     string    // without its query
	LastTry     time.Time // zero: none yet
	LastSuccess time.Time // when the server last answered as it should, news or not
	LastArrival time.Time // when a new pair was put in place; zero: not by this process
	Next        time.Time // when it is asked again; zero: not running
	ETag        string    // of the archive that arrived last
	Size        int64     // of that archive, bytes
	Err         string    // why the last try failed; "": it did not

	Requests, Bytes, NotModified, Arrivals, Failures uint64 // since the start
}

// A Fetcher pulls one bundle. Status, Wake and Forget are safe for concurrent use; Run is called
// once.
type Fetcher struct {
	config  Config
	address address
	client  http.RoundTripper
	limits  limits
	log     *slog.Logger
	place   place
	wake    chan struct{}
	random  func() float64 // [0, 1)

	// Of Run's goroutine alone.
	have      record // what arrived last
	part      part   // what is being downloaded
	followUps int    // questions left about the signature of what arrived last
	pace      pace

	mu     sync.Mutex // guards what follows
	status Status
	forget bool // have is to be dropped before the next try
}

// limits is what a server may cost. Tests have less patience.
type limits struct {
	try         time.Duration // one try, all in all; the next one resumes
	header      time.Duration // from the question to the answer's header
	window      time.Duration // in which windowBytes must come
	windowBytes int64
	reserve     uint64 // bytes that stay free on the disk
	free        func(dir string) (uint64, error)
}

// New checks c and returns a Fetcher, which has asked nobody anything yet. No error names the
// query of an address or the credentials of a proxy.
func New(c Config) (*Fetcher, error) {
	at, err := parseAddress(c)
	if err != nil {
		return nil, fmt.Errorf("pulling bundles: %w", err)
	}
	proxy, err := parseProxy(c.Proxy)
	if err != nil {
		return nil, fmt.Errorf("pulling bundles: %w", err)
	}
	if c.Interval <= 0 {
		c.Interval = DefaultInterval
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	f := &Fetcher{
		config: c, address: at, log: c.Logger, wake: make(chan struct{}, 1),
		place: place{dir: c.Dir, name: at.fileName()}, random: randomFraction,
		limits: limits{try: time.Hour, header: 30 * time.Second, window: time.Minute,
			windowBytes: 4 << 10, reserve: 8 << 20, free: freeBytes},
		pace: pace{interval: c.Interval}, status: Status{Address: shown(at.archive)},
	}
	f.client = newTransport(c, proxy, f.limits)
	return f, nil
}

func parseProxy(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the proxy is not an http or https address")
	}
	return u, nil
}

// Run pulls until ctx ends, which is no error. The first question comes at a random time within
// the interval, and within five minutes: a region whose power returns does not ask at once.
func (f *Fetcher) Run(ctx context.Context) error {
	if err := f.start(); err != nil {
		return fmt.Errorf("pulling bundles: %w", err)
	}
	defer f.stop()
	delay := f.pace.first(f.random())
	for f.sleep(ctx, delay) {
		delay = f.try(ctx)
	}
	return nil
}

// FileName returns the name of the archive in Config.Dir.
func (f *Fetcher) FileName() string { return f.place.name }

// Wake has the server asked now.
func (f *Fetcher) Wake() {
	select {
	case f.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Forget drops what is known of the archive that arrived last, so that the next try fetches it
// anew: for when it was refused for a reason that has gone since.
func (f *Fetcher) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget = true
}

// Status returns how pulling goes.
func (f *Fetcher) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

func (f *Fetcher) start() error {
	if err := os.MkdirAll(f.config.Dir, 0o700); err != nil {
		return err
	}
	f.place.clean()
	f.have, f.followUps = f.place.load(f.address), maxFollowUps
	f.note(func(s *Status) { s.ETag, s.Size = f.have.Validators.ETag, f.have.Size })
	return nil
}

func (f *Fetcher) stop() {
	f.part.drop()
	f.note(func(s *Status) { s.Next = time.Time{} })
	if t, ok := f.client.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// sleep waits, and reports whether to go on.
func (f *Fetcher) sleep(ctx context.Context, delay time.Duration) bool {
	f.note(func(s *Status) { s.Next = f.config.Now().Add(delay) })
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.wake:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// try asks once and returns how long to wait then.
func (f *Fetcher) try(ctx context.Context) time.Duration {
	f.note(func(s *Status) {
		s.LastTry = f.config.Now()
		if f.forget {
			f.have, f.forget = record{}, false
		}
	})
	limited, cancel := context.WithTimeout(ctx, f.limits.try)
	defer cancel()
	before := f.part.size
	arrived, err := f.poll(limited)
	if ctx.Err() != nil {
		return 0
	}
	f.report(arrived, err)
	return f.pace.next(err, f.part.size > before || f.part.done, f.random())
}

// report notes how a try went, and logs what is new.
func (f *Fetcher) report(arrived bool, err error) {
	last := f.Status().Err
	f.note(func(s *Status) {
		if err != nil {
			s.Err = err.Error()
			s.Failures++
			return
		}
		s.Err, s.LastSuccess = "", f.config.Now()
		s.ETag, s.Size = f.have.Validators.ETag, f.have.Size
		if arrived {
			s.LastArrival = s.LastSuccess
			s.Arrivals++
		}
	})
	switch {
	case err != nil && err.Error() != last:
		f.log.Warn("pulling the bundle", "url", shown(f.address.archive), "err", err)
	case err != nil:
		f.log.Debug("pulling the bundle again", "url", shown(f.address.archive), "err", err)
	case arrived:
		f.log.Info("bundle arrived", "url", shown(f.address.archive),
			"file", f.place.archive(), "bytes", f.have.Size)
	case last != "":
		f.log.Info("bundle server answers again", "url", shown(f.address.archive))
	}
	if arrived && f.config.OnArrive != nil {
		f.config.OnArrive(f.place.archive())
	}
}

func (f *Fetcher) note(change func(*Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
}
