package strictyaml

import (
	"fmt"
	"slices"
	"strings"
)

// A planner says what to splice to change one collection.
type planner struct {
	text   string
	in     *node
	holder *entry // whose value that is; nil: it is the document
}

// replace has the value of an entry be another one.
func (p planner) replace(e *entry, value any) (splices, error) {
	old := e.value
	from, to, text := old.start, old.end, inline(value)
	if old.empty || !old.flow && len(old.entries) > 0 {
		from, text = e.colon, " "+text // it may begin on the next line
	}
	if from < 0 || to < from {
		return nil, ErrByHand
	}
	if len(old.entries) > 0 && strings.Contains(p.text[from:to], "#") {
		return nil, fmt.Errorf("%w: there are comments in what is to be replaced", ErrByHand)
	}
	return splices{{from, to, text}}, nil
}

// add puts a new entry behind the others.
func (p planner) add(key string, value any) (splices, error) {
	text := inline(value)
	if p.in.kind != isList {
		text = quoted(key) + ": " + text
	}
	return p.append(text)
}

// append puts a text behind the entries: of a mapping with its key.
func (p planner) append(text string) (splices, error) {
	switch {
	case p.in.end < 0:
		return nil, ErrByHand
	case p.in.kind == isNull: // a document with nothing but comments
		return splices{{len(p.text), len(p.text), p.newLineAt(len(p.text)) + text + p.lineBreak()}}, nil
	case p.in.flow && len(p.in.entries) == 0:
		return splices{{p.in.start + 1, p.in.start + 1, text}}, nil
	}
	last := p.in.entries[len(p.in.entries)-1]
	if last.value.end < 0 {
		return nil, ErrByHand
	}
	if p.in.flow {
		return splices{{last.value.end, last.value.end, ", " + text}}, nil
	}
	indent, ok := p.indentOf(p.in.entries)
	if !ok {
		return nil, ErrByHand
	}
	if p.in.kind == isList {
		text = "- " + text
	}
	end := lineEnd(p.text, last.value.end)
	if end < len(p.text) {
		end++
	}
	return splices{{end, end, p.newLineAt(end) + indent + text + p.lineBreak()}}, nil
}

// indentOf returns what a line of its own for another entry begins with.
func (p planner) indentOf(entries []*entry) (string, bool) {
	at := entries[0].start
	before := p.text[strings.LastIndexByte(p.text[:at], '\n')+1 : at]
	before = strings.TrimPrefix(before, "\ufeff")
	if strings.Trim(before, " -") != "" { // behind a dash it begins in the same column
		return "", false
	}
	return strings.Repeat(" ", len(before)), true
}

func (p planner) lineBreak() string {
	if i := strings.IndexByte(p.text, '\n'); i > 0 && p.text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// newLineAt is the line break that is missing before at.
func (p planner) newLineAt(at int) string {
	if at == 0 || p.text[at-1] == '\n' || p.text[:at] == "\ufeff" {
		return ""
	}
	return p.lineBreak()
}

// remove takes an entry away.
func (p planner) remove(e *entry) (splices, error) {
	i := slices.Index(p.in.entries, e)
	if e.start < 0 || e.value.end < 0 {
		return nil, ErrByHand
	}
	only := len(p.in.entries) == 1
	switch {
	case p.in.flow && only:
		return splices{{e.start, e.value.end, ""}}, nil
	case p.in.flow && i > 0:
		before := p.in.entries[i-1].value.end
		if before < 0 {
			return nil, ErrByHand
		}
		return splices{{before, e.value.end, ""}}, nil
	case p.in.flow:
		return splices{{e.start, p.in.entries[1].start, ""}}, nil
	}
	begin := strings.LastIndexByte(p.text[:e.start], '\n') + 1
	end := lineEnd(p.text, e.value.end)
	if end < len(p.text) {
		end++
	}
	if strings.Trim(p.text[begin:e.start], " \ufeff") != "" { // the first behind a dash
		if only || i+1 == len(p.in.entries) {
			return nil, ErrByHand
		}
		return splices{{e.start, p.in.entries[i+1].start, ""}}, nil
	}
	if !only {
		return splices{{begin, end, ""}}, nil
	}
	if p.holder == nil || p.holder.colon < 0 {
		return nil, fmt.Errorf("%w: nothing would be left", ErrByHand)
	}
	empty := map[int]string{isMapping: " {}", isList: " []"}
	return splices{{p.holder.colon, p.holder.colon, empty[p.in.kind]}, {begin, end, ""}}, nil
}

// update brings a list of texts up to date, an item at a time: what is new comes last.
func (p planner) update(want []string) (splices, error) {
	have := make([]string, 0, len(p.in.entries))
	for _, e := range p.in.entries {
		have = append(have, e.value.text)
	}
	for _, w := range want {
		if !slices.Contains(have, w) {
			return p.append(quoted(w))
		}
	}
	for i, e := range p.in.entries {
		if e.value.kind > isBool || !slices.Contains(want, have[i]) || slices.Contains(have[:i], have[i]) {
			return p.remove(e)
		}
	}
	return nil, nil
}
