package reconcile

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/sync/bundle"
)

// A Ledger remembers what must never be forgotten about bundles: it is on the disk when Remember
// returns. Values are at most 4 KiB.
type Ledger interface {
	// Recall returns what was remembered last under key, and false if that is nothing.
	Recall(key string) (value []byte, ok bool)
	// Remember replaces what stands under key; nil forgets it.
	Remember(ctx context.Context, key string, value []byte) error
	// Err returns why the Ledger cannot be relied on, or nil.
	Err() error
}

// The keys of a Ledger.
const (
	serialKey  = "serial/"  // and the number of a signing key
	versionKey = "version/" // and the name of a version
	trustKey   = "trust"
	indexKey   = "indexed" // is there while the index may hold users of a bundle
	refusedKey = "refused"
)

// maxRemembered bounds a text from elsewhere in the Ledger, in bytes.
const maxRemembered = 600

// A serial is the highest that was accepted from a signing key. It never becomes lower.
type serial struct {
	Serial uint64 `json:"serial"`
	SHA256 string `json:"sha256"`
}

// trust are the keys that a bundle has put in the place of those in gatehouse.yaml.
type trust struct {
	Keys    []trustedKey `json:"keys"`
	Removed []string     `json:"removed,omitempty"` // numbers; they never come back
	Version string       `json:"version"`           // that brought them
}

type trustedKey struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// A VersionRecord is what is remembered of a version that was applied here, or was tried.
type VersionRecord struct {
	BundleID  string        `json:"bundle_id"`
	Serial    uint64        `json:"serial"`
	SHA256    string        `json:"sha256"` // of the archive, lower hex
	Signer    string        `json:"signer"` // name of the key
	SignerID  string        `json:"signer_id"`
	Created   time.Time     `json:"created,omitzero"`
	Expires   time.Time     `json:"expires,omitzero"`
	Canary    bool          `json:"canary,omitempty"`
	Changelog string        `json:"changelog,omitempty"`
	Source    bundle.Source `json:"source,omitzero"`
	Arrived   string        `json:"arrived"`       // directory, push or pull
	Applied   time.Time     `json:"applied"`       // for the first time
	Since     time.Time     `json:"since"`         // when it came into force last
	Before    string        `json:"before"`        // what was in force then; "": loose files, or nothing
	Confirmed bool          `json:"confirmed"`     // it has passed its trial
	Starts    int           `json:"starts"`        // of the process while it was on trial
	Worked    bool          `json:"worked"`        // it has passed a trial at some time
	Failed    string        `json:"failed"`        // why it was taken out of force; "": it was not
	Leaves    string        `json:"leaves"`        // what Before.Failed is to say once this is confirmed
	Refused   int           `json:"refused_now"`   // people who signed in lately and no longer could
	Looked    int           `json:"refused_among"` // of how many
}

// forget forgets what stands under key.
func (s *signed) forget(ctx context.Context, key string) error {
	return s.Ledger.Remember(ctx, key, nil)
}

// recall reads what stands under key into v, and reports whether there was anything to read.
func (s *signed) recall(key string, v any) bool {
	data, ok := s.Ledger.Recall(key)
	return ok && json.Unmarshal(data, v) == nil
}

func (s *signed) remember(ctx context.Context, key string, v any) error {
	data, err := json.Marshal(v)
	if err == nil {
		err = s.Ledger.Remember(ctx, key, data)
	}
	if err != nil {
		return fmt.Errorf("remembering %s: %w", key, err)
	}
	return nil
}

// record returns what is remembered of a version. One that is forgotten counts as confirmed: it
// was in force before the memory was lost.
func (s *signed) record(name string) VersionRecord {
	if s.taken != nil && s.taken.name == name {
		return s.taken.record
	}
	var v VersionRecord
	if !s.recall(versionKey+name, &v) {
		v.Confirmed = true
	}
	return v
}

// isForgotten reports whether nothing is remembered of a version.
func (s *signed) isForgotten(name string) bool {
	_, ok := s.Ledger.Recall(versionKey + name)
	return !ok
}

// works reports whether a version may be gone back to without being named: it has passed a trial
// here, now or before, and was not taken out of force since. If what is remembered of versions
// was lost, any of them may.
func (v VersionRecord) works(lost bool) bool { return (v.Worked || lost) && v.Failed == "" }

func (s *signed) setRecord(ctx context.Context, name string, v VersionRecord) error {
	v.Changelog, v.Failed, v.Leaves = shorten(v.Changelog), shorten(v.Failed), shorten(v.Leaves)
	v.Source.URL, v.Source.Commit = shorten(v.Source.URL), shorten(v.Source.Commit)
	err := s.remember(ctx, versionKey+name, v)
	if err == nil && s.taken != nil && s.taken.name == name {
		s.taken = nil
	}
	return err
}

// shorten bounds a text.
func shorten(text string) string {
	if len(text) <= maxRemembered {
		return text
	}
	cut := maxRemembered
	for cut > 0 && text[cut]&0xC0 == 0x80 { // not within a character
		cut--
	}
	return text[:cut] + "…"
}

// serials is bundle.VerifyOptions.Serials.
func (s *signed) serials(keyID string) (uint64, [32]byte, bool) {
	var v serial
	var sum [32]byte
	if !s.recall(serialKey+keyID, &v) {
		return 0, sum, false
	}
	if n, err := hex.Decode(sum[:], []byte(v.SHA256)); err != nil || n != len(sum) {
		sum = [32]byte{} // of no archive
	}
	return v.Serial, sum, true
}

// raise remembers a serial, unless a higher one stands there.
func (s *signed) raise(ctx context.Context, keyID string, number uint64, sum string) error {
	if highest, _, ok := s.serials(keyID); ok && highest >= number {
		return nil
	}
	return s.remember(ctx, serialKey+keyID, serial{number, sum})
}

// keys returns whose signatures count: those that a bundle has brought, else those of
// gatehouse.yaml.
func (s *signed) keys() (keys []bundle.TrustedKey, rotated bool) {
	var t trust
	if !s.recall(trustKey, &t) {
		return s.Keys, false
	}
	for _, k := range t.Keys {
		key, err := bundle.ParseTrustedKey(k.Name, []byte(k.Key))
		if err == nil {
			keys = append(keys, key)
		}
	}
	return keys, true
}

var errNoKeyLeft = errors.New("every key in fleet/trusted_keys/ was removed by an earlier bundle")

// rotate has the keys of b, if it brings any, take the place of those that count.
func (s *signed) rotate(ctx context.Context, b *bundle.Bundle) error {
	if len(b.NextKeys) == 0 {
		return nil
	}
	t, err := s.successor(b)
	if err != nil {
		return err
	}
	var before trust
	if s.recall(trustKey, &before) && slices.Equal(before.Keys, t.Keys) {
		return nil
	}
	if err := s.remember(ctx, trustKey, t); err != nil {
		return err
	}
	s.r.cfg.Logger.Warn("the keys that may sign bundles have changed",
		"bundle", b.Name(), "keys", len(t.Keys), "removed", len(t.Removed))
	return nil
}

// successor returns what is trusted once b counts.
func (s *signed) successor(b *bundle.Bundle) (trust, error) {
	t := trust{Version: b.Name()}
	var before trust
	if s.recall(trustKey, &before) {
		t.Removed = before.Removed
	}
	for _, k := range b.NextKeys {
		if slices.Contains(t.Removed, k.ID()) {
			s.r.cfg.Logger.Error("a bundle brings back a key that was removed: it is not trusted",
				"bundle", b.Name(), "key", k.String())
			continue
		}
		t.Keys = append(t.Keys, trustedKey{k.Name, string(k.Text())})
	}
	if len(t.Keys) == 0 {
		return t, errNoKeyLeft
	}
	now, _ := s.keys()
	for _, k := range now {
		if !slices.ContainsFunc(b.NextKeys, k.Equal) && !slices.Contains(t.Removed, k.ID()) {
			t.Removed = append(t.Removed, k.ID())
		}
	}
	return t, nil
}
