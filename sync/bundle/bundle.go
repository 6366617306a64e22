// Package bundle makes signed archives of configuration and opens them: what a fleet manager
// builds once and thousands of gateways apply or refuse. See README.md beside this file for the
// format and why it is what it is.
//
// The walls: it never imports the Snapshot, the watcher or the network, and it understands
// nothing of what it carries but where secrets stand. A signature is checked before anything
// inside is looked at. It starts no goroutine and does not log.
package bundle

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// Bounds of an archive. Everything that a stranger can send is held to them before anything is
// believed of it.
const (
	MaxPackedBytes   = 64 << 20
	MaxUnpackedBytes = 256 << 20
	MaxEntries       = 10_000
	MaxRatio         = 100 // unpacked to packed

	maxManifestBytes = 4 << 20
	maxSealedBytes   = 16 << 20 // of one file of secrets
	maxPathBytes     = 100      // what a plain header of the archive holds
)

// A Bundle is an opened archive. It is immutable and safe for concurrent use.
type Bundle struct {
	// Manifest is what the builder says of it.
	Manifest *Manifest
	// Archive is the SHA-256 of the packed file; with Manifest.Serial it names a version.
	Archive [sha256.Size]byte
	// Signer is the key that signed it; zero when nobody asked.
	Signer TrustedKey
	// Comment is the signed comment. It informs, the Manifest governs.
	Comment string
	// Warnings are what does not keep it from being applied, and which checks were left out.
	Warnings []Warning
	// NextKeys are the keys that may sign the next bundle; empty: those of now.
	NextKeys []TrustedKey
	// SecretsOpened says that Secrets and FS are whole. It is true of a bundle without any.
	SecretsOpened bool

	files   *overlay
	sealed  []string // files that were among the secrets, sorted
	secrets map[string]string
}

// FS returns the configuration in the bundle, as load reads it, with the keys and other files
// that travel encrypted in their places, from memory. What is the bundle's own (its manifest,
// secrets/ and fleet/) is not in it.
func (b *Bundle) FS() fs.FS { return b.files }

// Secrets returns the values that the configuration names by reference, for
// load.Options.Secrets. It is nil when they have not been opened. The caller owns the map; it
// must not be printed.
func (b *Bundle) Secrets() map[string]string { return maps.Clone(b.secrets) }

// SealedFiles returns the sorted paths of the files of FS that travelled among the secrets.
func (b *Bundle) SealedFiles() []string { return b.sealed }

// SecretNames returns the sorted names of the values, which are no secrets.
func (b *Bundle) SecretNames() []string { return slices.Sorted(maps.Keys(b.secrets)) }

// Name returns how a version of the configuration is called: SERIAL-SHA8.
func (b Bundle) Name() string { return fmt.Sprintf("%06d-%x", b.Manifest.Serial, b.Archive[:4]) }

// String names the bundle and keeps its secrets to itself, as does GoString.
func (b Bundle) String() string { return "bundle " + b.Manifest.BundleID + " " + b.Name() }

// GoString is String.
func (b Bundle) GoString() string { return b.String() }

// A Warning is one thing that is doubtful of a bundle, or that could not be checked.
type Warning struct {
	Code string `json:"code"` // stable
	Text string `json:"text"`
}

// The codes of warnings.
const (
	WarnExpired     = "expired"              // the manager wanted a newer one in its place by now
	WarnClock       = "clock_not_checked"    // dates: the clock is not believed
	WarnSelector    = "selector_not_checked" // nobody said which gateway asks
	WarnSerial      = "serial_not_checked"   // nobody said what was applied before
	WarnVersion     = "version_not_checked"  // this program has no number
	WarnSecrets     = "secrets_not_opened"   // no identity was given
	WarnUnverified  = "signature_not_checked"
	WarnNoRecipient = "secrets_for_others" // the identity given opens none of them
)

func (b *Bundle) warn(code, format string, args ...any) {
	b.Warnings = append(b.Warnings, Warning{code, fmt.Sprintf(format, args...)})
}
