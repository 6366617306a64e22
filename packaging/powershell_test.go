package packaging_test

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestPowerShellScriptsAreASCII: Windows PowerShell 5.1 takes a script without a byte order mark
// for the code page of the computer.
func TestPowerShellScriptsAreASCII(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("scripts/*.ps1")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	for _, script := range scripts {
		data, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range data {
			if b > '~' || b < ' ' && b != '\n' {
				t.Errorf("%s: the byte 0x%02x at %d", script, b, i)
			}
		}
	}
}

// TestPowerShellScriptMakesDER works out what New-Certificates.ps1 puts together by hand, and
// compares it with what encoding/asn1 makes. It follows the nesting that is written there; that
// Join-Der counts rightly is for PowerShell to show.
func TestPowerShellScriptMakesDER(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("scripts/New-Certificates.ps1")
	if err != nil {
		t.Fatal(err)
	}
	email, common := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, asn1.ObjectIdentifier{2, 5, 4, 3}
	long := strings.Repeat("x", 200)
	for _, tt := range []struct {
		function string
		values   map[string][]byte
		want     any
	}{
		{"New-Attribute", variables("type", "commonName", "tag", "\x0c", "value", ""), attribute(common, asn1.TagUTF8String, "")},
		{"New-Attribute", variables("type", "organizationName", "tag", "\x0c", "value", "Acme"),
			attribute(asn1.ObjectIdentifier{2, 5, 4, 10}, asn1.TagUTF8String, "Acme")},
		{"New-Attribute", variables("type", "emailAddress", "tag", "\x16", "value", long+"@acme.example"),
			attribute(email, asn1.TagIA5String, long+"@acme.example")},
		{"New-AuthorityKey", variables("bare", "twenty bytes of hash"), struct {
			ID []byte `asn1:"tag:0"`
		}{[]byte("twenty bytes of hash")}},
		{"New-Responder", variables("url", "http://localhost:9000"), []any{[]any{
			asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1},
			asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte("http://localhost:9000")}}}},
	} {
		e := evaluator{t: t, values: tt.values, oids: oidTable(t, string(script))}
		got := e.function(string(script), tt.function)
		if want := marshal(t, tt.want); !bytes.Equal(got, want) {
			t.Errorf("%s: got %x, want %x", tt.function, got, want)
		}
	}
}

func variables(pairs ...string) map[string][]byte {
	all := map[string][]byte{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = []byte(pairs[i+1])
	}
	return all
}

// attribute is one relative distinguished name: a SET of one SEQUENCE.
func attribute(id asn1.ObjectIdentifier, tag int, value string) any {
	return asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true,
		Bytes: mustMarshal([]any{id, asn1.RawValue{Tag: tag, Bytes: []byte(value)}})}
}

// marshal encodes v; lists are SEQUENCEs of whatever they hold.
func marshal(t *testing.T, v any) []byte {
	t.Helper()
	der := mustMarshal(v)
	if der == nil {
		t.Fatalf("%v cannot be encoded", v)
	}
	return der
}

func mustMarshal(v any) []byte {
	if list, ok := v.([]any); ok {
		var content []byte
		for _, item := range list {
			content = append(content, mustMarshal(item)...)
		}
		v = asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: content}
	}
	der, err := asn1.Marshal(v)
	if err != nil {
		return nil
	}
	return der
}

// oidTable reads the table of the script, and checks each entry against the comment beside it.
func oidTable(t *testing.T, script string) map[string][]byte {
	t.Helper()
	table := map[string][]byte{}
	for _, m := range regexp.MustCompile(`(?m)^  (\w+) += '([0-9a-f]+)' +# ([0-9.]+)$`).FindAllStringSubmatch(script, -1) {
		der, err := hex.DecodeString(m[2])
		if err != nil {
			t.Fatal(err)
		}
		var id asn1.ObjectIdentifier
		if rest, err := asn1.Unmarshal(der, &id); err != nil || len(rest) > 0 || id.String() != m[3] {
			t.Errorf("%s is %v, not %s (%v)", m[1], id, m[3], err)
		}
		table[m[1]] = der
	}
	if len(table) != 4 {
		t.Fatalf("%d object identifiers are there, not 4", len(table))
	}
	return table
}

// An evaluator knows as much PowerShell as the functions need that make DER.
type evaluator struct {
	t      *testing.T
	values map[string][]byte
	oids   map[string][]byte
	tokens []string
}

var (
	token  = regexp.MustCompile(`@\(|[(),\[\]]|'[^']*'|\$\w+|0x[0-9a-f]+|[\w-]+`)
	joined = regexp.MustCompile(`^  (?:(\$\w+) = |return .*?)(Join-Der .*)$`)
)

// function returns the bytes of the last Join-Der of a function; those before it are assigned.
func (e *evaluator) function(script, name string) []byte {
	e.t.Helper()
	_, body, found := strings.Cut(script, "\nfunction "+name+"(")
	body, _, ended := strings.Cut(body, "\n}\n")
	if !found || !ended {
		e.t.Fatalf("%s is not there", name)
	}
	var last []byte
	for _, line := range strings.Split(body, "\n") {
		if m := joined.FindStringSubmatch(line); m != nil {
			e.tokens = token.FindAllString(m[2], -1)
			last = e.value()
			e.values[strings.TrimPrefix(m[1], "$")] = last
		}
	}
	return last
}

func (e *evaluator) next() string {
	if len(e.tokens) == 0 {
		e.t.Fatal("the expression ends too early")
	}
	first := e.tokens[0]
	e.tokens = e.tokens[1:]
	return first
}

func (e *evaluator) value() []byte {
	switch word := e.next(); {
	case word == "(":
		v := e.value()
		if closing := e.next(); closing != ")" {
			e.t.Fatalf("%q where the bracket closes", closing)
		}
		return v
	case word == "Join-Der":
		return e.element(e.value(), e.list())
	case word == "Join-Text":
		return e.element(e.value(), e.value())
	case word == "ConvertFrom-Hex":
		return e.value()
	case word == "$oids":
		e.next() // [
		key := e.next()
		e.next() // ]
		if name, isVariable := strings.CutPrefix(key, "$"); isVariable {
			return e.oids[string(e.values[name])]
		}
		return e.oids[strings.Trim(key, "'")]
	case strings.HasPrefix(word, "0x"):
		n, err := strconv.ParseUint(word[2:], 16, 8)
		if err != nil {
			e.t.Fatal(err)
		}
		return []byte{byte(n)}
	default:
		v, known := e.values[strings.TrimPrefix(word, "$")]
		if !known {
			e.t.Fatalf("%s has no value", word)
		}
		return v
	}
}

// list is @(A, B) or @(, A), joined.
func (e *evaluator) list() []byte {
	if opening := e.next(); opening != "@(" {
		e.t.Fatalf("%q where a list begins", opening)
	}
	var all []byte
	for e.tokens[0] != ")" {
		if e.tokens[0] == "," {
			e.next()
		}
		all = append(all, e.value()...)
	}
	e.next()
	return all
}

func (e *evaluator) element(tag, content []byte) []byte {
	e.t.Helper()
	raw := asn1.RawValue{Class: int(tag[0] >> 6), IsCompound: tag[0]&0x20 != 0, Tag: int(tag[0] & 0x1f), Bytes: content}
	return marshal(e.t, raw)
}
