package appliance_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

//go:generate go test . -run ^TestArchLicences$ -update

// licencesFile is what the pages hand out.
var licencesFile = filepath.Join(root, "webui", "static", "licences.txt.gz")

// TestArchLicences: whoever has the program has the licences of all that is in it, each text once.
func TestArchLicences(t *testing.T) {
	t.Parallel()
	goroot := strings.TrimSpace(string(goEnv(t, "GOROOT")))
	of, texts := map[string][]string{}, []string{} // who stands under which text
	add := func(name, dir string) {
		text := licenceIn(t, name, dir)
		if of[text] == nil {
			texts = append(texts, text)
		}
		of[text] = append(of[text], name)
	}
	add("the Go standard library", goroot)
	stands, err := filepath.Abs(filepath.Join(root, "third_party"))
	if err != nil {
		t.Fatal(err)
	}
	out := goList(t, "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", "./cmd/gatehouse")
	modules := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(modules)
	for _, line := range slices.Compact(modules) {
		name, dir, found := strings.Cut(line, "\t")
		if found && !strings.HasPrefix(dir, stands) { // what stands in for a module is ours
			add(name, dir)
		}
	}
	add("Pico CSS", filepath.Join(root, "webui", "static", "pico."))
	var b strings.Builder
	b.WriteString("Gatehouse contains the work of others, under these licences.\n")
	for _, text := range texts {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 78), strings.Join(of[text], "\n"), text)
	}
	packedGolden(t, licencesFile, b.String())
}

// licenceIn returns the text of the licence in a directory, with its notice, if there is one. A
// directory that ends in a dot is the beginning of a file's name.
func licenceIn(t *testing.T, name, dir string) string {
	t.Helper()
	var texts []string
	for _, pattern := range []string{"LICEN[CS]E*", "COPYING*", "NOTICE*"} {
		glob := filepath.Join(dir, pattern)
		if strings.HasSuffix(dir, ".") {
			glob = dir + pattern
		}
		files, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
		}
	}
	if len(texts) == 0 {
		t.Fatalf("%s has no licence in %s: it may not be in the program", name, dir)
	}
	return strings.Join(texts, "\n\n")
}

// packedGolden is golden for a compressed file, of which the text counts.
func packedGolden(t *testing.T, file, want string) {
	t.Helper()
	var got []byte
	packed, err := os.ReadFile(file)
	if err == nil {
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(packed)); err == nil {
			got, err = io.ReadAll(r)
		}
	}
	if err == nil && string(got) == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not current (%v): go generate ./appliance writes it", file, err)
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, _ = w.Write([]byte(want)) // to memory
		err = w.Close()
	}
	if err == nil {
		err = os.WriteFile(file, b.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
