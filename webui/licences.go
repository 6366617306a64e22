package webui

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
)

// maxLicences bounds what is inflated of the licences, in bytes.
const maxLicences = 4 << 20

// Licences returns the licences of everything that is linked in, as text.
func Licences() ([]byte, error) {
	packed, err := staticFiles.ReadFile("static/licences.txt.gz")
	if err != nil {
		return nil, fmt.Errorf("reading the licences: %w", err)
	}
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("reading the licences: %w", err)
	}
	return io.ReadAll(io.LimitReader(plain, maxLicences))
}

func (a *api) licences(w http.ResponseWriter, _ *http.Request) {
	text, err := Licences()
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(text) // the client is gone: nobody to tell
}
