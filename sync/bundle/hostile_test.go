package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/bundle"
)

// A forged is an archive made by hand, of which everything can be wrong.
type forged struct {
	manifest func(*bundle.Manifest)       // changes the manifest before it is written
	raw      func(manifest string) string // changes its text
	entries  []tar.Header                 // files; Size is set, "Name" is content too
	first    bool                         // entries stand before the manifest
	listed   []string                     // of the manifest; nil: those of entries
	tail     string                       // behind the tar
	behind   string                       // behind the gzip
	plainGz  bool                         // no gzip at all
}

func (f forged) archive(t testing.TB) []byte {
	t.Helper()
	m := &bundle.Manifest{Format: 1, BundleID: "branch-emea", Serial: 42, Files: []bundle.File{}}
	listed := f.listed
	if listed == nil {
		for _, e := range f.entries {
			listed = append(listed, e.Name)
		}
	}
	for _, name := range listed {
		sum := sha256.Sum256([]byte(name))
		kind, _, _ := strings.Cut(name, "/")
		if name == "policy.yaml" {
			kind = "policy"
		}
		m.Files = append(m.Files, bundle.File{Path: name, Size: int64(len(name)),
			SHA256: hex.EncodeToString(sum[:]), Kind: bundle.Kind(kind)})
	}
	if f.manifest != nil {
		f.manifest(m)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(m); err != nil {
		t.Fatal(err)
	}
	manifest := text.String()
	if f.raw != nil {
		manifest = f.raw(manifest)
	}
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	head := func() { put(t, w, tar.Header{Name: "manifest.json"}, manifest) }
	if !f.first {
		head()
	}
	for _, h := range f.entries {
		put(t, w, h, h.Name)
	}
	if f.first {
		head()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	plain.WriteString(f.tail)
	if f.plainGz {
		return plain.Bytes()
	}
	return append(zip(t, plain.Bytes()), f.behind...)
}

func put(t testing.TB, w *tar.Writer, h tar.Header, content string) {
	h.Mode = 0o644
	if h.Typeflag == 0 {
		h.Typeflag = tar.TypeReg
	}
	if h.Typeflag == tar.TypeReg {
		h.Size = int64(len(content))
	}
	if h.Format == tar.FormatUnknown {
		h.Format = tar.FormatUSTAR
	}
	if err := w.WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	if h.Size > 0 {
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
}

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// files makes entries of plain files.
func files(names ...string) []tar.Header {
	var out []tar.Header
	for _, name := range names {
		out = append(out, tar.Header{Name: name})
	}
	return out
}

func numbered(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("ca/%06d.pem", i))
	}
	return out
}

// Archives that are wrong in one way, all signed with the trusted key: whoever holds it has made
// a mistake, or is somebody else. Nothing comes of any of them.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	for name, tc := range map[string]struct {
		forged
		code bundle.Code
	}{
		"traversal":         {forged{entries: files("ca/../../x.pem")}, bundle.ManifestBad},
		"traversal_unsaid":  {forged{entries: files("../x.pem"), listed: []string{"ca/a.pem"}}, bundle.ArchiveBad},
		"absolute":          {forged{entries: files("/ca/a.pem"), listed: []string{"ca/a.pem"}}, bundle.ArchiveBad},
		"dot":               {forged{entries: files("./ca/a.pem"), listed: []string{"ca/a.pem"}}, bundle.ArchiveBad},
		"backslash":         {forged{entries: files(`ca\a.pem`)}, bundle.ManifestBad},
		"hidden":            {forged{entries: files("ca/.a.pem")}, bundle.ManifestBad},
		"umlaut":            {forged{entries: files("ca/a.pem"), listed: []string{"ca/ä.pem"}}, bundle.ManifestBad},
		"symlink":           {forged{entries: []tar.Header{{Name: "ca/a.pem", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}}, bundle.ArchiveBad},
		"hard_link":         {forged{entries: []tar.Header{{Name: "ca/a.pem", Typeflag: tar.TypeLink, Linkname: "manifest.json"}}}, bundle.ArchiveBad},
		"folder":            {forged{entries: []tar.Header{{Name: "ca/", Typeflag: tar.TypeDir}}, listed: []string{"ca/a.pem"}}, bundle.ArchiveBad},
		"device":            {forged{entries: []tar.Header{{Name: "ca/a.pem", Typeflag: tar.TypeChar}}}, bundle.ArchiveBad},
		"fifo":              {forged{entries: []tar.Header{{Name: "ca/a.pem", Typeflag: tar.TypeFifo}}}, bundle.ArchiveBad},
		"pax":               {forged{entries: []tar.Header{{Name: "ca/a.pem", Format: tar.FormatPAX, PAXRecords: map[string]string{"X.y": "z"}}}}, bundle.ArchiveBad},
		"gnu":               {forged{entries: []tar.Header{{Name: "ca/a.pem", Format: tar.FormatGNU}}}, bundle.ArchiveBad},
		"twice":             {forged{entries: files("ca/a.pem", "ca/a.pem")}, bundle.ManifestBad},
		"twice_in_archive":  {forged{entries: files("ca/a.pem", "ca/a.pem"), listed: []string{"ca/a.pem"}}, bundle.FileUnexpected},
		"case_folded":       {forged{entries: files("ca/A.pem", "ca/a.pem")}, bundle.ManifestBad},
		"unsorted":          {forged{entries: files("ca/b.pem", "ca/a.pem")}, bundle.ManifestBad},
		"unsorted_archive":  {forged{entries: files("ca/b.pem", "ca/a.pem"), listed: []string{"ca/a.pem", "ca/b.pem"}}, bundle.FileMissing},
		"missing":           {forged{entries: files("ca/a.pem"), listed: []string{"ca/a.pem", "ca/b.pem"}}, bundle.FileMissing},
		"extra":             {forged{entries: files("ca/a.pem", "ca/b.pem"), listed: []string{"ca/a.pem"}}, bundle.FileUnexpected},
		"extra_before":      {forged{entries: files("ca/a.pem", "ca/b.pem"), listed: []string{"ca/b.pem"}}, bundle.FileUnexpected},
		"unknown_kind":      {forged{entries: files("bin/sh")}, bundle.ManifestBad},
		"gatehouse_yaml":    {forged{entries: files("gatehouse.yaml")}, bundle.ManifestBad},
		"wrong_kind":        {forged{entries: files("ca/a.pem"), manifest: func(m *bundle.Manifest) { m.Files[0].Kind = "users" }}, bundle.ManifestBad},
		"wrong_size":        {forged{entries: files("ca/a.pem"), manifest: func(m *bundle.Manifest) { m.Files[0].Size++ }}, bundle.HashWrong},
		"wrong_hash":        {forged{entries: files("ca/a.pem"), manifest: func(m *bundle.Manifest) { m.Files[0].SHA256 = strings.Repeat("0", 64) }}, bundle.HashWrong},
		"no_hash":           {forged{entries: files("ca/a.pem"), manifest: func(m *bundle.Manifest) { m.Files[0].SHA256 = "" }}, bundle.ManifestBad},
		"negative_size":     {forged{entries: files("ca/a.pem"), manifest: func(m *bundle.Manifest) { m.Files[0].Size = -1 }}, bundle.ManifestBad},
		"sizes_overflow":    {forged{entries: files("ca/a.pem", "ca/b.pem"), manifest: func(m *bundle.Manifest) { m.Files[0].Size, m.Files[1].Size = 200<<20, 200<<20 }}, bundle.ManifestBad},
		"bad_trusted_key":   {forged{entries: files("fleet/trusted_keys/a.pub"), manifest: func(m *bundle.Manifest) { m.Files[0].Kind = bundle.KindTrustedKey }}, bundle.ArchiveBad},
		"plain_secrets":     {forged{entries: files("secrets/a.age")}, bundle.ManifestBad},
		"manifest_last":     {forged{entries: files("ca/a.pem"), first: true}, bundle.ManifestBad},
		"manifest_twice":    {forged{entries: files("manifest.json"), listed: []string{}}, bundle.FileUnexpected},
		"format_2":          {forged{manifest: func(m *bundle.Manifest) { m.Format = 2 }}, bundle.ManifestBad},
		"unknown_field":     {forged{raw: func(s string) string { return strings.Replace(s, "{", "{\n \"run\": \"sh\",", 1) }}, bundle.ManifestBad},
		"field_twice":       {forged{raw: func(s string) string { return strings.Replace(s, `"serial": 42,`, `"serial": 1, "serial": 42,`, 1) }}, bundle.ManifestBad},
		"field_in_capitals": {forged{raw: func(s string) string { return strings.Replace(s, `"serial"`, `"Serial"`, 1) }}, bundle.ManifestBad},
		"manifest_tail":     {forged{raw: func(s string) string { return s + "{}" }}, bundle.ManifestBad},
		"manifest_large":    {forged{raw: func(s string) string { return s + strings.Repeat(" ", 5<<20) }}, bundle.ManifestBad},
		"manifest_no_json":  {forged{raw: func(string) string { return "hello" }}, bundle.ManifestBad},
		"serial_0":          {forged{manifest: func(m *bundle.Manifest) { m.Serial = 0 }}, bundle.ManifestBad},
		"escape_sequence":   {forged{manifest: func(m *bundle.Manifest) { m.Changelog = "\x1b[31m" }}, bundle.ManifestBad},
		"behind_the_tar":    {forged{tail: "more"}, bundle.ArchiveBad},
		"zeros_behind":      {forged{tail: strings.Repeat("\x00", 512)}, bundle.ArchiveBad},
		"bomb_behind":       {forged{tail: strings.Repeat("\x00", 8<<20)}, bundle.ArchiveTooBig},
		"behind_the_gzip":   {forged{behind: "x"}, bundle.ArchiveBad},
		"second_gzip":       {forged{behind: string(zip(t, []byte("x")))}, bundle.ArchiveBad},
		"no_gzip":           {forged{plainGz: true}, bundle.ArchiveBad},
		"many_entries":      {forged{entries: files(numbered(10_000)...)}, bundle.ManifestBad},
		"100000_entries":    {forged{entries: files(numbered(100_000)...), listed: []string{}}, bundle.FileUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := tc.archive(t)
			opt := trusting(key, nil)
			for _, dir := range []string{"", t.TempDir()} {
				opt.Dir = dir
				b, err := verify(archive, sign(t, key, archive), opt)
				refusal(t, b, err, tc.code, map[bool]bundle.Class{true: bundle.Untrusted, false: bundle.Malformed}[tc.code == bundle.HashWrong])
			}
			if outside, err := os.ReadDir(opt.Dir + "/.."); err != nil || len(outside) > 2 {
				t.Errorf("something was written outside: %v, %v", outside, err)
			}
		})
	}
}

// A gzip that unpacks to more than the ratio allows is given up as soon as it does.
func TestHostileZipBomb(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	put(t, w, tar.Header{Name: "manifest.json"}, strings.Repeat(" ", 4<<20))
	archive := zip(t, plain.Bytes())
	b, err := verify(archive, sign(t, key, archive), trusting(key, nil))
	refusal(t, b, err, bundle.ArchiveTooBig, bundle.Malformed)
}

// A file that is too large is not even read.
func TestHostileTooLarge(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	sig := sign(t, key, nil)
	b, err := bundle.Verify(unreadable{t}, bundle.MaxPackedBytes+1, sig, trusting(key, nil))
	refusal(t, b, err, bundle.ArchiveTooBig, bundle.Malformed)
	b, err = bundle.Verify(unreadable{t}, 10, []byte("no signature"), trusting(key, nil))
	refusal(t, b, err, bundle.SignatureMalformed, bundle.Untrusted)
}

type unreadable struct{ t *testing.T }

func (u unreadable) ReadAt([]byte, int64) (int, error) {
	u.t.Error("the archive was read")
	return 0, io.EOF
}

// One altered byte, wherever it is in archive or signature, and nothing comes of it. The
// untrusted comment alone is not signed; nobody reads it.
func TestAlteredByte(t *testing.T) {
	t.Parallel()
	id, key := newIdentity(t), newKey(t)
	built := minimal(t).seal(t, id).build(t, bundle.BuildOptions{})
	sig := sign(t, key, built.Archive)
	opt := trusting(key, id)
	if _, err := verify(built.Archive, sig, opt); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(built.Archive); i += 7 {
		altered := slices.Clone(built.Archive)
		altered[i] ^= 1 << (i % 8)
		b, err := verify(altered, sig, opt)
		refusal(t, b, err, bundle.SignatureWrong, bundle.Untrusted)
	}
	comment := bytes.IndexByte(sig, '\n')
	for i := range sig {
		for _, bit := range []byte{1, 0x20, 0x80} {
			altered := slices.Clone(sig)
			altered[i] ^= bit
			b, err := verify(built.Archive, altered, opt)
			if i >= len("untrusted comment: ") && i < comment && altered[i] != '\n' {
				if err != nil {
					t.Errorf("untrusted comment, byte %d: %v", i, err)
				}
				continue
			}
			if e := bundle.AsError(err); b != nil || e == nil || e.Class != bundle.Untrusted {
				t.Errorf("byte %d of the signature: got %v, %v", i, b, err)
			}
		}
	}
	for _, n := range []int{0, 1, len(built.Archive) / 2, len(built.Archive) - 1} {
		b, err := verify(built.Archive[:n], sig, opt)
		refusal(t, b, err, bundle.SignatureWrong, bundle.Untrusted)
	}
}

// Without a signature before it, damage is found all the same, but for bits that mean nothing
// (gzip has some to spare): OpenUnverified is what people use who look at a bundle.
func TestAlteredByteUnverified(t *testing.T) {
	t.Parallel()
	built := minimal(t).seal(t, newIdentity(t)).build(t, bundle.BuildOptions{})
	whole, err := bundle.OpenUnverified(bytes.NewReader(built.Archive), int64(len(built.Archive)), bundle.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := content(t, whole.FS())
	for i := 10; i < len(built.Archive); i += 11 { // behind the header of gzip, which says nothing
		altered := slices.Clone(built.Archive)
		altered[i] ^= 1 << (i % 8)
		b, err := bundle.OpenUnverified(bytes.NewReader(altered), int64(len(altered)), bundle.VerifyOptions{})
		if b != nil {
			if diff := cmp.Diff(want, content(t, b.FS())); diff != "" {
				t.Errorf("byte %d (-want +got)\n%s", i, diff)
			}
		} else if bundle.AsError(err) == nil {
			t.Errorf("byte %d: got %v", i, err)
		}
	}
}

// An archive that changes between the reading of its signature and that of its content is
// refused, even when both contents are whole.
func TestArchiveChangedWhileRead(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	src := minimal(t).seal(t, newIdentity(t))
	one := src.build(t, bundle.BuildOptions{}).Archive
	two := src.with("policy.yaml", "revocation: {ocsp: require}\n").build(t, bundle.BuildOptions{}).Archive
	r := &swapped{now: one, next: two}
	b, err := bundle.Verify(r, int64(len(one)), sign(t, key, one), trusting(key, nil))
	if e := bundle.AsError(err); b != nil || e == nil {
		t.Errorf("got %v, %v", b, err)
	}
}

// swapped shows another content from the second beginning on.
type swapped struct {
	now, next []byte
	begun     bool
}

func (s *swapped) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 && s.begun {
		s.now = s.next
	}
	s.begun = true
	return bytes.NewReader(s.now).ReadAt(p, off)
}

// FuzzOpen: whatever the bytes, no panic, bounded work, and a bundle only if all is well with it.
func FuzzOpen(f *testing.F) {
	f.Add(minimal(f).build(f, bundle.BuildOptions{AllowPlain: true}).Archive)
	f.Add(forged{entries: files("ca/a.pem", "ca/b.pem")}.archive(f))
	f.Add(forged{entries: files("ca/../a.pem")}.archive(f))
	f.Add(forged{tail: "more"}.archive(f))
	f.Add(forged{plainGz: true, entries: files("ca/a.pem", "users/b.csv")}.archive(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		open := func(archive []byte) *bundle.Bundle {
			b, err := bundle.OpenUnverified(bytes.NewReader(archive), int64(len(archive)), bundle.VerifyOptions{})
			if (b == nil) == (err == nil) {
				t.Fatalf("got %v, %v", b, err)
			}
			if err != nil && bundle.AsError(err) == nil {
				t.Fatalf("no refusal: %v", err)
			}
			return b
		}
		open(zip(t, data)) // so that the fuzzer need not find out about checksums
		if b := open(data); b != nil {
			for name := range content(t, b.FS()) {
				if strings.Contains(name, "..") {
					t.Fatalf("the path %q came through", name)
				}
			}
		}
	})
}
