package webui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// An asset is a file that pages load. Its address has the hash of its content, so that browsers
// keep it for ever.
type asset struct {
	address string // /static/NAME.HASH.EXT
	kind    string // its media type
	gzipped []byte
	plain   int // its size, inflated
}

// assetKinds are the media types by the end of the name.
var assetKinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".md": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8",
}

// readAssets reads what fsys has in static/, by name. Files that end in .gz are compressed there
// already, and called without that.
func readAssets(fsys fs.FS) (map[string]*asset, error) {
	files, err := fs.Glob(fsys, "static/*")
	if err != nil {
		return nil, err
	}
	assets := map[string]*asset{}
	for _, file := range files {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		name, packed := strings.CutSuffix(path.Base(file), ".gz")
		a, err := newAsset(name, data, packed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		assets[name] = a
	}
	return assets, nil
}

func newAsset(name string, data []byte, packed bool) (*asset, error) {
	plain := data
	if packed {
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if plain, err = io.ReadAll(r); err != nil {
			return nil, err
		}
	} else {
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(plain); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		data = b.Bytes()
	}
	kind, ok := assetKinds[path.Ext(name)]
	if !ok {
		return nil, fmt.Errorf("no media type is known for %q", path.Ext(name))
	}
	hash, ext := sha256.Sum256(plain), path.Ext(name)
	return &asset{kind: kind, gzipped: data, plain: len(plain),
		address: "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(hash[:6]) + ext}, nil
}

// serveAssets answers for /static/.
func serveAssets(assets map[string]*asset) http.HandlerFunc {
	byAddress := map[string]*asset{}
	for _, a := range assets {
		byAddress[a.address] = a
	}
	return func(w http.ResponseWriter, r *http.Request) {
		a, ok := byAddress[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			_, _ = w.Write(a.gzipped) // the client is gone: nobody to tell
			return
		}
		if plain, err := gzip.NewReader(bytes.NewReader(a.gzipped)); err == nil { // it was written here
			_, _ = io.Copy(w, io.LimitReader(plain, int64(a.plain)))
		}
	}
}
