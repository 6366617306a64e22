package strictyaml

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// ErrByHand says that a file is written in a way in which it cannot be changed without risk to
// what else stands in it.
var ErrByHand = errors.New("the file is written in a way that can only be changed by hand")

// A Change sets or removes one value.
type Change struct {
	// Path names the value: keys, and of an item in a list of mappings what its key name says, or
	// else username, as in "clients", "ap1", "address". What is missing on the way is made, as
	// mappings.
	Path []string
	// Value is a string, bool, int, []string, Fields or []Fields; an Item is added to a list, or
	// replaces the item of its name. Nil: the value is removed, and if there is none, all is well.
	Value any
}

// Edit carries out changes on the one YAML document in data, in their order, and leaves every
// other byte as it is: comments, the order of keys, quotes, and keys that nobody here knows.
// Data is not written to.
//
// What came out is read again and compared with what was wanted. Errors: ErrByHand if it differs,
// or if the text is written in a way that is not understood well enough; a *SyntaxError if data is
// no YAML.
func Edit(data []byte, changes ...Change) ([]byte, error) {
	text := string(data)
	for _, c := range changes {
		next, err := change(text, c)
		if err != nil {
			return nil, fmt.Errorf("changing %s: %w", strings.Join(c.Path, "."), err)
		}
		text = next
	}
	return []byte(text), nil
}

// A SyntaxError is what is wrong with a file that was to be changed.
type SyntaxError struct{ Problems []Problem }

func (e *SyntaxError) Error() string { return e.Problems[0].String() }

// change carries out one change, and makes sure of it.
func change(text string, c Change) (string, error) {
	if len(c.Path) == 0 {
		return "", fmt.Errorf("%w: no path", ErrByHand)
	}
	before, err := outline(text)
	if err != nil {
		return "", err
	}
	want := before.with(c.Path, c.Value)
	for range before.steps(c) {
		s, err := plan(text, before, c)
		if err != nil {
			return "", err
		}
		if len(s) == 0 {
			break
		}
		if text, err = s.apply(text); err != nil {
			return "", err
		}
		if before, err = outline(text); err != nil {
			return "", fmt.Errorf("%w: %w", ErrByHand, err)
		}
	}
	if want == nil || !before.same(want) {
		return "", ErrByHand
	}
	return text, nil
}

// steps returns how many splices a change may take: a list is brought up to date item by item.
func (n *node) steps(c Change) int {
	list, ok := c.Value.([]string)
	for _, key := range c.Path {
		e := n.child(key)
		if !ok || e == nil {
			return 1
		}
		n = e.value
	}
	return 1 + len(list) + len(n.entries)
}

// A splice replaces a part of a text.
type splice struct {
	from, to int // bytes
	text     string
}

type splices []splice

// apply makes every splice, none of which may reach into another.
func (ss splices) apply(text string) (string, error) {
	sort.Slice(ss, func(i, j int) bool { return ss[i].from > ss[j].from })
	end := len(text)
	for _, s := range ss {
		if s.from < 0 || s.to < s.from || s.to > end {
			return "", ErrByHand
		}
		text, end = text[:s.from]+s.text+text[s.to:], s.from
	}
	return text, nil
}

// plan says what to splice for a change; nothing if it is done, and for a list the next item only.
func plan(text string, root *node, c Change) (splices, error) {
	at, path := root, c.Path
	var holder *entry
	for ; len(path) > 1; path = path[1:] {
		next := at.child(path[0])
		if next == nil || next.value.kind == isNull {
			break
		}
		holder, at = next, next.value
	}
	p := planner{text, at, holder}
	have, value := at.child(path[0]), c.Value
	if value == nil {
		if len(path) > 1 || have == nil {
			return nil, nil
		}
		return p.remove(have)
	}
	for _, key := range slices.Backward(path[1:]) {
		value = wrap(key, value)
	}
	_, isItem := value.(Item)
	switch {
	case at.kind != isMapping && at.kind != isList && !(at == root && at.kind == isNull), isItem != (at.kind == isList):
		return nil, fmt.Errorf("%w: %q does not fit in there", ErrByHand, path[0])
	case have == nil:
		return p.add(path[0], value)
	}
	list, ok := value.([]string)
	if ok && have.value.kind == isList && len(have.value.entries) > 0 {
		return planner{text, have.value, have}.update(list)
	}
	if have.value.same(valueNode(value)) {
		return nil, nil
	}
	return p.replace(have, value)
}

// wrap is the mapping that holds value, or the list if it is an Item.
func wrap(key string, value any) any {
	if item, ok := value.(Item); ok {
		_ = key // it is in the item, too
		return []Fields{Fields(item)}
	}
	return Fields{{key, value}}
}
