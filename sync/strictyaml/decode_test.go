package strictyaml_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/strictyaml"
)

type sample struct {
	Method  string            `yaml:"method"`
	Life    time.Duration     `yaml:"life"`
	Size    int               `yaml:"size"`
	Port    uint16            `yaml:"port"`
	On      bool              `yaml:"on"`
	Names   []string          `yaml:"names"`
	Days    []int             `yaml:"days"`
	Inner   inner             `yaml:"inner"`
	Opt     *inner            `yaml:"opt"`
	Many    []inner           `yaml:"many"`
	Labels  map[string]string `yaml:"labels"`
	Pairs   strictyaml.Pairs  `yaml:"pairs"`
	Ignored string
}

type inner struct {
	Secret string `yaml:"secret"`
	Count  int    `yaml:"count"`
}

func TestDecode(t *testing.T) {
	defaults := sample{Method: "m", Life: time.Hour, Names: []string{"d"}}
	for _, tt := range []struct {
		name, in string
		want     sample
	}{
		{"empty", "", defaults},
		{"comment only", "# nothing\n\n", defaults},
		{"marker only", "---\n", defaults},
		{"BOM and CRLF", "\ufeffmethod: x\r\nsize: 3\r\n",
			sample{Method: "x", Size: 3, Life: time.Hour, Names: []string{"d"}}},
		{"lists replace", "names: []\ndays: [1, 2]\nmethod: ''",
			sample{Names: []string{}, Days: []int{1, 2}, Life: time.Hour}},
		{"numbers as text", "method: 012\nlabels: {a: 1.20, b: \"x\"}",
			sample{Method: "012", Life: time.Hour, Names: []string{"d"},
				Labels: map[string]string{"a": "1.20", "b": "x"}}},
		{"all", strings.Join([]string{
			"method: |", "  two", "  lines", "life: 1h30m", "port: 65535", "on: true",
			"inner: {secret: s, count: -1}", "opt:", "  count: 5",
			"many:", "- secret: a", "  count: 1", "- {secret: b}",
			"pairs: {Filter-Id: [a, b], Session-Timeout: 3600}",
		}, "\n"), sample{
			Method: "two\nlines\n", Life: 90 * time.Minute, Port: 65535, On: true,
			Names: []string{"d"}, Inner: inner{"s", -1}, Opt: &inner{Count: 5},
			Many: []inner{{"a", 1}, {"b", 0}},
			Pairs: strictyaml.Pairs{{"Filter-Id", "a", "pairs.Filter-Id[0]"},
				{"Filter-Id", "b", "pairs.Filter-Id[1]"},
				{"Session-Timeout", "3600", "pairs.Session-Timeout"}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := defaults
			_, problems := strictyaml.Decode([]byte(tt.in), &got)
			if len(problems) > 0 {
				t.Fatalf("problems: %v", problems)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDecodeProblems(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"unknown key", "methud: x\ninner: {cuont: 1}\nzzzzzzzz: 1", []string{
			`1:1: unknown key "methud" — did you mean "method"?`,
			`2:9: unknown key "cuont" — did you mean "count"?`,
			`3:1: unknown key "zzzzzzzz" — known here: method, life, size, port, on, names, days, inner, opt, many, labels, pairs`}},
		{"types", "size: big\non: yes\nmethod: [a]\nnames: a\ninner: 3\nmany: {a: b}\nsize: 1.5", []string{
			"1:7: expected a whole number, found text",
			"2:5: expected true or false, found text",
			"3:9: expected text, found a list",
			"4:8: expected a list, found text — write [a, b], even for one entry",
			"5:8: expected keys and values, found a number",
			"6:7: expected a list, found keys and values — write [a, b], even for one entry",
			`7:1: key "size" stands here twice — remove one; the first is on line 1`}},
		{"text", "method: true\nlabels: {a: ~}", []string{
			"1:9: expected text, found true or false — put it in quotes",
			"2:13: no value — give one, or remove the line to have the default"}},
		{"null", "life:\ninner:\n", []string{
			`1:1: key "life" has no value — give one, or remove the line to have the default`,
			`2:1: key "inner" has no value — give one, or remove the line to have the default`}},
		{"range", "port: 65536\nsize: 99999999999999999999\ndays: [010, 0x10]", []string{
			"1:7: number out of range",
			"2:7: number out of range",
			"3:8: expected a whole number in decimal digits",
			"3:13: expected a whole number in decimal digits"}},
		{"duration without unit", "life: 7", []string{"1:7: a duration without unit — say 7s, 7m or 7h"}},
		{"duration in days", "life: 2d", []string{"1:7: days are not supported in a duration — say 48h"}},
		{"duration odd", "life: soon", []string{"1:7: expected a duration — write it like 90s, 15m or 8h"}},
		{"duration negative", "life: -1h", []string{"1:7: a negative duration"}},
		{"tab", "inner:\n\tcount: 1\n", []string{"2:1: a tab where YAML wants spaces — indent with spaces"}},
		{"two documents", "size: 1\n---\nsize: 2\n", []string{`2:1: a second YAML document — remove "---" and what follows`}},
		{"anchor and alias", "names: &n [a]\nlabels: *n\n", []string{
			"1:8: anchors (&) are not supported — write the value out where it is used",
			"2:9: aliases (*) are not supported — write the value out, or put text that begins with * in quotes"}},
		{"merge", "inner: {<<: {count: 1}}", []string{"1:9: merge keys (<<) are not supported — write the keys out"}},
		{"tag", "method: !!binary aGk=", []string{"1:9: tags (!) are not supported — leave the tag out, or put text that begins with ! in quotes"}},
		{"unclosed", "names: [a,\nsize: 1", []string{"1:8: a [ that is never closed — add ]"}},
		{"second colon", "method: a: b", []string{`1:9: a second ":" on the line — put a value that contains ": " in quotes`}},
		{"no colon", "method\nsize: 1", []string{`1:1: expected key: value — write "key: value", with a space behind the colon`}},
		{"top level list", "- a", []string{"1:1: expected keys and values, found a list"}},
		{"control character", "method: a\n\x00", []string{"2:1: control character U+0000 — remove it"}},
		{"not UTF-8", "method: \xff", []string{"1:9: not UTF-8 text — save the file as UTF-8"}},
		{"UTF-16", "\xff\xfem\x00", []string{"1:1: the file is UTF-16 — save it as UTF-8"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var v sample
			_, problems := strictyaml.Decode([]byte(tt.in), &v)
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What a file says where a secret may stand must not come back in a message.
func TestDecodeNeverShowsValues(t *testing.T) {
	for _, in := range []string{
		"size: hunter2", "on: hunter2", "life: hunter2", "inner: hunter2", "names: hunter2",
		"inner: {secret: \"hunter2}", "inner:\n secret: hunter2\n  count: 1",
		"inner: {secret: \"a\" hunter2}", "inner: {secret: [hunter2]}", "method: x\n hunter2: y",
		"method: 'x' hunter2", "method: |hunter2\n x", "method: @hunter2", "method: `hunter2`",
		"method: %hunter2", "method: \"\\qhunter2\"", "method: &hunter2 x", "method: !hunter2 x",
	} {
		var v sample
		_, problems := strictyaml.Decode([]byte(in), &v)
		if len(problems) == 0 && v.Method == "" {
			t.Errorf("%q: no problem", in)
		}
		for _, p := range problems {
			if strings.Contains(p.String(), "hunter2") && !strings.Contains(p.Text, "unknown key") {
				t.Errorf("%q: %s", in, p)
			}
		}
	}
}

func TestDecodeBounds(t *testing.T) {
	for name, in := range map[string]string{
		"size":          strings.Repeat("#", strictyaml.MaxDocumentBytes+1),
		"flow depth":    strings.Repeat("[", 100_000),
		"entry depth":   strings.Repeat("- ", 50_000),
		"indent depth":  strings.Repeat(" ", 300) + "method: x",
		"tokens":        strings.Repeat("- a\n", 60_000),
		"alias bomb":    "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
		"block ladder":  ladder(1000),
		"open brackets": "names: " + strings.Repeat("[{", 5000),
	} {
		var v sample
		if _, problems := strictyaml.Decode([]byte(in), &v); len(problems) == 0 {
			t.Errorf("%s: no problem", name)
		}
	}
}

func ladder(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestPositions(t *testing.T) {
	var v sample
	at, problems := strictyaml.Decode([]byte("# top\nmany:\n  - count: 1\n  - secret: é\n    count: 2\ninner: {count: 3}\n"), &v)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for path, want := range map[string]strictyaml.Position{
		"":               {Line: 2, Column: 1},
		"many[0]":        {Line: 3, Column: 5},
		"many[0].secret": {Line: 3, Column: 5}, // left out: where it belongs to
		"many[1].secret": {Line: 4, Column: 13},
		"many[1].count":  {Line: 5, Column: 12},
		"inner.count":    {Line: 6, Column: 16},
		"names":          {Line: 2, Column: 1},
	} {
		if got := at.Of(path); got != want {
			t.Errorf("Of(%q) = %v, want %v", path, got, want)
		}
	}
	if at.Has("names") || !at.Has("many[1].count") {
		t.Error("Has does not tell apart what is left out")
	}
	if got := new(strictyaml.Positions).Of("x.y"); got != (strictyaml.Position{Line: 1, Column: 1}) {
		t.Errorf("of nothing: %v", got)
	}
}

type outer struct {
	inner
	More int `yaml:"more"`
}

func TestDecodeEmbedded(t *testing.T) {
	v := outer{inner: inner{Count: 7}}
	at, problems := strictyaml.Decode([]byte("more: 1\nsecret: s\n"), &v)
	if len(problems) > 0 || v.Secret != "s" || v.Count != 7 || v.More != 1 {
		t.Errorf("%+v, %v", v, problems)
	}
	if got := at.Of("secret").Line; got != 2 {
		t.Errorf("line %d", got)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"method", "allow_password", "ca", "mfa"}
	for word, want := range map[string]string{
		"methud": "method", "mehtod": "method", "Method": "method", "allowpassword": "allow_password",
		"cs": "ca", "zzz": "", "": "", strings.Repeat("m", 100): "",
	} {
		if got := strictyaml.Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"", "method: x\nsize: 1\n", "many:\n- secret: a\n  count: 1\n- {secret: b}\n",
		"pairs: {a: [1, 2], b: c}\nlife: 8h\n", "\ufeffnames:\r\n  - a\r\n", "a: &x 1\nb: *x\n",
		"method: |\n  x\n", "inner: {secret: \"\\ud83d\"}\n", "? a\n: b\n", "---\n...\n---\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v sample
		at, problems := strictyaml.Decode(data, &v)
		lines := 1 + strings.Count(string(data), "\n") + strings.Count(string(data), "\r")
		for _, p := range problems {
			if p.Text == "" || p.Line < 0 || p.Line > lines+1 {
				t.Errorf("problem %+v of %q", p, data)
			}
		}
		at.Of("many[0].secret")
	})
}

// What might be a secret in the wrong place is not repeated in a message.
func TestQuotedRepeatsNoSecret(t *testing.T) {
	known := []string{"name", "secret", "secret_file", "message_authenticator"}
	for word, want := range map[string]string{
		"": ` ""`, "frobnicate": ` "frobnicate"`, "naem": ` "naem"`, "secrett": ` "secrett"`, "Secret2": ` "Secret2"`,
		"message-authenticator": ` "message-authenticator"`, "schlüssel": ` "schlüssel"`,
		"secret hunter2": "", "secret hunter": "", "secrets ": "", "hunter2": "", "correct-horse": "", "$2y$10$abc": "",
		"8846f7eaee8fb117ad06bdd830b7586c": "", "abcdefghijklmnopqrstuvwxyz": "", "a\x1b[2J": "",
	} {
		if got := strictyaml.Quoted(word, known); got != want {
			t.Errorf("Quoted(%q) = %q, want %q", word, got, want)
		}
	}
}
