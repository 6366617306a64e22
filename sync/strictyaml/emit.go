package strictyaml

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// A Field is a key and its value, as in Change.Value.
type Field struct {
	Key   string
	Value any
}

// Fields is a mapping in the order in which it is written.
type Fields []Field

// An Item is a mapping in a list; its key name tells it from the others.
type Item Fields

// Print returns a document for a new file: keys at the left, a line each, lists of mappings a line
// for each item. It panics if a value is of no kind that Change.Value may be.
func Print(f Fields) []byte {
	var b strings.Builder
	printBlock(&b, f, "")
	return []byte(b.String())
}

func printBlock(b *strings.Builder, f Fields, indent string) {
	for _, field := range f {
		switch v := field.Value.(type) {
		case Fields:
			if len(v) > 0 {
				fmt.Fprintf(b, "%s%s:\n", indent, quoted(field.Key))
				printBlock(b, v, indent+"  ")
				continue
			}
		case []Fields:
			if len(v) > 0 {
				fmt.Fprintf(b, "%s%s:\n", indent, quoted(field.Key))
				for _, item := range v {
					fmt.Fprintf(b, "%s  - %s\n", indent, inline(item))
				}
				continue
			}
		}
		fmt.Fprintf(b, "%s%s: %s\n", indent, quoted(field.Key), inline(field.Value))
	}
}

// inline returns a value on one line.
func inline(value any) string {
	switch v := value.(type) {
	case string:
		return quoted(v)
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case []string:
		texts := make([]string, len(v))
		for i := range v {
			texts[i] = quoted(v[i])
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case Item:
		return inline(Fields(v))
	case Fields:
		texts := make([]string, len(v))
		for i := range v {
			texts[i] = quoted(v[i].Key) + ": " + inline(v[i].Value)
		}
		return "{" + strings.Join(texts, ", ") + "}"
	case []Fields:
		texts := make([]string, len(v))
		for i := range v {
			texts[i] = inline(v[i])
		}
		return "[" + strings.Join(texts, ", ") + "]"
	}
	panic(fmt.Sprintf("strictyaml: a value of the kind %T", value))
}

// quoted returns text as YAML reads it back as text, in quotes unless it is plainly a word or an
// address.
func quoted(text string) string {
	if isWord(text) {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == ' ' || r < 0x10000 && unicode.IsPrint(r) && r != '\ufeff':
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// isWord reports whether text needs no quotes anywhere in YAML: a word that is no other value, or
// an IPv4 address or prefix.
func isWord(text string) bool {
	if text == "" || strings.Count(text, ".") == 3 && strings.Trim(text, "0123456789./") == "" &&
		text[0] != '.' && text[len(text)-1] != '.' {
		return text != ""
	}
	for i := range len(text) {
		c := text[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')) {
			return false
		}
	}
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf":
		return false
	}
	return true
}
