package webui

import (
	"bytes"
	"compress/gzip"
	_ "embed" // for the contract
	"io"
	"net/http"
	"strings"
)

//go:generate go test . -run ^TestOpenAPIIsPacked$ -update

// openAPI is openapi.yaml, compressed: the contract of the API.
//
//go:embed openapi.yaml.gz
var openAPI []byte

// maxContract bounds what is inflated of it, in bytes.
const maxContract = 1 << 20

// contract answers with what the API promises, which the tests hold it to.
func (a *api) contract(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/yaml")
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(openAPI) // the client is gone: nobody to tell
		return
	}
	if plain, err := gzip.NewReader(bytes.NewReader(openAPI)); err == nil { // it was written here
		_, _ = io.Copy(w, io.LimitReader(plain, maxContract))
	}
}
