package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"gatehouse/sync/bundle"
)

// A forge makes bundles by hand, of which everything can be wrong: what bundle build would never
// pack, signed all the same by somebody who is trusted.
type forge struct {
	files map[string]string // the configuration, by path

	manifest func(*bundle.Manifest)            // changes the manifest before it is written
	raw      func(text string) string          // changes its text
	entries  func([]packedEntry) []packedEntry // changes what is packed behind the manifest
	tail     string                            // follows the tar
	behind   string                            // follows the gzip
}

// A packedEntry is one entry of an archive.
type packedEntry struct {
	tar.Header
	content string
}

// archive returns the archive.
func (f *forge) archive(t testing.TB) []byte {
	t.Helper()
	m := &bundle.Manifest{Format: bundle.Format, BundleID: "branch", Serial: 200, Files: []bundle.File{}}
	var packed []packedEntry
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		m.Files = append(m.Files, listing(name, f.files[name]))
		packed = append(packed, packedEntry{tar.Header{Name: name}, f.files[name]})
	}
	if f.manifest != nil {
		f.manifest(m)
	}
	if f.entries != nil {
		packed = f.entries(packed)
	}
	text := manifestText(t, m)
	if f.raw != nil {
		text = f.raw(text)
	}
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, e := range append([]packedEntry{{tar.Header{Name: "manifest.json"}, text}}, packed...) {
		e.write(t, w)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	plain.WriteString(f.tail)
	return append(gzipped(t, plain.Bytes()), f.behind...)
}

// manifestText is the one spelling of m.
func manifestText(t testing.TB, m *bundle.Manifest) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// listing is what a manifest says of a file.
func listing(name, content string) bundle.File {
	sum := sha256.Sum256([]byte(content))
	f := bundle.File{Path: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
	top, _, below := strings.Cut(name, "/")
	switch {
	case !below:
		top = strings.TrimSuffix(name, path.Ext(name))
	case top == "fleet":
		top = string(bundle.KindTrustedKey)
	}
	f.Kind, f.Secret = bundle.Kind(top), top == string(bundle.KindSecrets)
	return f
}

func (e packedEntry) write(t testing.TB, w *tar.Writer) {
	t.Helper()
	h := e.Header
	h.Mode = 0o644
	if h.Typeflag == 0 {
		h.Typeflag = tar.TypeReg
	}
	if h.Typeflag == tar.TypeReg {
		h.Size = int64(len(e.content))
	}
	if h.Format == tar.FormatUnknown {
		h.Format = tar.FormatUSTAR
	}
	err := w.WriteHeader(&h)
	if err == nil && h.Size > 0 {
		_, err = w.Write([]byte(e.content))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sign signs an archive.
func sign(t testing.TB, key bundle.SigningKey, archive []byte) []byte {
	t.Helper()
	signature, err := key.Sign(bytes.NewReader(archive), "bundle=branch serial=200")
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// filesOf reads all files of a directory.
func filesOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	fsys := os.DirFS(dir)
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
