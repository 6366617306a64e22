package reconcile

import (
	"maps"
	"slices"
	"time"

	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
)

// BundleState is what there is to know about bundles. What a Reconciler returns is not written
// any more.
type BundleState struct {
	InForce string              // the version; "": loose files count, or nothing does
	Trying  string              // the version that is on trial; "": none
	Kept    []KeptVersion       // what came into force last first
	Refused *Refusal            // the last one; nil: none
	Waiting []string            // archives in incoming/ that have no signature yet
	Strays  []string            // what lies in incoming/ and is no file, and what it is
	Ignored []string            // loose files that do not count, the first 200
	Keys    []bundle.TrustedKey // whose signatures count
	Rotated bool                // the keys came in a bundle
	Serials map[string]uint64   // the highest that was accepted, by number of the key
	Err     string              // what keeps bundles from being dealt with; "": nothing
	Settled map[string]uint64   // how many ended how, since the start, by Outcome.State
	Blocked bool                // a version counts that cannot be read: neither do loose files
	Damaged string              // why what is in force is not the version that counts; "": it is

	outcomes []settled
}

// A KeptVersion is a version on the disk.
type KeptVersion struct {
	Name    string
	InForce bool
	VersionRecord
}

// A Refusal says why a bundle is not in force.
type Refusal struct {
	At       time.Time     `json:"at"`
	File     string        `json:"file"`   // in incoming/
	SHA256   string        `json:"sha256"` // of the archive; "": it is too large
	BundleID string        `json:"bundle_id"`
	Serial   uint64        `json:"serial"`
	Signer   string        `json:"signer"` // "": no key that is trusted
	SignerID string        `json:"signer_id"`
	Code     bundle.Code   `json:"code"`
	ExitCode int           `json:"exit_code"` // that the command line has for it
	Text     string        `json:"text"`
	Problems load.Problems `json:"problems"`
}

// bounded returns r as it is remembered.
func (r Refusal) bounded() Refusal {
	r.Text, r.File = shorten(r.Text), shorten(r.File)
	r.Problems = nil // they are in the log
	return r
}

// The states of a bundle that has arrived.
const (
	Pending    = "pending"
	Trying     = "trying"
	Applied    = "applied"
	Unchanged  = "unchanged" // it is in force already
	Refused    = "refused"
	RolledBack = "rolled_back"
)

// An Outcome is what became of a bundle that arrived.
type Outcome struct {
	State   string
	Version string
	Refusal *Refusal
	Text    string // what it waits for, if it is pending
}

type settled struct {
	hash string
	Outcome
}

const maxOutcomes = 32

// settle remembers what became of an archive, for a while.
func (b *BundleState) settle(hash string, o Outcome) {
	if o.State != Pending && o.State != Trying {
		counts := maps.Clone(b.Settled)
		if counts == nil {
			counts = map[string]uint64{}
		}
		counts[o.State]++
		b.Settled = counts
	}
	b.outcomes = slices.DeleteFunc(slices.Clone(b.outcomes), func(s settled) bool { return s.hash == hash })
	if len(b.outcomes) == maxOutcomes {
		b.outcomes = b.outcomes[1:]
	}
	b.outcomes = append(b.outcomes, settled{hash, o})
}

// Outcome returns what became of the archive with that SHA-256 (lower hex), as far as that is
// remembered.
func (b *BundleState) Outcome(hash string) (Outcome, bool) {
	for _, s := range b.outcomes {
		if s.hash == hash {
			return s.Outcome, true
		}
	}
	return Outcome{}, false
}

// Bundles returns what there is to know about bundles. It may be called from any goroutine.
func (r *Reconciler) Bundles() BundleState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bundles
}

// Expect says that the archive with that hash is about to be looked at (again), and wakes r: its
// Outcome is pending until then.
func (r *Reconciler) Expect(hash string) {
	r.editBundles(func(b *BundleState) { b.settle(hash, Outcome{State: Pending}) })
	r.Wake()
}

func (r *Reconciler) outcome(hash string) (Outcome, bool) {
	b := r.Bundles()
	return b.Outcome(hash)
}

func (r *Reconciler) editBundles(edit func(*BundleState)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	edit(&r.bundles)
}

// publish shows how things stand.
func (s *signed) publish() { s.publishWith(func(*BundleState) {}) }

// publishWith shows how things stand, and with it what edit does: who looks sees both or none.
func (s *signed) publishWith(edit func(*BundleState)) {
	kept := s.history()
	keys, rotated := s.keys()
	serials := map[string]uint64{}
	for _, v := range kept {
		serials[v.SignerID] = 0
	}
	for _, k := range keys {
		serials[k.ID()] = 0
	}
	maps.DeleteFunc(serials, func(id string, _ uint64) bool { _, _, ok := s.serials(id); return !ok })
	for id := range serials {
		serials[id], _, _ = s.serials(id)
	}
	s.r.editBundles(func(b *BundleState) {
		b.Err, b.Damaged, b.Blocked = s.trouble, s.damaged, s.blocked
		b.InForce, b.Kept, b.Keys, b.Rotated, b.Serials = s.inForce, kept, keys, rotated, serials
		edit(b)
	})
}

// Version returns what is in force, or false if that is no bundle.
func (b *BundleState) Version() (KeptVersion, bool) {
	i := slices.IndexFunc(b.Kept, func(v KeptVersion) bool { return v.Name == b.InForce })
	if i < 0 {
		return KeptVersion{}, false
	}
	return b.Kept[i], true
}
