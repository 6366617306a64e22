package strictyaml

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// kinds of a node.
const (
	isText = iota + 1 // a string, or a number as it is written
	isNumber
	isBool
	isNull
	isMapping
	isList
)

// unknown is the end of what is written in a way that is not followed.
const unknown = -1

// A node is a value and where it stands in the text.
type node struct {
	kind       int
	text       string   // of a scalar
	flow       bool     // a collection in brackets
	entries    []*entry // of a collection
	start, end int      // bytes; end may be unknown
	empty      bool     // a null that nobody wrote: start and end are behind the colon or dash
}

// An entry is a pair of a mapping, or an item of a list.
type entry struct {
	key   string // of a mapping; of a list, the item's name
	start int    // of the key, or of the dash
	colon int    // behind the colon of a mapping
	value *node
}

// child returns the entry of a mapping, or the item of a list that has the name.
func (n *node) child(key string) *entry {
	for _, e := range n.entries {
		if e.key == key && (n.kind == isMapping || e.value.kind == isMapping) {
			return e
		}
	}
	return nil
}

// outliner finds where everything stands in a text.
type outliner struct {
	text  string
	lines []int // where each begins
}

// outline returns what a text says, and where.
func outline(text string) (*node, error) {
	body, problems := parse([]byte(text))
	if len(problems) > 0 {
		return nil, &SyntaxError{problems}
	}
	o := &outliner{text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			o.lines = append(o.lines, i+1)
		}
	}
	if body == nil {
		return &node{kind: isNull, empty: true, start: len(text), end: len(text)}, nil
	}
	if n := o.node(body, -1); n.kind != 0 {
		return n, nil
	}
	return nil, ErrByHand
}

// offset returns where a token begins: columns count characters.
func (o *outliner) offset(tk *token.Token) int {
	if tk == nil || tk.Position == nil || tk.Position.Line < 1 || tk.Position.Line > len(o.lines) {
		return unknown
	}
	at := o.lines[tk.Position.Line-1]
	if tk.Position.Line == 1 && strings.HasPrefix(o.text, "\ufeff") {
		at += len("\ufeff")
	}
	column := 1
	for i := range o.text[at:] {
		if column == tk.Position.Column {
			return at + i
		}
		column++
	}
	return len(o.text)
}

// node follows n, whose parent is indented by so many columns.
func (o *outliner) node(n ast.Node, indent int) *node {
	switch x := n.(type) {
	case *ast.MappingNode:
		return o.mapping(x.Values, x.Start, x.End)
	case *ast.MappingValueNode:
		return o.mapping([]*ast.MappingValueNode{x}, nil, nil)
	case *ast.SequenceNode:
		return o.list(x)
	case *ast.LiteralNode:
		start := o.offset(x.Start)
		return &node{kind: isText, text: x.Value.Value, start: start, end: o.literalEnd(start, indent)}
	case *ast.NullNode:
		return o.scalar(n, isNull, "null")
	case *ast.BoolNode:
		return o.scalar(n, isBool, n.GetToken().Value)
	case *ast.IntegerNode, *ast.FloatNode:
		return o.scalar(n, isNumber, n.GetToken().Value)
	case *ast.StringNode:
		return o.scalar(n, isText, x.Value)
	}
	return &node{start: unknown, end: unknown}
}

// scalar finds the end of a scalar of one line, or in quotes.
func (o *outliner) scalar(n ast.Node, kind int, text string) *node {
	tk := n.GetToken()
	s := &node{kind: kind, text: text, start: o.offset(tk), end: unknown}
	if s.start < 0 || s.start >= len(o.text) {
		s.empty = kind == isNull
		return s
	}
	switch o.text[s.start] {
	case '"', '\'':
		s.end = quoteEnd(o.text, s.start)
	default:
		if tk.Value != "" && strings.HasPrefix(o.text[s.start:], tk.Value) {
			s.end = s.start + len(tk.Value)
		} else {
			s.empty = kind == isNull
		}
	}
	return s
}

// quoteEnd returns what is behind the quote that ends a text in quotes.
func quoteEnd(text string, start int) int {
	quote := text[start]
	for i := start + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] != quote:
		case quote == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		default:
			return i + 1
		}
	}
	return unknown
}

// literalEnd returns the end of the last line of a text that is indented below its | or >.
func (o *outliner) literalEnd(start, indent int) int {
	if start < 0 {
		return unknown
	}
	end := lineEnd(o.text, start)
	for at := end + 1; at < len(o.text); {
		next := lineEnd(o.text, at)
		line := o.text[at:next]
		if strings.TrimSpace(line) != "" {
			if len(line)-len(strings.TrimLeft(line, " ")) <= indent {
				break
			}
			end = next
		}
		at = next + 1
	}
	return end
}

// lineEnd returns where the line that at is in ends: at its line break.
func lineEnd(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(text)
}

func (o *outliner) mapping(values []*ast.MappingValueNode, start, end *token.Token) *node {
	m := &node{kind: isMapping, start: unknown, end: unknown}
	o.brackets(m, start, end, "{}")
	for _, v := range values {
		key, ok := text(v.Key)
		k := o.scalar(v.Key, isText, key)
		if !ok || k.end < 0 {
			m.kind = 0
			return m
		}
		e := &entry{key: key, start: k.start, colon: unknown}
		if rest := strings.TrimLeft(o.text[k.end:], " \t"); strings.HasPrefix(rest, ":") {
			e.colon = len(o.text) - len(rest) + 1
		}
		e.value = o.value(v.Value, e.colon, o.column(k.start))
		m.entries = append(m.entries, e)
	}
	o.extent(m)
	return m
}

// value follows the value of an entry, which may be missing.
func (o *outliner) value(n ast.Node, behind, indent int) *node {
	v := &node{kind: isNull, empty: true}
	if n != nil {
		v = o.node(n, indent)
	}
	if v.empty {
		v.text, v.start, v.end = "null", behind, behind
	}
	return v
}

// column returns how many bytes stand before at on its line.
func (o *outliner) column(at int) int { return at - 1 - strings.LastIndexByte(o.text[:at], '\n') }

func (o *outliner) list(x *ast.SequenceNode) *node {
	l := &node{kind: isList, start: unknown, end: unknown}
	if x.IsFlowStyle {
		o.brackets(l, x.Start, x.End, "[]")
	}
	for i, v := range x.Values {
		e := &entry{start: unknown, colon: unknown}
		if !l.flow && i < len(x.Entries) && x.Entries[i] != nil {
			e.start = o.offset(x.Entries[i].Start)
			if e.start < 0 || !strings.HasPrefix(o.text[e.start:], "-") {
				l.kind = 0
				return l
			}
			e.colon = e.start + 1
			e.value = o.value(v, e.colon, o.column(e.start))
		} else {
			e.value = o.value(v, unknown, 0)
			e.start = e.value.start
		}
		if e.value.kind == isMapping {
			e.key = nameOf(e.value)
		}
		l.entries = append(l.entries, e)
	}
	o.extent(l)
	return l
}

// brackets notes those of a collection in flow style.
func (o *outliner) brackets(n *node, start, end *token.Token, pair string) {
	from, to := o.offset(start), o.offset(end)
	if from < 0 || to < 0 || from >= len(o.text) || to >= len(o.text) || o.text[from] != pair[0] {
		return
	}
	if n.flow, n.start = true, from; o.text[to] == pair[1] {
		n.end = to + 1
	}
}

// extent finds where a collection in block style stands, and gives up what is not followed.
func (o *outliner) extent(n *node) {
	for _, e := range n.entries {
		if e.value.kind == 0 {
			n.kind = 0
		}
	}
	if n.flow || len(n.entries) == 0 {
		return
	}
	n.start, n.end = n.entries[0].start, n.entries[len(n.entries)-1].value.end
}
