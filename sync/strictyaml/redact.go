package strictyaml

import (
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A Redactor says what may be shown of a document.
type Redactor struct {
	// Key returns how a key is shown. A key that is not known may be a secret out of place.
	Key func(key string) string
	// Value returns how the value of a key is shown, which is the nearest one around it.
	Value func(key, value string) string
}

// Redact writes the structure of a document: its keys and lists, without comments, and of its
// values only what o lets through. The second result is false if data is no YAML, or too deep.
func (o Redactor) Redact(data []byte) (string, bool) {
	body, problems := parse(data)
	if len(problems) > 0 {
		return "", false
	}
	w := redactor{Redactor: o}
	if body != nil {
		w.node(body, "", 0)
	}
	return w.b.String(), true
}

// maxRedacted bounds what is shown, in bytes: aliases are not followed, so that it is hardly longer than
// the document.
const maxRedacted = MaxDocumentBytes

type redactor struct {
	Redactor
	b strings.Builder
}

func (w *redactor) line(depth int, text string) {
	if w.b.Len() < maxRedacted {
		w.b.WriteString(strings.Repeat("  ", depth) + text + "\n")
	}
}

// node writes what belongs to key.
func (w *redactor) node(n ast.Node, key string, depth int) {
	switch x := n.(type) {
	case *ast.MappingNode:
		for _, e := range x.Values {
			w.entry(e, depth)
		}
	case *ast.MappingValueNode:
		w.entry(x, depth)
	case *ast.SequenceNode:
		for _, e := range x.Values {
			if shown, ok := w.scalar(e, key); ok {
				w.line(depth, "- "+shown)
				continue
			}
			w.line(depth, "-")
			w.node(e, key, depth+1)
		}
	default:
		shown, _ := w.scalar(n, key)
		w.line(depth, shown)
	}
}

func (w *redactor) entry(e *ast.MappingValueNode, depth int) {
	key, ok := text(e.Key)
	if !ok {
		key = ""
	}
	shown := w.Key(key)
	if value, ok := w.scalar(e.Value, key); ok {
		w.line(depth, shown+": "+value)
		return
	}
	w.line(depth, shown+":")
	w.node(e.Value, key, depth+1)
}

// scalar returns how a value is shown, and false for collections.
func (w *redactor) scalar(n ast.Node, key string) (string, bool) {
	switch x := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		return "", false
	case *ast.BoolNode:
		return strconv.FormatBool(x.Value), true
	case nil, *ast.NullNode:
		return "null", true
	}
	value, ok := text(n)
	if !ok {
		return w.Value("", ""), true // an alias, a tag, or what else there is
	}
	return w.Value(key, value), true
}
