package bundle

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Format is the only format of a manifest that there is.
const Format = 1

// maxSerial is the largest number that every reader of JSON takes for what it is.
const maxSerial = 1<<53 - 1

// A Manifest is manifest.json: what a bundle is, for whom, and the hash of every file in it.
// Times are UTC, in whole seconds; a zero one is left out.
type Manifest struct {
	Format     int       `json:"format"`
	BundleID   string    `json:"bundle_id"`
	Serial     uint64    `json:"serial"` // from 1
	Created    time.Time `json:"created,omitzero"`
	NotBefore  time.Time `json:"not_before,omitzero"`   // refused until then
	Expires    time.Time `json:"expires,omitzero"`      // a warning from then on
	MinVersion string    `json:"min_version,omitempty"` // of the program that is to apply it
	Selector   Selector  `json:"selector,omitzero"`
	Files      []File    `json:"files"`               // by path
	Activates  []Pair    `json:"activates,omitempty"` // what saml/APP/certificate.pem are
	Canary     bool      `json:"canary,omitempty"`    // a trial: shown, and changes nothing
	Changelog  string    `json:"changelog,omitempty"` // for people
	Source     Source    `json:"source,omitzero"`     // of which it was built
	BuiltBy    string    `json:"built_by,omitempty"`  // the program
}

// A File is one file of a bundle.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // lower hex
	Kind   Kind   `json:"kind"`
	Secret bool   `json:"secret,omitempty"` // encrypted; or, in a lab, a secret in plain
}

// A Source is where a bundle was built from.
type Source struct {
	URL    string `json:"url,omitempty"`
	Commit string `json:"commit,omitempty"`
}

// A Pair is the certificate that an app shows once the bundle is in force.
type Pair struct {
	App    string `json:"app"`
	SHA256 string `json:"sha256"` // of the certificate in DER, lower hex
}

// encode returns the one spelling of m.
func (m *Manifest) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return b.Bytes(), nil
}

// parseManifest reads a manifest. It takes the one spelling of it only, so that no two readers
// can understand it differently: no key twice or in other letters, nothing behind it. Every
// error is an *Error.
func parseManifest(data []byte) (*Manifest, error) {
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, malformed(ManifestBad, "%s is not JSON", manifestName)
	}
	if head.Format != Format {
		return nil, malformed(ManifestBad, "%s has format %d, and only %d is known here",
			manifestName, head.Format, Format)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	m := &Manifest{}
	if err := d.Decode(m); err != nil {
		return nil, malformed(ManifestBad, "reading %s: %s", manifestName, plain(err.Error()))
	}
	if again, err := m.encode(); err != nil || !bytes.Equal(again, data) {
		return nil, malformed(ManifestBad, "%s is not in the one form that it may have", manifestName)
	}
	if err := m.check(); err != nil {
		return nil, malformed(ManifestBad, "%s", manifestName).because(err)
	}
	return m, nil
}

// check judges the values.
func (m *Manifest) check() error {
	switch {
	case !isName(m.BundleID):
		return errors.New("bundle_id is not usable: up to 64 letters, digits, dots, hyphens and underscores")
	case m.Serial < 1 || m.Serial > maxSerial:
		return fmt.Errorf("serial %d is out of range: from 1", m.Serial)
	case !m.Expires.IsZero() && !m.Expires.After(m.NotBefore):
		return errors.New("expires is not after not_before")
	case m.MinVersion != "" && parseVersion(m.MinVersion) == nil:
		return errors.New("min_version is no version: write it like 1.4.0")
	case len(m.Files) > MaxEntries-1:
		return fmt.Errorf("more than %d files", MaxEntries-1)
	case !isText(m.Changelog, 16<<10, "\n\t"):
		return errors.New("changelog is too long, or has control characters")
	}
	for _, s := range []string{m.Source.URL, m.Source.Commit, m.BuiltBy} {
		if !isText(s, 1<<10, "") {
			return errors.New("source or built_by is too long, or has control characters")
		}
	}
	for _, t := range []time.Time{m.Created, m.NotBefore, m.Expires} {
		if t.Nanosecond() != 0 || t.Year() < 1 || t.Year() > 9999 {
			return errors.New("a time is not in whole seconds")
		}
	}
	for _, p := range m.Activates {
		if !isName(p.App) || !isSHA256(p.SHA256) {
			return errors.New("activates is not usable")
		}
	}
	if err := m.Selector.check(); err != nil {
		return err
	}
	return m.checkFiles()
}

// checkFiles judges the list of files: sorted, so that none stands there twice, not even in
// other letters, and each of a kind that is known.
func (m *Manifest) checkFiles() error {
	folded := make(map[string]bool, len(m.Files))
	var total int64
	before := ""
	for _, f := range m.Files {
		low := strings.ToLower(f.Path)
		kind := kindOf(f.Path)
		switch {
		case !isPath(f.Path):
			return fmt.Errorf("the path %q is not allowed", clip(f.Path))
		case folded[low]:
			return fmt.Errorf("%s stands there twice, if only in other letters", f.Path)
		case f.Path <= before:
			return fmt.Errorf("%s is out of order", f.Path)
		case kind == "" || f.Kind != kind:
			return fmt.Errorf("%s: nothing of kind %q belongs there", f.Path, clip(string(f.Kind)))
		case f.Size < 0 || f.Size > MaxUnpackedBytes || kind == KindSecrets && f.Size > maxSealedBytes:
			return fmt.Errorf("%s: its size is out of range", f.Path)
		case !isSHA256(f.SHA256):
			return fmt.Errorf("%s: its sha256 is none", f.Path)
		case kind == KindSecrets && !f.Secret:
			return fmt.Errorf("%s: it is said to be no secret", f.Path)
		}
		folded[low], before = true, f.Path
		if total += f.Size; total > MaxUnpackedBytes {
			return fmt.Errorf("more than %d bytes in all", MaxUnpackedBytes)
		}
	}
	return nil
}

func isSHA256(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32 && s == strings.ToLower(s)
}

// isName reports whether s can name a bundle, a gateway or an app.
func isName(s string) bool { return len(s) <= 64 && isSegment(s) }

// isText reports whether s can be shown as it is: no control characters but those in allow.
func isText(s string, most int, allow string) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r) && !strings.ContainsRune(allow, r)
	})
}

// clip shortens a value that a message quotes.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// plain makes text fit for a terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, clip(s))
}
