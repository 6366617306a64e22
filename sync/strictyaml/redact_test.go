package strictyaml_test

import (
	"strings"
	"testing"

	"gatehouse/sync/strictyaml"
)

// redactor shows what is called plain, and hides the rest.
var redactor = strictyaml.Redactor{
	Key: func(key string) string { return strings.ReplaceAll(key, "secretkey", "[key]") },
	Value: func(key, value string) string {
		if key == "plain" {
			return value
		}
		return "[value]"
	},
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"scalar", "hidden", "[value]\n"},
		{"flat", "plain: a b # hidden\nother: hidden\n", "plain: a b\nother: [value]\n"},
		{"bool", "x: true\ny: null\nz:\n", "x: true\ny: null\nz: null\n"},
		{"nested", "a:\n  plain: 1\n  b: {plain: 2, c: hidden}\n", "a:\n  plain: 1\n  b:\n    plain: 2\n    c: [value]\n"},
		{"list", "plain: [a, b]\nc: [hidden, {plain: x}]\n", "plain:\n  - a\n  - b\nc:\n  - [value]\n  -\n    plain: x\n"},
		{"key", "secretkey: 1\n", "[key]: [value]\n"},
		{"block", "a: |\n  hidden\n  hidden\n", "a: [value]\n"},
	} {
		got, ok := redactor.Redact([]byte(tt.in))
		if !ok || got != tt.want {
			t.Errorf("%s: got %t\n%s\nwant\n%s", tt.name, ok, got, tt.want)
		}
	}
	for _, broken := range []string{"a: [", "a: \"x", "a: b: c", "a\tb: {", "a: &x b", "a: !!binary b", strings.Repeat("[", 100)} {
		if got, ok := redactor.Redact([]byte(broken)); ok {
			t.Errorf("%.20q: got %q", broken, got)
		}
	}
}

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"a: b", "a: [b, {c: d}]", "- &x a\n- *x", "a: |\n  b\n", "? a\n: b", "<<: {a: hidden}"} {
		f.Add(seed)
	}
	hide := strictyaml.Redactor{Key: func(string) string { return "k" }, Value: func(string, string) string { return "v" }}
	f.Fuzz(func(t *testing.T, in string) {
		out, _ := hide.Redact([]byte(in))
		for _, word := range strings.FieldsFunc(out, func(r rune) bool { return strings.ContainsRune(" :-\n", r) }) {
			if word != "k" && word != "v" && word != "true" && word != "false" && word != "null" {
				t.Errorf("%q: %q came through", in, word)
			}
		}
	})
}
