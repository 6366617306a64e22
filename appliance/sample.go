package appliance

import (
	"fmt"
	"io/fs"

	"gatehouse/authcore"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
)

// A Sample decides about any number of certificates by a configuration that is not in force.
type Sample struct {
	snapshot *snapshot.Snapshot
	decider  *authcore.Decider
}

// OpenSample loads the configuration in fsys, and returns what was found in it too. It decides at
// opt.Now. The error is ErrNoConfiguration if nothing could go live.
func OpenSample(fsys fs.FS, opt load.Options) (*Sample, load.Problems, error) {
	sn, problems, err := sealOffline(fsys, opt)
	if err != nil {
		return nil, problems, err
	}
	holder := &snapshot.Holder{}
	holder.Swap(sn)
	clock := func() revocation.Moment { return revocation.Moment{Now: opt.Now, Sure: true} }
	decider := &authcore.Decider{Snapshots: holder, Clock: clock, Status: offlineSource(holder, opt.Now)}
	return &Sample{sn, decider}, problems, nil
}

// sealOffline makes a Snapshot that is never in force.
func sealOffline(fsys fs.FS, opt load.Options) (*snapshot.Snapshot, load.Problems, error) {
	draft, problems := load.Load(fsys, opt)
	if draft == nil {
		return nil, problems, fmt.Errorf("%w: %d problems, see gatehouse check", ErrNoConfiguration, len(problems))
	}
	users, err := identity.NewMemory(draft.UserSets)
	if err != nil {
		return nil, problems, fmt.Errorf("%w: %w", ErrNoConfiguration, err)
	}
	draft.Users = users
	sn, err := draft.Seal(1)
	if err != nil {
		return nil, problems, fmt.Errorf("%w: %w", ErrNoConfiguration, err)
	}
	return sn, problems, nil
}

// Test decides whether the chain in data (PEM, leaf first, or one certificate in DER) opens the
// named RADIUS server, or each of them if server is empty. Errors: ErrNoServer, or what is wrong
// with data.
func (s *Sample) Test(data []byte, server string) ([]CertTest, error) {
	chain, err := parseChain(data)
	if err != nil {
		return nil, err
	}
	return testChain(s.decider, s.snapshot, chain, server)
}
