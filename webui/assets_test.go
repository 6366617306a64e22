package webui_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"gatehouse/webui"
)

const (
	maxAssets    = 60 << 10 // bytes, compressed
	maxFirstLoad = 40 << 10 // likewise, with the page
)

// TestAssetsAreSmall sums what the pages load, and what the first of them costs a phone.
func TestAssetsAreSmall(t *testing.T) {
	t.Parallel()
	sizes, err := webui.Assets()
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	_, pages := webui.RolesOf(h.config)
	cookie, seen := h.signIn("admin"), 0
	for pattern := range pages {
		if isStream(pattern) || !strings.HasPrefix(pattern, "GET ") {
			continue
		}
		v := at(pattern)
		v.cookie = cookie
		answer := h.do(v)
		page, path := answer.Body, v.path
		if !strings.Contains(page.String(), "</html>") {
			continue // something to download
		}
		seen++
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(page.Bytes()) // to memory
		_ = w.Close()
		first := b.Len()
		for address, size := range sizes {
			if strings.Contains(page.String(), `"`+address+`"`) {
				first += size
			}
		}
		if first > maxFirstLoad {
			t.Errorf("the first load of %s takes %d bytes, want at most %d", path, first, maxFirstLoad)
		}
		t.Logf("first load of %s: %d bytes", path, first)
	}
	if seen < 8 {
		t.Errorf("%d pages were looked at", seen)
	}
	all := 0
	for _, size := range sizes {
		all += size
	}
	if all > maxAssets {
		t.Errorf("the assets take %d bytes, want at most %d", all, maxAssets)
	}
	for file, limit := range map[string]int64{"app.css": 6 << 10, "app.js": 5 << 10} {
		if info, err := os.Stat("static/" + file); err != nil || info.Size() > limit {
			t.Errorf("%s: %v, %v, want at most %d bytes", file, info, err, limit)
		}
	}
}

// TestAssetsAreServed compressed, plain for who cannot take that, and for ever.
func TestAssetsAreServed(t *testing.T) {
	t.Parallel()
	sizes, err := webui.Assets()
	if err != nil || len(sizes) < 4 {
		t.Fatalf("got %v, %v", sizes, err)
	}
	h := newHouse(t)
	for address := range sizes {
		packed := h.do(visit{path: address, header: http.Header{"Accept-Encoding": {"gzip, br"}}})
		plain := h.do(visit{path: address})
		if packed.Code != 200 || packed.Header().Get("Content-Encoding") != "gzip" ||
			!strings.Contains(packed.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: got %d %v", address, packed.Code, packed.Header())
			continue
		}
		if plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s, plain: %v", address, plain.Header())
		}
		r, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		inflated, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(inflated, plain.Body.Bytes()) || len(inflated) == 0 {
			t.Errorf("%s: %d bytes inflated and %d plain, %v", address, len(inflated), plain.Body.Len(), err)
		}
	}
	for _, path := range []string{"/static/", "/static/app.css", "/static/../webui.go", "/static/pico.000000000000.css"} {
		if w := h.do(visit{path: path}); w.Code == 200 {
			t.Errorf("%s: got 200", path)
		}
	}
}

// TestVendoredFilesAreThoseOfTheirSums compares what others wrote with SHA256SUMS.
func TestVendoredFilesAreThoseOfTheirSums(t *testing.T) {
	t.Parallel()
	sums, err := os.ReadFile("static/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile("static/pico.css.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	style, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	licence, err := os.ReadFile("static/pico.LICENSE.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"pico.classless.min.css": style, "pico.LICENSE.md": licence} {
		if want := fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name); !strings.Contains(string(sums), want) {
			t.Errorf("SHA256SUMS lacks %s", want)
		}
	}
}

// TestAssetsHaveNoEval keeps what needs a looser policy out.
func TestAssetsHaveNoEval(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("static/app.js")
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`\beval\(|new Function|setTimeout\("`).Match(script) {
		t.Error("app.js evaluates text")
	}
}
