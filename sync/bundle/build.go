package bundle

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// BuildOptions is what a manifest says beside the files. ID and Serial are required.
type BuildOptions struct {
	ID         string
	Serial     uint64
	Created    time.Time // zero: not said, for the time of building would make every build another
	NotBefore  time.Time
	Expires    time.Time
	MinVersion string
	Selector   Selector
	Canary     bool
	Changelog  string
	Source     Source
	BuiltBy    string

	// AllowPlain packs secrets that stand in the directory in plain: for labs.
	AllowPlain bool
}

// A Built is an archive that has been made, and not signed yet.
type Built struct {
	Archive  []byte
	Manifest *Manifest
	Skipped  []string // what belongs to one gateway, such as gatehouse.yaml
}

// Build packs a directory. The same files and options give the same bytes: nothing is encrypted
// while building, for that is never twice the same. Seal does it before, into the directory.
//
// A secret in plain is refused, and so is every file that is none of a configuration. Those
// errors are *Errors, with a line for each finding.
func Build(fsys fs.FS, opt BuildOptions) (*Built, error) {
	s, err := readSource(fsys)
	if err != nil {
		return nil, err
	}
	if err := s.check(opt.AllowPlain); err != nil {
		return nil, err
	}
	m := &Manifest{
		Format: Format, BundleID: opt.ID, Serial: opt.Serial, Created: utc(opt.Created),
		NotBefore: utc(opt.NotBefore), Expires: utc(opt.Expires), MinVersion: opt.MinVersion,
		Selector: opt.Selector, Canary: opt.Canary, Changelog: opt.Changelog, Source: opt.Source,
		BuiltBy: opt.BuiltBy, Files: []File{}, Activates: s.pairs(),
	}
	m.Selector.normalise()
	var files []packedFile
	for _, name := range s.sorted() {
		content := s.files[name]
		sum := sha256.Sum256(content)
		kind := kindOf(name)
		m.Files = append(m.Files, File{Path: name, Size: int64(len(content)), Kind: kind,
			SHA256: hex.EncodeToString(sum[:]), Secret: kind == KindSecrets || isSecretFile(name, content)})
		files = append(files, packedFile{name, content})
	}
	if err := m.check(); err != nil {
		return nil, malformed(SourceBad, "making the manifest").because(err)
	}
	manifest, err := m.encode()
	if err != nil {
		return nil, err
	}
	archive, err := pack(manifest, files)
	if err != nil {
		return nil, err
	}
	return &Built{Archive: archive, Manifest: m, Skipped: s.skipped}, nil
}

// utc cuts t to what a manifest can hold.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// check refuses a directory with secrets in plain, with files that are none of a configuration,
// and with trusted keys that are none.
func (s *source) check(allowPlain bool) error {
	var findings []string
	spots, err := s.spots()
	if err != nil {
		return err
	}
	for _, p := range spots {
		if !p.isRef() && !allowPlain {
			findings = append(findings, fmt.Sprintf("%s: a secret in plain: run gatehouse bundle seal", p.where()))
		}
		if p.isFile() {
			findings = append(findings, fmt.Sprintf("%s: a bundle has no file for %s: run gatehouse bundle seal",
				p.where(), p.key))
		}
	}
	for _, name := range s.sorted() {
		switch {
		case !allowPlain && isSecretFile(name, s.files[name]):
			findings = append(findings, fmt.Sprintf("%s: a secret in plain: run gatehouse bundle seal", name))
		case kindOf(name) == KindTrustedKey:
			if _, err := ParseTrustedKey(name, s.files[name]); err != nil {
				findings = append(findings, fmt.Sprintf("%s: this is no minisign public key", name))
			}
		}
	}
	for _, name := range s.unknown {
		findings = append(findings, fmt.Sprintf("%s: nothing of this name belongs into a bundle", name))
	}
	if len(findings) == 0 {
		return nil
	}
	slices.Sort(findings)
	return malformed(SourceBad, "%s", strings.Join(slices.Compact(findings), "\n"))
}

// pairs returns the certificates that apps show once the bundle is in force.
func (s *source) pairs() []Pair {
	var out []Pair
	for _, name := range s.sorted() {
		app := path.Dir(name)
		if path.Dir(app) != "saml" || path.Base(name) != "certificate.pem" {
			continue
		}
		block, _ := pem.Decode(s.files[name])
		if block == nil {
			continue // the loader has more to say about it
		}
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			sum := sha256.Sum256(block.Bytes)
			out = append(out, Pair{App: path.Base(app), SHA256: hex.EncodeToString(sum[:])})
		}
	}
	return out
}
