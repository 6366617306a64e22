package support

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var yamlTag = regexp.MustCompile("yaml:\"([a-z0-9_]+)")

// ofPeople are keys of users' files, which no outline shows.
var ofPeople = words("accounts aliases email state")

// TestEveryKeyIsDecided: whoever adds a key to the configuration says whether a support bundle shows
// its value, its host, or neither.
func TestEveryKeyIsDecided(t *testing.T) {
	t.Parallel()
	found := 0
	for _, pattern := range []string{"../bootconf/*.go", "../../sync/load/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range yamlTag.FindAllStringSubmatch(string(text), -1) {
				key := m[1]
				if found++; !plainKeys[key] && !hostKeys[key] && !shownKeys[key] && !ofPeople[key] {
					t.Errorf("%s: the key %q is not in plainKeys, hostKeys or shownKeys of config.go: a value that may be "+
						"secret belongs into shownKeys", file, key)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d keys found", found)
	}
	for key := range plainKeys {
		if hostKeys[key] || shownKeys[key] {
			t.Errorf("%q is shown in two ways", key)
		}
	}
}
