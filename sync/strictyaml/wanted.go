package strictyaml

import (
	"slices"
	"strconv"
)

// same reports whether two values say the same: keys in their order, wherever they stand.
func (n *node) same(m *node) bool {
	if n.kind != m.kind || n.text != m.text || len(n.entries) != len(m.entries) {
		return false
	}
	for i, e := range n.entries {
		if f := m.entries[i]; n.kind == isMapping && e.key != f.key || !e.value.same(f.value) {
			return false
		}
	}
	return true
}

// valueNode is the node that a value of a Change is to become.
func valueNode(value any) *node {
	switch v := value.(type) {
	case string:
		return &node{kind: isText, text: v}
	case bool:
		return &node{kind: isBool, text: strconv.FormatBool(v)}
	case int:
		return &node{kind: isNumber, text: strconv.Itoa(v)}
	case []string:
		n := &node{kind: isList}
		for _, s := range v {
			n.entries = append(n.entries, &entry{value: valueNode(s)})
		}
		return n
	case Item:
		return valueNode(Fields(v))
	case Fields:
		n := &node{kind: isMapping}
		for _, f := range v {
			n.entries = append(n.entries, &entry{key: f.Key, value: valueNode(f.Value)})
		}
		return n
	case []Fields:
		n := &node{kind: isList}
		for _, f := range v {
			item := valueNode(f)
			n.entries = append(n.entries, &entry{key: nameOf(item), value: item})
		}
		return n
	}
	return nil
}

// nameOf returns what an item of a list is called; accounts and users have a user name.
func nameOf(item *node) string {
	for _, key := range [...]string{"name", "username"} {
		if name := item.child(key); name != nil {
			return name.value.text
		}
	}
	return ""
}

// with returns what n is to say after a change; nil if that makes no sense.
func (n *node) with(path []string, value any) *node {
	out := &node{kind: n.kind, text: n.text, entries: slices.Clone(n.entries)}
	if n.kind == isNull && value != nil {
		out.kind, out.text = isMapping, ""
	}
	if out.kind != isMapping && out.kind != isList {
		if value == nil {
			return out
		}
		return nil
	}
	i := slices.IndexFunc(n.entries, func(e *entry) bool { return e == n.child(path[0]) })
	switch {
	case value == nil && (i < 0 || len(path) == 1):
		if i >= 0 {
			out.entries = slices.Delete(out.entries, i, i+1)
		}
		return out
	case i < 0:
		for _, key := range slices.Backward(path[1:]) {
			value = wrap(key, value)
		}
		out.entries = append(out.entries, &entry{key: path[0], value: valueNode(value)})
		return out
	}
	e := &entry{key: path[0], value: valueNode(value)}
	if len(path) > 1 {
		e.value = n.entries[i].value.with(path[1:], value)
	}
	if e.value == nil {
		return nil
	}
	out.entries[i] = e
	return out
}
