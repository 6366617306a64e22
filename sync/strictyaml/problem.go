// Package strictyaml decodes YAML into structs and explains everything it does not like: an
// unknown key, a wrong type, a duplicate, a duration without a unit, each with its line and
// column and, where there is one, the remedy. It takes the plain part of YAML that people write
// by hand. Anchors, aliases, merge keys, tags, directives and further documents are refused,
// so that what stands in the file is what holds.
//
// Input may come from a stranger: size, depth and number of tokens are bounded before anything
// is built. A problem's text never repeats a value, for values may be secrets.
//
// Edit changes single values of such a file and leaves every other byte as it is; Print makes one.
//
// The wall: it is the only user of the YAML library and imports nothing else of Gatehouse. It
// opens no files, starts no goroutines and logs nothing.
package strictyaml

import "fmt"

// A Position is a place in a file. Line and Column count from 1, Column in characters; the
// zero Position means that nothing is known.
type Position struct {
	Line   int
	Column int
}

// A Problem is one thing wrong with a file.
type Problem struct {
	Line   int    // from 1; 0: the file as a whole
	Column int    // from 1, in characters; 0 with Line 0
	Text   string // what is wrong, never a value from the file
	Remedy string // what to do about it; may be empty
}

// String returns "line:column: text — remedy".
func (p Problem) String() string {
	s := p.Text
	if p.Line > 0 {
		s = fmt.Sprintf("%d:%d: %s", p.Line, p.Column, s)
	}
	if p.Remedy != "" {
		s += " — " + p.Remedy
	}
	return s
}

// Positions remembers where each decoded value stands, by its path: "eap.tls_min",
// "clients[0].secret". Its zero value knows of none. It is not written after decoding.
type Positions struct {
	at map[string]Position
}

// Has reports whether the file gives the value at path.
func (p *Positions) Has(path string) bool {
	_, ok := p.at[path]
	return ok
}

// Of returns where the value at path stands or, when the file leaves it out, where what it
// would belong to stands.
func (p *Positions) Of(path string) Position {
	for {
		if at, ok := p.at[path]; ok {
			return at
		}
		if path == "" {
			return Position{Line: 1, Column: 1}
		}
		path = parentPath(path)
	}
}

// parentPath cuts the last ".key" or "[index]" off path.
func parentPath(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}

func (p *Positions) set(path string, at Position) {
	if p.at == nil {
		p.at = make(map[string]Position)
	}
	p.at[path] = at
}

// move shifts every position down by lines.
func (p *Positions) move(lines int) {
	for path, at := range p.at {
		at.Line += lines
		p.at[path] = at
	}
}
