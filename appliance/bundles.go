package appliance

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/appliance/journal"
	"gatehouse/sync/bundle"
	"gatehouse/sync/fetch"
	"gatehouse/sync/reconcile"
	"gatehouse/sync/versions"
	"gatehouse/sync/watch"
)

// defaultKeyFile need not be there: nobody's bundles are taken then.
const defaultKeyFile = "fleet.pub"

// pushPrefix begins the names of what was pushed, in incoming/.
const pushPrefix = "push-"

// ledger is a reconcile.Ledger in the journal.
type ledger struct {
	journal *journal.Journal
	now     func() time.Time
}

func (l ledger) Recall(key string) ([]byte, bool) {
	r, ok := l.journal.Last(journal.Bundle, key)
	return r.Value, ok
}

func (l ledger) Remember(ctx context.Context, key string, value []byte) error {
	if value == nil {
		return l.journal.Remove(ctx, journal.Bundle, key, l.now())
	}
	return l.journal.Append(ctx, journal.Record{Kind: journal.Bundle, Key: key, Value: value, Time: l.now()})
}

func (l ledger) Err() error { return l.journal.Err() }

// openBundles makes what takes bundles: the directories, the keys and, where it is asked for, the
// one who fetches them.
func (a *Appliance) openBundles() error {
	dir, err := versions.Open(versions.Config{State: a.config.StateDir, Step: a.config.step})
	if err != nil {
		return err
	}
	keys, err := a.trustedKeys()
	if err != nil {
		return err
	}
	identity, made, err := bundle.OpenIdentity(a.config.StateDir)
	if err != nil {
		return fmt.Errorf("opening the identity: %w", err)
	}
	logger := a.config.Logger.With("part", "bundle")
	if made {
		logger.Info("identity made: secrets in bundles are encrypted to it", "recipient", identity.Recipient())
	}
	node := a.config.Boot.Node
	a.bundles = &reconcile.Bundles{
		Dir: dir, Ledger: ledger{a.journal, a.config.Now}, Keys: keys, Identity: identity,
		Node: bundle.Node{ID: node.ID, Labels: node.Labels}, Version: a.config.Version,
		Clock:         func() (time.Time, bool) { return a.clock.Now() },
		RequireSigned: a.config.Boot.Fleet.RequireSigned, Arrived: a.howArrived,
		Try: a.trial, Refusing: a.refusing,
	}
	a.incoming = dir.Incoming()
	return a.openFetcher()
}

// trustedKeys reads the keys that gatehouse.yaml names.
func (a *Appliance) trustedKeys() ([]bundle.TrustedKey, error) {
	var keys []bundle.TrustedKey
	for _, file := range a.config.Boot.Fleet.TrustedKeys {
		text, err := a.readBeside(file)
		if errors.Is(err, fs.ErrNotExist) && file == defaultKeyFile && !a.config.Boot.Fleet.RequireSigned {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading fleet.trusted_keys of gatehouse.yaml: %w", err)
		}
		key, err := bundle.ParseTrustedKey(strings.TrimSuffix(filepath.Base(file), ".pub"), text)
		if err != nil {
			return nil, fmt.Errorf("reading fleet.trusted_keys of gatehouse.yaml: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// readBeside reads a file that gatehouse.yaml names, relative to it.
func (a *Appliance) readBeside(file string) ([]byte, error) {
	if filepath.IsAbs(file) {
		return os.ReadFile(file)
	}
	return fs.ReadFile(a.config.Tree, filepath.ToSlash(filepath.Clean(file)))
}

// readRoots reads the certificates in a file that key of gatehouse.yaml names; nil for no file,
// which means the system's.
func (a *Appliance) readRoots(key, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := a.readBeside(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s of gatehouse.yaml: %w", key, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("reading %s of gatehouse.yaml: no certificate in %s", key, file)
	}
	return pool, nil
}

// openFetcher makes the one who fetches bundles, if fleet.pull.url says from where.
func (a *Appliance) openFetcher() error {
	pull := a.config.Boot.Fleet.Pull
	if pull.URL == "" {
		return nil
	}
	pool, err := a.readRoots("fleet.pull.ca", pull.CA)
	if err != nil {
		return err
	}
	fetcher, err := fetch.New(fetch.Config{
		URL: pull.URL, SignatureURL: pull.SignatureURL, Node: a.config.Boot.Node.ID,
		Interval: pull.Interval, CA: pool, Proxy: pull.Proxy, Dir: a.incoming,
		Logger: a.config.Logger.With("part", "fetch"), Now: a.fetchTime,
		OnArrive: func(string) { a.reconciler.Wake() },
	})
	if err != nil {
		return fmt.Errorf("opening fleet.pull: %w", err)
	}
	a.fetcher = fetcher
	return nil
}

// fetchTime is by what a server's certificate is judged. What it serves is signed anyway, so a
// clock that is not believed is no reason to be cut off from the bundle that mends it.
func (a *Appliance) fetchTime() time.Time {
	now, _ := a.clock.Now()
	return now
}

// howArrived says how a file in incoming/ came.
func (a *Appliance) howArrived(file string) string {
	switch {
	case strings.HasPrefix(file, pushPrefix):
		return reconcile.Pushed
	case a.fetcher != nil && file == a.fetcher.FileName():
		return reconcile.Pulled
	}
	return reconcile.ByDirectory
}

// makeArrivals has bundles noticed that arrive in incoming/.
func (a *Appliance) makeArrivals() {
	a.arrivals = watch.New(a.incoming, watch.Config{
		LookAgain: a.reconciler.Wake, Logger: a.config.Logger.With("part", "arrivals")})
}
